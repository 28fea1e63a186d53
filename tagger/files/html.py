"""HTML: the main text of a page, without menus, adverts and comments."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row, as_text, too_long

_MAX_TAGS = 100_000


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield the main text of a page as one row, with its title and date where it has them.

    Which part of a page is its text is decided by trafilatura (Barbaresi 2021).
    """
    try:
        import trafilatura
    except ImportError as error:
        raise DataError(
            f"HTML files need the extra html: pip install 'claim-tagger[html]' ({error})"
        ) from None
    data = stream.read(limit + 1)
    reason = ""
    page: Any = None
    if len(data) > limit:
        reason = too_long("a document", limit)
    elif data.count(b"<") > _MAX_TAGS:
        # trafilatura's time grows with the square of the number of elements.
        reason = f"a page of more than {_MAX_TAGS:,} tags, expected an article: cut it into pages"
    else:
        page = trafilatura.bare_extraction(data, include_comments=False, with_metadata=True)
    if page is None or not page.text or not page.text.strip():
        reason = reason or "no main text found in this page"
        yield Reject(reason, as_text(data[:1000]), source)
        return
    # Each line is a paragraph or heading, which a blank line ends.
    record = {"text": page.text.replace("\n", "\n\n")}
    record |= {name: value for name in ("title", "date") if (value := getattr(page, name))}
    yield Row(record, source)
