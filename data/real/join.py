"""Put the labels together again with their sentences, where the text is at hand.

    python data/real/join.py SHARED/real OUTPUT.jsonl [--held-out | --training]

Writes labelled data as `tagger train` and `tagger evaluate` read it, with the part that each
sentence belongs to (`parts.py`), what its readers said (`merge.py`) and how it was drawn
(`sample.py`). Left out and counted are
sentences whose text is not what was labelled (by its hash), and those to measure on or to combine
readers with whose document stands in another file too, of which something else is learned.
"""

import argparse
import json
import sys
from pathlib import Path

from parts import HELD_OUT, TRAINING, part_of, sha256

LABELS = Path(__file__).parent / "labels.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("output", type=Path)
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--held-out", action="store_true", help="only the documents to measure on")
    parts.add_argument("--training", action="store_true", help="only the others")
    given = parser.parse_args()
    texts = documents(given.shared)
    rows = [json.loads(line) for line in LABELS.open(encoding="utf-8")]
    found, lost = [], 0
    for row in rows:
        own = texts.get((row["file"], row["doc_sha256"]), [])
        fits = sentences_at(own, row["start"], row["end"], row["sha256"])
        if not fits:
            lost += 1
            continue
        doc, sentence = fits[0]
        example = {"doc": f"{row['file']}/{doc}", "text": sentence}
        example |= {"claim": row["claim"], "theme": row["theme"], "source": row["file"]}
        example |= {"part": part_of(row["file"], doc), "read": row["readers"]}
        example |= {"drawn": row["drawn"]}
        found.append((doc, example))
    learned = {doc for doc, example in found if example["part"] == TRAINING}
    used = {doc for doc, example in found if example["part"] != HELD_OUT}
    n = n_elsewhere = 0
    with given.output.open("w", encoding="utf-8") as out:
        for doc, example in found:
            held_out = example["part"] == HELD_OUT
            if (given.held_out and not held_out) or (given.training and held_out):
                continue
            if example["part"] != TRAINING and doc in (used if held_out else learned):
                n_elsewhere += 1
                continue
            out.write(json.dumps(example, ensure_ascii=False) + "\n")
            n += 1
    print(
        f"{given.output}: {n} sentences; {n_elsewhere} of documents that something is learned of "
        f"in another file; {lost} of all not found in the text at hand"
    )
    sys.exit(1 if lost else 0)


def documents(shared: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return name and text of the documents that have a file and a hash of their name."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path in sorted(shared.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for article in map(json.loads, lines):
                key = path.stem, sha256(article["doc"])[:16]
                found.setdefault(key, []).append((article["doc"], article["text"]))
    return found


def sentences_at(
    own: list[tuple[str, str]], start: int, end: int, digits: str
) -> list[tuple[str, str]]:
    """Return name and sentence of those documents that have it there: by how its SHA-256 begins."""
    there = ((doc, text[start:end]) for doc, text in own)
    return [(doc, sentence) for doc, sentence in there if sha256(sentence).startswith(digits)]


if __name__ == "__main__":
    main()
