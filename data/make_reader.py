"""Make models/claims-en-reader: train, round to 8 bits, combine with the first reader, measure.

    python data/make_reader.py SHARED/real [--dev FILE.jsonl] [--weights FILE] [--output DIR]

SHARED/real holds the texts of data/real/labels.jsonl. Four fifths of the training part's
documents train the encoder; the others (by a hash of their name) fit the combination. Neither
reader has learned from them, nor from the held-out part and FILE, which are for measuring.
WEIGHTS keeps the trained weights; where the file exists they are taken from it.
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
# More threads would give other roundings, and so another model.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.encoder.combination import fit_combination
from tagger.encoder.export import to_onnx
from tagger.encoder.network import load_base
from tagger.encoder.reader import SecondReader
from tagger.encoder.samples import Samples, outputs_of, samples_of
from tagger.encoder.settings import EncoderSettings
from tagger.encoder.train import fit, predict
from tagger.evaluation.scores import score
from tagger.features.arrays import Floats
from tagger.model.classifier import encode, sigmoid, softmax
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
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "models" / "claims-en-reader")
    given = parser.parse_args()
    recipe = read_toml(RECIPE)
    settings = EncoderSettings.from_dict(recipe["encoder"])
    invented = read_corpus(sorted(map(str, (ROOT / "data" / "corpus").glob("*.jsonl"))), CLAIMS)
    real, held_out = (joined(given.shared, part) for part in ("--training", "--held-out"))
    spared = np.array([spares(example.doc) for example in real.examples])
    learned, calibration = (real.take(np.flatnonzero(x)) for x in (~spared, spared))
    network, tokenizer = load_base(settings, 6, SEED)
    trained(network, tokenizer, recipe["stages"], settings, invented, learned, given.weights)
    first = Tagger.load()
    plain = {
        "schema": CLAIMS,
        "tokenizer": tokenizer.to_str().encode(),
        "max_tokens": settings.max_tokens,
        "first": first.model.id,
    }
    reader = SecondReader(onnx=to_onnx(network), **plain)
    p, scores = first.predict_proba(calibration.texts), reader.scores(calibration.texts)
    priors = {name: task["priors"] for name, task in first.model.about["settings"]["tasks"].items()}
    combinations = {}
    for task, part in outputs_of(CLAIMS):
        y = encode(task, calibration.labels(task.name))
        fitted = fit_combination(task, p[task.name], scores[:, part], y)
        # Real sentences were drawn for their themes; both readers are to expect the same news.
        offset = fitted.offset + prior_shift(task, y, priors[task.name])
        combinations[task.name] = replace(fitted, offset=offset)
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
    reader = replace(reader, combinations=combinations, about=about)
    measured = {"held_out": held_out} | ({"dev": read_dev(given.dev)} if given.dev else {})
    report = {"reader": reader.id, "first": first.model.id} | {
        name: measure(corpus, first, reader) for name, corpus in measured.items()
    }
    report["speed"] = speed(network, reader, samples(held_out, tokenizer), held_out.texts)
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


def samples(corpus: Corpus, tokenizer) -> Samples:
    return samples_of(CLAIMS, corpus.texts, [e.labels for e in corpus.examples], tokenizer)


def trained(network, tokenizer, stages, settings, invented, real, weights: Path | None) -> None:
    from safetensors.torch import load_file, save_file

    if weights and weights.exists():
        network.load_state_dict(load_file(weights))
        return
    order = np.random.default_rng(SEED).permutation(len(invented))
    ours, theirs = samples(invented, tokenizer), samples(real, tokenizer)
    for number, stage in enumerate(stages):
        parts = [ours.take(order[slice(*stage["corpus"])]), *[theirs] * stage["real"]]
        mixed = Samples(
            sum((part.tokens for part in parts), ()),
            np.concatenate([part.targets for part in parts]),
            np.concatenate([part.known for part in parts]),
        )
        own = replace(settings, learning_rate=stage["learning_rate"])
        begun = last = time.monotonic()

        def tell(what, done, total, begun=begun, number=number):
            nonlocal last
            if time.monotonic() - last > 30 or done == total:
                last = time.monotonic()
                left = (last - begun) / done * (total - done)
                line = f"stage {number + 1}, {what}: {done} of {total}, {left:.0f} s left"
                print(line, file=sys.stderr, flush=True)

        fit(network, mixed, CLAIMS, own, number, None, tell)
    if weights:
        save_file({name: x.contiguous() for name, x in network.state_dict().items()}, weights)


def measure(corpus: Corpus, first: Tagger, reader: SecondReader) -> dict:
    """Return the figures of the readers, alone and together, on the same sentences."""
    p, scores = first.predict_proba(corpus.texts), reader.scores(corpus.texts)
    alone = {
        t.name: sigmoid(scores[:, part]) if t.multilabel else softmax(scores[:, part])
        for t, part in outputs_of(CLAIMS)
    }
    answers = {"first": p, "second": alone, "both": reader.together(corpus.texts, p)}
    doubtful = first.model.doubtful(p)
    answers["both_doubtful"] = replace(reader, rereads="doubtful").reread(corpus.texts, p, doubtful)
    least_sure = first.model.classifiers[0].margins(p["claim"]).argsort()[: len(corpus) * 3 // 10]
    chosen = np.isin(np.arange(len(corpus)), least_sure)
    answers["both_least_sure_30"] = replace(reader, rereads="doubtful").reread(
        corpus.texts, p, chosen
    )
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


def speed(network, reader: SecondReader, held_out: Samples, texts: list[str]) -> dict[str, object]:
    """Return sentences a second of processor time: ours, and torch in float32, in turns."""
    seconds: dict[str, list[float]] = {"reader": [], "torch_batches_of_32": [], "torch_alone": []}
    reader.scores(texts[:3])
    for _ in range(3):
        for name, work in (
            ("reader", lambda: reader.scores(texts)),
            ("torch_batches_of_32", lambda: predict(network, held_out, 32)),
            ("torch_alone", lambda: predict(network, held_out, 1)),
        ):
            begun = time.process_time()
            work()
            seconds[name].append(time.process_time() - begun)
    rates = {name: round(len(texts) / min(taken), 1) for name, taken in seconds.items()}
    tokens = float(np.mean([len(x) for x in held_out.tokens]))
    return {"sentences_a_second": rates, "tokens_a_sentence": round(tokens, 1)}


if __name__ == "__main__":
    main()
