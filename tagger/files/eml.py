"""E-mail: its text, or else its page, with subject, sender and date."""

import email
import email.policy
import io
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, BinaryIO

from tagger.files import html
from tagger.files.encoding import decode_page
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row, Unreadable, whole
from tagger.text.mail import parts

# Characters of a text that may only say that there is a page; how many times as much that has.
_STUB, _MORE = 400, 3


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield a message as one row; its attachments are left out and named.

    Its greeting, its signature and what it answers are marked as such. The text may come in
    parts, with pictures between; where it hardly says anything the page is read instead.
    """
    data = whole(stream, limit)
    try:
        message = email.message_from_bytes(data, EmailMessage, policy=email.policy.default)
        plain, page = (message.get_body((kind,)) for kind in ("plain", "html"))
        others = [part for part in _leaves(message) if part not in (plain, page)]
        more = [part for part in others if plain is not None and _goes_on(part)]
        left_out = [p.get_filename() or p.get_content_type() for p in others if p not in more]
    except Exception as error:  # a header may break the parser in many ways
        raise Unreadable(f"a damaged e-mail: {error}") from None
    if left_out:
        yield Note(f"attachments left out ({', '.join(left_out[:5])})", source, len(left_out))
    if plain is None and page is None:
        raise Unreadable("an e-mail without text: save its attachments, and read those")
    about = {n: str(value) for n in ("subject", "from", "date") if (value := message.get(n))}
    if (when := getattr(message.get("date"), "datetime", None)) is not None:
        about["date"] = when.isoformat()
    texts = [decode_page(*_content(part, source)) for part in (plain, *more) if part is not None]
    text = "\n\n".join(text.replace("\r\n", "\n").strip("\n") for text, _ in texts)
    items: list[Row | Note] = [note for _, notes in texts for note in notes]
    items.append(Row({"text": text}, source))
    if page is not None and len(text) < _STUB and not more:
        content, _, charset = _content(page, source)
        try:
            shown = [*html.read(io.BytesIO(content), source, limit, mail=charset)]
        except Unreadable:
            if not text.strip():
                raise
            shown = []
        n_shown = sum(len(item.record["text"]) for item in shown if isinstance(item, Row))
        items = shown if n_shown > _MORE * len(text) else items
    for item in items:
        yield _told(item, about) if isinstance(item, Row) else item


def _leaves(part: Any) -> list[Any]:
    """Return the parts of a message, which may be messages; iter_attachments drops some texts."""
    if part.get_content_maintype() != "multipart":
        return [part]
    return [leaf for inner in part.iter_parts() for leaf in _leaves(inner)]


def _goes_on(leaf: Any) -> bool:
    """Return whether a part that is no attachment by its name goes on with the text."""
    shown = not (leaf.get_filename() or leaf.is_attachment())
    return shown and leaf.get_content_type() == "text/plain"


def _content(part: Any, source: str) -> tuple[bytes, str, str]:
    default = "ascii" if part.get_content_subtype() == "plain" else ""
    return part.get_payload(decode=True) or b"", source, part.get_content_charset(default)


def _told(row: Row, about: dict[str, str]) -> Row:
    """Return a message with what its header says, and with its parts that are no message."""
    ranges = (*row.headings, *parts(row.record["text"]))
    return replace(row, record={**row.record, **about}, headings=ranges)
