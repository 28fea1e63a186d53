"""A job: files in, one tagged file out, whatever happens in between.

The work is cut into parts by the bytes of their text. Each is kept beside the output, in the
folder ``<output>.parts``, with a manifest of its own: as a file, which the end joins with the
others into the output, or (Parquet) behind the one before in the file that the end gives a
footer and renames. So a job that is stopped anywhere, by whatever, goes on with the first part
that is missing and gives the same bytes as one that was never stopped.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tagger.bulk.parts import Done, Part, Work, begun
from tagger.bulk.settings import JobSettings, Progress, Result
from tagger.bulk.store import PART_COUNTS, PartStore, check_output, size_of
from tagger.errors import OutputError
from tagger.files import tagged
from tagger.files.writers import copy, writer_of
from tagger.predictor import Tagger
from tagger.targets import atomic_write, locked, rename_into_place, write

_PREFIX = "work-"


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
        with locked(folder):
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
    writer, made = writer_of(settings.format), (tagger.model.id, settings.to_dict())
    suffix = writer.part or settings.format
    store = PartStore(folder, suffix, *made, settings.origin.files, writer.append)
    if settings.resume and not store.begun and (result := store.finished_before(settings)):
        settings.origin.say(f"{settings.output}: finished by an earlier run; nothing is tagged")
        return result
    store.begin(settings.resume, settings.force, settings.origin.say)
    meter = _Meter(store.header["inputs"])
    notes: list[str] = []

    def say(note: str) -> None:
        notes.append(note)
        settings.origin.say(note)

    origin = replace(settings.origin, say=say)
    work, known, parts = begun(tagger, settings, origin, meter.at)
    manifests: dict[int, dict[str, Any]] = {}
    reused = 0
    finished = True

    def missing() -> Iterator[Part]:
        nonlocal reused, finished
        for part in parts:
            if stop():
                finished = False
                return
            stored = store.load(part.number, part.rows)
            if stored is not None:
                reused += 1
                manifests[part.number] = stored
                report(meter.add(stored))
            else:
                yield part

    for done in _work_off(tagger, work, missing(), settings.jobs, folder):
        manifests[done.number] = store.save(done)
        report(meter.add(manifests[done.number]))
    result = Result(
        **meter.sums,
        finished=finished,
        parts=len(manifests),
        reused=reused,
        knows_language=known,
        notes=tuple(notes),
    )
    if finished:
        store.check_unchanged()
        _finish(tagger, settings, work, store, manifests, result)
    return result


def _finish(
    tagger: Tagger,
    settings: JobSettings,
    work: Work,
    store: PartStore,
    manifests: dict[int, dict[str, Any]],
    result: Result,
) -> None:
    """Make the output of the parts, and count once more."""
    if sorted(manifests) != list(range(len(manifests))):
        raise OutputError(f"{store.folder}: a part is missing: run again with --resume")
    numbers = range(len(manifests))
    output = settings.output
    rejects = tagged.rejects_path(output)
    rejects.unlink(missing_ok=True)
    tagged.manifest_path(output).unlink(missing_ok=True)  # it would vouch for what is replaced
    if result.rejected:
        with atomic_write(rejects) as stream:
            n = sum(copy(store.rejects(i), manifests[i]["rejects_sha256"], stream) for i in numbers)
        if n < 1:
            raise OutputError(f"{rejects}: {result.rejected} rows were rejected, found none")
    if work.writer.write_footer:
        footers = (store.part(i).read_bytes() for i in numbers)
        counted: int | None = work.writer.write_footer(store.body, store.size, footers)
    else:
        parts = [(store.part(i), manifests[i]["sha256"]) for i in numbers]
        counted = work.writer.join(parts, output, work.layout(tagger))
    expected = result.sentences + (0 if work.writer.sentences else result.others)
    if counted is not None and counted != expected:
        raise OutputError(
            f"{output}: holds {counted} rows, expected {expected}: run again with --resume"
        )
    made = store.body if work.writer.write_footer else output
    write(tagged.manifest_path(output), store.record(tagger, result, bytes=size_of(made)))
    if work.writer.write_footer:
        # Last: a run that is killed from here on has its output, and no part to go on with.
        rename_into_place(store.body, output)


class _Meter:
    """Counts the bytes of the input that have been read."""

    def __init__(self, inputs: Sequence[dict[str, Any]]) -> None:
        self._before: dict[str, int] = {}
        total = 0
        for entry in inputs:
            self._before.setdefault(entry["file"], total)
            total += entry["bytes"]
        self.done, self.total = 0, 0 if "-" in self._before else total
        self.sums = dict.fromkeys(PART_COUNTS, 0)

    def at(self, path: str, n_bytes: int) -> None:
        self.done = self._before[path] + n_bytes

    def add(self, manifest: dict[str, Any]) -> Progress:
        """Count a part, and return how far the job has come."""
        for name in self.sums:
            self.sums[name] += manifest[name]
        return Progress(self.sums["rows"], self.sums["rejected"], self.done, self.total)


def stream(tagger: Tagger, settings: JobSettings) -> Iterator[tuple[Done, bool]]:
    """Yield what a job would write, part by part, and each time whether the language is known."""
    work, known, parts = begun(tagger, settings, settings.origin)
    for part in parts:
        yield work.do(tagger, part), known


def _work_off(
    tagger: Tagger, work: Work, parts: Iterator[Part], jobs: int, folder: Path
) -> Iterator[Done]:
    """Tag parts, in this process or in `jobs` others, and yield them in order.

    `folder` is written by this run only; in it the processes meet.
    """
    for left in folder.glob(f"{_PREFIX}*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    if jobs == 1:
        yield from (work.do(tagger, part) for part in parts)
        return
    # Imported when there are others: no start waits for what joins processes.
    from tempfile import TemporaryDirectory

    from tagger.bulk.workers import Workers

    # In no folder for temporary files: what kill -9 leaves, the next run finds here.
    with (
        TemporaryDirectory(prefix=_PREFIX, dir=folder) as place,
        Workers(tagger, work, jobs, Path(place)) as workers,
    ):
        yield from workers.do(parts)
