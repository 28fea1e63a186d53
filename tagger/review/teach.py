"""Corrections -> the next version of the model, in a process of its own, and what it brings."""

import json
import multiprocessing
import threading
from pathlib import Path
from typing import Any

from tagger.corpus.corpus import Corpus, Example
from tagger.errors import DataError, ModelError, TaggerError
from tagger.evaluation.readers import agreement
from tagger.predictor import Tagger
from tagger.review.desk import Desk
from tagger.review.store import Store
from tagger.schema import Schema
from tagger.training.adapt import WEIGHT, adapt, gains

RUNNING, DONE, FAILED = "running", "done", "failed"


def corrections(desk: Desk) -> Corpus:
    """Return what readers agree on as labelled sentences."""
    schema = desk.schema
    examples = []
    for row in desk.training_rows():
        answers = {t.name: t.parse(row[t.name]) for t in schema.tasks if t.name in row}
        if answers:
            examples.append(Example(row["text"], answers, row["doc"]))
    return Corpus(schema, tuple(examples))


def train_version(store_path: str, base: str | None, number: int) -> None:
    """Train a version from what the store holds; runs in a process of its own.

    Parameters
    ----------
    store_path : the store; how far it is stands there too.
    base : folder of the model to start from, None for the shipped one.
    number : of the version in the store.
    """
    tagger = Tagger.load(base)
    store = Store(store_path, tagger.schema)
    try:
        corpus = corrections(Desk(store, tagger))
        model = adapt(tagger.model, corpus)
        folder = Path(f"{store.path}.models") / str(number)
        model.save(folder)
        report: dict[str, Any] = {"n": len(corpus), "weight": WEIGHT, "tasks": [], "note": ""}
        try:
            tell = lambda done, n: store.set_model(number, step=f"measuring, {done + 1} of {n}")  # noqa: E731
            for found in gains(tagger.model, corpus, report=tell):
                d = found.figures["macro_f1"]
                gain = {"before": d.a, "after": d.b, "low": d.low, "high": d.high}
                changed = {"better": found.better, "worse": found.worse}
                report["tasks"].append({"task": found.task, "n": found.n, **gain, **changed})
        except DataError as error:
            report["note"] = str(error)
        place = folder.relative_to(store.path.parent).as_posix()
        ready = {"folder": place, "hash": model.id, "report": json.dumps(report)}
        store.set_model(number, status=DONE, step="", **ready)
    except TaggerError as error:
        store.set_model(number, status=FAILED, step=str(error))
    finally:
        store.close()


def load_version(store: Store, number: int, base: str | None) -> Tagger:
    """Load a version that lies beside its store.

    Parameters
    ----------
    store : which may have been moved or renamed, with the folder of its versions or without.
    number : of the version in the store.
    base : folder of the model that all versions start from, None for the shipped one.

    Raises
    ------
    DataError : there is no such version.
    ModelError : its folder is gone, damaged, or holds another model.
    """
    row, other = store.finished(number), ""
    if not row["folder"]:
        return Tagger.load(base)
    told, home = Path(row["folder"]), store.path.parent
    renamed, beside = Path(f"{store.path}.models", told.name), home.joinpath(*told.parts[-2:])
    # The last one: stores of before name the folder from where the command was called.
    for folder in dict.fromkeys((home / told, renamed, beside, told.absolute())):
        if folder.is_dir():
            tagger = Tagger.load(folder)
            if tagger.model.id == row["hash"]:
                return tagger
            other += f"; {folder} holds the model {tagger.model.id}"
    raise ModelError(
        f"version {number}, the model {row['hash']}, is not in {home / told}{other}: "
        "put its folder back there, or use another version"
    )


class Teacher:
    """Trains versions of the model and puts them to use.

    Parameters
    ----------
    desk : what uses them.
    base : folder of the model that all versions start from, None for the shipped one.
    """

    def __init__(self, desk: Desk, base: str | None) -> None:
        self.desk, self.base = desk, base
        self._process: Any = None
        self._lock = threading.Lock()
        # A run that was killed with the server before is over; one of another page says so itself.
        self._ended("the page was closed meanwhile, or another one was opened on this store")

    def _ended(self, reason: str) -> None:
        """Write down that what was being trained is not any more."""
        store = self.desk.store
        for row in store.all("SELECT id FROM models WHERE status = ?", RUNNING):
            store.set_model(row["id"], status=FAILED, step=reason)

    def start(self) -> None:
        """Begin to train a version in the background.

        Raises
        ------
        DataError : one is under way, or there is nothing to learn from.
        """
        with self._lock:
            if self._process is not None and self._process.is_alive():
                raise DataError("a version is being trained already")
            if not len(corrections(self.desk)):
                raise DataError("there is no correction to learn from: answer some sentences first")
            store = self.desk.store
            number = store.add_model("", RUNNING)
            arguments = str(store.path), self.base, number
            context = multiprocessing.get_context("spawn")
            self._process = context.Process(target=train_version, args=arguments, daemon=True)
            self._process.start()

    def adopt(self, number: int, reader: str) -> Tagger:
        """Note that a version is used from now on, and return it for `Desk.use`."""
        tagger = load_version(self.desk.store, number, self.base)  # first: it may be gone
        self.desk.store.adopt(number, reader)
        self.desk.tagger = tagger
        return tagger

    def shown(self) -> dict[str, Any]:
        """Return what the page shows of versions and readers."""
        store, process = self.desk.store, self._process
        if process is not None and not process.is_alive():
            self._ended(f"its process ended with {process.exitcode}")
        rows = store.all("SELECT * FROM models ORDER BY id DESC")
        adopted, used = store.adopted, self.desk.tagger.model.id
        return {
            "versions": [(row, json.loads(row["report"])) for row in rows],
            "adopted": adopted["id"] if adopted and adopted["hash"] == used else 0,
            "running": next((row for row in rows if row["status"] == RUNNING), None),
            "readers": readers(store),
            "agreement": agreements(store, self.desk.schema),
        }


def readers(store: Store) -> list[Any]:
    """Return by reader how many sentences they have answered and skipped."""
    return store.all(
        "SELECT reader, count(DISTINCT CASE action WHEN 'answer' THEN sentence END) answered,"
        " count(DISTINCT CASE action WHEN 'skip' THEN sentence END) skipped"
        " FROM standing GROUP BY reader ORDER BY reader"
    )


def agreements(store: Store, schema: Schema) -> list[dict[str, Any]]:
    """Return by task and pair of readers how far they agree."""
    verdicts = [by for by in store.verdicts().values() if len(by) > 1]
    names = sorted({name for by in verdicts for name in by})
    found = []
    for task in schema.tasks:
        columns = {
            name: [
                None if (a := by[name].answers.get(task.name) if name in by else None) is None
                else tuple(a) if task.multilabel else a
                for by in verdicts
            ]
            for name in names
        }  # fmt: skip
        between = agreement(task, columns) if len(names) > 1 else None
        found += [{"task": task.name, **pair} for pair in (between or {"pairs": []})["pairs"]]
    return found
