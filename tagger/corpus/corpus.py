"""Labelled sentences: read and checked."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unicodedata import is_normalized, normalize

import numpy as np
import numpy.typing as npt

from tagger.corpus.columns import Columns, Finder, check_columns, is_mark, split, truth
from tagger.corpus.rows import Data, named, nothing_in, rows_of
from tagger.document import Labels
from tagger.errors import DataError, did_you_mean, n_of
from tagger.files import Reject, Row
from tagger.files.batches import raw_of
from tagger.files.rows import TOO_DEEP
from tagger.model.classifier import encode
from tagger.model.model import fingerprints
from tagger.schema import OTHER, Schema, Task, is_apart
from tagger.sequences import document_name

_MAX_PROBLEMS_SHOWN = 10
_LONGEST_LIST = 10_000


@dataclass(frozen=True)
class Example:
    """A labelled sentence.

    Parameters
    ----------
    text : the sentence.
    labels : by task; a task that is missing was not annotated.
    doc : the document it comes from, or empty.
    extra : the other columns of its row.
    where : file and line.
    """

    text: str
    labels: dict[str, Labels]
    doc: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Corpus:
    """Labelled sentences under one schema.

    Parameters
    ----------
    schema : the tasks.
    examples : the sentences.
    notes : what reading them found or changed, in sentences.
    skipped : the rows that were left out.
    blanks : the places of labels that were mended, which the last note is about.
    columns : the names of all columns.
    n_apart : how many rows of tagged output were left out, because they are no sentences.
    """

    schema: Schema
    examples: tuple[Example, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[Reject, ...] = field(default=(), repr=False)
    blanks: tuple[str, ...] = field(default=(), repr=False)
    columns: tuple[str, ...] = field(default=(), repr=False)
    n_apart: int = 0

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def texts(self) -> list[str]:
        """The sentences."""
        return [example.text for example in self.examples]

    @cached_property
    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """A number for each sentence, the same for those of the same words."""
        return fingerprints(self.texts)

    @property
    def has_documents(self) -> bool:
        """Whether every sentence says which document it comes from."""
        return all(example.doc for example in self.examples)

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """A number for each sentence's document; without one, for each distinct sentence."""
        number: dict[str, int] = {}
        keys = (f"doc {e.doc}" if e.doc else f"text {e.text}" for e in self.examples)
        return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)

    def groups_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return a number from 0 on for the document of each of some sentences."""
        return np.unique(self.groups[rows], return_inverse=True)[1]

    def annotated(self, task: str) -> npt.NDArray[np.int64]:
        """Return the indices of the sentences that have an answer for a task."""
        has = [i for i, example in enumerate(self.examples) if task in example.labels]
        return np.array(has, np.int64)

    def labels(self, task: str) -> list[Labels]:
        """Return the answers of the sentences that `annotated` names."""
        return [e.labels[task] for e in self.examples if task in e.labels]

    def gold(self, task: Task) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
        """Return what `annotated` names, and its answers as `encode` gives them."""
        return self.annotated(task.name), encode(task, self.labels(task.name))

    def take(self, indices: Iterable[int]) -> "Corpus":
        """Return a corpus of the sentences at `indices`."""
        return Corpus(self.schema, tuple(self.examples[i] for i in indices))

    @property
    def n_skipped(self) -> int:
        """How many rows were left out."""
        return sum(reject.n_rows for reject in self.skipped)

    @property
    def mostly_bad(self) -> bool:
        """Whether more than half of the rows were left out."""
        return self.n_skipped > len(self)

    @property
    def sha256(self) -> str:
        """A hash of texts, labels and documents, whatever files they came from."""
        digest = hashlib.sha256()
        for example in self.examples:
            row = [example.text, example.doc, example.labels]
            digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()


def read_corpus(
    data: Data, schema: Schema, columns: Columns | None = None, skip_bad_rows: bool = False
) -> Corpus:
    """Read labelled sentences.

    Parameters
    ----------
    data : as `tagger.corpus.rows.rows_of` takes it: paths, records or a DataFrame.
    schema : the tasks whose columns are read; other columns are kept as extra.
    columns : the names of the columns.
    skip_bad_rows : whether to leave out rows that cannot be used, where they are at most half.

    Raises
    ------
    DataError : a file or row that cannot be used; the first problems are named by
        file and line. A corpus without a sentence, or without an answer.
    """
    corpus = read_examples(data, schema, columns or Columns())
    if corpus.skipped and (not skip_bad_rows or corpus.mostly_bad):
        raise DataError(_refusal(corpus, skip_bad_rows))
    if not len(corpus):
        raise nothing_in(data, corpus.notes)
    if not any(example.labels for example in corpus.examples):
        names = ", ".join(task.name for task in schema.tasks)
        raise DataError(
            f"no labelled sentence in {named(data)}: no row has an answer to {names}. Found the "
            f"columns {', '.join(corpus.columns)}; where labels have another column, --column "
            "TASK=NAME names it; for labels of another model, --model DIR names that"
        )
    return corpus


def _refusal(corpus: Corpus, skip_bad_rows: bool) -> str:
    """Say which rows cannot be used, those of the same problem together."""
    problems: dict[str, list[Reject]] = {}
    for reject in corpus.skipped:
        problems.setdefault(reject.reason, []).append(reject)
    lines = []
    for problem, rejects in problems.items():
        more = sum(reject.n_rows for reject in rejects) - 1
        lines.append(f"{rejects[0].where}: {problem}" + (f" (and {more} more rows)" * (more > 0)))
    more = len(lines) - _MAX_PROBLEMS_SHOWN
    lines[_MAX_PROBLEMS_SHOWN:] = [f"... and {more} more"] if more > 0 else []
    if not corpus.mostly_bad:
        lines.append("--skip-bad-rows (skip_bad_rows=True) leaves such rows out")
    elif skip_bad_rows:
        bad = corpus.n_skipped
        lines.append(f"{bad:,} of {bad + len(corpus):,} rows: more than half is not left out")
    return "\n".join(lines)


def respelled(row: Row, schema: Schema, columns: Columns) -> set[str]:
    """Return what `example_of` mends in the labels of a row: blanks around them, their form."""
    found = set()
    for task in schema.tasks:
        name = columns.of(task)
        value = row.record.get(name) if isinstance(name, str) else None
        for answer in value if isinstance(value, list) else [value]:
            if isinstance(answer, str) and answer.strip() not in ("", answer):
                found.add("blanks around a label taken off")
            if isinstance(answer, str) and not is_normalized("NFC", answer):
                found.add("a label in another form of Unicode taken as its composed one (NFC)")
    return found


def left_out(n_apart: int) -> tuple[str, ...]:
    """Say that rows of tagged output are no sentences."""
    what = "headings or other pieces that are no sentences"
    return (f"{n_of(n_apart, 'row')} of tagged output left out: {what}",) if n_apart else ()


def read_examples(data: Data, schema: Schema, columns: Columns) -> Corpus:
    """Read labelled sentences as `read_corpus` does, and leave out all rows that are bad."""
    check_columns(schema, columns)
    examples: list[Example] = []
    sources: list[str] = []
    skipped: list[Reject] = []
    blanks: list[str] = []
    mended: set[str] = set()
    home: dict[str, str] = {}  # the file that a document was first found in
    finder = Finder(schema, columns)
    n_apart = 0
    told: list[str] = []
    marks = _Marks(schema)
    for row in rows_of(data, told.append):
        if isinstance(row, Reject):
            skipped.append(row)
            continue
        own = finder.of(row)
        try:
            if is_apart(row.record):
                n_apart += 1
                continue
            examples.append(example := example_of(row, schema, own))
            sources.append(row.source)
            marks.see(row, example, own)
            if home.setdefault(example.doc, row.source) != row.source:
                home[example.doc] = ""
            if how := respelled(row, schema, own):
                blanks.append(row.where)
                mended |= how
        except (DataError, RecursionError) as error:
            reason = str(error) if isinstance(error, DataError) else TOO_DEEP
            skipped.append(Reject(reason, raw_of(row.record), row.source, row.line))
    finder.leave()
    notes = (*told, *finder.said(), *left_out(n_apart), *marks.settle())
    if twice := [doc for doc, source in home.items() if doc and not source]:
        names = n_of(len(twice), "document name")
        said = "in several files, each taken for one document"
        notes += (f"{names} {said}: {', '.join(twice[:3])}{' ...' if twice[3:] else ''}",)
    # Rows of files that have no column for a task are said already.
    lacks = {
        task.name: sum(
            task.name not in example.labels and source not in finder.without[task.name]
            for example, source in zip(examples, sources, strict=True)
        )
        for task in schema.tasks
    }
    silent = [name for name, n in lacks.items() if 0 < n == len(examples)]
    if silent:
        notes += (f"no row has an answer to {', '.join(silent)}",)
    notes += tuple(
        f"{n:,} of {n_of(len(examples), 'sentence')} without a label of {name}: left out of it"
        for name, n in lacks.items()
        if n > 0 and name not in silent
    )
    if blanks:
        how_many = f"in {n_of(len(blanks), 'row')}; the first is {blanks[0]}"
        notes += (f"{' or '.join(sorted(mended))} {how_many}",)
    read = (tuple(examples), notes, tuple(skipped), tuple(blanks), tuple(finder.names))
    return Corpus(schema, *read, n_apart)


class _Marks:
    """Tells rows without a mark, which have no label, from rows that nobody has labelled."""

    def __init__(self, schema: Schema) -> None:
        self.tasks = [task.name for task in schema.tasks if task.multilabel]
        self.used: set[str] = set()
        self.without: dict[str, list[Example]] = {name: [] for name in self.tasks}
        self.empty = dict.fromkeys(self.tasks, 0)

    def see(self, row: Row, example: Example, columns: Columns) -> None:
        """Look at the columns of labels of a row."""
        for name in self.tasks:
            column = columns.tasks.get(name, name)
            if isinstance(column, str):
                cell = row.record.get(column)
                is_empty = isinstance(cell, str) and not cell.strip()
                self.empty[name] += is_empty and name in example.labels
                continue
            cells = [n for n in column.values() if n in row.record]
            if any(is_mark(row.record[n]) for n in cells):
                self.used.add(name)
            elif cells and name not in example.labels:
                self.without[name].append(example)

    def settle(self) -> Iterator[str]:
        """Give the rows without a mark no label, for tasks where others have marks; say so."""
        for name in sorted(self.used):
            for example in self.without[name]:
                example.labels[name] = ()
            if self.without[name]:
                rows = n_of(len(self.without[name]), "row")
                yield f"no mark for {name} in {rows}: taken as none of its labels"
        for name, n in self.empty.items():
            if n:
                yield f"an empty cell of {name} in {n_of(n, 'row')}: taken as none of its labels"


def example_of(row: Row, schema: Schema, columns: Columns) -> Example:
    """Return a row of a file as a labelled sentence.

    Raises
    ------
    DataError : it has no sentence, or an answer that the schema does not have.
    """
    record = dict(row.record)
    if columns.text not in record:
        raise DataError(
            f"there is no column {columns.text!r} for the sentence: "
            f"{did_you_mean(columns.text, record)}"
        )
    text = record.pop(columns.text)
    if not isinstance(text, str):
        found = "null" if text is None else repr(text)
        raise DataError(f"{columns.text} is {found:.200}, expected a sentence")
    if not text.strip():
        raise DataError(f"{columns.text} is blank, expected a sentence")
    labels = {}
    # A byline or a notice, of which tagged output says nothing; CSV has no other way to.
    unasked = record.get("kind") == OTHER and "what" in record
    for task in schema.tasks:
        column = columns.of(task)
        if isinstance(column, dict):
            value = _given(record, task, column)
        else:
            value = plain_label(record.pop(column, None))
        if value is not None and (value != "" or (task.multilabel and not unasked)):
            if task.multilabel and columns.label_separator:
                value = split(value, columns.label_separator)
            labels[task.name] = task.parse(value)
    doc = record.pop(columns.doc, None)
    return Example(text, labels, document_name(doc, ""), record, row.where)


def _given(record: dict[str, Any], task: Task, columns: Mapping[str, str]) -> Any:
    """Take the columns of a task's labels out of a record; return the label or labels given."""
    cells = {label: record.pop(name, None) for label, name in columns.items()}
    found = {label: truth(cell, columns[label]) for label, cell in cells.items()}
    if all(given is None for given in found.values()):
        return None
    empty = [columns[label] for label, given in found.items() if given is None]
    if empty and not any(map(is_mark, cells.values())):
        raise DataError(f"{', '.join(empty)} has no value beside others, expected 1 or 0")
    labels = [label for label in task.labels if found[label]]
    if task.multilabel:
        return labels
    if len(labels) != 1:
        names = ", ".join(columns[label] for label in labels or task.labels)
        raise DataError(
            f"{names} are all {1 if labels else 0}, expected one 1 in a row (or a multi-label task)"
        )
    return labels[0]


def plain_label(value: Any) -> Any:
    """Return numbers, truth values and padded strings as the labels that they are meant as.

    Accents are part of their letters, however they were typed (NFC). A string that is a list, as
    pandas writes lists into CSV, is that list.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))  # a column of whole numbers with gaps is one of floats in pandas
    if isinstance(value, (list, tuple)):  # of labels: no list in it is one, however deep it lies
        return [x if isinstance(x, (list, tuple)) else plain_label(x) for x in value]
    if not isinstance(value, str):
        return value
    value = normalize("NFC", value.strip())
    return _listed(value) if value.startswith("[") and value.endswith("]") else value


def _listed(value: str) -> Any:
    """Return a string as the list that it is written as in JSON or Python, else as it is."""
    try:
        found = ast.literal_eval(value) if len(value) < _LONGEST_LIST else value
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value
    # NumPy writes arrays without commas, which Python would read as one string.
    return plain_label(found) if isinstance(found, list) and "' '" not in value else value
