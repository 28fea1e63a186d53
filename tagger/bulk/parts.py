"""The input cut into parts, and how a part becomes a piece of the output."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from tagger.arrow import ABSENT, Texts, describe, infer_type, lengths_of, listed, pyarrow, to_array
from tagger.bulk.settings import JobSettings
from tagger.errors import ConfigError, n_of
from tagger.files import compression
from tagger.files.batches import MOST_VALUES, raw_of, read_batches
from tagger.files.columns import Input
from tagger.files.formats import Report
from tagger.files.rows import BATCH_BYTES, TOO_DEEP, Batch, Reject
from tagger.files.writers import Layout, Writer, writer_of
from tagger.predictor import Tagger
from tagger.table import TaggedTable
from tagger.text.segment import sentence_spans

_SAMPLE_CHARACTERS = 100_000
_MANY_CELLS, _MOST_GAPS = 10_000_000, 100
_FEW_ROWS, _BEGINNING = 100, 2000
_MOST_AHEAD = 16  # they are held, and hold what was rejected
_MOST_PASSED = 16_000  # with ours, no more columns than a spreadsheet has


@dataclass
class Part:
    """A piece of the input."""

    number: int
    batches: list[Batch] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows of the input it holds."""
        return sum(map(len, self.batches)) + sum(r.n_rows for r in self.rejects)


@dataclass
class Done:
    """A part that has been tagged: its piece of the output, and counts as in a job's `Result`."""

    number: int
    rows: int
    rejects: list[Reject]
    data: bytes = b""
    sentences: int = 0
    others: int = 0
    cut: int = 0
    nulls: int = 0


def read_parts(
    origin: Input, part_bytes: int, report: Report = lambda path, n: None
) -> Iterator[Part]:
    """Cut an input into parts of about `part_bytes` bytes of text; less where rows are wide."""
    part, size, n_values = Part(0), 0, 0
    for item in read_batches(origin, min(BATCH_BYTES, part_bytes), report):
        if isinstance(item, Reject):
            part.rejects.append(item)
            size += len(item.raw) + 100
        else:
            part.batches.append(item)
            n_bytes = int(lengths_of(item.texts).sum())
            size += n_bytes
            n_values += (len(item) + _n_values(item)) * origin.n_pieces(n_bytes, len(item))
        if size >= part_bytes or n_values >= MOST_VALUES:
            yield part
            part, size, n_values = Part(part.number + 1), 0, 0
    if part.rows:
        yield part


def _look_ahead(parts: Iterator[Part]) -> list[Part]:
    """Return the parts up to the first that holds more than rejects: at least one, at most 16."""
    ahead: list[Part] = []
    for part in islice(parts, _MOST_AHEAD):
        ahead.append(part)
        if part.batches:
            break
    return ahead or [Part(0)]


@dataclass(frozen=True)
class Work:
    """How a part becomes a piece of the output: all that a worker needs to know."""

    format: str
    sentences: bool
    explain: bool
    kinds: dict[str, str]
    suffix: str = ""
    keep_headings: bool = False

    def do(self, tagger: Tagger, part: Part) -> Done:
        """Tag a part and write it down."""
        done = Done(part.number, part.rows, list(part.rejects))
        pieces: list[Any] = []
        for whole in part.batches:
            if self.writer.json:
                whole, n_lacking = _finite_rows(whole, done.rejects)
                done.nulls += n_lacking
            for fit, table in self.tables(tagger, whole, done.rejects):
                done.sentences += table.n_sentences
                done.others += len(table) - table.n_sentences
                done.cut += table.n_cut
                texts = None if self.sentences else fit.texts
                pieces.append(self.writer.encode(table, self.kinds, texts))
        layout = self.layout(tagger)
        data = self.writer.pack(pieces, layout)
        if part.number == 0:
            data = self.writer.header(layout) + data
        if self.writer.streams:
            data = compression.compress(data, self.suffix)
        done.data = data
        return done

    @property
    def writer(self) -> Writer:
        """How the format is written."""
        return writer_of(self.format)

    def tables(
        self, tagger: Tagger, batch: Batch, rejects: list[Reject]
    ) -> Iterator[tuple[Batch, TaggedTable]]:
        """Tag a batch; a row that cannot be tagged or written joins the rejects."""
        for fit in self.fitting(batch, rejects):
            try:
                tables = [(fit, self._tag(tagger, fit))]
            except Exception:
                tables = []
                for i in range(len(fit)):
                    one = fit.take([i])
                    try:
                        tables.append((one, self._tag(tagger, one)))
                    except Exception as error:
                        reason = f"cannot be tagged: {type(error).__name__}: {error}"
                        rejects.append(reject_of(fit, i, reason))
            yield from tables

    def _tag(self, tagger: Tagger, batch: Batch) -> TaggedTable:
        explain = self.explain or self.writer.explains
        return tagger.tag_table(
            *(batch.texts, batch.docs, batch.extra, self.sentences, explain, batch.n),
            headings=None if self.sentences else batch.headings,
            keep_headings=self.keep_headings,
        )

    def fitting(self, batch: Batch, rejects: list[Reject]) -> Iterator[Batch]:
        """Yield the rows that the output has room for; the others join the rejects."""
        if not self.writer.fixed:
            yield batch
            return
        reason = f"a lone surrogate in the text, which {self.format} cannot hold; jsonl can"
        unfit = dict.fromkeys(_unencodable(batch.texts), reason)
        for name, column in batch.extra.items():
            if name not in self.kinds:
                known = ", ".join(self.kinds) or "none"
                reason = f"is not among those of the first rows ({known})"
                reason += ": name all of them with --keep"
                wrong = [i for i, value in enumerate(column) if value is not ABSENT]
            else:
                kind = self.kinds[name]
                reason = f"does not fit {kind!r}, as in the first rows"
                reason += "; --format jsonl holds any value"
                wrong = _misfits(column, kind) if self.writer.typed else []
            unfit = dict.fromkeys(wrong, f"column {name!r} {reason}") | unfit
        rejects += [reject_of(batch, i, reason) for i, reason in sorted(unfit.items())]
        if not unfit:
            yield batch
        elif rest := [i for i in range(len(batch)) if i not in unfit]:
            yield batch.take(rest)

    def layout(self, tagger: Tagger) -> Layout:
        """Return what all pieces of the output have in common."""

        def arrow() -> Any:
            empty = tagger.tag_table([], [], {}, True, self.explain)
            return empty.to_record_batch(self.kinds).schema

        names = tagger.schema.output_columns(self.kinds, self.explain)
        return Layout(names, arrow, tagger.schema, tagger.model.id, self.suffix)


def reject_of(batch: Batch, i: int, reason: str) -> Reject:
    """Return a reject for one row of a batch."""
    record = {"doc": batch.docs[i], "text": batch.texts[i]}
    for name, column in batch.extra.items():
        value = column[i] if isinstance(column, list) else column[i].as_py()
        if value is not ABSENT:
            record[name] = value
    return Reject(reason, raw_of(record), batch.sources[i], batch.lines[i])


def finite(batch: Batch) -> tuple[Batch, int]:
    """Return a batch with null for each number that JSON lacks, and how many there were."""
    extra, n = dict(batch.extra), 0
    for name, column in batch.extra.items():
        if not isinstance(column, list) and not _may_hold_floats(column.type):
            continue
        cleaned, n_lacking = _finite(listed(column))
        if n_lacking:
            extra[name] = cleaned
            n += n_lacking
    return (replace(batch, extra=extra), n) if n else (batch, 0)


def _finite_rows(batch: Batch, rejects: list[Reject]) -> tuple[Batch, int]:
    """Do the same; rows whose values lie too deep in each other join the rejects."""
    try:
        return finite(batch)
    except RecursionError:
        sound = []
    for i in range(len(batch)):
        try:
            finite(batch.take([i]))
            sound.append(i)
        except RecursionError:
            rejects.append(reject_of(batch, i, TOO_DEEP))
    return finite(batch.take(sound))


def _may_hold_floats(kind: Any) -> bool:
    types = pyarrow().types
    return bool(types.is_floating(kind) or types.is_nested(kind) or types.is_dictionary(kind))


def _finite(value: Any) -> tuple[Any, int]:
    if type(value) is float:
        return (value, 0) if math.isfinite(value) else (None, 1)
    if isinstance(value, dict):
        members, n = _finite(list(value.values()))
        return dict(zip(value, members, strict=True)), n
    if isinstance(value, (list, tuple)):
        members = [_finite(v) for v in value]
        return [v for v, _ in members], sum(n for _, n in members)
    return value, 0


def _unencodable(texts: Sequence[str]) -> list[int]:
    if isinstance(texts, Texts):  # no surrogate is valid UTF-8
        return []
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [i for i, t in enumerate(texts) if any("\ud800" <= c <= "\udfff" for c in t)]
    return []


def _misfits(column: Any, kind: str) -> list[int]:
    if _fits(column, kind):
        return []
    return [i for i in range(len(column)) if not _fits(column[i : i + 1], kind)]


def _fits(column: Any, kind: str) -> bool:
    try:
        to_array(column, kind)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def begun(
    tagger: Tagger, settings: JobSettings, origin: Input, report: Report = lambda path, n: None
) -> tuple[Work, bool, Iterator[Part]]:
    """Return how the parts of an input are tagged, whether the model knows the language of its
    first texts, and the parts.
    """
    parts = read_parts(origin, settings.part_bytes, report)
    ahead = _look_ahead(parts)
    first = ahead[-1]
    tell_of_paragraphs(tagger, origin, first.batches[0].texts if first.batches else ())
    return _plan(settings, first), _knows_language(tagger, first), chain(ahead, parts)


def _plan(settings: JobSettings, first: Part) -> Work:
    """Decide the columns of the output by the first part: tables have the same in every row."""
    kinds: dict[str, str] = {}
    writer = writer_of(settings.format)
    if writer.fixed:
        for batch in first.batches:
            for name, column in batch.extra.items():
                kinds.setdefault(name, _kind(column, name, first) if writer.typed else "string")
        for name in settings.origin.keep or ():
            kinds.setdefault(settings.origin.named(name), "string")
    if len(kinds) > _MOST_PASSED or _is_hollow(first, len(kinds)):
        raise ConfigError(
            f"found {len(kinds):,} columns in the first rows, expected at most {_MOST_PASSED:,} "
            "in a table, most of them filled: name those to pass on with --keep, or write jsonl, "
            "whose rows may differ"
        )
    names = [*kinds]
    if writer.typed and (bad := _unencodable(names)):
        raise ConfigError(
            f"a lone surrogate in the name of column {names[bad[0]]!r}, which {writer.name} cannot "
            "hold: write jsonl, or name other columns to pass on with --keep"
        )
    return Work(
        settings.format,
        settings.origin.sentences,
        settings.explain,
        kinds,
        compression.split_suffix(settings.output)[1],
        settings.keep_headings,
    )


def _is_hollow(first: Part, n_columns: int) -> bool:
    """Return whether a table of the first rows would hold little but gaps."""
    batches = first.batches
    n_cells = n_columns * sum(map(len, batches))
    return n_cells >= _MANY_CELLS and n_cells > _MOST_GAPS * sum(map(_n_values, batches))


def _n_values(batch: Batch) -> int:
    """Return how many values rows have beside their texts."""
    columns = batch.extra.values()
    return sum(len(c) - (c.count(ABSENT) if isinstance(c, list) else 0) for c in columns)


def _kind(column: Any, name: str, first: Part) -> str:
    if not isinstance(column, list):
        return describe(column.type)
    values = [v for b in first.batches for v in b.extra.get(name, [])]
    return infer_type(values)


def tell_of_paragraphs(tagger: Tagger, origin: Input, texts: Sequence[str]) -> None:
    """Say so where most of the first rows, which are to be sentences, hold several."""
    if not origin.sentences:
        return
    texts, language = texts[:_FEW_ROWS], tagger.model.featurizer.settings.spoken
    n = sum(len(sentence_spans(text[:_BEGINNING], language)) > 1 for text in texts)
    if 2 * n > len(texts):
        found = f"{n} of the first {n_of(len(texts), 'row')} with several sentences, tagged as one"
        origin.say(f"{found}: leave out --sentences to cut them")


def _knows_language(tagger: Tagger, first: Part) -> bool:
    sample, size = [], 0
    for text in (t for batch in first.batches for t in batch.texts):
        sample.append(text[:_SAMPLE_CHARACTERS])
        size += len(sample[-1])
        if size >= _SAMPLE_CHARACTERS:
            break
    return tagger.knows_language("\n".join(sample))
