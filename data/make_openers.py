"""Make tagger/resources/openers-en.list: words that have a capital only where a sentence begins.

    python data/make_openers.py

They are those that the corpus writes small at least three times and, inside a sentence,
hardly ever with a capital. Where such a word has one after "the U.N." or "Varga Inc.",
a sentence begins; a name tells nothing.
"""

import re
from collections import Counter
from pathlib import Path

from tagger.corpus.corpus import read_corpus
from tagger.schema import CLAIMS

ROOT = Path(__file__).parent.parent
MIN_COUNT = 3
MOST_CAPITALS = 0.2
WORD = re.compile(r"(?<![\w.'’-])[A-Za-z][a-z]+(?![\w'’])")
OPENING = re.compile(r"[.!?:\"“”‘'’()\[–—-]\s*[\"“‘'(]*$")


def main() -> None:
    """Count the words and write the file."""
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS).texts:
        for match in WORD.finditer(text):
            word = match[0]
            if word.islower():
                small[word] += 1
            elif match.start() and not OPENING.search(text, 0, match.start()):
                capital[word.lower()] += 1
    words = sorted(
        word
        for word, n in small.items()
        if n >= MIN_COUNT and capital[word] <= MOST_CAPITALS * (n + capital[word])
    )
    path = ROOT / "tagger" / "resources" / "openers-en.list"
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(words)} words")


if __name__ == "__main__":
    main()
