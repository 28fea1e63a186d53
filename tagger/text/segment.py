"""Text -> sentences with character offsets."""

import re
from itertools import pairwise

import sentencex

from tagger.text.language import ENGLISH, Language

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTATION_MARKS = re.compile("[\"'“”‘’«»‹›„‚「」『』]")
_MOST_QUOTATION_WORK = 10_000_000
_LONG_PARAGRAPH = 20_000
# A stop after a word, which an abbreviation's seldom is; one that is nothing else.
_END_OF_SENTENCE = re.compile(r"\w{4}[.!?…؟۔][\"'”’»)\]]{0,3}\s|[。！？।]")
_PLAIN_STOP = re.compile("[。！？।]")


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
    clean = _SURROGATE.sub("\ufffd", text)
    starts = [0]
    for first, last in pairwise(_cuts(clean)):
        starts.append(first)
        stretch = clean[first:last]
        if "\n\n" not in stretch and len(stretch) > 2 * _LONG_PARAGRAPH:
            continue  # no sentence ends in it
        stretch = _tamed(stretch)
        place = 0
        for piece in sentencex.segment(language.code, stretch):
            if visible := piece.strip():
                # Between pieces the segmenter may swallow line breaks, so each is looked for.
                start = stretch.find(visible, place)
                if start >= 0:
                    starts.append(first + start)
                    place = start + len(visible)
    spans = []
    for start, end in pairwise([*starts, len(text)]):
        piece = text[start:end]
        if visible := piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(visible)))
    return spans


def _cuts(text: str) -> list[int]:
    """Return where to cut a text into stretches, its beginning and end among them.

    Only paragraphs that are longer than any writer's are cut, where a sentence ends: the
    segmenter looks through all of a paragraph for each mark and each item of a list. Where
    no sentence ends for long, all of that is one stretch.
    """
    cuts = [0]
    at = end = 0
    while at + _LONG_PARAGRAPH < len(text):
        blank_line = text.rfind("\n\n", at, at + _LONG_PARAGRAPH)
        if blank_line >= 0:
            at = blank_line + 2
            continue
        if end <= at:  # looked for once in a paragraph
            end = text.find("\n\n", at + _LONG_PARAGRAPH - 1)
            end = len(text) if end < 0 else end
        middle = at + _LONG_PARAGRAPH // 2
        stop = _PLAIN_STOP.search(text, at + _LONG_PARAGRAPH // 20, min(middle, end))
        stop = stop or _END_OF_SENTENCE.search(text, middle, end)
        beyond = end if stop is None else stop.end()
        if beyond - at > 2 * _LONG_PARAGRAPH:
            ends = [m.end() for m in _END_OF_SENTENCE.finditer(text, at, middle)]
            cuts += [at, *ends[-1:]]
        cuts.append(beyond)
        at = beyond
    return [*cuts, len(text)]


def _tamed(stretch: str) -> str:
    """Return text that the segmenter cuts in bounded time, one character for one.

    It looks for the end of a quotation as far as the paragraph goes, anew for each mark;
    where marks times characters are too many, the marks are hidden from it.
    """
    if len(stretch) ** 2 <= _MOST_QUOTATION_WORK:
        return stretch  # not even if it were marks alone
    if len(_QUOTATION_MARKS.findall(stretch)) * len(stretch) <= _MOST_QUOTATION_WORK:
        return stretch
    paragraphs = stretch.split("\n\n")
    return "\n\n".join(map(_without_quotation_marks, paragraphs))


def _without_quotation_marks(paragraph: str) -> str:
    hidden, n_marks = _QUOTATION_MARKS.subn("*", paragraph)
    return hidden if n_marks * len(paragraph) > _MOST_QUOTATION_WORK else paragraph
