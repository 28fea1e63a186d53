"""The names that people give to the columns of texts and of documents."""

from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import normalize

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
    return "".join(filter(str.isalnum, normalize("NFC", name).casefold()))


def usual(names: Iterable[str], groups: Groups) -> list[str]:
    """Return those of the names that are in the first group that has any of them."""
    keys = {name: key(name) for name in names}
    found = ([name for name, short in keys.items() if short in group] for group in groups)
    return next(filter(None, found), [])


def text_column(names: Iterable[str], source: str, option: str, strict: bool = True) -> str:
    """Return the one column whose name is usual for texts, empty where there is none.

    Raises
    ------
    DataError : there are several; unless `strict`, none is then taken.
    """
    found = usual(names, TEXTS)
    if len(found) > 1 and strict:
        raise DataError(
            f"{source}: the text may stand in {listed(found)}: name one of them with {option}"
        )
    return found[0] if len(found) == 1 else ""


def document_column(
    names: Iterable[str], groups: Groups, option: str = "--column doc=NAME"
) -> tuple[str, str]:
    """Return the one column whose name is usual for documents, and what is to be said of it."""
    found = usual(names, groups)
    if len(found) > 1:
        return "", f"{listed(found)} may each name the document, so none does; {option} names one"
    return (found[0], f"document in column {found[0]!r}") if found else ("", "")


def listed(names: Sequence[str]) -> str:
    """Return names as a choice: 'a', 'b' or 'c'."""
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"


def alike(wanted: str, names: Iterable[str]) -> str:
    """Return the one name that differs from the wanted one in case and marks only, or that."""
    names = list(names)
    found = [name for name in names if key(name) == key(wanted)]
    return found[0] if wanted not in names and len(found) == 1 else wanted


def check_once(names: Iterable[str], source: str) -> None:
    """Raise a DataError where two columns have one name."""
    if twice := sorted(name for name, n in Counter(names).items() if n > 1):
        raise DataError(
            f"{source}: the header names {', '.join(twice)} more than once: rename all but one"
        )
