"""Labelled data -> the schema that it probably follows."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from tagger.corpus.corpus import Columns, plain_label
from tagger.corpus.rows import Data, named, rows_of
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.files import Reject
from tagger.schema import CLAIMS, MULTILABEL_SEPARATOR, Schema, Task

_MAX_ROWS = 20_000
_MAX_LABELS = 30
_TEXT_NAMES = ("text", "sentence", "content", "body", "tweet")
_DOC_NAMES = ("doc", "document", "doc_id", "document_id", "article", "article_id")
_LABEL_NAMES = (
    *("label", "labels", "class", "category", "categories", "target", "gold", "tag", "tags"),
)
_NOT_LABELS = (
    *("n", "id", "idx", "index", "start", "end", "model", "review", "readers", "split", "fold"),
    *("register", "outlet", "source", "publisher", "author", "section", "title", "url"),
    *("date", "year", "month", "language", "lang", "country"),
)


def guess_schema(data: Data, columns: Columns) -> tuple[Schema, Columns, bool]:
    """Guess tasks, labels and columns from the data.

    Data whose columns ``claim`` or ``theme`` hold labels of the shipped model follow its
    schema. Otherwise a task is a column named like one (label, class, ...), or else every
    column of few values that repeat and that is not known to describe a document. Lists,
    and labels joined by ``|``, make a multi-label task.

    Parameters
    ----------
    data : as `tagger.corpus.rows.rows_of` takes it.
    columns : what is known already.

    Returns
    -------
    The schema, the columns, and whether there is a column of documents.

    Raises
    ------
    DataError : the data has no row, or nothing that looks like text and labels.
    """
    records = (row.record for row in rows_of(data) if not isinstance(row, Reject))
    rows: list[dict[str, Any]] = list(islice(records, _MAX_ROWS))
    if not rows:
        raise DataError(f"no row in {named(data)}, expected labelled sentences")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for column in columns.tasks.values():
        if column not in names:
            raise ConfigError(f"the data has no column {column!r}: {did_you_mean(column, names)}")
    text = _one_of(names, columns.text, _TEXT_NAMES) or _longest(rows, names)
    found_doc = _one_of(names, columns.doc, _DOC_NAMES)
    doc = found_doc or columns.doc
    if not columns.tasks and (ours := _claims(rows)):
        return ours, Columns(text, doc), bool(found_doc)
    chosen = columns.tasks or {
        name: name for name in _label_columns(rows, [n for n in names if n not in (text, doc)])
    }
    tasks = [_task(name, [row.get(column) for row in rows]) for name, column in chosen.items()]
    if not tasks:
        raise DataError(
            f"no column of {', '.join(names)} looks like labels: name it with --column "
            "label=NAME, or write a schema and give it with --schema"
        )
    renamed = {name: column for name, column in chosen.items() if name != column}
    return Schema(tuple(tasks)), Columns(text, doc, renamed), bool(found_doc)


def _one_of(names: Sequence[str], wanted: str, usual: Sequence[str]) -> str:
    lowered = {name.lower(): name for name in reversed(names)}
    return next((lowered[n] for n in (wanted.lower(), *usual) if n in lowered), "")


def _longest(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """Return the column of the longest strings, where they are of several words."""
    means = {}
    for name in names:
        texts = [row[name] for row in rows if isinstance(row.get(name), str)]
        if len(texts) > len(rows) / 2 and sum(" " in text for text in texts) > len(texts) / 2:
            means[name] = sum(map(len, texts)) / len(texts)
    if not means:
        raise DataError(
            f"no column of {', '.join(names)} looks like sentences: name it with --column text=NAME"
        )
    return max(means, key=lambda name: means[name])


def _claims(rows: Sequence[dict[str, Any]]) -> Schema | None:
    """Return those tasks of the shipped model whose labels stand in the data."""
    tasks = []
    for task in CLAIMS.tasks:
        found = {label for row in rows for label in _parts(row.get(task.name))}
        if found & set(task.labels):
            tasks.append(task)
    return Schema(tuple(tasks)) if tasks else None


def _label_columns(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    plausible = [name for name in names if "@" not in name and _looks_like_labels(rows, name)]
    usual = [name for name in plausible if name.lower() in _LABEL_NAMES]
    return usual or [name for name in plausible if name.lower() not in _NOT_LABELS]


def _looks_like_labels(rows: Sequence[dict[str, Any]], name: str) -> bool:
    values = [plain_label(row[name]) for row in rows if row.get(name) is not None]
    if not all(isinstance(v, (str, list)) for v in values):
        return False
    counts = Counter(part for value in values for part in _parts(value))
    return 2 <= len(counts) <= _MAX_LABELS and len(counts) <= max(2, sum(counts.values()) / 3)


def _parts(value: Any) -> list[str]:
    value = plain_label(value)
    if isinstance(value, list):
        return [part for v in value if (part := str(plain_label(v)))]
    if isinstance(value, str):
        return [part.strip() for part in value.split(MULTILABEL_SEPARATOR) if part.strip()]
    return []


def _task(name: str, values: Sequence[Any]) -> Task:
    multilabel = any(
        isinstance(value, list) or (isinstance(value, str) and MULTILABEL_SEPARATOR in value)
        for value in values
    )
    return Task(name, tuple(sorted({part for v in values for part in _parts(v)})), multilabel)


def schema_toml(schema: Schema, columns: Columns) -> str:
    """Return schema and columns as a file that `tagger train --schema` reads."""
    lines = ["# Which columns hold what.", "[columns]"]
    lines += [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in columns.to_dict().items()]
    for task in schema.tasks:
        lines += ["", "[[schema]]", f"name = {json.dumps(task.name)}"]
        labels = ", ".join(json.dumps(label, ensure_ascii=False) for label in task.labels)
        lines += [f"labels = [{labels}]", f"multilabel = {str(task.multilabel).lower()}"]
        lines += ["[schema.definitions]"]
        for label in task.labels:
            known = task.definitions.get(label)
            mark = "" if known else "# "
            meaning = json.dumps(known or "what it means", ensure_ascii=False)
            lines.append(f"{mark}{json.dumps(label, ensure_ascii=False)} = {meaning}")
    return "\n".join(lines) + "\n"
