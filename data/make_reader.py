"""Make models/claims-en-reader: train, round to 8 bits, combine with the first reader, measure.

    python data/make_reader.py SHARED/real [--dev FILE.jsonl] [--state DIR] [--output DIR]
    python data/make_reader.py SHARED/real [--dev FILE.jsonl] [--output DIR] --measure

SHARED/real holds the texts of data/real/labels.jsonl. Four fifths of the training part's documents
train the encoder beside the corpus, in the runs of the recipe, whose weights are averaged. Of
each of their sentences it learns what share of the readers gave each label (Peterson et al. 2019,
"Human uncertainty makes classification more robust"). It learns beside them what larger encoders,
taught by the same readers, say of sentences that nobody has read (data/teach.py). The others (by a
hash of their name) fit the combination. Both together train what tells which sentences are in
doubt. The first reader has learned from none of them, and nothing from the held-out part and FILE,
which are for measuring.
The folder of --state keeps the state after each run; where there is one, it goes on from there.
With --measure the reader that is there is measured anew, and nothing else is written.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "data" / "real"))

import numpy as np
import taught
from fit_doubt import fit_doubt
from parts import sha256

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.encoder.combination import Combination, fit_combination
from tagger.encoder.doubt import Doubt
from tagger.encoder.export import to_onnx
from tagger.encoder.finetune import one_thread
from tagger.encoder.network import load_base
from tagger.encoder.reader import REREADS, SecondReader, load_reader
from tagger.encoder.samples import Samples, samples_of
from tagger.encoder.settings import EncoderSettings
from tagger.encoder.train import fit
from tagger.evaluation.answers import decided
from tagger.evaluation.scores import score
from tagger.features.arrays import Floats
from tagger.schema import CLAIMS, outputs_of
from tagger.settings import read_toml
from tagger.training.calibration import prior_shift
from tagger.training.crossfit import confusions
from tagger.training.settings import TrainingSettings

RECIPE = ROOT / "data" / "claims-en-reader.toml"
FOLDS = 5
CARD = """# claims-en-reader

The second reader of tagger: all-MiniLM-L6-v2 (Apache-2.0), fine-tuned by
`python data/make_reader.py` on data/corpus, on {n_real:,} sentences of data/real as their
readers saw them and on {n_taught:,} others as larger encoders, taught by the former, see them
(the text of none is in it), weights in 8 bits, combined with models/claims-en on
{n_combination:,} others. Folder `doubt` holds a linear model of {n_doubt:,}, which tells what
is to be reread where not everything is. Asked for by `tagger predict --second-reader all` (or
`doubtful`); it answers for claims-en's labels in English news. What it was measured at stands in
report.json.
Licence: Apache-2.0.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--dev", type=Path, help="labelled sentences to measure on")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "models" / "claims-en-reader")
    parser.add_argument("--measure", action="store_true", help="only measure what is there")
    given = parser.parse_args()
    first = Tagger.load()
    held_out = joined(given.shared, "--held-out")
    reader = load_reader(given.output) if given.measure else made(given, first)
    measured = {"held_out": held_out} | ({"dev": read_dev(given.dev)} if given.dev else {})
    report = {"reader": reader.id, "first": first.model.id} | {
        name: measure(corpus, first, reader) for name, corpus in measured.items()
    }
    report["speed"] = speed(reader, held_out.texts)
    (given.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=1))


def made(given: argparse.Namespace, first: Tagger) -> SecondReader:
    """Train a reader, and write it down with its card."""
    recipe = read_toml(RECIPE)
    invented = read_corpus(sorted(map(str, (ROOT / "data" / "corpus").glob("*.jsonl"))), CLAIMS)
    real = joined(given.shared, "--training")
    learned, calibration = learned_and_spared(real)
    said = taught.read(given.shared)
    reader = averaged(recipe, invented, learned, said, given.state)
    settings = TrainingSettings.from_dict(recipe["doubt"]["training"])
    doubt = fit_doubt(real, first.model, settings, recipe["doubt"]["share"])
    combinations, out_of_fold = combined(calibration, first, reader, doubt)
    about = {
        "recipe": recipe,
        "data": {
            name: {"sha256": corpus.sha256, "n_sentences": len(corpus)}
            for name, corpus in (
                *(("corpus", invented), ("real", learned), ("combination", calibration)),
                ("doubt", real),
            )
        }
        | {"taught": {"sha256": sha256(taught.TAUGHT.read_text()), "n_sentences": len(said[0])}},
        "out_of_fold": out_of_fold,
    }
    reader = replace(
        reader, first=first.model.id, combinations=combinations, about=about, doubt=doubt
    )
    for name, data in reader.contents().items():
        (given.output / name).parent.mkdir(parents=True, exist_ok=True)
        (given.output / name).write_bytes(data)
    counts = {f"n_{name}": data["n_sentences"] for name, data in about["data"].items()}
    (given.output / "README.md").write_text(CARD.format(**counts))
    return reader


def averaged(
    recipe: dict,
    invented: Corpus,
    learned: Corpus,
    said: tuple[list[str], Floats],
    state: Path | None,
) -> SecondReader:
    """Train the runs and average their weights (model soups, Wortsman et al. 2022)."""
    settings = EncoderSettings.from_dict(recipe["encoder"])
    shuffled = np.random.default_rng(0).permutation(len(invented))
    weights = []
    with one_thread():
        for i, run in enumerate(recipe["runs"]):
            network, tokenizer = load_base(settings, CLAIMS.n_labels, 0)
            half = invented.take(shuffled[slice(*run["corpus"])])
            samples = samples_for(run, recipe["torn"], half, learned, tokenizer)
            fit(
                network,
                with_taught(samples, *said, tokenizer),
                CLAIMS,
                replace(settings, learning_rate=run["learning_rate"]),
                run["seed"],
                state and state / f"run-{i}",
                partial(tell, f"run {i + 1} of {len(recipe['runs'])}"),
            )
            weights.append({k: x.clone() for k, x in network.state_dict().items()})
        means = {k: sum(w[k] for w in weights) / len(weights) for k in weights[0]}
        network.load_state_dict(means)
        onnx = to_onnx(network)
    return SecondReader(CLAIMS, onnx, tokenizer.to_str().encode(), settings.max_tokens)


def samples_for(
    run: dict, torn: float, invented: Corpus, learned: Corpus, tokenizer: Any
) -> Samples:
    """Return what a run learns: sentences of the corpus, and the real ones so often as it says."""
    order = np.random.default_rng(run["seed"]).permutation(len(learned))
    examples = [*invented.examples, *learned.take(order).examples * run["real"]]
    texts, labels = zip(*((x.text, x.labels) for x in examples), strict=True)
    samples = samples_of(CLAIMS, texts, labels, tokenizer)
    targets = [
        shares(example.extra["read"], torn) if "read" in example.extra else target
        for example, target in zip(examples, samples.targets, strict=True)
    ]
    return replace(samples, targets=np.array(targets))


def with_taught(
    samples: Samples, texts: list[str], probabilities: Floats, tokenizer: Any
) -> Samples:
    """Return the samples, and behind them sentences with the probabilities that teachers gave."""
    tokens = tuple(tuple(encoded.ids) for encoded in tokenizer.encode_batch(texts))
    return Samples(
        samples.tokens + tokens,
        np.concatenate([samples.targets, probabilities]),
        np.concatenate([samples.known, np.ones(probabilities.shape, bool)]),
    )


def shares(readers: list[str], torn: float) -> Floats:
    """Return what share of readers gave each label, shape (6,): the claims, then the themes.

    Parameters
    ----------
    readers : what each said, as data/real/merge.py writes it: "F?I me" for one who took the first
        of two claims, torn, and saw two themes.
    torn : how much of a torn reader goes to the claim that was chosen; the rest to the other.
    """
    given = np.zeros((len(readers), 6))
    for row, reader in zip(given, readers, strict=True):
        claim, themes = reader.split(" ")
        first, other = claim[0], claim[-1]
        row["FIS".index(first)] += torn
        row["FIS".index(other)] += 1 - torn
        row[3:] = [letter in themes for letter in "mde"]
    return given.mean(axis=0)


def combined(
    corpus: Corpus, first: Tagger, reader: SecondReader, doubt: Doubt
) -> tuple[dict[str, Combination], dict]:
    """Return by task how both readers are combined, and what both get wrong out of fold."""
    p, scores = first.predict_proba(corpus.texts), reader.scores(corpus.texts)
    priors = {name: task["priors"] for name, task in first.model.about["settings"]["tasks"].items()}
    fold_of = np.array([number_of_fold(example.doc) for example in corpus.examples])
    combinations, both = {}, {}
    for task, part in outputs_of(CLAIMS):
        _, y = corpus.gold(task)
        u, v = p[task.name], scores[:, part]
        # Real sentences were drawn for their themes; both readers are to expect the same news.
        shift = prior_shift(task, y, priors[task.name])
        combinations[task.name] = fit_combination(task, u, v, y).moved(shift=shift)
        both[task.name] = np.empty_like(u)
        for fold in range(FOLDS):
            out, rest = fold_of == fold, fold_of != fold
            fitted = fit_combination(task, u[rest], v[rest], y[rest]).moved(shift=shift)
            both[task.name][out] = fitted.probabilities(task, u[out], v[out])
    chosen = doubt.of(corpus.texts, p, first.model.close(p))
    mixed = {t: np.where(chosen[:, None], both[t], p[t]) for t in p}
    ways = dict(zip(REREADS, (mixed, both), strict=True))
    return combinations, {
        way: confusions(corpus, decided(first.model, q)) for way, q in ways.items()
    }


def joined(shared: Path, part: str) -> Corpus:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "real.jsonl")
        join = str(ROOT / "data" / "real" / "join.py")
        subprocess.run([sys.executable, join, str(shared), str(path), part], check=True)
        return read_corpus([str(path)], CLAIMS)


def learned_and_spared(real: Corpus) -> tuple[Corpus, Corpus]:
    """Return the real sentences that encoders learn, and those that fit the combination."""
    spared = np.array([example.extra["part"] == "combination" for example in real.examples])
    return real.take(np.flatnonzero(~spared)), real.take(np.flatnonzero(spared))


def read_dev(path: Path) -> Corpus:
    return read_corpus([str(path)], CLAIMS)


def number_of_fold(doc: str) -> int:
    """Return the fold of a document."""
    return int(hashlib.sha256(f"fold {doc}".encode()).hexdigest(), 16) % FOLDS


_begun = _said = time.monotonic()


def tell(run: str, what: str, done: int, total: int) -> None:
    global _begun, _said
    if done == 1:
        _begun = time.monotonic()
    if not total or done == total or time.monotonic() - _said > 30:
        _said = time.monotonic()
        left = (_said - _begun) / done * (total - done) if done else 0
        print(f"{run}, {what}: {done} of {total}, {left:.0f} s left", file=sys.stderr, flush=True)


def measure(corpus: Corpus, first: Tagger, reader: SecondReader) -> dict:
    """Return the figures of the readers, alone and together, on the same sentences."""
    p = first.predict_proba(corpus.texts)
    whole = reader.reread(corpus.texts, p, None)
    doubtful = reader.doubt.of(corpus.texts, p, first.model.close(p))
    least_sure = np.zeros(len(corpus), bool)
    margins = reader.doubt.margins(corpus.texts, p)
    least_sure[margins.argsort(kind="stable")[: len(corpus) * 3 // 10]] = True
    answers = {"first": p, "second": whole.alone, "both": whole.both}
    for name, chosen in (("both_doubtful", doubtful), ("both_least_sure_30", least_sure)):
        answers[name] = {t: np.where(chosen[:, None], whole.both[t], p[t]) for t in p}
    return {
        "sha256": corpus.sha256,
        "n_sentences": len(corpus),
        "share_doubtful": round(float(doubtful.mean()), 4),
        **{name: figures(corpus, answer, first) for name, answer in answers.items()},
    }


def figures(corpus: Corpus, p: dict[str, Floats], first: Tagger) -> dict[str, object]:
    found: dict[str, object] = {}
    for c in first.model.classifiers:
        task = c.task
        _, gold = corpus.gold(task)
        given = c.decide(p[task.name])
        scored = score(task, gold, given, p[task.name])
        found[task.name] = {
            "macro_f1": round(scored.macro_f1, 4),
            "f1": {x.label: round(x.f1.value or 0.0, 4) for x in scored.labels},
            "exact_match": round(scored.exact_match, 4),
            "ece": round(scored.figures["ece"].value or 0.0, 4),
        }
        if not task.multilabel:
            clearest = np.argsort(-c.margins(p[task.name]), kind="stable")
            clearest = clearest[: round(0.7 * len(clearest))]
            found[task.name]["right_in_clearest_70"] = round(
                float((given == gold)[clearest].mean()), 4
            )
    return found


def speed(reader: SecondReader, texts: list[str]) -> dict[str, object]:
    """Return sentences a second of processor time; benchmarks/encoders.py has those of others."""
    seconds = []
    reader.scores(texts[:3])
    for _ in range(3):
        begun = time.process_time()
        reader.scores(texts)
        seconds.append(time.process_time() - begun)
    return {"sentences_a_second": {"reader": round(len(texts) / min(seconds), 1)}}


if __name__ == "__main__":
    main()
