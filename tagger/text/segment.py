"""Text -> sentences with character offsets."""

import re
from itertools import pairwise

import sentencex

from tagger.text.language import ENGLISH, Language

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_PARAGRAPH = 10_000
# A quotation mark with no closing one near it, and a row of them.
_UNCLOSED = re.compile(r"[“‘«‹„‚「『](?![^“‘«‹„‚「『]{0,1000}[”’»›“‘」』])|(['\"”’»])\1{3,}")


def sentence_spans(text: str, language: Language = ENGLISH) -> list[tuple[int, int]]:
    """Cut a text into sentences.

    Parameters
    ----------
    text : any text; blank lines end a sentence, single line breaks do not.
    language : the language whose abbreviations apply.

    Returns
    -------
    Start and end of each sentence, in order. A sentence has no white space around
    it, and every other character of the text belongs to exactly one.
    """
    # The segmenter takes valid Unicode only; a stand-in of one character keeps offsets.
    clean = "\n\n".join(map(_tamed, _SURROGATE.sub("\ufffd", text).split("\n\n")))
    starts = [0]
    place = 0
    for piece in sentencex.segment(language.code, clean):
        if visible := piece.strip():
            # Between pieces the segmenter may swallow line breaks, so each is looked for.
            start = clean.find(visible, place)
            if start >= 0:
                starts.append(start)
                place = start + len(visible)
    spans = []
    for start, end in pairwise([*starts, len(text)]):
        piece = text[start:end]
        if visible := piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(visible)))
    return spans


def _tamed(paragraph: str) -> str:
    """Return a paragraph that the segmenter cuts in linear time, one character for one.

    It looks for the end of a quotation as far as the paragraph goes, anew for each mark.
    """
    if len(paragraph) <= _LONG_PARAGRAPH:
        return paragraph
    return _UNCLOSED.sub(lambda marks: "*" * len(marks[0]), paragraph)
