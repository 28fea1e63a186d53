"""Sentence -> tokens: the one definition of a token.

A sentence is split on white space into *chunks* (``"U.S.-led,"``); a chunk is
cut into *tokens* (``u.s.``, ``led``, ``,``). No token crosses a
chunk's border, so tokens are functions of the chunk alone and are computed
once for each distinct chunk.
"""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from re import Match

from tagger.text.language import ENGLISH, Language

# Lone surrogates cannot be encoded and would break every writer further on.
_FOLD = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u00b4`\u1fef\u1ffd"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "123456789"), "0"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
# What nobody sees: soft hyphens, marks of order and of direction, spaces without width. Joiners
# (U+200C, U+200D) stay: some scripts spell with them.
_UNSEEN = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
_FOLD_SEEN = _FOLD | _UNSEEN


def seen(text: str) -> str:
    """Return what a reader sees of a text: the same for each form of Unicode (NFC, NFD)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text.translate(_UNSEEN))


def fold(text: str) -> str:
    """Write what is seen of a text, and typographic variants and digits in it, one way."""
    folded = text.translate(_FOLD if text.isascii() else _FOLD_SEEN)
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def normalize(text: str) -> str:
    """Fold `text` and lower its case."""
    return fold(text).lower()


def tokenize(text: str, language: Language = ENGLISH) -> list[str]:
    """Cut `text` into its normalized tokens."""
    return language.token.findall(normalize(text))


def token_spans(chunk: str, language: Language = ENGLISH) -> list[tuple[int, int]]:
    """Return start and end in `chunk` of each token of `tokenize`."""
    lowered = normalize(chunk)
    spans = [match.span() for match in language.token.finditer(lowered)]
    if len(lowered) == len(chunk) and seen(chunk) == chunk:
        return spans
    # A letter may lengthen when lowered ("İ"), be written as two, or be unseen: map places back.
    bounds = [0]
    for i, c in enumerate(chunk[1:], 1):
        longer = len(fold(chunk[bounds[-1] : i + 1])) > len(fold(chunk[bounds[-1] : i]))
        bounds += [i] * (longer and not unicodedata.combining(c))
    parts = pairwise([*bounds, len(chunk)])
    origin = [i for i, end in parts for _ in normalize(chunk[i:end])] + [len(chunk)]
    return [(origin[start], max(origin[end], origin[start] + 1)) for start, end in spans]


def cut(chunks: Sequence[str], language: Language = ENGLISH) -> tuple[str, list[str], list[int]]:
    """Normalize many chunks and cut them into tokens that keep their case.

    Where lowering moves token borders (``"İ"``) the tokens of that chunk are lowered. Returned
    are the normalized chunks joined by single spaces; their tokens, one for each token of
    `tokenize`; and where in the joined text each token begins.
    """
    # No pattern looks across a space, so all chunks can be matched as one text.
    folded = fold(" ".join(chunks))
    lowered = folded.lower()
    if len(lowered) != len(folded):
        pairs = zip(folded.split(" "), lowered.split(" "), strict=True)
        folded = " ".join(f if len(f) == len(low) else low for f, low in pairs)
    spans = list(map(Match.span, language.token.finditer(lowered)))
    return lowered, [folded[a:b] for a, b in spans], [a for a, _ in spans]


def surface_tokens(chunk: str, language: Language = ENGLISH) -> list[str]:
    """Cut one chunk into tokens that keep their case, as `cut` does."""
    return cut([chunk], language)[1]


def mask(surface: str, language: Language = ENGLISH) -> str:
    """Return the shape of a token: what is left when its meaning is masked.

    Kind of number, capitals or ending; punctuation is its own shape. After the
    text distortion of Stamatatos (2017), which masks all but frequent words so that
    the frame of a sentence counts and not its topic.
    """
    if surface[0].isdigit():
        return f"#{min(len(surface), 4)}" if surface.isdigit() else "#,"
    if not surface[0].isalnum():
        return surface
    if surface[0].isupper():
        return "XX" if surface.isupper() and len(surface) > 1 else "Xx"
    if surface.endswith(language.suffixes):
        for suffix in language.suffixes:
            if surface.endswith(suffix):
                return f"-{suffix}"
    return "x"
