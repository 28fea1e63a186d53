"""Schema, columns and settings as commands take them: files, overrides, guesses."""

import tomllib
from collections.abc import Sequence
from typing import Any

from tagger.corpus.corpus import Columns
from tagger.corpus.guess import guess_schema
from tagger.errors import ConfigError, did_you_mean
from tagger.schema import Schema


def read_toml(path: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError : it cannot be read, or is not TOML.
    """
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def find_schema(
    path: str | None,
    files: Sequence[str],
    pairs: Sequence[str] = (),
    config: dict[str, Any] | None = None,
    config_path: str = "",
) -> tuple[Schema, Columns, str]:
    """Return the schema and columns of data, and a line that says what was guessed.

    Parameters
    ----------
    path : a schema file, which goes before the configuration.
    files : the data, from which the schema is guessed where neither names it.
    pairs : ``FIELD=NAME``, as `Columns.parse` takes them.
    config : a configuration; ``schema`` and ``columns`` are taken out of it.

    Raises
    ------
    ConfigError : the schema or the columns do not hold together.
    """
    config = config if config is not None else {}
    raw: dict[str, Any] = {k: config.pop(k) for k in ("schema", "columns") if k in config}
    source = config_path
    if path:
        own = read_toml(path)
        for key in own:
            if key not in ("schema", "columns"):
                known = ("schema", "columns")
                raise ConfigError(f"{path}: a schema has no {key!r}: {did_you_mean(key, known)}")
        raw, source = raw | own, path
        if "schema" not in own:
            raise ConfigError(f"{path}: no [[schema]] in it, expected one for each task")
    try:
        columns = Columns.parse(pairs, Columns.from_dict(raw.get("columns", {})).to_dict())
        if "schema" in raw:
            return Schema.from_dict(raw["schema"]), columns, ""
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}" if source else str(error)) from None
    schema, columns, has_doc = guess_schema(files, columns)
    return schema, columns, _describe(schema, columns, has_doc)


def _describe(schema: Schema, columns: Columns, has_doc: bool) -> str:
    parts = []
    for task in schema.tasks:
        column = columns.tasks.get(task.name, task.name)
        named = f" (column {column})" if column != task.name else ""
        kind = "any of" if task.multilabel else "one of"
        parts.append(f"{task.name}{named} is {kind} {', '.join(task.labels)}")
    doc = f"document in {columns.doc}" if has_doc else "no document"
    return (
        f"tagger: guessed from the data: text in {columns.text}, {doc}; "
        f"{'; '.join(parts)}. Another schema: --schema FILE.toml"
    )


def override(config: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return a configuration with values set by ``a.b.c=VALUE``.

    VALUE is TOML (``1.0``, ``true``, ``["a", "b"]``); anything else is taken as a string.

    Raises
    ------
    ConfigError : something else than such a pair, or a path through a value.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not equals or not all(keys):
            raise ConfigError(f"set is {setting!r}, expected NAME=VALUE such as tasks.claim.C=1.0")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        table = config
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise ConfigError(f"set is {setting!r}, but {key} is a value, not a table")
        table[keys[-1]] = value
    return config
