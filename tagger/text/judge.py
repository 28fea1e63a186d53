"""Texts -> the language that they are probably in."""

from collections.abc import Sequence

from tagger.errors import DataError
from tagger.text.language import ENGLISH, UNKNOWN, Language, language_of

_MOST_CHARACTERS = 50_000
_LEAST_WORDS = 20
_NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content


def judge_language(texts: Sequence[str]) -> str:
    """Return the ISO 639 code of the language of texts, ``und`` where nothing tells.

    Judged by py3langid (Lui and Baldwin 2012; Barbaresi 2023) from up to 50,000
    characters, drawn evenly; fewer than twenty words tell nothing.

    Parameters
    ----------
    texts : sentences.

    Raises
    ------
    DataError : py3langid cannot write the temporary file that it needs.
    """
    if not texts:
        return UNKNOWN
    size = sum(map(len, texts))
    step = max(1, -(-size // _MOST_CHARACTERS))
    chunks = " ".join(texts[::step])[:_MOST_CHARACTERS].split()
    words = [chunk for chunk in chunks if any(map(str.isalpha, chunk))]
    if len(words) < _LEAST_WORDS:
        return UNKNOWN
    import py3langid

    try:
        code, _ = py3langid.classify(" ".join(words))
    except OSError as error:
        raise DataError(
            "the language cannot be judged, for which py3langid writes a temporary file: "
            f"{error.strerror or error}: make room in TMPDIR, or give --language"
        ) from None
    return UNKNOWN if code == _NO_LANGUAGE else str(code)


def spoken(texts: Sequence[str]) -> Language:
    """Return the language of texts as a value; English where nothing tells."""
    code = judge_language(texts)
    return ENGLISH if code == UNKNOWN else language_of(code)
