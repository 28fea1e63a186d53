"""Annotated stretches of a text -> labels of its whole sentences."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from tagger.schema import SENTENCE
from tagger.text.language import Language
from tagger.text.structure import pieces


class Span(NamedTuple):
    """A stretch of a text, by character offsets, with a label of a question."""

    start: int
    end: int
    question: str
    label: str


Labels = dict[int, dict[str, tuple[str, ...]]]


def sentences_of(
    text: str, spans: Iterable[Span], language: Language
) -> tuple[list[tuple[int, int]], Labels, int]:
    """Return the sentences of a text, labels of those that spans cover, and the spans left over.

    Quotation marks and stops around a sentence need not be covered. A sentence has its number
    as its place in the text. Spans that cover no whole sentence are counted.
    """
    places = [(p.start, p.end) for p in pieces(text, language) if p.kind == SENTENCE]
    cores = [_core(text, *place) for place in places]
    starts, ends = [start for start, _ in cores], [end for _, end in cores]
    labels: dict[int, dict[str, dict[str, None]]] = {}
    n_unused = 0
    by_label: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for span in spans:
        first, beyond = bisect_left(starts, span.start), bisect_right(ends, span.end)
        if first >= beyond:
            n_unused += 1
        else:
            by_label.setdefault((span.question, span.label), []).append((first, beyond))
    for (question, label), ranges in by_label.items():
        done = 0  # spans of one label may lie in each other: each sentence is looked at once
        for first, beyond in sorted(ranges):
            for n in range(max(first, done), beyond):
                labels.setdefault(n, {}).setdefault(question, {})[label] = None
            done = max(done, beyond)
    return places, {n: {q: tuple(x) for q, x in own.items()} for n, own in labels.items()}, n_unused


def _core(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a sentence from its first letter or digit to its last."""
    first = next((i for i in range(start, end) if text[i].isalnum()), start)
    return first, next((i for i in range(end, first, -1) if text[i - 1].isalnum()), end)
