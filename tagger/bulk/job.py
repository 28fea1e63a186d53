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
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tagger import __version__
from tagger.bulk.output import finish
from tagger.bulk.parts import Done, Part, knows_language, plan, read_parts
from tagger.bulk.settings import JobSettings, Progress, Result
from tagger.bulk.store import Store, begin, check_output, fingerprint, locked, to_json
from tagger.bulk.workers import work_off
from tagger.errors import OutputError
from tagger.predictor import Tagger


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
    inputs = fingerprint(settings.origin.files)
    header: dict[str, Any] = {
        "tagger": __version__,
        "model": tagger.model.id,
        "options": settings.to_dict(),
        "inputs": inputs,
    }
    begin(folder, header, settings.origin.files, settings.resume)
    key = hashlib.sha256(to_json(header)).hexdigest()
    # In the parts folder a page is a draft, and a table has its plain ending.
    store = Store(folder, settings.format)
    total = sum(entry["bytes"] for entry in inputs)
    meter = _Meter(settings.origin.files, inputs, total)
    parts = read_parts(settings.origin, settings.part_bytes, meter.at)
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
                report(meter.add(known))
            else:
                yield part

    for done in work_off(tagger, work, missing(), settings.jobs):
        manifests[done.number] = store.save(done, key)
        report(meter.add(manifests[done.number]))
    sums = meter.sums
    result = Result(
        sums["rows"],
        sums["rows"] - sums["rejected"],
        sums["rejected"],
        sums["sentences"],
        finished,
        len(manifests),
        reused,
        sums["nulls"],
        knows_language(tagger, first),
    )
    if finished:
        finish(tagger, settings, work, store, manifests, header, result)
    return result


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
        self.sums = dict.fromkeys(("rows", "rejected", "sentences", "nulls"), 0)

    def at(self, path: str, n_bytes: int) -> None:
        self.done = self._before[path] + n_bytes

    def add(self, manifest: dict[str, Any]) -> Progress:
        """Count a part, and return how far the job has come."""
        for name in self.sums:
            self.sums[name] += manifest[name]
        return Progress(self.sums["rows"], self.sums["rejected"], self.done, self.total)


def _chain(first: Part | None, rest: Iterator[Part]) -> Iterator[Part]:
    if first is not None:
        yield first
    yield from rest


def stream(tagger: Tagger, settings: JobSettings) -> Iterator[tuple[Done, bool]]:
    """Yield what a job would write, part by part, for output that is not kept.

    Yields
    ------
    A part that is done, and whether the first texts look like the language of the
    training data.
    """
    parts = read_parts(settings.origin, settings.part_bytes)
    first = next(parts, None)
    work = plan(settings, first)
    known = knows_language(tagger, first)
    for part in _chain(first or Part(0), parts):
        yield work.do(tagger, part), known
