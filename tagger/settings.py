"""Settings read from configurations: files, tables, overrides."""

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tagger.errors import ConfigError, did_you_mean

Settings = TypeVar("Settings")

_NAMES: dict[type, str] = {
    float: "a float",
    int: "a whole number",
    bool: "true or false",
    str: "a string",
}


def from_table(cls: type[Settings], raw: Any, where: str = "") -> Settings:
    """Build a dataclass of settings, all with defaults, from a table.

    Parameters
    ----------
    cls : the dataclass; the annotation of each field is what its value must be.
    raw : the table.
    where : the path of the table in the configuration; empty where it is all of that.

    Raises
    ------
    ConfigError : no table, an unknown key, or a value of the wrong kind.
    """
    named = where or "the configuration"
    if not isinstance(raw, dict):
        raise ConfigError(f"{named} is {raw!r}, expected a table")
    kinds = get_type_hints(cls)
    for key in raw:
        if key not in kinds:
            raise ConfigError(f"{named} has {key!r}: {did_you_mean(str(key), kinds)}")
    before = f"{where}." if where else ""
    return cls(**{key: checked(value, kinds[key], before + key) for key, value in raw.items()})


def checked(value: Any, kind: Any, where: str) -> Any:
    """Return a value where it is of an annotated kind, lists as tuples.

    Parameters
    ----------
    value : what a configuration holds.
    kind : bool, int, float, str, a dataclass of settings, or a dict or tuple of these.
    where : what to call the value in errors.

    Raises
    ------
    ConfigError : another kind of value, an element of another kind, a number that is
        not finite, or an empty name.
    """
    kinds = get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_table(kind, value, where)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where} is {value!r}, expected a table")
        return {
            _named(name, where): checked(v, kinds[1], f"{where}.{name}")
            for name, v in value.items()
        }
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where} is {value!r}, expected a list")
        if kinds[-1] is ...:
            kinds = (kinds[0],) * len(value)
        if len(value) != len(kinds):
            raise ConfigError(f"{where} is {value!r}, expected a list of {len(kinds)}")
        pairs = enumerate(zip(value, kinds, strict=True))
        return tuple(_named(checked(v, k, f"{where}[{i}]"), where) for i, (v, k) in pairs)
    expected = (int, float) if kind is float else kind
    if not isinstance(value, expected) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where} is {value!r}, expected {_NAMES[kind]}")
    if kind is float and not math.isfinite(value):
        raise ConfigError(f"{where} is {value!r}, expected a finite number")
    return value


def _named(name: Any, where: str) -> Any:
    if name == "":
        raise ConfigError(f"{where} has an empty name, expected one that says what is meant")
    return name


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError : it cannot be read, or is not TOML.
    """
    import tomllib

    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except tomllib.TOMLDecodeError as error:
        why = str(error)
    except UnicodeDecodeError:
        why = "no UTF-8 text"
    except RecursionError:
        why = "values lie too deep in each other"
    raise ConfigError(f'{path}: not TOML: {why}; expected lines such as name = "value"')


def parse_overrides(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of ``a.b.c=VALUE`` by path.

    VALUE is TOML (``1.0``, ``true``, ``["a", "b"]``); anything else is taken as a string.

    Raises
    ------
    ConfigError : something else than such a pair.
    """
    import tomllib

    values: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not all(key.strip() for key in path.split(".")):
            raise ConfigError(f"set is {pair!r}, expected NAME=VALUE such as tasks.claim.C=1.0")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        if values.setdefault(path, value) != value:
            raise ConfigError(f"set has two values for {path}, {values[path]!r} and {value!r}")
    return values


def override(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with values set by their paths, such as ``tasks.claim.C``.

    Raises
    ------
    ConfigError : a path through a value.
    """
    changed = dict(config)
    for path, value in values.items():
        keys = [key.strip() for key in str(path).split(".")]
        table = changed
        for key in keys[:-1]:
            inner = table.get(key, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{path} cannot be set: {key} is a value, not a table")
            table[key] = dict(inner)
            table = table[key]
        table[keys[-1]] = value
    return changed
