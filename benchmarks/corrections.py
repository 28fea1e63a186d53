"""How many corrections of an outlet's own sentences bring how much there, and how they weigh.

    python benchmarks/corrections.py articles.jsonl           # the whole articles, none is kept
    python benchmarks/corrections.py --labelled real.jsonl    # as data/real/join.py gives them
    python benchmarks/corrections.py --page data/corpus/wire.jsonl   # seconds until retrained

A simulated reader answers by the labels in `corrections.jsonl` (no text: document, offsets and
hash of each sentence). The documents of an outlet are cut in two at random, the model learns
from corrections of one half and is asked the other, and the other way round; several times.
Macro F1 of claims over all sentences of the outlet, and the mean of the cuts.
"""

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from tagger import Tagger
from tagger.corpus.corpus import Corpus, Example
from tagger.evaluation.answers import Answers
from tagger.evaluation.figures import count_table, figures_of
from tagger.model.classifier import encode
from tagger.model.model import Model
from tagger.review.desk import Desk
from tagger.review.store import ANSWER, Store
from tagger.review.teach import Teacher
from tagger.training.adapt import adapt, closeness

LABELS = Path(__file__).parent / "corrections.jsonl"


def sentences(articles: Path, outlet: str, model: Model) -> Corpus:
    """Put the labels of an outlet and the text together again."""
    texts = {}
    for line in articles.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        texts[hashlib.sha256(row["doc"].encode()).hexdigest()[:16]] = row["text"]
    examples = []
    for line in LABELS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["outlet"] != outlet:
            continue
        text = texts[row["doc"]][row["start"] : row["end"]]
        if hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
            raise SystemExit(f"{row['doc']}: another text than the one that was labelled")
        labels = {"claim": row["claim"], "theme": tuple(row["theme"])}
        examples.append(Example(text, labels, row["doc"]))
    return Corpus(model.schema, tuple(examples))


def labelled(path: Path, least: int, model: Model) -> dict[str, Corpus]:
    """Return by source the sentences of a file of labelled ones, where they are many."""
    found: dict[str, list[Example]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        labels = {"claim": row["claim"], "theme": tuple(row["theme"])}
        found.setdefault(row["source"], []).append(Example(row["text"], labels, row["doc"]))
    return {k: Corpus(model.schema, tuple(v)) for k, v in found.items() if len(v) >= least}


def answers(model: Model, corpus: Corpus) -> np.ndarray:
    """Return the claims that a model gives."""
    c = next(c for c in model.classifiers if c.task.name == "claim")
    return np.asarray(c.decide(model.probabilities(corpus.texts)["claim"]))


def f1(corpus: Corpus, given: np.ndarray) -> float:
    """Return macro F1 of claims."""
    task = corpus.schema["claim"]
    gold = encode(task, corpus.labels("claim"))
    table = count_table(task, gold, Answers(given))
    return float(figures_of(task, table.sum(axis=0))["macro_f1"])


def learned(
    model: Model, corpus: Corpus, n: int, weight: float, cuts: int, teaching: bool
) -> tuple[float, float, float]:
    """Return the mean F1 after `n` corrections, its deviation, and seconds of processor."""
    groups, found, seconds = corpus.groups, [], []
    order = np.argsort(closeness(model, model.probabilities(corpus.texts)))
    for cut in range(cuts):
        rng = np.random.default_rng(cut)
        half = rng.permutation(groups.max() + 1) % 2
        ranked = order if teaching else rng.permutation(len(corpus))
        given = np.zeros(len(corpus), np.int64)
        for side in (0, 1):
            chosen = [i for i in ranked if half[groups[i]] == side][:n]
            asked = np.flatnonzero(half[groups] != side)
            start = time.process_time()
            taught = adapt(model, corpus.take(chosen), weight) if chosen else model
            seconds.append(time.process_time() - start)
            given[asked] = answers(taught, corpus.take(asked))
        found.append(f1(corpus, given))
    return float(np.mean(found)), float(np.std(found)), float(np.median(seconds))


def retrained(path: Path, n: int) -> float:
    """Return the seconds on the clock from asking the page to retrain until it shows the gain."""
    tagger = Tagger.load()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    labels = {row["text"]: row for row in rows}
    documents: dict[str, list[str]] = {}
    for row in rows[: 2 * n]:
        documents.setdefault(row["doc"], []).append(row["text"])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "review.sqlite", tagger.schema)
        desk = Desk(store, tagger)
        none = [""] * len(documents)
        desk.add_texts(
            [" ".join(x) for x in documents.values()], list(documents), none, [[]] * len(none)
        )
        known = [r for r in store.all("SELECT id, text FROM sentences") if r["text"] in labels][:n]
        for row in known:
            for task in tagger.schema.tasks:
                answer = labels[row["text"]][task.name]
                store.decide("reader", row["id"], ANSWER, task.name, answer)
        teacher, start = Teacher(desk, None), time.perf_counter()
        teacher.start()
        while teacher.shown()["running"]:
            time.sleep(0.01)
        took = time.perf_counter() - start
        ((version, report),) = teacher.shown()["versions"]
        store.close()
    if len(known) < n or version["status"] != "done" or report["n"] != n:
        raise SystemExit(f"{version['status']}: {report} of {len(known)} corrections")
    return took


def main() -> None:
    """Print a line for each outlet, weight and number of corrections."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("articles", type=Path)
    parser.add_argument("--labelled", action="store_true", help="the file has labels, by source")
    parser.add_argument("--page", action="store_true", help="time 200 corrections on the page")
    parser.add_argument("--model", help="folder; the shipped model by default")
    parser.add_argument("--at-random", action="store_true", help="not the least clear first")
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--weights", type=float, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--numbers", type=int, nargs="+", default=[25, 50, 100])
    given = parser.parse_args()
    if given.page:
        times = sorted(retrained(given.articles, 200) for _ in range(5))
        print(f"200 corrections retrained: {times[2]:.1f} s ({times[0]:.1f} to {times[-1]:.1f})")
        return
    model = Tagger.load(given.model).model
    if given.labelled:
        sources = labelled(given.articles, 600, model)
    else:
        names = ("breitbart", "huff-post")
        sources = {name: sentences(given.articles, name, model) for name in names}
    sums: dict[float, list[list[float]]] = {}
    for outlet, corpus in sources.items():
        print(
            f"{outlet}: {len(corpus)} sentences, as it is {f1(corpus, answers(model, corpus)):.3f}"
        )
        for weight in given.weights:
            points = []
            for n in given.numbers:
                teaching = not given.at_random
                mean, spread, took = learned(model, corpus, n, weight, given.cuts, teaching)
                sums.setdefault(weight, []).append([n, mean - f1(corpus, answers(model, corpus))])
                points.append(f"{n}: {mean:.3f} ± {spread:.3f} ({took:.1f} s)")
            how = "at random" if given.at_random else "least clear first"
            print(f"  {how}, weight {weight:g}: {'; '.join(points)}", flush=True)
    for weight, rows in sums.items():
        gains = [np.mean([gain for n, gain in rows if n == wanted]) for wanted in given.numbers]
        shown = "; ".join(f"{n}: {g:+.3f}" for n, g in zip(given.numbers, gains, strict=True))
        print(f"mean gain, weight {weight:g}: {shown}")


if __name__ == "__main__":
    main()
