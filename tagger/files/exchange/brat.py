"""brat: a text, and beside it what was annotated (.ann)."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.exchange.items import LABEL, Answer, Item, labelled_rows
from tagger.files.exchange.spans import Span
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Reject, Row, Unreadable, too_long

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
        texts = [file.read(limit + 1), stream.read(limit + 1)]
    if max(map(len, texts)) > limit:
        yield Reject(too_long("a document", limit), "", source)
        return
    # As it stands: brat counts every character, carriage returns too.
    text, annotations = (Decoder(data).decode(data) for data in texts)
    spans, n_other = _spans(annotations, len(text))
    record = {"doc": path.stem, "text": text}
    answers = (Answer(spans=tuple(spans)),) if spans else ()
    yield from labelled_rows([(Row(record, source), Item(record, answers, n_other=n_other))], NAME)


def _spans(annotations: str, length: int) -> tuple[list[Span], int]:
    """Return what is annotated, and how many lines say something else."""
    bound: dict[str, tuple[str, list[tuple[int, int]]]] = {}
    answers: dict[str, list[tuple[str, str]]] = {}
    counts: Counter[str] = Counter()
    for line in annotations.splitlines():
        if match := _BOUND.match(line):
            ends = [part.split() for part in match[3].split(";")]
            places = [(int(a), int(b)) for a, b in ends if int(b) <= length]
            counts["outside"] += len(places) < len(ends)
            bound[match[1]] = match[2], places
        elif (match := _ATTRIBUTE.match(line)) and match[3]:
            answers.setdefault(match[2], []).append((match[1], match[3]))
        elif match:
            answers.setdefault(match[2], []).append((LABEL, match[1]))
        else:
            counts["other"] += bool(line.strip()) and not line.startswith("#")
    spans = []
    for name, (kind, places) in bound.items():
        for start, end in places:
            for question, label in answers.get(name, [(LABEL, kind)]):
                spans.append(Span(start, end, question, label))
    return spans, counts["other"] + counts["outside"]
