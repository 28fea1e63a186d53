"""HTML: the main text of a page, without menus, adverts and comments."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row

MAX_TAGS = 100_000
"""The most tags of a page that is read."""


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield the main text of a page as one row, with its title and date where it has them.

    Which part of a page is its text is decided by trafilatura (Barbaresi 2021).

    Raises
    ------
    DataError : the extra html is not installed.
    """
    trafilatura = _trafilatura()
    data = stream.read(limit + 1)
    raw = data[:1000].decode("utf-8", "surrogateescape")
    if len(data) > limit:
        reason = f"a document of more than {limit:,} bytes, see --max-document-bytes"
        yield Reject(reason, raw, source)
        return
    if data.count(b"<") > MAX_TAGS:
        # trafilatura's time grows with the square of the number of elements.
        reason = f"a page of more than {MAX_TAGS:,} tags, expected an article: cut it into pages"
        yield Reject(reason, raw, source)
        return
    found = trafilatura.bare_extraction(data, include_comments=False, with_metadata=True)
    if found is None or not found.text or not found.text.strip():
        yield Reject("no main text found in this page", raw, source)
        return
    # Each line is a paragraph or heading, which a blank line ends.
    record = {"text": found.text.replace("\n", "\n\n")}
    record |= {name: value for name in ("title", "date") if (value := getattr(found, name))}
    yield Row(record, source)


def _trafilatura() -> Any:
    try:
        import trafilatura
    except ImportError as error:
        raise DataError(
            f"HTML files need the extra html: pip install 'claim-tagger[html]' ({error})"
        ) from None
    return trafilatura
