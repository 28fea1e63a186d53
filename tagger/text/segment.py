"""Text -> sentences with character offsets."""

import re
from itertools import pairwise

import sentencex

from tagger.text.language import ENGLISH, Language
from tagger.text.stops import stop_rules

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTATION_MARKS = "\"'“”‘’«»‹›„‚「」『』"
_ANY_QUOTATION_MARK = re.compile(f"[{_QUOTATION_MARKS}]")
_MOST_QUOTATION_WORK = 10_000_000
_LONG_PARAGRAPH = 20_000
# On such a space behind a capital letter the segmenter panics, which ends the process.
_SPACE_BEFORE_STOP = re.compile(r"[^\S\x00-\x7f](?=\.)")
_STOP_BEHIND_SPACE = re.compile(r"\.(?<=[^\S\x00-\x7f]\.)")  # the same, found sooner
# A stop after a word, which an abbreviation's seldom is; one that is nothing else.
_END_OF_SENTENCE = re.compile(r"\w{4}[.!?…؟۔][\"'”’»)\]]{0,3}\s|[。！？।]")
_OPENING = re.compile(rf"\s[{_QUOTATION_MARKS}]")
_CLOSERS = frozenset('"”’)]')
# What closes and stands at an end that the segmenter took for one too early.
_CLOSING = re.compile(r"([\"”’)\]]{1,3})(?:\s+|\Z)")
_PLAIN_STOP = re.compile("[。！？।]")


def sentence_spans(text: str, language: Language = ENGLISH) -> list[tuple[int, int]]:
    """Cut a text into sentences.

    Parameters
    ----------
    text : any text; blank lines end a sentence, single line breaks only behind headings and such.
    language : the language whose abbreviations apply.

    Returns
    -------
    Start and end of each sentence, in order. A sentence has no white space around
    it, and every other character of the text belongs to exactly one.
    """
    # The segmenter takes valid Unicode only; a stand-in of one character keeps offsets.
    try:
        text.encode()
        clean = text
    except UnicodeEncodeError:
        clean = _SURROGATE.sub("\ufffd", text)
    if language.stops:
        clean = stop_rules(language.stops).settled(clean)
    spans: list[tuple[int, int]] = []
    last = -1
    for first, beyond in pairwise(_cuts(clean)):
        stretch = clean[first:beyond]
        if "\n\n" not in stretch and len(stretch) > 2 * _LONG_PARAGRAPH:
            pieces = [stretch]  # no sentence ends in it
        else:
            stretch = _tamed(stretch)
            if _STOP_BEHIND_SPACE.search(stretch):
                stretch = _SPACE_BEFORE_STOP.sub(" ", stretch)
            pieces = _segmented(stretch, language)
            if sum(map(len, pieces)) != len(stretch):
                pieces = _completed(pieces, stretch)
        for piece in pieces:
            visible = piece.strip()
            if visible:
                start = first if piece[0] == visible[0] else first + piece.index(visible[0])
                end = start + len(visible)
                if last >= start or clean[end : end + 1] in _CLOSERS:
                    _add(clean, spans, start, end)
                else:
                    spans.append((start, end))
                last = spans[-1][1]
            first += len(piece)
    return spans


def _add(text: str, spans: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a sentence, with the marks at its ends that the segmenter left on their other side.

    It ends a sentence at a stop before two marks that close, and takes a mark that opens a
    quotation for the end of one where no other follows, as in one that goes on in the next
    paragraph.
    """
    if closing := _CLOSING.match(text, end):
        end = closing.end(1)
    if spans:
        begin, last = spans[-1]
        if start < last:  # those marks
            rest = text[last:end].lstrip()
            start = end - len(rest)
            if rest[:1].islower():
                spans[-1] = begin, end
                return
        elif start == last and begin < last - 2 and _OPENING.match(text, last - 2):
            spans[-1] = begin, begin + len(text[begin : last - 1].rstrip())
            start -= 1
    if start < end:
        spans.append((start, end))


def _segmented(stretch: str, language: Language) -> list[str]:
    try:
        return list(sentencex.segment(language.code, stretch))
    except BaseException as error:
        # A panic of the segmenter, which it reports itself, costs the cuts of one stretch.
        if type(error).__name__ != "PanicException":
            raise
        return [stretch]


def _completed(pieces: list[str], stretch: str) -> list[str]:
    """Return pieces that are all of a stretch, where the segmenter swallowed line breaks."""
    starts = [0]
    place = 0
    for piece in pieces:
        if visible := piece.strip():
            start = stretch.find(visible, place)
            if start >= 0:
                starts.append(start)
                place = start + len(visible)
    return [stretch[start:end] for start, end in pairwise([*starts, len(stretch)])]


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
    if sum(map(stretch.count, _QUOTATION_MARKS)) * len(stretch) <= _MOST_QUOTATION_WORK:
        return stretch
    paragraphs = stretch.split("\n\n")
    return "\n\n".join(map(_without_quotation_marks, paragraphs))


def _without_quotation_marks(paragraph: str) -> str:
    hidden, n_marks = _ANY_QUOTATION_MARK.subn("*", paragraph)
    return hidden if n_marks * len(paragraph) > _MOST_QUOTATION_WORK else paragraph
