"""Put blind readings together: agreement, disputes for a third reader, and labels.jsonl.

    python data/real/merge.py FOLDER [--disputes FILE]

FOLDER holds ids.jsonl (of sample.py) and readings as tab-separated files named A-*, B-*
and C-* (the third reading): id, claim (F, I, S, or F?I where torn), themes (letters of
mde, or -). Where the two agree, that is the label; else the third reading decides, and
where there is none, the untorn reading, then speculation before interpretation before
fact. A theme that one of two readers saw goes by the third reader, or is kept.
Labels that are there stay, but for those of the same sentences.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

from parts import HELD_OUT, part_of, sha256
from sklearn.metrics import cohen_kappa_score

CLAIMS = {"F": "reported_fact", "I": "interpretation", "S": "speculation"}
THEMES = {"m": "military", "d": "diplomatic", "e": "economic"}
MOST_WORDS = 6
KEPT = ("file", "source", "licence", "url_or_path", "start", "end", "sha256", "drawn")


def address(url: str) -> str:
    """Return an address without the rest of a title of many words: titles are text too."""
    head, slash, name = url.rstrip("/").rpartition("/")
    words = re.findall(r"[_\W]*[^_\W]+", name)
    return url if len(words) <= MOST_WORDS else f"{head}{slash}{''.join(words[:MOST_WORDS])}..."


def readings(folder: Path, reader: str) -> dict[int, tuple[str, str]]:
    found = {}
    for path in sorted(folder.glob(f"*{reader}-*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            number, claim, themes = line.split("\t")
            found[int(number)] = claim.strip(), "" if themes.strip() == "-" else themes.strip()
    return found


def decide(a: tuple[str, str], b: tuple[str, str], c: tuple[str, str] | None) -> tuple[str, str]:
    claim = a[0][0]
    if a[0][0] != b[0][0]:
        untorn = [r[0] for r in (a, b) if "?" not in r[0]]
        one = untorn[0] if len(untorn) == 1 else min(a[0][0], b[0][0], key="SIF".index)
        claim = c[0][0] if c else one[0]
    both, either = set(a[1]) & set(b[1]), set(a[1]) | set(b[1])
    themes = both | (set(c[1]) & either if c and a[1] != b[1] else either - both)
    return claim, "".join(t for t in "mde" if t in themes)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--disputes", type=Path)
    given = parser.parse_args()
    a, b, c = (readings(given.folder, reader) for reader in "ABC")
    lines = (given.folder / "ids.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [r for r in map(json.loads, lines) if r["id"] in a and r["id"] in b]
    pairs = [(a[r["id"]], b[r["id"]]) for r in rows]
    claims = [[p[k][0][0] for p in pairs] for k in (0, 1)]
    print(f"{len(rows)} sentences read twice, {len(set(a) ^ set(b))} once")
    same = sum(x == y for x, y in zip(*claims, strict=True)) / len(rows)
    print(f"claim: agreement {same:.3f}, kappa {cohen_kappa_score(*claims):.3f}")
    for letter, theme in THEMES.items():
        has = [[letter in p[k][1] for p in pairs] for k in (0, 1)]
        print(f"{theme}: kappa {cohen_kappa_score(*has):.3f}")
    disputed = [
        r for r, (x, y) in zip(rows, pairs, strict=True) if x[0][0] != y[0][0] or x[1] != y[1]
    ]
    print(
        f"{len(disputed)} disputed, {sum(r['id'] in c for r in disputed)} of them read a third time"
    )
    if given.disputes:
        with given.disputes.open("w", encoding="utf-8") as out:
            for r in disputed:
                if r["id"] not in c:
                    out.write(f"{r['id']}\t{' '.join(r['text'].split())}\n")
    out = Path(__file__).parent / "labels.jsonl"
    counts: Counter[str] = Counter()
    anew = {(r["file"], r["sha256"]) for r in rows}
    before = out.read_text(encoding="utf-8").splitlines(True) if out.exists() else []
    with out.open("w", encoding="utf-8") as stream:
        for line in before:
            label = json.loads(line)
            if (label["file"], label["sha256"]) not in anew:
                stream.write(line)
        for r in rows:
            i = r["id"]
            claim, themes = decide(a[i], b[i], c.get(i))
            counts[CLAIMS[claim]] += 1
            label = {"claim": CLAIMS[claim], "theme": [THEMES[t] for t in themes]}
            read = [a[i], b[i], *([c[i]] if i in c else [])]
            label["readers"] = [f"{x} {y or '-'}" for x, y in read]
            label["held_out"] = part_of(r["file"], r["doc"]) == HELD_OUT
            # The name of a document holds its title too, which is text: its hash names it.
            kept = {k: r[k] for k in KEPT} | {"doc_sha256": sha256(r["doc"])[:16]}
            kept["url_or_path"] = address(r["url_or_path"])
            stream.write(json.dumps(kept | label) + "\n")
    print(f"{out.name}: {len(rows)} labels written ({dict(counts)}), others kept")


if __name__ == "__main__":
    main()
