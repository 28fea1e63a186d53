"""The schema and the columns of labelled data: given, read from a file, or guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unicodedata import normalize

from tagger.corpus.columns import Columns, check_columns
from tagger.corpus.guess import guess_schema
from tagger.corpus.rows import Data
from tagger.errors import ConfigError, did_you_mean
from tagger.schema import Schema
from tagger.settings import read_toml


def find_schema(
    given: Schema | str | Path | None,
    data: Data,
    columns: Columns | Mapping[str, str] | None = None,
    config: dict[str, Any] | None = None,
    config_path: str = "",
) -> tuple[Schema, Columns, str]:
    """Return the schema and columns of data, and a line that says what was guessed.

    Parameters
    ----------
    given : a schema, or a schema file, which goes before the configuration.
    data : from which the schema is guessed where neither names it.
    columns : names of columns by what they hold, which go before all others.
    config : a configuration; ``schema`` and ``columns`` are taken out of it.
    config_path : what to call the configuration in errors.

    Raises
    ------
    ConfigError : the schema or the columns do not hold together.
    """
    config = config if config is not None else {}
    raw: dict[str, Any] = {k: config.pop(k) for k in ("schema", "columns") if k in config}
    source = config_path
    if isinstance(given, Schema):
        raw["schema"] = given.to_dict()
    elif given:
        path = str(given)
        own = read_toml(path)
        for key in own:
            if key not in ("schema", "columns"):
                known = ("schema", "columns")
                raise ConfigError(f"{path}: a schema has no {key!r}: {did_you_mean(key, known)}")
        raw, source = raw | own, path
        if "schema" not in own:
            raise ConfigError(f"{path}: no [[schema]] in it, expected one for each task")
    try:
        named = Columns.parse(columns, Columns.from_dict(raw.get("columns", {})).to_dict())
        if "schema" in raw:
            schema = Schema.from_dict(raw["schema"])
            check_columns(schema, named)
            return schema, named, ""
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}" if source else str(error)) from None
    schema, named, has_doc = guess_schema(data, named)
    check_columns(schema, named)
    return schema, named, _describe(schema, named, has_doc)


def _describe(schema: Schema, columns: Columns, has_doc: bool) -> str:
    parts = []
    for task in schema.tasks:
        column = columns.of(task)
        named = f" (column {column})" if column != task.name else ""
        kind = "any of" if task.multilabel else "one of"
        if isinstance(column, dict):
            rows = "with any number of 1 in a row" if task.multilabel else "with one 1 in each row"
            named = f" (columns {', '.join(column.values())}, {rows})"
        joined = columns.label_separator if task.multilabel and isinstance(column, str) else ""
        how = f", joined by {joined!r}" if joined else ""
        parts.append(f"{task.name}{named} is {kind} {', '.join(task.labels)}{how}")
    parts += _uncut(schema) if not columns.label_separator else []
    doc = f"document in {columns.doc}" if has_doc else "no document"
    return (
        f"tagger: guessed from the data: text in {columns.text}, {doc}; "
        f"{'; '.join(parts)}. Another schema: --schema FILE.toml"
        + "".join(f"\ntagger: {variants}" for variants in spelling_variants(schema))
    )


def _uncut(schema: Schema) -> list[str]:
    """Name labels that may be several joined, but are taken as one."""
    found = [label for task in schema.tasks for label in task.labels if set(label) & set(",;")]
    if not found:
        return []
    mark = ";" if any(";" in label for label in found) else ","
    return [
        f"{found[0]!r} is taken as one label: if it is several, --column 'label_separator={mark}'"
    ]


def spelling_variants(schema: Schema) -> list[str]:
    """Name the labels of each task that differ only in case or blanks."""
    found = []
    for task in schema.tasks:
        spellings: dict[str, list[str]] = {}
        for label in task.labels:
            spelling = " ".join(normalize("NFC", label).casefold().split())
            spellings.setdefault(spelling, []).append(label)
        found += [
            f"{task.name} has {' and '.join(map(repr, same))}, which differ only in case, "
            "blanks or form of Unicode: write one of them everywhere"
            for same in spellings.values()
            if len(same) > 1
        ]
    return found
