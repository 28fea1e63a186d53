"""Which columns of labelled data hold text, document and answers, as given or as found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from tagger.errors import ConfigError, DataError, n_of
from tagger.files import Row
from tagger.files.names import DOCUMENTS, TEXTS, document_column, key, text_column, usual
from tagger.schema import MULTILABEL_SEPARATOR, Schema, Task

_SEPARATOR = "label_separator"
_TRUTH = {"1": True, "1.0": True, "true": True, "yes": True} | {
    "0": False, "0.0": False, "false": False, "no": False,
}  # fmt: skip
_MARKS = ("x", "\N{CHECK MARK}", "\N{HEAVY CHECK MARK}", "\N{BALLOT BOX WITH CHECK}")


@dataclass(frozen=True)
class Columns:
    """Which columns of the data hold what.

    Parameters
    ----------
    text : the sentence.
    doc : the document that it comes from.
    tasks : by task, the column of its answers, where that has another name than the task; or
        by label the column that says 1 where a sentence has it, else 0.
    label_separator : what stands between the labels of one cell; ``|`` where empty.
    """

    text: str = "text"
    doc: str = "doc"
    tasks: dict[str, str | dict[str, str]] = field(default_factory=dict)
    label_separator: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the columns by field as plain JSON values."""
        own = {_SEPARATOR: self.label_separator} if self.label_separator else {}
        return {"text": self.text, "doc": self.doc, **self.tasks, **own}

    def of(self, task: Task) -> str | dict[str, str]:
        """Return the column of a task's answers, or those of its labels."""
        return self.tasks.get(task.name, task.name)

    @classmethod
    def from_dict(cls, raw: Any) -> "Columns":
        """Build from what `to_dict` gave or a configuration holds.

        Raises
        ------
        ConfigError : not a table of names, or one column for two things.
        """
        wrong = ConfigError(f"columns is {raw!r}, expected a table of column names")
        if not isinstance(raw, dict):
            raise wrong
        fields: dict[str, Any] = {
            k: labels_of(v) if isinstance(v, (list, tuple)) else v for k, v in raw.items()
        }
        tasks = {k: v for k, v in fields.items() if k not in ("text", "doc", _SEPARATOR)}
        plain = [v for k, v in fields.items() if k not in tasks]
        by_label = [v for v in tasks.values() if isinstance(v, dict)]
        names = [n for v in by_label for n in v.values()]
        names += [v for v in tasks.values() if not isinstance(v, dict)]
        if not all(isinstance(n, str) and n for n in plain + names) or not all(by_label):
            raise wrong
        text, doc = fields.get("text", cls.text), fields.get("doc", cls.doc)
        columns = cls(text, doc, tasks, fields.get(_SEPARATOR, ""))
        names += [columns.text, columns.doc]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"the column {name!r} stands for two things in columns")
        return columns

    @classmethod
    def parse(
        cls,
        given: "Columns | Mapping[str, Any] | Sequence[str] | None",
        known: dict[str, Any] | None = None,
    ) -> "Columns":
        """Build from what `pairs` takes, on top of those already known.

        Raises
        ------
        ConfigError : something else than such a pair, or two columns for one thing.
        """
        return cls.from_dict((known or {}) | cls.pairs(given))

    @staticmethod
    def pairs(given: "Columns | Mapping[str, Any] | Sequence[str] | None") -> dict[str, Any]:
        """Return columns by field, from whatever names them.

        Parameters
        ----------
        given : columns, a mapping from fields to names, or pairs ``FIELD=NAME``; a task that
            is named again has a column for each label.

        Raises
        ------
        ConfigError : something else, or two columns for one thing.
        """
        if isinstance(given, Columns):
            return given.to_dict()
        if isinstance(given, Mapping):
            return dict(given)
        columns: dict[str, Any] = {}
        for pair in [given] if isinstance(given, str) else given or ():
            name, equals, column = (part.strip() for part in pair.partition("="))
            if not (name and equals and column):
                raise ConfigError(f"column is {pair!r}, expected FIELD=NAME such as text=sentence")
            before = columns.setdefault(name, column)
            if before != column and name in ("text", "doc", _SEPARATOR):
                raise ConfigError(f"column {name!r} is {before!r} and {column!r}, expected one")
            if before != column:
                columns[name] = [*(before if isinstance(before, list) else [before]), column]
        return columns


def labels_of(columns: Sequence[str]) -> dict[str, str]:
    """Return by label the columns that are named after labels, without what all begin with.

    ``theme_military`` and ``theme_economic``, as pandas names them, are military and economic.
    """
    parts = [str(name).split("_") for name in columns]
    alike = takewhile(lambda same: len(set(same)) == 1, zip(*parts, strict=False))
    n = min(sum(1 for _ in alike), min(map(len, parts)) - 1) if len(parts) > 1 else 0
    return {"_".join(p[n:]).strip(): name for p, name in zip(parts, columns, strict=True)}


def check_columns(schema: Schema, columns: Columns) -> None:
    """Raise ConfigError where columns name no task, or one column stands for two things."""
    for name in columns.tasks:
        schema[name]  # raises where there is no such task
    fields = [("text", columns.text), ("doc", columns.doc)]
    for task in schema.tasks:
        column = columns.of(task)
        if isinstance(column, dict) and set(column) != set(task.labels):
            raise ConfigError(
                f"{task.name} has columns for {', '.join(column)}, expected one for each label: "
                f"{', '.join(task.labels)}; in a schema file: [columns.{task.name}], LABEL = COLUMN"
            )
        names = column.values() if isinstance(column, dict) else [column]
        fields += [(task.name, name) for name in names]
    owner: dict[str, str] = {}
    for name, named in fields:
        if owner.setdefault(named, name) != name:
            raise ConfigError(
                f"the column {named!r} stands for two things, {owner[named]} and {name}: "
                f"name another with --column {name}=NAME"
            )


def truth(value: Any, name: str = "the value") -> bool | None:
    """Return whether a label is given, None where the cell is empty.

    Raises
    ------
    DataError : it is neither 1 nor 0, nor true, false, yes, no or a mark.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if is_mark(value):
        return True
    found = _TRUTH.get(str(value).strip().casefold())
    if found is None:
        raise DataError(f"{name} is {value!r}, expected 1 or 0")
    return found


def is_mark(value: Any) -> bool:
    """Return whether a cell holds a cross or a check mark: empty ones beside it mean no."""
    return isinstance(value, str) and value.strip().casefold() in _MARKS


def split(value: Any, separator: str) -> Any:
    """Return the labels of one cell as a list, other values as they are."""
    if separator in ("", MULTILABEL_SEPARATOR) or not isinstance(value, str):
        return value
    return [p for part in value.split(separator) if (p := part.strip())]


class Finder:
    """Finds the columns of each file under other usual names, and notes where they are.

    Parameters
    ----------
    schema, columns : the tasks, and which columns are meant to hold them.
    """

    def __init__(self, schema: Schema, columns: Columns) -> None:
        self.schema, self.columns = schema, columns
        self.notes: dict[str, str] = {}
        self.without: dict[str, dict[str, int]] = {task.name: {} for task in schema.tasks}
        self.names: dict[str, None] = {}
        self._enter("")

    def _enter(self, source: str) -> None:
        self.source, self.text, self.n_rows = source, "", 0
        self.shapes: dict[tuple[str, ...], Columns] = {}
        self.lacking = {task.name for task in self.schema.tasks}

    def of(self, row: Row) -> Columns:
        """Return the columns of a row's file.

        Raises
        ------
        DataError : the text may stand in several of them.
        """
        if row.source != self.source:
            self.leave()
            self._enter(row.source)
        names = tuple(row.record)
        if names not in self.shapes:
            self.shapes[names] = self._find(names)
            self.names.update(dict.fromkeys(names))
        self.n_rows += 1
        return self.shapes[names]

    def leave(self) -> None:
        """Take note of the tasks that the file at hand has no column for."""
        for name in self.lacking if self.n_rows else ():
            self.without[name][self.source] = self.n_rows

    def _find(self, names: Sequence[str]) -> Columns:
        columns, notes = self.columns, []
        if not self.text:
            self.text = self._text(names)
            if self.text not in ("", columns.text):
                notes.append(f"text in column {self.text!r}")
        text, doc = self.text or columns.text, columns.doc
        if doc not in names and _is_usual(doc, DOCUMENTS):
            others = [name for name in names if name != text]
            found, note = document_column(others, DOCUMENTS)
            doc = found or doc
            notes += [note] if note else []
        tasks = dict(columns.tasks)
        rest = [name for name in names if name not in (text, doc)]
        for task in self.schema.tasks:
            column = columns.of(task)
            own = [column] if isinstance(column, str) else column.values()
            if any(name in names for name in own):
                self.lacking.discard(task.name)
            elif other := _elsewhere(task, own, rest):
                self.lacking.discard(task.name)
                tasks[task.name] = other
                many = "" if isinstance(other, str) else f"columns {', '.join(other.values())}"
                notes.append(f"{task.name} in {many or f'column {other!r}'}")
        if notes:
            self.notes.setdefault("; ".join(notes), self.source)
        return replace(columns, text=text, doc=doc, tasks=tasks)

    def _text(self, names: Iterable[str]) -> str:
        """Return the column of the text, or nothing."""
        wanted = self.columns.text
        if wanted in names or not _is_usual(wanted, TEXTS):
            return wanted if wanted in names else ""
        return text_column(names, self.source, "--column text=NAME")

    def said(self) -> tuple[str, ...]:
        """Return what was found, and which files have no column for a task."""
        notes = [f"{source}: {note}" for note, source in self.notes.items()]
        if self.columns.doc not in self.names and not _is_usual(self.columns.doc, DOCUMENTS):
            notes.append(f"no column {self.columns.doc!r}: no sentence names its document")
        for task, files in self.without.items():
            if files:
                more = f" and {len(files) - 1} more" if len(files) > 1 else ""
                notes.append(
                    f"{next(iter(files))}{more}: no column for {task}, so no answer to it in "
                    f"{n_of(sum(files.values()), 'row')}"
                )
        return tuple(notes)


def _is_usual(name: str, groups: Sequence[frozenset[str]]) -> bool:
    return bool(usual([name], groups))


def _elsewhere(
    task: Task, wanted: Iterable[str], names: Sequence[str]
) -> str | dict[str, str] | None:
    """Return the column, or those of the labels, that have a task's answers under other names."""
    keys = {key(task.name), *map(key, wanted)}
    same = [name for name in names if key(name) in keys]
    if len(same) == 1:
        return same[0]
    for start in ("", f"{task.name}_"):
        by_label = {label: start + label for label in task.labels}
        if set(by_label.values()) <= set(names):
            return by_label
    return None
