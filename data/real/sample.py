"""Draw the real sentences to be labelled, and write them out in batches for the readers.

    python data/real/sample.py SHARED/real FOLDER [--batch 650]

Half of each file's share is drawn among sentences that the shipped model gives a theme,
half among those that it does not take for a plain fact (least sure of fact first drawn
by chance among the doubtful). Only sentences of 8 to 60 words; no two of the same words.
Batches hold an id and the sentence: the document, offsets and hash stand in ids.jsonl.
"""

import argparse
import hashlib
import json
import random
from pathlib import Path

from tagger import Tagger
from tagger.model.model import fingerprints

# Wikinews, the White House and the senators: none is more than a quarter of all.
WANTED = {
    "wikinews_politics": 800,
    "wikinews_economy": 850,
    "wikinews": 300,
    "gum_wikinews": 150,
    "whitehouse_statements": 450,
    "whitehouse_briefings": 900,
    "whitehouse_blog": 500,
    "kremlin": 1000,
    "senate_releases": 1500,
    "crs_reports": 600,
    "beigebook": 450,
    "wikipedia_wars": 650,
    "re3d": 300,
}
FACT = 0.55  # below this the model does not take a sentence for a plain fact


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def candidates(path: Path, tagger: Tagger) -> list[dict]:
    found = []
    for line in path.open(encoding="utf-8"):
        article = json.loads(line)
        for s in tagger.tag(article["text"]).sentences:
            if 8 <= len(s.text.split()) <= 60 and "\n\n" not in s.text:
                found.append(
                    {
                        "file": path.stem,
                        "source": article["source"],
                        "licence": article["licence"],
                        "url_or_path": article["url_or_path"],
                        "doc": article["doc"],
                        "start": s.start,
                        "end": s.end,
                        "sha256": sha256(s.text),
                        "text": s.text,
                        "themed": bool(s.themes),
                        "fact": s.tags.probabilities["claim"]["reported_fact"],
                    }
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=650)
    given = parser.parse_args()
    tagger = Tagger.load()
    rng = random.Random(0)
    seen: set[int] = set()
    drawn: list[dict] = []
    for name, n in WANTED.items():
        pool = candidates(given.shared / f"{name}.jsonl", tagger)
        rng.shuffle(pool)
        themed = [c for c in pool if c["themed"]]
        judging = [c for c in pool if c["fact"] < FACT]
        taken = 0
        for half, most in ((judging, n // 2), (themed, n), (pool, n)):
            for c in half:
                if taken >= most:
                    break
                number = int(fingerprints([c["text"]])[0])
                if number in seen:
                    continue
                seen.add(number)
                drawn.append(c | {"drawn": "judging" if half is judging else "themed"})
                taken += 1
        print(name, taken, "of", len(pool))
    rng.shuffle(drawn)
    given.folder.mkdir(parents=True, exist_ok=True)
    with (given.folder / "ids.jsonl").open("w", encoding="utf-8") as ids:
        for i, c in enumerate(drawn):
            ids.write(json.dumps({"id": i, **c}, ensure_ascii=False) + "\n")
    for b, start in enumerate(range(0, len(drawn), given.batch)):
        with (given.folder / f"batch-{b:02d}.txt").open("w", encoding="utf-8") as out:
            for i in range(start, min(start + given.batch, len(drawn))):
                out.write(f"{i}\t{' '.join(drawn[i]['text'].split())}\n")


if __name__ == "__main__":
    main()
