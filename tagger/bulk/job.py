"""A job: files in, one tagged file out, whatever happens in between.

The work is cut into parts by the bytes of their text. Each part is written beside
the output, in the folder ``<output>.parts``, and renamed into place together with
a manifest of its own; when all stand, they are joined into the output. So a job
that is stopped anywhere, by whatever, goes on with the first part that is missing
and gives the same bytes as one that was never stopped.

This module is above `predictor` and `files`, because it is the one place that
needs both: the readers and writers know no model, and the model knows no file.
"""

import hashlib
import json
import os
import pickle
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tagger import __version__
from tagger.arrow import ABSENT, describe, infer_type, to_array
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import compression, pages, parquet, tagged
from tagger.files.batches import BATCH_BYTES, Input, read_batches
from tagger.files.rows import Batch, Reject
from tagger.predictor import Tagger
from tagger.table import TaggedTable, take

PART_BYTES = 2 << 20
OUTPUT_FORMATS = ("jsonl", "csv", "parquet", "html")
_JOB, _LOCK = "job.json", "lock"


@dataclass(frozen=True)
class Progress:
    """How far a job has come.

    Parameters
    ----------
    rows, rejected : rows read so far, and those among them that were rejected.
    bytes_done, bytes_total : of the input files; the total is 0 where it is not known.
    """

    rows: int = 0
    rejected: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


@dataclass(frozen=True)
class JobSettings:
    """How a job is done.

    Parameters
    ----------
    given : what is read.
    output : the file to write, or for pages the folder.
    format : one of `OUTPUT_FORMATS`.
    explain : whether to add the words that moved each decision.
    part_bytes : bytes of text in a part.
    jobs : number of processes.
    resume : whether to go on with an unfinished job.
    """

    given: Input
    output: Path
    format: str
    explain: bool = False
    part_bytes: int = PART_BYTES
    jobs: int = 1
    resume: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the bytes of the output, as plain JSON values."""
        given = self.given
        return {
            "format": self.format,
            "compression": compression.split_suffix(self.output)[1],
            "explain": self.explain,
            "part_bytes": self.part_bytes,
            "input_format": given.known.name if given.known else None,
            "sentences": given.sentences,
            "text_column": given.text_column,
            "id_column": given.id_column,
            "keep": None if given.keep is None else list(given.keep),
            "max_document_bytes": given.limit,
        }


@dataclass(frozen=True)
class Result:
    """What a job did.

    Parameters
    ----------
    rows : rows of the input.
    tagged : rows that were tagged.
    rejected : rows that could not be; rows is the sum of both.
    sentences : rows of the output.
    finished : False where the job was told to stop before its end.
    parts : number of parts.
    reused : how many of the parts an earlier run had done.
    """

    rows: int
    tagged: int
    rejected: int
    sentences: int
    finished: bool
    parts: int = 0
    reused: int = 0


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
    """A part that has been tagged.

    Parameters
    ----------
    number : which part.
    data : its piece of the output.
    rejects : its rows that could not be tagged.
    rows, sentences : rows that it read, and rows that it wrote.
    first, last : the place of its first and last row.
    """

    number: int
    data: bytes
    rejects: list[Reject]
    rows: int
    sentences: int
    first: str
    last: str


def read_parts(
    given: Input, part_bytes: int, report: Callable[[str, int], None] = lambda path, n: None
) -> Iterator[Part]:
    """Cut an input into parts of about `part_bytes` bytes of text."""
    part, size = Part(0), 0
    for item in read_batches(given, min(BATCH_BYTES, part_bytes), report):
        if isinstance(item, Reject):
            part.rejects.append(item)
            size += len(item.raw) + 100
        else:
            part.batches.append(item)
            size += sum(map(len, item.texts))
        if size >= part_bytes:
            yield part
            part, size = Part(part.number + 1), 0
    if part.rows:
        yield part


# What is done with a part


@dataclass(frozen=True)
class Work:
    """How a part becomes a piece of the output: all that a worker needs to know."""

    format: str
    sentences: bool
    explain: bool
    kinds: dict[str, str]
    suffix: str = ""

    def do(self, tagger: Tagger, part: Part) -> Done:
        """Tag a part and write it down."""
        rejects = list(part.rejects)
        pieces: list[Any] = []
        n = 0
        for batch in part.batches:
            for fit, table in self.tables(tagger, batch, rejects):
                n += len(table)
                pieces.append(self.encode(table, fit))
        if self.format == "parquet":
            data = parquet.write(pieces, self.schema(tagger))
        else:
            data = b"".join(pieces)
        if self.format == "csv" and part.number == 0:
            data = tagged.csv_header(self.names(tagger)) + data
        if self.suffix and self.format in ("jsonl", "csv"):
            data = compression.compress(data, self.suffix)
        first, last = _ends(part)
        return Done(part.number, data, rejects, part.rows, n, first, last)

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
                    one = _rows_of(fit, [i])
                    try:
                        tables.append((one, self._tag(tagger, one)))
                    except Exception as error:
                        reason = f"cannot be tagged: {type(error).__name__}: {error}"
                        rejects.append(_reject(fit, i, reason))
            yield from tables

    def _tag(self, tagger: Tagger, batch: Batch) -> TaggedTable:
        explain = self.explain or self.format == "html"
        return tagger.tag_table(batch.texts, batch.docs, batch.extra, self.sentences, explain)

    def fitting(self, batch: Batch, rejects: list[Reject]) -> Iterator[Batch]:
        """Yield the rows that the output has room for; the others join the rejects."""
        if self.format in ("jsonl", "html"):
            yield batch
            return
        unfit: dict[int, str] = {}
        for i in _unencodable(batch.texts):
            unfit[i] = f"a lone surrogate in the text, which {self.format} cannot hold; jsonl can"
        for name, column in batch.extra.items():
            if name not in self.kinds:
                for i, value in enumerate(column):
                    if value is not ABSENT:
                        unfit.setdefault(
                            i,
                            f"column {name!r} is not among those of the first rows "
                            f"({', '.join(self.kinds) or 'none'}): name all of them with --keep",
                        )
            elif self.format == "parquet":
                for i in _misfits(column, self.kinds[name]):
                    reason = (
                        f"column {name!r} does not fit {self.kinds[name]!r}, as in the first rows"
                    )
                    unfit.setdefault(i, f"{reason}; --format jsonl holds any value")
        rejects += [_reject(batch, i, reason) for i, reason in sorted(unfit.items())]
        if len(unfit) < len(batch):
            rest = [i for i in range(len(batch)) if i not in unfit]
            yield _rows_of(batch, rest) if unfit else batch

    def encode(self, table: TaggedTable, batch: Batch) -> Any:
        """Return tagged sentences as the format has them."""
        if self.format == "jsonl":
            return tagged.to_jsonl(table)
        if self.format == "csv":
            return tagged.to_csv(table, self.kinds)
        if self.format == "html":
            return pages.to_drafts(table, None if self.sentences else batch.texts)
        return table.to_record_batch(self.kinds)

    def names(self, tagger: Tagger) -> list[str]:
        """Return the columns of the output."""
        return tagged.columns(tagger.schema, self.kinds, self.explain)

    def schema(self, tagger: Tagger) -> Any:
        """Return the Arrow schema of the output."""
        empty = tagger.tag_table([], [], {}, True, self.explain)
        return empty.to_record_batch(self.kinds).schema


def _ends(part: Part) -> tuple[str, str]:
    places = [(b.sources[i], b.lines[i]) for b in part.batches for i in (0, -1)]
    places += [(r.source, r.line) for r in part.rejects]
    if not places:
        return "", ""
    first, last = places[0], places[-1]
    return f"{first[0]}:{first[1]}", f"{last[0]}:{last[1]}"


def _rows_of(batch: Batch, rows: list[int]) -> Batch:
    import numpy as np

    index = np.array(rows, np.int64)
    return Batch(
        take(list(batch.texts), index),
        take(list(batch.docs), index),
        {name: take(column, index) for name, column in batch.extra.items()},
        take(list(batch.sources), index),
        take(list(batch.lines), index),
    )


def _reject(batch: Batch, i: int, reason: str) -> Reject:
    record = {"doc": batch.docs[i], "text": batch.texts[i]}
    for name, column in batch.extra.items():
        value = column[i] if isinstance(column, list) else column[i].as_py()
        if value is not ABSENT:
            record[name] = value
    raw = json.dumps(record, ensure_ascii=False, default=tagged.plain)
    return Reject(reason, raw, batch.sources[i], batch.lines[i])


def _unencodable(texts: Sequence[str]) -> list[int]:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [i for i, t in enumerate(texts) if any("\ud800" <= c <= "\udfff" for c in t)]
    return []


def _misfits(column: Any, kind: str) -> list[int]:
    try:
        to_array(column, kind)
    except (ValueError, TypeError, OverflowError):
        pass
    else:
        return []
    wrong = []
    for i, value in enumerate(column):
        try:
            to_array([value] if isinstance(column, list) else column[i : i + 1], kind)
        except (ValueError, TypeError, OverflowError):
            wrong.append(i)
    return wrong


def plan(settings: JobSettings, first: Part | None) -> Work:
    """Decide the columns of the output by the first part: tables have the same in every row."""
    kinds: dict[str, str] = {}
    if settings.format in ("csv", "parquet"):
        for batch in first.batches if first else []:
            for name, column in batch.extra.items():
                kinds.setdefault(name, _kind(column, name, first, settings.format))
        for name in settings.given.keep or ():
            kinds.setdefault(settings.given.named(name), "string")
    return Work(
        settings.format,
        settings.given.sentences,
        settings.explain,
        kinds,
        compression.split_suffix(settings.output)[1],
    )


def _kind(column: Any, name: str, first: Part | None, form: str) -> str:
    if form == "csv":
        return "string"
    if not isinstance(column, list):
        return describe(column.type)
    values = [v for b in (first.batches if first else []) for v in b.extra.get(name, [])]
    return infer_type(values)


# The folder of parts


def fingerprint(files: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, size and SHA-256 of each file that can be read twice."""
    found = []
    for path in files:
        if path == "-":
            found.append({"file": "-", "bytes": 0, "sha256": ""})
            continue
        try:
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                found.append({"file": path, "bytes": stream.tell(), "sha256": digest})
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    return found


def check_output(settings: JobSettings) -> None:
    """Refuse an output that is also an input, or that cannot be what it should be.

    Raises
    ------
    OutputError : the output is an input, or a folder where a file is meant or the reverse.
    """
    output = settings.output
    targets = [output, tagged.rejects_path(output)]
    for path in settings.given.files:
        if path == "-":
            continue
        for target in targets:
            if target.exists() and os.path.samefile(path, target):
                raise OutputError(f"{target}: is also an input, expected another file to write to")
    if settings.format == "html" and output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file, expected a folder for the pages")
    if settings.format != "html" and output.is_dir():
        raise OutputError(f"{output}: is a folder, expected a file to write to")


class _Store:
    """The folder of parts."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder = folder
        self.suffix = suffix

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.{self.suffix}"

    def rejects(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.rejects.jsonl"

    def manifest(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.json"

    def load(self, number: int, key: str) -> dict[str, Any] | None:
        """Return the manifest of a part that is whole and belongs to this job."""
        try:
            found = json.loads(self.manifest(number).read_bytes())
            if found["job"] != key:
                return None
            for path, sha in (
                (self.part(number), found["sha256"]),
                (self.rejects(number), found["rejects_sha256"]),
            ):
                with open(path, "rb") as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != sha:
                        return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return dict(found)

    def save(self, done: Done, key: str) -> dict[str, Any]:
        """Write a part, its rejects, and last its manifest, which makes it count."""
        rejects = b"".join(map(reject_line, done.rejects))
        manifest = {
            "job": key,
            "range": [done.first, done.last],
            "rows": done.rows,
            "rejected": sum(r.n_rows for r in done.rejects),
            "sentences": done.sentences,
            "sha256": hashlib.sha256(done.data).hexdigest(),
            "rejects_sha256": hashlib.sha256(rejects).hexdigest(),
        }
        for path, data in (
            (self.part(done.number), done.data),
            (self.rejects(done.number), rejects),
            (self.manifest(done.number), _json(manifest)),
        ):
            with tagged.atomic_write(path) as stream:
                stream.write(data)
        return manifest


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def reject_line(reject: Reject) -> bytes:
    """Return a reject as one line of the rejects file."""
    line: dict[str, Any] = {"file": reject.source, "line": reject.line, "reason": reject.reason}
    if reject.n_rows != 1:
        line["rows"] = reject.n_rows
    return (json.dumps({**line, "raw": reject.raw}) + "\n").encode("ascii")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the only right to write a folder; it ends with the process, however that ends."""
    import fcntl

    with open(folder / _LOCK, "a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(stream.fileno()), os.stat(folder / _LOCK))
        except OSError:
            same = False
        if not same:
            raise OutputError(
                f"{folder}: another run is writing this output; wait for it, or name another output"
            )
        yield


def run(
    tagger: Tagger,
    settings: JobSettings,
    report: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Tag files into one output file.

    Parameters
    ----------
    tagger : what to tag with.
    settings : how.
    report : is told now and then how far the job has come.
    stop : asked before each part whether to leave the rest for `resume`.

    Returns
    -------
    Counts. What could not be tagged stands in ``<output>.rejects.jsonl``, and a
    record of the job in ``<output>.manifest.json``.

    Raises
    ------
    OutputError : the output cannot be written, another run is writing it, or an
        unfinished job is in the way.
    ConfigError : a job cannot be resumed, because input, model or options changed.
    DataError : the input cannot be read at all.
    """
    check_output(settings)
    output = settings.output
    folder = output.with_name(output.name + ".parts")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        with _locked(folder):
            try:
                result = _run(tagger, settings, folder, report, stop)
            except BaseException:
                # A run that left nothing to go on with leaves nothing to clear away.
                if not any(folder.glob("part-*.json")):
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            if result.finished:
                shutil.rmtree(folder, ignore_errors=True)
            return result
    except OSError as error:
        place = error.filename or output
        raise OutputError(f"{place}: cannot be written: {error.strerror or error}") from None


def _run(
    tagger: Tagger,
    settings: JobSettings,
    folder: Path,
    report: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> Result:
    inputs = fingerprint(settings.given.files)
    header: dict[str, Any] = {
        "tagger": __version__,
        "model": tagger.model.id,
        "options": settings.to_dict(),
        "inputs": inputs,
    }
    _begin(folder, header, settings)
    key = hashlib.sha256(_json(header)).hexdigest()
    # In the parts folder a page is a draft, and a table has its plain ending.
    store = _Store(folder, settings.format)
    total = sum(entry["bytes"] for entry in inputs)
    meter = _Meter(settings.given.files, inputs, total)
    parts = read_parts(settings.given, settings.part_bytes, meter.at)
    first = next(parts, None)
    work = plan(settings, first)
    manifests: dict[int, dict[str, Any]] = {}
    reused = 0
    finished = True

    def missing() -> Iterator[Part]:
        nonlocal reused, finished
        for part in _chain(first, parts):
            if stop():
                finished = False
                return
            known = store.load(part.number, key)
            if known is not None and known["rows"] == part.rows:
                reused += 1
                manifests[part.number] = known
                report(meter.progress(manifests.values()))
            else:
                yield part

    for done in _work_off(tagger, work, missing(), settings.jobs):
        manifests[done.number] = store.save(done, key)
        report(meter.progress(manifests.values()))
    sums = {
        name: sum(m[name] for m in manifests.values()) for name in ("rows", "rejected", "sentences")
    }
    result = Result(
        sums["rows"],
        sums["rows"] - sums["rejected"],
        sums["rejected"],
        sums["sentences"],
        finished,
        len(manifests),
        reused,
    )
    if finished:
        _finish(tagger, settings, work, store, manifests, header, result)
    return result


def _begin(folder: Path, header: dict[str, Any], settings: JobSettings) -> None:
    """Write down what the job is, or check that it is still the one that was begun."""
    path = folder / _JOB
    if not path.exists() or not any(folder.glob("part-*.json")):
        with tagged.atomic_write(path) as stream:
            stream.write(_json(header))
        return
    if not settings.resume:
        raise OutputError(
            f"{folder}: holds an unfinished run: go on with --resume, or delete the folder"
        )
    if "-" in settings.given.files:
        raise ConfigError("standard input cannot be read again: name a file to use --resume")
    try:
        before = json.loads(path.read_bytes())
        changed = _changes(before, header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: is damaged ({error}): delete the folder to begin anew"
        ) from None
    if changed:
        raise ConfigError(
            f"{folder}: cannot go on, {'; '.join(changed)}: delete the folder to begin anew"
        )


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what differs between the run that was begun and this one."""
    changed = []
    old, new = ({e["file"]: e["sha256"] for e in job["inputs"]} for job in (before, now))
    if list(old) != list(new):
        differ = sorted(set(old) ^ set(new)) or list(new)
        changed.append(f"the list of inputs changed ({', '.join(differ)})")
    else:
        files = [name for name in new if old[name] != new[name]]
        if files:
            changed.append(f"the input changed ({', '.join(files)})")
    if before["model"] != now["model"]:
        changed.append(f"the model changed (from {before['model']} to {now['model']})")
    for name, value in now["options"].items():
        if before["options"][name] != value:
            changed.append(
                f"the option {name} changed (from {before['options'][name]!r} to {value!r})"
            )
    if before["tagger"] != now["tagger"]:
        changed.append(f"tagger changed (from {before['tagger']} to {now['tagger']})")
    return changed


class _Meter:
    """Counts the bytes of the input that have been read."""

    def __init__(self, files: Sequence[str], inputs: list[dict[str, Any]], total: int) -> None:
        self.total = 0 if "-" in files else total
        self._before: dict[str, int] = {}
        seen = 0
        for entry in inputs:
            self._before.setdefault(entry["file"], seen)
            seen += entry["bytes"]
        self.done = 0

    def at(self, path: str, n_bytes: int) -> None:
        self.done = self._before[path] + n_bytes

    def progress(self, manifests: Iterable[dict[str, Any]]) -> Progress:
        rows = rejected = 0
        for manifest in manifests:
            rows += manifest["rows"]
            rejected += manifest["rejected"]
        return Progress(rows, rejected, self.done, self.total)


def _chain(first: Part | None, rest: Iterator[Part]) -> Iterator[Part]:
    if first is not None:
        yield first
    yield from rest


def _finish(
    tagger: Tagger,
    settings: JobSettings,
    work: Work,
    store: _Store,
    manifests: dict[int, dict[str, Any]],
    header: dict[str, Any],
    result: Result,
) -> None:
    """Join the parts into the output, and count once more."""
    if sorted(manifests) != list(range(len(manifests))):
        raise OutputError(f"{store.folder}: a part is missing: run again with --resume")
    numbers = range(len(manifests))
    output = settings.output
    rejects = tagged.rejects_path(output)
    rejects.unlink(missing_ok=True)
    if result.rejected:
        with tagged.atomic_write(rejects) as stream:
            n = sum(
                _copy(store.rejects(i), stream, manifests[i]["rejects_sha256"]) for i in numbers
            )
        if n < 1:
            raise OutputError(f"{rejects}: {result.rejected} rows were rejected, found none")
    if work.format == "html":
        _write_pages(tagger, store, numbers, output)
    else:
        with tagged.atomic_write(output) as stream:
            if work.format == "parquet":
                n = parquet.join(map(store.part, numbers), work.schema(tagger), stream)
            else:
                if not manifests and work.format == "csv":
                    head = tagged.csv_header(work.names(tagger))
                    stream.write(compression.compress(head, work.suffix))
                n = sum(_copy(store.part(i), stream, manifests[i]["sha256"]) for i in numbers)
            counted = work.format == "parquet" or (work.format == "jsonl" and not work.suffix)
            if counted and n != result.sentences:
                raise OutputError(
                    f"{output}: holds {n} rows, expected {result.sentences}: run again with "
                    "--resume"
                )
    record = {
        **header,
        "schema": tagger.schema.to_dict(),
        "rows": result.rows,
        "tagged": result.tagged,
        "rejected": result.rejected,
        "sentences": result.sentences,
        "out_of_fold": tagger.model.about.get("out_of_fold"),
    }
    with tagged.atomic_write(tagged.manifest_path(output)) as stream:
        stream.write(_json(record))


def _copy(path: Path, stream: BinaryIO, sha256: str) -> int:
    """Append a file to a stream, check it, and return the number of its lines."""
    digest, n = hashlib.sha256(), 0
    with open(path, "rb") as part:
        while data := part.read(1 << 20):
            digest.update(data)
            n += data.count(b"\n")
            stream.write(data)
    if digest.hexdigest() != sha256:
        raise OutputError(f"{path}: is damaged: run again with --resume")
    return n


def _write_pages(tagger: Tagger, store: _Store, numbers: Iterable[int], output: Path) -> None:
    def lines() -> Iterator[bytes]:
        for number in numbers:
            with open(store.part(number), "rb") as part:
                yield from part

    output.mkdir(exist_ok=True)
    for name, content in pages.pages(lines(), tagger.schema, tagger.model.id):
        with tagged.atomic_write(output / name) as stream:
            stream.write(content)


# Processes


def _work_off(tagger: Tagger, work: Work, parts: Iterator[Part], jobs: int) -> Iterator[Done]:
    if jobs == 1:
        for part in parts:
            yield work.do(tagger, part)
        return
    with _Workers(tagger, work, jobs) as workers:
        yield from workers.do(parts)


class _Workers:
    """Processes that tag parts, with one copy of the model's arrays between them.

    A worker that dies takes the pool with it, and all parts at hand are under
    suspicion; each is done once more, alone. The one that kills its worker again
    is the culprit, and its rows are rejected. Parts go there and back as files: a
    worker that dies half-way through a long message would leave the pipe, which all
    workers share, blocked for good.
    """

    def __init__(self, tagger: Tagger, work: Work, jobs: int) -> None:
        import tempfile

        import joblib

        self.jobs = jobs if jobs > 0 else joblib.cpu_count()
        self.work = work
        self._folder = tempfile.TemporaryDirectory(prefix="tagger-")
        self._shared = str(Path(self._folder.name) / "model")
        joblib.dump(tagger, self._shared)
        self._pool = self._new_pool(self.jobs)

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, kill_workers=True)
        self._folder.cleanup()

    def _new_pool(self, jobs: int) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        # An idle worker ends by itself, so that none outlives a killed parent.
        return ProcessPoolExecutor(
            jobs, timeout=60, initializer=_start_worker, initargs=(self._shared, self.work)
        )

    def do(self, parts: Iterator[Part]) -> Iterator[Done]:
        """Yield each part when it is done, in the order of the input."""
        from concurrent.futures.process import BrokenProcessPool

        waiting: deque[tuple[Part, Any]] = deque()
        for part in parts:
            try:
                waiting.append((part, self._submit(self._pool, part)))
            except BrokenProcessPool:
                waiting.append((part, None))
            if len(waiting) > self.jobs:
                yield from self._next(waiting)
        while waiting:
            yield from self._next(waiting)

    def _next(self, waiting: deque[tuple[Part, Any]]) -> Iterator[Done]:
        from concurrent.futures.process import BrokenProcessPool

        _, future = waiting[0]
        try:
            if future is None:
                raise BrokenProcessPool
            future.result()
        except BrokenProcessPool:
            suspects = list(waiting)
            waiting.clear()
            self._pool.shutdown(wait=True, kill_workers=True)
            for suspect, its in suspects:
                survived = its is not None and its.done() and its.exception() is None
                yield self._answer(suspect) if survived else self._alone(suspect)
            self._pool = self._new_pool(self.jobs)
            return
        part, _ = waiting.popleft()
        yield self._answer(part)

    def _path(self, part: Part) -> Path:
        return Path(self._folder.name) / f"part-{part.number}"

    def _submit(self, pool: Any, part: Part) -> Any:
        path = self._path(part)
        path.write_bytes(pickle.dumps(_packed(part)))
        return pool.submit(_in_worker, path)

    def _answer(self, part: Part) -> Done:
        path = self._path(part)
        done: Done = pickle.loads(path.read_bytes())
        path.unlink()
        return done

    def _alone(self, part: Part) -> Done:
        from concurrent.futures.process import BrokenProcessPool

        pool = self._new_pool(1)
        try:
            self._submit(pool, part).result()
            return self._answer(part)
        except BrokenProcessPool as error:
            why = " ".join(str(error).split()) or "no reason given"
            reason = f"the worker that tagged this part died, twice: {why:.300}"
            rejects = part.rejects + [
                _reject(batch, i, reason) for batch in part.batches for i in range(len(batch))
            ]
            empty = self.work.do(_worker_tagger(self._shared), Part(part.number))
            first, last = _ends(part)
            return Done(part.number, empty.data, rejects, part.rows, 0, first, last)
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _packed(part: Part) -> Part:
    """Return a part whose Arrow columns own no more memory than they show, for the journey."""
    import numpy as np

    batches = [
        Batch(
            b.texts,
            b.docs,
            {
                name: c if isinstance(c, list) else c.take(np.arange(len(c)))
                for name, c in b.extra.items()
            },
            b.sources,
            b.lines,
        )
        for b in part.batches
    ]
    return Part(part.number, batches, part.rejects)


_worker: tuple[Tagger, Work] | None = None


def _start_worker(shared: str, work: Work) -> None:
    import signal

    # Ctrl-C reaches all processes of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _worker
    _worker = _worker_tagger(shared), work


def _worker_tagger(shared: str) -> Tagger:
    import joblib

    # Written a moment ago by the parent, into a folder that is its own.
    tagger: Tagger = joblib.load(shared, mmap_mode="r")
    return tagger


def _in_worker(path: Path) -> None:
    """Put the answer to a part, which a file holds, in its place."""
    assert _worker is not None
    tagger, work = _worker
    path.write_bytes(pickle.dumps(work.do(tagger, pickle.loads(path.read_bytes()))))


def tables(
    tagger: Tagger, given: Input, explain: bool, rejected: Callable[[Reject], None]
) -> Iterator[tuple[Batch, TaggedTable]]:
    """Yield tagged sentences batch by batch, for output that is not kept in parts.

    Parameters
    ----------
    rejected : is told of each row that could not be tagged.
    """
    work = Work("jsonl", given.sentences, explain, {})
    for item in read_batches(given):
        if isinstance(item, Reject):
            rejected(item)
            continue
        rejects: list[Reject] = []
        yield from work.tables(tagger, item, rejects)
        for reject in rejects:
            rejected(reject)
