"""Text -> sentences with character offsets."""

import re

import sentencex

_SURROGATE = re.compile("[\ud800-\udfff]")
# Two of them end a sentence; more are passed over at once, not pair by pair.
_BLANK_LINES = re.compile(r"\n{3,}")


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Cut a text into sentences.

    Parameters
    ----------
    text : any text; blank lines end a sentence, single line breaks do not.
    language : ISO 639 code of the language whose abbreviations apply.

    Returns
    -------
    Start and end of each sentence, in order. A sentence has no white space around
    it, and every other character of the text belongs to exactly one.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        spans += _spans(text, start, gap.start(), language)
        start = gap.end()
    return spans + _spans(text, start, len(text), language)


def _spans(text: str, start: int, stop: int, language: str) -> list[tuple[int, int]]:
    # The segmenter takes valid Unicode only; a stand-in of one character keeps offsets.
    pieces = sentencex.segment(language, _SURROGATE.sub("\ufffd", text[start:stop]))
    spans = []
    for piece in pieces:
        end = start + len(piece)
        stripped = piece.strip()
        if stripped:
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(stripped)))
        start = end
    return spans
