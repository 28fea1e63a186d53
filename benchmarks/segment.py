"""Sentence boundaries: tagger's against those of other splitters, on cases and on articles.

    pip install pysbd syntok sentencex blingfire nupunkt
    python benchmarks/segment.py [--cases FILE ...] [--text FILE]

Cases are JSON Lines with phenomenon, text and sentences. Articles are those of data/corpus,
their sentences joined with a space, whole and in pairs of neighbours. Rivals that are not
installed are left out, which is said.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tagger.text.language import ENGLISH
from tagger.text.segment import sentence_spans

Splitter = Callable[[str], list[str]]
ENDS = tuple(".!?…")


def splitters() -> Iterator[tuple[str, Splitter]]:
    """Yield names and splitters, tagger first."""
    yield "tagger", lambda text: [text[a:b] for a, b in sentence_spans(text, ENGLISH)]
    for name, make in RIVALS.items():
        try:
            yield name, make()
        except ImportError:
            print(f"{name} is not installed and left out", file=sys.stderr)


def _pysbd() -> Splitter:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False).segment


def _syntok() -> Splitter:
    from syntok import segmenter

    def split(text: str) -> list[str]:
        found = []
        for paragraph in segmenter.analyze(text):
            for sentence in paragraph:
                end = sentence[-1].offset + len(sentence[-1].value)
                found.append(text[sentence[0].offset : end])
        return found

    return split


def _sentencex() -> Splitter:
    import sentencex

    return lambda text: list(sentencex.segment("en", text))


def _blingfire() -> Splitter:
    import blingfire

    def split(text: str) -> list[str]:
        _, spans = blingfire.text_to_sentences_and_offsets(text)
        return [text[start:end] for start, end in spans]

    return split


def _nupunkt() -> Splitter:
    import nupunkt

    return lambda text: list(nupunkt.sent_tokenize(text))


RIVALS = {
    "pySBD": _pysbd,
    "syntok": _syntok,
    "sentencex": _sentencex,
    "BlingFire": _blingfire,
    "nupunkt": _nupunkt,
}


def bare(sentences: list[str]) -> list[str]:
    """Sentences without white space around them, none of them empty."""
    return [visible for s in sentences if (visible := s.strip())]


def cases_right(split: Splitter, cases: list[dict]) -> Counter[str]:
    """How many cases come out as they should, by phenomenon."""
    right: Counter[str] = Counter()
    for case in cases:
        right[case["phenomenon"]] += bare(split(case["text"])) == case["sentences"]
    return right


def corpus_articles() -> list[list[str]]:
    """The sentences of each article of the corpus."""
    articles = defaultdict(list)
    for path in sorted((ROOT / "data" / "corpus").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            articles[row["doc"]].append((row["n"], row["text"].strip()))
    return [[text for _, text in sorted(rows)] for rows in articles.values()]


def boundaries(sentences: list[str]) -> set[int]:
    """Where sentences begin, counted in visible characters."""
    found, place = set(), 0
    for sentence in sentences:
        found.add(place)
        place += len("".join(sentence.split()))
    return found


def faults(split: Splitter, articles: list[list[str]]) -> tuple[int, int, int, int]:
    """Count boundaries after a stop, those of them that are missed, sentences, wrong cuts.

    A sentence that ends without a stop, such as a heading, cannot be told once it is joined.
    One with an odd number of quotation marks shares a quotation with its neighbour, which no
    splitter here cuts; both kinds of boundary are left out.
    """
    n_boundaries = missed = n_sentences = cut = 0
    for sentences in articles:
        found = boundaries(bare(split(" ".join(sentences))))
        true = boundaries(sentences)
        asked, place, is_open = set(), 0, False
        for sentence in sentences:
            is_open ^= bool(sentence.count('"') % 2) or (sentence.count("“") != sentence.count("”"))
            place += len("".join(sentence.split()))
            if sentence.rstrip("\"'”’)]").endswith(ENDS) and not is_open:
                asked.add(place)
        asked &= true
        n_boundaries += len(asked)
        missed += len(asked - found)
        n_sentences += len(sentences)
        cut += len(found - true)
    return n_boundaries, missed, n_sentences, cut


def seconds(split: Splitter, texts: list[str], times: int = 3) -> float:
    """Median CPU seconds for all texts."""
    found = []
    for _ in range(times):
        start = time.process_time()
        for text in texts:
            split(text)
        found.append(time.process_time() - start)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    own = [ROOT / "tests" / "cases" / name for name in ("splits.jsonl", "stops.jsonl")]
    parser.add_argument("--cases", type=Path, nargs="*", default=own)
    parser.add_argument("--text", type=Path, help="articles for the speed, JSON Lines with text")
    options = parser.parse_args()
    known = dict(splitters())
    head = " | ".join(known)
    line = " | ---" * (len(known) + 1)
    for path in options.cases:
        cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        of_each = Counter(case["phenomenon"] for case in cases)
        right = {name: cases_right(split, cases) for name, split in known.items()}
        print(f"\n| {path.stem} | cases | {head} |\n|{line[2:]} | --- |")
        for kind, n in of_each.items():
            print(f"| {kind} | {n} | {' | '.join(str(r[kind]) for r in right.values())} |")
        shares = " | ".join(f"{sum(r.values()) / len(cases):.1%}" for r in right.values())
        print(f"| all | {len(cases)} | {shares} |")
    articles = corpus_articles()
    pairs = [a[i : i + 2] for a in articles for i in range(len(a) - 1)]
    texts = [" ".join(article) for article in articles]
    if options.text:
        lines = options.text.read_text(encoding="utf-8").splitlines()[:300]
        texts = [json.loads(line)["text"] for line in lines]
    n_sentences = sum(len(sentence_spans(text)) for text in texts)
    print(f"\n| corpus and speed | {head} |\n|{line[2:]} |")
    for what, some in (("articles", articles), ("pairs", pairs)):
        counts = [faults(split, some) for split in known.values()]
        cells = " | ".join(f"{m / b:.2%}" for b, m, _, _ in counts)
        print(f"| boundaries missed, {what} ({counts[0][0]:,}) | {cells} |")
        cells = " | ".join(f"{c / n:.2%}" for _, _, n, c in counts)
        print(f"| sentences cut, {what} ({counts[0][2]:,}) | {cells} |")
    cells = " | ".join(f"{n_sentences / seconds(s, texts):,.0f}" for s in known.values())
    print(f"| sentences a second, one thread | {cells} |")


if __name__ == "__main__":
    main()
