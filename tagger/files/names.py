"""The names that people give to the columns of texts and of documents."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tagger.errors import DataError

Groups = Sequence[frozenset[str]]

# Each as `key` gives it, the surest group first.
TEXTS: Groups = (
    frozenset({"text"}),
    frozenset(
        (
            *("sentence", "sentences", "content", "contents", "body", "paragraph", "passage"),
            *("fulltext", "rawtext", "cleantext", "maintext", "bodytext", "newstext"),
            *("articletext", "articlebody", "articlecontent", "documenttext", "sentencetext"),
            *("commenttext", "reviewtext", "headlinetext", "tweet", "tweettext", "statement"),
        )
    ),
    frozenset({"article", "story", "message", "comment", "post", "transcript"}),
)
DOCUMENTS: Groups = (
    frozenset({"doc"}),
    frozenset({"document", "docid", "documentid", "articleid"}),
    frozenset({"article"}),
)
ROWS: Groups = (frozenset({"id"}),)
"""Names of a row, which names a document where each row is one."""


def key(name: str) -> str:
    """Return the letters and digits of a name, in lower case: ``Full Text`` is ``fulltext``."""
    return "".join(filter(str.isalnum, name.casefold()))


def usual(names: Iterable[str], groups: Groups) -> list[str]:
    """Return those of the names that are in the first group that has any of them."""
    keys = {name: key(name) for name in names}
    found = ([name for name, short in keys.items() if short in group] for group in groups)
    return next(filter(None, found), [])


def alike(wanted: str, names: Iterable[str]) -> str:
    """Return the one name that differs from the wanted one in case and marks only, or that."""
    names = list(names)
    found = [name for name in names if key(name) == key(wanted)]
    return found[0] if wanted not in names and len(found) == 1 else wanted


def check_once(names: Iterable[str], source: str) -> None:
    """Raise a DataError where two columns have one name."""
    if twice := sorted(name for name, n in Counter(names).items() if n > 1):
        raise DataError(f"{source}: the header names {', '.join(twice)} more than once")
