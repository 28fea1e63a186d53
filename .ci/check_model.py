"""Train the shipped model again and hold the committed one against it."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tagger import Tagger
from tagger.cli.main import cli
from tagger.corpus.corpus import read_corpus
from tagger.text.segment import sentence_spans

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "models" / "claims-en"
MAX_DIFFERENCE = 1e-6


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "model"
        config = str(ROOT / "data" / "claims-en.toml")
        arguments = ["train", str(ROOT / "data" / "corpus"), "--config", config, "-o", str(fresh)]
        cli.main(arguments, standalone_mode=False)
        ours, theirs = (load_file(folder / "weights.safetensors") for folder in (SHIPPED, fresh))
        if ours.keys() != theirs.keys():
            sys.exit(f"arrays differ: {sorted(ours.keys() ^ theirs.keys())}")
        for name in ours:
            if ours[name].shape != theirs[name].shape:
                sys.exit(f"{name}: shape {ours[name].shape}, retrained {theirs[name].shape}")
            difference = np.abs(ours[name].astype(float) - theirs[name].astype(float))
            if difference.size and difference.max() > MAX_DIFFERENCE:
                sys.exit(f"{name}: differs from the retrained model by {difference.max()}")
        old, new = Tagger.load(SHIPPED), Tagger.load(fresh)
        corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), old.schema)
        texts = corpus.texts
        for path in sorted((ROOT / "seeds").glob("*.txt")):
            text = path.read_text(encoding="utf-8")
            texts += [text[start:end] for start, end in sentence_spans(text)]
        for task, expected in new.predict(texts).items():
            wrong = int((old.predict(texts)[task] != expected).sum())
            if wrong:
                sys.exit(f"{task}: {wrong} tags differ from those of the retrained model")
        # Card and report name the versions that made them: with others they differ in that.
        same = old.model.id == new.model.id
        for name in ("README.md", "report.json", "report.md") if same else ():
            if (SHIPPED / name).read_bytes() != (fresh / name).read_bytes():
                sys.exit(f"{name} is not what tagger train writes: run it again and commit")
        print(f"{len(texts)} sentences tagged alike, {'the same' if same else 'other'} bytes")


if __name__ == "__main__":
    main()
