"""Make models/claims-en-reader: train, round to 8 bits, combine with the first reader, measure.

    python data/make_reader.py SHARED/real [--dev FILE.jsonl] [--state FILE] [--output DIR]

What `tagger train --second-reader` does, with two differences: real sentences are learned beside
the corpus, and the combination is fitted on some of them instead of out of fold. SHARED/real
holds the texts of data/real/labels.jsonl. Four fifths of the training part's documents train the
encoder; the others (by a hash of their name) fit the combination. Neither reader has learned from
them, nor from the held-out part and FILE, which are for measuring. FILE of --state keeps how far
the training is; where it exists, it goes on from there.
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
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.encoder.combination import fit_combination
from tagger.encoder.finetune import finetune
from tagger.encoder.reader import SecondReader
from tagger.encoder.samples import outputs_of
from tagger.encoder.settings import EncoderSettings
from tagger.evaluation.scores import score
from tagger.features.arrays import Floats
from tagger.model.classifier import encode
from tagger.schema import CLAIMS
from tagger.settings import read_toml
from tagger.training.calibration import prior_shift

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "data" / "claims-en-reader.toml"
SEED = 0
CARD = """# claims-en-reader

The second reader of tagger: all-MiniLM-L6-v2 (Apache-2.0), fine-tuned by
`python data/make_reader.py` on data/corpus and on 3,080 sentences of data/real (their text is not
in it), weights in 8 bits, combined with models/claims-en on 787 others. Asked for by
`tagger predict --second-reader all`; it answers for claims-en's labels in English news.
What it was measured at stands in report.json. Licence: Apache-2.0.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--dev", type=Path, help="labelled sentences to measure on")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "models" / "claims-en-reader")
    given = parser.parse_args()
    recipe = read_toml(RECIPE)
    (stage,) = recipe["stages"]
    settings = {**recipe["encoder"], "learning_rate": stage["learning_rate"]}
    invented = read_corpus(sorted(map(str, (ROOT / "data" / "corpus").glob("*.jsonl"))), CLAIMS)
    real, held_out = (joined(given.shared, part) for part in ("--training", "--held-out"))
    spared = np.array([spares(example.doc) for example in real.examples])
    learned, calibration = (real.take(np.flatnonzero(x)) for x in (~spared, spared))
    order = np.random.default_rng(SEED).permutation(len(invented))[slice(*stage["corpus"])]
    examples = [*invented.take(order).examples, *learned.examples * stage["real"]]
    reader = finetune(
        CLAIMS,
        [example.text for example in examples],
        [example.labels for example in examples],
        EncoderSettings.from_dict(settings),
        SEED,
        given.state,
        tell,
    )
    first = Tagger.load()
    p, scores = first.predict_proba(calibration.texts), reader.scores(calibration.texts)
    priors = {name: task["priors"] for name, task in first.model.about["settings"]["tasks"].items()}
    combinations = {}
    for task, part in outputs_of(CLAIMS):
        y = encode(task, calibration.labels(task.name))
        fitted = fit_combination(task, p[task.name], scores[:, part], y)
        # Real sentences were drawn for their themes; both readers are to expect the same news.
        combinations[task.name] = fitted.moved(shift=prior_shift(task, y, priors[task.name]))
    about = {
        "recipe": recipe,
        "seed": SEED,
        "data": {
            name: {"sha256": corpus.sha256, "n_sentences": len(corpus)}
            for name, corpus in (
                ("corpus", invented),
                ("real", learned),
                ("combination", calibration),
            )
        },
    }
    reader = replace(reader, first=first.model.id, combinations=combinations, about=about)
    measured = {"held_out": held_out} | ({"dev": read_dev(given.dev)} if given.dev else {})
    report = {"reader": reader.id, "first": first.model.id} | {
        name: measure(corpus, first, reader) for name, corpus in measured.items()
    }
    report["speed"] = speed(reader, held_out.texts)
    given.output.mkdir(parents=True, exist_ok=True)
    for name, data in reader.contents().items():
        (given.output / name).write_bytes(data)
    (given.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (given.output / "README.md").write_text(CARD)
    print(json.dumps(report, indent=1))


def joined(shared: Path, part: str) -> Corpus:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "real.jsonl")
        join = str(ROOT / "data" / "real" / "join.py")
        subprocess.run([sys.executable, join, str(shared), str(path), part], check=True)
        return read_corpus([str(path)], CLAIMS)


def read_dev(path: Path) -> Corpus:
    return read_corpus([str(path)], CLAIMS)


def spares(doc: str) -> bool:
    """Return whether a document is for fitting the combination: a fifth of them."""
    return int(hashlib.sha256(f"calibration {doc}".encode()).hexdigest(), 16) % 5 == 0


_begun = _said = time.monotonic()


def tell(what: str, done: int, total: int) -> None:
    global _said
    if not total or done == total or time.monotonic() - _said > 30:
        _said = time.monotonic()
        left = (_said - _begun) / done * (total - done) if done else 0
        print(f"{what}: {done} of {total}, {left:.0f} s left", file=sys.stderr, flush=True)


def measure(corpus: Corpus, first: Tagger, reader: SecondReader) -> dict:
    """Return the figures of the readers, alone and together, on the same sentences."""
    p = first.predict_proba(corpus.texts)
    whole = reader.reread(corpus.texts, p, np.ones(len(corpus), bool))
    doubtful = first.model.doubtful(p)
    least_sure = np.zeros(len(corpus), bool)
    margins = first.model.classifiers[0].margins(p["claim"])
    least_sure[margins.argsort()[: len(corpus) * 3 // 10]] = True
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
        gold, given = encode(task, corpus.labels(task.name)), c.decide(p[task.name])
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
