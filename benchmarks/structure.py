"""How well sentences, headings and what is neither are told apart.

    python benchmarks/structure.py labels.jsonl          # the half held out
    python benchmarks/structure.py labels.jsonl --half dev --errors

Each line of the labels names a file of JSON Lines, a row of it counted from 0, the character
offsets of a line in its text, its kind, and a half (dev or test): no text. The rule that the
lines were labelled under:

- sentence: running prose, whole or cut off: lead-ins that end in a colon, quotations, questions
  and answers of interviews, salutations, items of a list that are clauses; also a clause with a
  final stop that an editor used as a headline.
- heading: a line of its own that names or announces what follows: headlines, decks, titles of
  sections, people or matches, in capitals, as a phrase, or with capitals and a stop.
- other: bylines, dates and times of their own, captions, credits, sources, names of agencies and
  accounts, promotion, notices, markers, rows of tables, remains of markup.

The second part joins the sentences of the project's corpus to articles, in four layouts, and
counts those that are not called sentences.
"""

import argparse
import json
import textwrap
from collections import Counter
from itertools import groupby
from pathlib import Path

from tagger.schema import KINDS, SENTENCE
from tagger.text.structure import Piece, pieces

CORPUS = Path(__file__).parent.parent / "data" / "corpus"


def kind_of(found: list[Piece], start: int, end: int) -> str:
    """Return the kind that most characters of a stretch have."""
    counts: Counter[str] = Counter()
    for piece in found:
        counts[piece.kind] += max(0, min(end, piece.end) - max(start, piece.start))
    return counts.most_common(1)[0][0]


def judge(labels: list[dict], show: bool) -> None:
    """Print a confusion matrix, and precision, recall and F1 of each kind."""
    pairs: Counter[tuple[str, str]] = Counter()
    known: dict[str, list[str]] = {}
    for label in labels:
        path = label["file"]
        if path not in known:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            known[path] = [json.loads(line)["text"] for line in lines]
        text = known[path][label["row"]]
        start, end = label["start"], label["end"]
        found = kind_of(pieces(text), start, end)
        pairs[label["kind"], found] += 1
        if show and found != label["kind"]:
            print(f"{label['kind']:>8} -> {found:<8} {' '.join(text[start:end].split())[:110]}")
    n = sum(pairs.values())
    right = sum(k for (a, b), k in pairs.items() if a == b)
    print(f"{n} pieces, kind right {right / n:.1%}")
    for kind in KINDS:
        hit = pairs[kind, kind]
        found = sum(k for (_, b), k in pairs.items() if b == kind)
        gold = sum(k for (a, _), k in pairs.items() if a == kind)
        f1 = 2 * hit / (found + gold)
        print(f"{kind:>8}: P {hit / found:.3f} R {hit / gold:.3f} F1 {f1:.3f}, {gold} labelled")


def wrapped(sentences: list[str]) -> str:
    """Return sentences as one paragraph of lines of at most 72 characters."""
    return "\n".join(textwrap.wrap(" ".join(sentences), 72, break_on_hyphens=False))


LAYOUTS = {
    "one paragraph": " ".join,
    "wrapped lines": wrapped,
    "a line each": "\n".join,
    "a paragraph each": "\n\n".join,
}


def lost(layout: str, show: bool) -> None:
    """Print how many sentences of the corpus, joined to articles, are not called sentences.

    The corpus has some headlines too, which have no final stop: the others are real losses.
    """
    n = n_lost = n_stopped = 0
    for path in sorted(CORPUS.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for _, group in groupby(rows, lambda row: row["doc"]):
            sentences = [" ".join(row["text"].split()) for row in group]
            text, at = LAYOUTS[layout](sentences), 0
            found = pieces(text)
            gap = 2 if layout == "a paragraph each" else 1
            for sentence in sentences:
                end = at + len(sentence)
                n += 1
                if text[at:end].split() == sentence.split() and kind_of(found, at, end) != SENTENCE:
                    n_lost += 1
                    n_stopped += sentence.rstrip("\"'”’)")[-1] in ".!?"
                    if show:
                        print(f"{layout}: lost {sentence[:110]}")
                at = end + gap
    print(
        f"{layout}: {n_lost} of {n} sentences lost ({n_lost / n:.3%}), {n_stopped} of them with a "
        f"final stop ({n_stopped / n:.3%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels")
    parser.add_argument("--half", default="test")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    rows = map(json.loads, Path(options.labels).read_text(encoding="utf-8").splitlines())
    judge([row for row in rows if row["half"] == options.half], options.errors)
    for layout in LAYOUTS:
        lost(layout, options.errors)


if __name__ == "__main__":
    main()
