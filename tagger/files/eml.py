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
    decoded = [decode_page(*_content(part, source)) for part in (plain, *more) if part is not None]
    texts = [text.replace("\r\n", "\n").strip("\n") for text, _ in decoded] or [""]
    notes = [note for _, own in decoded for note in own]
    items: list[Row | Note] = [*notes, Row({"text": "\n\n".join(texts)}, source)]
    beside = plain is not None and page is not None and not _is_choice(message, plain, page)
    if page is not None and (beside or len(texts[0]) < _STUB):
        content, _, charset = _content(page, source)
        try:
            shown = [*html.read(io.BytesIO(content), source, limit, mail=charset)]
        except Unreadable as error:
            if not any(texts):
                raise
            shown = [Note(f"a page left out: {error}", source)] if beside else []
        n_shown = sum(len(item.record["text"]) for item in shown if isinstance(item, Row))
        rest = texts if beside else texts[1:]
        if n_shown and (beside or n_shown > _MORE * len(texts[0])):
            items = [*notes, *(_followed(item, rest) for item in shown)]
        elif beside:
            items += shown
    for item in items:
        yield _told(item, about) if isinstance(item, Row) else item


def _is_choice(message: EmailMessage, plain: Any, page: Any) -> bool:
    """Return whether a text and a page say the same, and either is to be shown."""
    choices = (x for x in message.walk() if x.get_content_type() == "multipart/alternative")
    return any({plain, page} <= {*_leaves(choice)} for choice in choices)


def _followed(item: Row | Note, texts: list[str]) -> Row | Note:
    if isinstance(item, Row):
        item.record["text"] = "\n\n".join([item.record["text"], *filter(None, texts)])
    return item


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
