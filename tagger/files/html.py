"""HTML: the article of a page, without menus, dialogs, adverts and comments."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row, as_text, too_long
from tagger.text.notices import notice_of

_MAX_TAGS = 100_000
_LEAST = 25  # characters of a paragraph that may be all of an article
_CHARSET = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?([\w.:-]+)", re.I
)
_DECLARED = re.compile(r"\A\s*<\?xml[^>]*\?>")
# Names that browsers read as Windows-1252, and those that are wrong where the bytes say so.
_LATIN = ("", "ascii", "cp1252", "iso8859-1", "utf-8")
_DIALOG = re.compile(
    r"\b(?:cookies?|consent|gdpr|ccpa|onetrust|didomi|paywall|regwall|subscri\w+|newsletter|"
    r"modal|popup|pop-up|overlay|noscript)(?:\b|[-_])",
    re.IGNORECASE,
)
_NEVER = ("nav", "footer", "dialog", "noscript")
_MAY_COVER = (*_NEVER, "form", "div", "section", "aside")
_BLOCKS = ("p", "head", "list", "item", "table", "row", "quote", "code", "div")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ROLES = ("dialog", "alertdialog", "navigation")


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield the article of a page as one row, with its title and date where the page says them.

    Which part of a page is its text is decided by trafilatura (Barbaresi 2021), from a page
    without its dialogs. A page that holds no article is rejected by what it holds instead.
    """
    try:
        import lxml.html
        import trafilatura
    except ImportError as error:
        raise DataError(
            f"HTML files need the extra html: pip install 'claim-tagger[html]' ({error})"
        ) from None
    data = stream.read(limit + 1)
    reason = ""
    if len(data) > limit:
        reason = too_long("a document", limit)
    elif data.count(b"<") > _MAX_TAGS:
        # trafilatura's time grows with the square of the number of elements.
        reason = f"a page of more than {_MAX_TAGS:,} tags, expected an article: cut it into pages"
    elif not data.strip():
        reason = "an empty file, expected a page"
    if reason:
        yield Reject(reason, as_text(data[:1000]), source)
        return
    markup = _DECLARED.sub("", decode(data)).replace("\0", "\ufffd")
    try:
        tree = lxml.html.document_fromstring(markup)
    except lxml.etree.LxmlError as error:
        yield Reject(f"not HTML that can be read: {error}", markup[:1000], source)
        return
    whole, stored = " ".join(tree.itertext()), _stored_article(tree)
    titles = {_text(heading) for heading in tree.iter(*_HEADINGS)}
    _take_out_dialogs(tree)
    _name_article(tree)
    # A date is taken where the page states one, never guessed from a copyright line.
    stated = {"extensive_search": False, "original_date": True}
    page: Any = trafilatura.bare_extraction(
        tree, include_comments=False, with_metadata=True, date_extraction_params=stated
    )
    found = _blocks(page.body, titles) if page is not None else ()
    blocks = [(block, is_heading) for block, is_heading in found if block]
    # trafilatura may have taken it from there too, as one paragraph.
    if len(blocks) == 1 or 2 * sum(len(text) for text, _ in blocks) < len(stored):
        blocks = [(line.strip(), False) for line in stored.splitlines() if line.strip()] or blocks
    if not any(_may_be_article(text) for text, is_heading in blocks if not is_heading):
        notice = notice_of(" ".join(whole.split())) or "no main text"
        yield Reject(f"{notice} found in this page, expected an article", markup[:1000], source)
        return
    text, headings = "", []
    for block, is_heading in blocks:
        text += "\n\n" if text else ""
        if is_heading:
            headings.append((len(text), len(text) + len(block)))
        text += block
    record = {"text": text}
    record |= {name: value for name in ("title", "date") if (value := getattr(page, name, None))}
    yield Row(record, source, headings=tuple(headings))


def _may_be_article(text: str) -> bool:
    return len(text) >= _LEAST and any(map(str.isalpha, text)) and not notice_of(text)


def decode(data: bytes) -> str:
    """Decode a page as browsers do: its own word counts less than what its bytes are."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(name, "replace")
    declared = _CHARSET.search(data[:4096])
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name if declared else ""
    except LookupError:
        name = ""
    if name.startswith("utf-16"):
        name = "utf-8"  # it could not be read in UTF-16
    if name in _LATIN or name == "utf-8":
        try:
            return data.decode("utf-8")  # other bytes are hardly ever valid UTF-8
        except UnicodeDecodeError:
            pass
        as_utf8 = data.decode("utf-8", "replace")
        n_lost = as_utf8.count("\ufffd")
        n_right = sum(c > "\x7f" for c in as_utf8) - n_lost
        return as_utf8 if n_right > 3 * n_lost else data.decode("cp1252", "replace")
    return data.decode(name, "replace")


def _take_out_dialogs(tree: Any) -> None:
    """Take out what stands over or beside an article; free an article that stands in an aside.

    What holds half of the paragraphs of a page is its article, whatever it is called.
    """
    prose = _prose(tree)
    for element in list(tree.iter(*_MAY_COVER)):
        if element.getparent() is None or element.tag == "body":
            continue
        own = " ".join(filter(None, (element.get("id"), element.get("class"))))
        covers = (
            element.tag in _NEVER
            or element.get("role") in _ROLES
            or element.get("aria-modal") == "true"
            or _DIALOG.search(own)
        )
        may_hold = element.tag == "aside" or (covers and element.tag not in _NEVER)
        if may_hold and 2 * prose[element] >= prose[tree] > 0:
            element.tag = "div"
            for name in ("id", "class", "role", "aria-modal", "hidden", "style"):
                element.attrib.pop(name, None)
        elif covers:
            element.drop_tree()


def _name_article(tree: Any) -> None:
    """Call the smallest element with nearly all paragraphs an article, where none is called so.

    From a page that names no article trafilatura takes paragraphs, but no headings.
    """
    if next(tree.iter("article", "main"), None) is not None:
        return
    prose, element = _prose(tree), tree
    while prose[tree]:
        inner = next((e for e in element if 10 * prose[e] >= 9 * prose[tree]), None)
        if inner is None or inner.tag == "p":
            break
        element = inner
    if element.tag in ("div", "section", "td", "center"):
        element.tag = "article"


def _prose(tree: Any) -> Counter[Any]:
    """Count for each element the characters in its paragraphs, notices left out."""
    prose: Counter[Any] = Counter()
    for paragraph in tree.iter("p"):
        text = _text(paragraph)
        if not notice_of(text):
            prose.update({e: len(text) for e in (paragraph, *paragraph.iterancestors())})
    return prose


def _stored_article(tree: Any) -> str:
    """Return the article that a page keeps for machines (schema.org's articleBody), or nothing."""
    longest = ""
    for script in tree.iter("script"):
        if script.get("type") != "application/ld+json":
            continue
        try:
            waiting = [json.loads(script.text or "")]
        except (ValueError, RecursionError):
            continue
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                body = value.get("articleBody")
                if isinstance(body, str) and len(body) > len(longest):
                    longest = body
                waiting += [v for k, v in value.items() if k in ("@graph", "mainEntity")]
    return longest


def _blocks(element: Any, titles: set[str]) -> Iterator[tuple[str, bool]]:
    """Yield the paragraphs of an extracted page, and of each whether it is a heading.

    A row of a table is a line of its own, its cells set apart by tabs.
    """
    if element.tag == "row":
        yield "\t".join(filter(None, map(_text, element.iter("cell")))), False
    elif any(child.tag in _BLOCKS for child in element):
        yield " ".join((element.text or "").split()), False
        for child in element:
            yield from _blocks(child, titles)
            yield " ".join((child.tail or "").split()), False
    else:
        for line in "".join(_broken(element)).splitlines():
            line = " ".join(line.split())
            yield line, element.tag == "head" or line in titles


def _broken(element: Any) -> Iterator[str]:
    """Yield the text in an element, with a line break where it has one."""
    yield "\n" if element.tag == "lb" else element.text or ""
    for child in element:
        yield from _broken(child)
        yield child.tail or ""


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
