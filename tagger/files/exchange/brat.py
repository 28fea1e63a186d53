"""brat: a text, and beside it what was annotated (.ann)."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.exchange.items import LABEL, Answer, Item, labelled_rows
from tagger.files.exchange.spans import Span
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Reject, Row, Unreadable, whole

NAME = "brat"
SUFFIX = ".ann"
_BOUND = re.compile(r"(T\S+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t|$)")
_ATTRIBUTE = re.compile(r"[AM]\S+\t(\S+) (T\S+)(?: (.+))?$")


def beside(path: str) -> str:
    """Return the annotations of a text that brat keeps beside it; empty where there are none."""
    name = Path(path)
    own = name.with_suffix(SUFFIX)
    return str(own) if name.suffix.lower() == ".txt" and own.is_file() else ""


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Row | Reject | Note]:
    """Yield the sentences that annotations cover, with the types of these as labels.

    An attribute with a value is the answer to the question of its name; the type of its
    annotation is then no label. Offsets are characters of the text.
    """
    path = Path(source).with_suffix(".txt")
    if not path.is_file():
        raise Unreadable(f"annotations of brat, expected their text in {path.name} beside them")
    with open(path, "rb") as file:
        texts = [whole(file, limit), whole(stream, limit)]
    # As it stands: brat counts every character, carriage returns too.
    text, annotations = (Decoder(data).decode(data) for data in texts)
    spans, n_other, n_torn = _spans(annotations, text)
    record = {"doc": path.stem, "text": text}
    answers = (Answer(spans=tuple(spans)),) if spans else ()
    item = Item(record, answers, n_other=n_other, n_torn=n_torn)
    yield from labelled_rows([(Row(record, source), item)], NAME)


def _spans(annotations: str, text: str) -> tuple[list[Span], int, int]:
    """Return what is annotated, how many lines say something else, and how many have gaps.

    brat cuts an annotation in two at the end of a line; one that leaves words out is not of
    the sentence that it stands in.
    """
    bound: dict[str, tuple[str, int, int]] = {}
    answers: dict[str, list[tuple[str, str]]] = {}
    counts: Counter[str] = Counter()
    for line in annotations.splitlines():
        if match := _BOUND.match(line):
            places = sorted(tuple(map(int, part.split())) for part in match[3].split(";"))
            gaps = "".join(text[a[1] : b[0]] for a, b in pairwise(places))
            if places[-1][1] > len(text):
                counts["outside"] += 1
            elif any(map(str.isalnum, gaps)):
                counts["torn"] += 1
            else:
                bound[match[1]] = match[2], places[0][0], places[-1][1]
        elif (match := _ATTRIBUTE.match(line)) and match[3]:
            answers.setdefault(match[2], []).append((match[1], match[3]))
        elif match:
            answers.setdefault(match[2], []).append((LABEL, match[1]))
        else:
            counts["other"] += bool(line.strip()) and not line.startswith("#")
    spans = []
    for name, (kind, start, end) in bound.items():
        for question, label in answers.get(name, [(LABEL, kind)]):
            spans.append(Span(start, end, question, label))
    return spans, counts["other"] + counts["outside"], counts["torn"]
