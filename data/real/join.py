"""Put the labels together again with their sentences, where the text is at hand.

    python data/real/join.py SHARED/real OUTPUT.jsonl [--held-out | --training]

Writes labelled data as `tagger train` and `tagger evaluate` read it. A sentence whose text
is not what was labelled (by its hash) is left out and counted.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

LABELS = Path(__file__).parent / "labels.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("output", type=Path)
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--held-out", action="store_true", help="only the documents to measure on")
    parts.add_argument("--training", action="store_true", help="only the others")
    given = parser.parse_args()
    texts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path in sorted(given.shared.glob("*.jsonl")):
        for line in path.open(encoding="utf-8"):
            article = json.loads(line)
            doc = article["doc"]
            digest = hashlib.sha256(doc.encode()).hexdigest()[:16]
            texts.setdefault((path.stem, digest), []).append((doc, article["text"]))
    n = lost = 0
    with given.output.open("w", encoding="utf-8") as out:
        for line in LABELS.open(encoding="utf-8"):
            row = json.loads(line)
            if (given.held_out and not row["held_out"]) or (given.training and row["held_out"]):
                continue
            span = slice(row["start"], row["end"])
            fits = [
                (doc, sentence)
                for doc, text in texts.get((row["file"], row["doc_sha256"]), [])
                for sentence in [text[span]]
                if hashlib.sha256(sentence.encode()).hexdigest() == row["sha256"]
            ]
            if not fits:
                lost += 1
                continue
            doc, sentence = fits[0]
            example = {"doc": f"{row['file']}/{doc}", "text": sentence}
            example |= {"claim": row["claim"], "theme": row["theme"], "source": row["file"]}
            example["readers"] = row["readers"]
            out.write(json.dumps(example, ensure_ascii=False) + "\n")
            n += 1
    print(f"{given.output}: {n} sentences; {lost} not found in the text at hand")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
