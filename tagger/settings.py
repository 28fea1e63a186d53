"""Settings read from the tables of a configuration."""

from dataclasses import asdict
from typing import Any, TypeVar

from tagger.errors import ConfigError, did_you_mean

Settings = TypeVar("Settings")


def from_table(cls: type[Settings], raw: Any, where: str) -> Settings:
    """Build a dataclass of settings, all with defaults, from a table.

    Parameters
    ----------
    cls : the dataclass; the kind of each default is what its value must be.
    raw : the table.
    where : what to call the table in errors.

    Raises
    ------
    ConfigError : no table, an unknown key, or a value of the wrong kind.
    """
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is {raw!r}, expected a table")
    defaults: dict[str, Any] = asdict(cls())  # type: ignore[call-overload]
    values = {}
    for key, value in raw.items():
        if key not in defaults:
            raise ConfigError(f"{where} has {key!r}: {did_you_mean(key, defaults)}")
        kind = type(defaults[key])
        expected = {float: (int, float), tuple: (list,)}.get(kind, (kind,))
        if not isinstance(value, expected) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"{where}: {key} is {value!r}, expected a {expected[-1].__name__}")
        values[key] = tuple(value) if kind is tuple else value
    return cls(**values)
