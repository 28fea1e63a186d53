"""E-mail: its text, or else its page, with subject, sender and date."""

import email
import email.policy
import io
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, BinaryIO

from tagger.files import html
from tagger.files.encoding import Decoder
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Reject, Row, Unreadable, as_text, too_long
from tagger.text.mail import parts


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Row | Reject | Note]:
    """Yield a message as one row; its attachments are left out and named.

    Its greeting, its signature and what it answers are marked as such.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        yield Reject(too_long("a document", limit), as_text(data[:1000]), source)
        return
    try:
        message = email.message_from_bytes(data, EmailMessage, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        left_out = [part.get_filename() or "without a name" for part in message.iter_attachments()]
    except Exception as error:  # a header may break the parser in many ways
        raise Unreadable(f"a damaged e-mail: {error}") from None
    if left_out:
        yield Note(f"attachments left out ({', '.join(left_out[:5])})", source, len(left_out))
    if body is None:
        raise Unreadable("an e-mail without text: save its attachments, and read those")
    content: Any = body.get_payload(decode=True) or b""
    about = {
        name: str(value) for name in ("subject", "from", "date") if (value := message.get(name))
    }
    if (when := getattr(message.get("date"), "datetime", None)) is not None:
        about["date"] = when.isoformat()
    if body.get_content_type() == "text/html":
        for row in html.read(io.BytesIO(content), source, limit, mail=True):
            yield _told(row, about) if isinstance(row, Row) else row
        return
    try:
        text = content.decode(body.get_content_charset() or "ascii")
    except (LookupError, UnicodeDecodeError):
        decoder = Decoder(content)
        text = decoder.decode(content)
        yield from decoder.notes(source)
    yield _told(Row({"text": text.replace("\r\n", "\n")}, source), about)


def _told(row: Row, about: dict[str, str]) -> Row:
    """Return a message with what its header says, and with its parts that are no message."""
    ranges = (*row.headings, *parts(row.record["text"]))
    return replace(row, record={**row.record, **about}, headings=ranges)
