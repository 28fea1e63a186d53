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
    parts, with pictures between; where it hardly says anything its page is read instead. A page
    that is no other form of it is read too.
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
    texts: list[str] = []
    notes: list[Note] = []
    for content, charset in map(_content, more if plain is None else (plain, *more)):
        text, own = decode_page(content, source, charset)
        texts.append(text.replace("\r\n", "\n").strip("\n"))
        notes += own
    items: list[Row | Note] = [Row({"text": "\n\n".join(texts)}, source)]
    rest: list[str] = []
    beside = plain is not None and page is not None and not _is_choice(message, plain, page)
    said = texts[0] if texts else ""
    if page is not None and (beside or len(said) < _STUB):
        content, charset = _content(page)
        try:
            shown = [*html.read(io.BytesIO(content), source, limit, mail=charset)]
        except Unreadable as error:
            if not any(texts):
                raise
            notes += [Note(f"a page left out: {error}", source)] if beside else []
        else:
            n_shown = sum(len(item.record["text"]) for item in shown if isinstance(item, Row))
            if beside or n_shown > _MORE * len(said):
                items, rest = shown, texts if beside else texts[1:]
    for item in (*notes, *items):
        yield _told(item, about, rest) if isinstance(item, Row) else item


def _is_choice(message: EmailMessage, plain: Any, page: Any) -> bool:
    """Return whether a text and a page say the same, and either is to be shown."""
    choices = (x for x in message.walk() if x.get_content_type() == "multipart/alternative")
    return any({plain, page} <= {*_leaves(choice)} for choice in choices)


def _leaves(part: Any) -> list[Any]:
    """Return the parts of a message, which may be messages; iter_attachments drops some texts."""
    if part.get_content_maintype() != "multipart":
        return [part]
    return [leaf for inner in part.iter_parts() for leaf in _leaves(inner)]


def _goes_on(leaf: Any) -> bool:
    """Return whether a part that is no attachment by its name goes on with the text."""
    shown = not (leaf.get_filename() or leaf.is_attachment())
    return shown and leaf.get_content_type() == "text/plain"


def _content(part: Any) -> tuple[bytes, str]:
    """Return the bytes of a part, and the charset that it names."""
    default = "ascii" if part.get_content_subtype() == "plain" else ""
    return part.get_payload(decode=True) or b"", part.get_content_charset(default)


def _told(row: Row, about: dict[str, str], rest: list[str]) -> Row:
    """Return a message with what its header says and the rest of its texts, its parts marked."""
    text = "\n\n".join([row.record["text"], *filter(None, rest)])
    ranges = (*row.headings, *parts(text))
    return replace(row, record={**row.record, "text": text, **about}, headings=ranges)
