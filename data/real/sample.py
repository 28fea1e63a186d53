"""Draw real sentences to be labelled, and write them out in batches for the readers.

    python data/real/sample.py SHARED/real FOLDER [--draw first|second|third|fourth] [--batch 650]

Only sentences of 8 to 60 words; no two of a draw have the same words. The first draw takes half
of each file's share among sentences that the shipped model gives a theme, half among those that
it does not take for a plain fact. The others are for training alone: from documents that are
neither held out nor for fitting the combination, sentences that have no label yet, half of
them by chance and half where both readers together are least sure of the claim or a theme.
They depend on the labels and the second reader that were there, so they cannot be drawn again.
Batches hold an id and the sentence: the document, offsets and hash stand in ids.jsonl.
"""

import argparse
import json
import random
from pathlib import Path

from parts import TRAINING, part_of, sha256

from tagger import Tagger
from tagger.model.model import fingerprints

# Of all that is drawn about a quarter at most comes from one source: Wikinews, the White House.
FIRST = {
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
SECOND = {
    "wikinews_politics": 500,
    "wikinews_economy": 250,
    "wikinews": 180,
    "gum_wikinews": 70,
    "whitehouse_statements": 200,
    "whitehouse_briefings": 700,
    "whitehouse_blog": 350,
    "kremlin": 300,
    "senate_releases": 900,
    "crs_reports": 250,
    "beigebook": 50,
    "wikipedia_wars": 150,
    "re3d": 100,
}
THIRD = SECOND | {
    "whitehouse_statements": 150,
    "whitehouse_briefings": 550,
    "whitehouse_blog": 300,
    "kremlin": 400,
    "senate_releases": 1050,
}
FOURTH = {
    "wikinews_politics": 1000,
    "wikinews_economy": 550,
    "wikinews": 350,
    "gum_wikinews": 100,
    "whitehouse_statements": 400,
    "whitehouse_briefings": 1450,
    "whitehouse_blog": 150,
    "kremlin": 1200,
    "senate_releases": 1600,
    "crs_reports": 500,
    "beigebook": 100,
    "wikipedia_wars": 400,
}
DRAWS = {"first": FIRST, "second": SECOND, "third": THIRD, "fourth": FOURTH}
FACT = 0.55  # below this the model does not take a sentence for a plain fact
READ_FOR_ONE = 8  # the second reader reads so many candidates for each sentence that is drawn
LABELS = Path(__file__).parent / "labels.jsonl"


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


def first_draw(pool: list[dict], n: int, seen: set[int]) -> list[dict]:
    judging = [c for c in pool if c["fact"] < FACT]
    themed = [c for c in pool if c["themed"]]
    drawn = take(judging, n // 2, "judging", seen)
    drawn += take(themed, n - len(drawn), "themed", seen)
    return drawn + take(pool, n - len(drawn), "themed", seen)


def later_draw(
    pool: list[dict], n: int, seen: set[int], both: Tagger, labelled: set[str]
) -> list[dict]:
    pool = [
        c for c in pool if c["sha256"] not in labelled and part_of(c["file"], c["doc"]) == TRAINING
    ]
    drawn = take(pool, n // 2, "chance", seen)
    pool = pool[: n * READ_FOR_ONE]
    p = both.predict_proba([c["text"] for c in pool])
    sure_of = {c.task.name: c.margins(p[c.task.name]) for c in both.model.classifiers}
    for sure, most in ((sure_of["claim"], n * 3 // 4), (sure_of["theme"], n)):
        unsure = [pool[i] for i in sure.argsort(kind="stable")]
        drawn += take(unsure, most - len(drawn), "unsure", seen)
    return drawn


def take(pool: list[dict], n: int, why: str, seen: set[int]) -> list[dict]:
    """Return the first n of other words than all that was taken before."""
    taken: list[dict] = []
    for c in pool:
        if len(taken) == n:
            break
        words = int(fingerprints([c["text"]])[0])
        if words not in seen:
            seen.add(words)
            taken.append(c | {"drawn": why})
    return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", choices=DRAWS, default="first")
    parser.add_argument("--batch", type=int, default=650)
    given = parser.parse_args()
    tagger = Tagger.load()
    both = None if given.draw == "first" else Tagger.load(second_reader="all")
    labelled = {json.loads(line)["sha256"] for line in LABELS.open(encoding="utf-8")}
    rng = random.Random(0)
    seen: set[int] = set()
    drawn: list[dict] = []
    for name, n in DRAWS[given.draw].items():
        pool = candidates(given.shared / f"{name}.jsonl", tagger)
        rng.shuffle(pool)
        taken = later_draw(pool, n, seen, both, labelled) if both else first_draw(pool, n, seen)
        print(name, len(taken), "of", len(pool), flush=True)
        drawn += taken
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
