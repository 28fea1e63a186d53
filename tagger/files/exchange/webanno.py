"""WebAnno and INCEpTION: tab-separated tokens with the features of spans, version 3."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.exchange.items import LABEL, Answer, Item, labelled_rows
from tagger.files.rows import MAX_DOCUMENT_BYTES, LongLine, Note, Reject, Row, read_line, too_long

NAME = "WebAnno TSV"
_SPANS = "#T_SP="
_TEXT = "#Text="
_ESCAPE = re.compile(r"\\(.)")
_SPECIAL = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBER = re.compile(r"(?<!\\)\[\d+\]$")
_BAR = re.compile(r"(?<!\\)\|")
# What the tools annotate themselves, token by token.
_NOT_LABELS = ("Lemma", "POS", "Dependency", "MorphologicalFeatures", "Stem")


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Row | Reject | Note]:
    """Yield the sentences that a span covers, with the features of it as answers.

    The features of a layer are questions; one called value or label is named as its layer.
    """
    doc = PurePath(source).stem
    decoder = Decoder()
    pairs: list[tuple[Row, Item]] = []
    questions: list[str] = []
    text, tokens = "", list[tuple[str, list[str]]]()
    first = number = 0
    n_parts = 0
    while True:
        try:
            line = decoder.decode(read_line(stream, limit))
        except LongLine as long:
            yield Reject(too_long("a line", limit), long.head, source, number + 1)
            return
        number += 1
        plain = line.rstrip("\r\n")
        if plain.startswith(_SPANS):
            questions += _questions(plain.removeprefix(_SPANS))
        elif plain.startswith("#T_"):
            questions += [""] * plain.count("|")  # relations and chains, which are no labels
        elif plain.startswith(_TEXT):
            if text and not tokens:
                text += "\n" + _plain(plain.removeprefix(_TEXT))
            else:
                text, first = _plain(plain.removeprefix(_TEXT)), number
        elif plain and not plain.startswith("#"):
            cells = plain.split("\t")
            if "." not in cells[0] and len(cells) > 2:  # else a part of a token
                tokens.append((cells[2], cells[3:]))
        elif not plain and tokens:
            labels, n_left = _labels(tokens, questions)
            n_parts += n_left
            record = {"doc": doc, "n": len(pairs), "text": text}
            answers = (Answer(labels),) if labels else ()
            pairs.append((Row(record, source, first), Item(record, answers)))
            text, tokens = "", []
        if not line:
            break
    yield from decoder.notes(source)
    yield from labelled_rows(pairs, NAME)
    if n_parts:
        yield Note("labels of spans that cover no whole sentence are left out", source, n_parts)


def _questions(layer: str) -> list[str]:
    """Return what the features of a layer of spans are called; empty what is no question."""
    kind, *features = layer.split("|")
    name = kind.rpartition(".")[2]
    if name in _NOT_LABELS:
        return [""] * len(features)
    plain = LABEL if name in ("NamedEntity", "Span") else name
    return [
        "" if "_" in f and ":" in f else plain if f in ("value", "label", "Value") else f
        for f in features
    ]


def _labels(
    tokens: list[tuple[str, list[str]]], questions: list[str]
) -> tuple[dict[str, tuple[str, ...]], int]:
    """Return the labels that all words of a sentence have, and how many others there are."""
    words = [cells for form, cells in tokens if any(map(str.isalnum, form))]
    words = words or [cells for _, cells in tokens]
    counts: Counter[tuple[str, str]] = Counter()
    for cells in words:
        own = [
            (question, value)
            for question, cell in zip(questions, cells, strict=False)
            if question
            for value in _BAR.split(cell)
            if value not in ("_", "*", "")
        ]
        # A span has one number in all of its tokens, so that two in a row are not one.
        counts.update(dict.fromkeys(own, 1))
    labels: dict[str, tuple[str, ...]] = {}
    n_left = 0
    for (question, value), n in counts.items():
        name = _plain(_NUMBER.sub("", value))
        if n < len(words) or name == "*":
            n_left += name != "*"
        else:
            labels[question] = tuple(dict.fromkeys((*labels.get(question, ()), name)))
    return labels, n_left


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: _SPECIAL.get(match[1], match[1]), text)
