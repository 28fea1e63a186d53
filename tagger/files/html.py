"""HTML: the article of a page, without menus, dialogs, adverts and comments."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from itertools import chain, islice
from typing import Any, BinaryIO

from tagger.errors import required
from tagger.files import office
from tagger.files.encoding import decode_page
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row, Unreadable, whole
from tagger.text.notices import notice_of

_MAX_TAGS = 100_000
_LEAST = 25  # characters of a paragraph that may be all of an article
_DECLARED = re.compile(r"\A\s*<\?xml[^>]*\?>")
_MARKUP = re.compile(r"</?(?:p|br|div|b|i|a|em|strong|h\d|ul|li|span)\b|&(?:\w{2,8}|#\w{2,6});")
_DIALOG = re.compile(
    r"(?i)\b(?:cookies?|consent|gdpr|ccpa|onetrust|didomi|paywall|regwall|subscri\w+|newsletter|"
    r"modal|popup|pop-up|overlay|noscript)(?:\b|[-_])"
)
# What hides the rest of an article is more often its box than the notice in it.
_GATE = re.compile(r"paywall|regwall|subscriber|premium|member", re.IGNORECASE)
_NEVER = ("nav", "footer", "del", "s", "strike")
_MAY_COVER = (*_NEVER, "dialog", "noscript", "template", "form", "div", "section", "aside")
_CARDS = ("li", "article", "div", "section", "a", "td")
_MOST_OF_A_CARD, _LEAST_OF_AN_ARTICLE = 400, 200  # characters, without spaces in a card
_BLOCKS = ("p", "head", "list", "item", "table", "row", "quote", "code", "div")
_INLINE = re.compile(
    r"(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|ins|kbd|mark|q|s|samp"
    r"|small|span|strike|strong|sub|sup|svg|time|tt|u|var|wbr)\Z"
)
# As Gmail, Thunderbird, Apple Mail, Outlook, Yahoo and Proton mark what is answered.
_CITES = (
    "@type='cite' or contains(@class, 'gmail_quote') or contains(@class, 'yahoo_quoted') "
    "or contains(@class, 'moz-cite') or contains(@class, 'protonmail_quote')"
)
_QUOTATIONS = f"//*[({_CITES}) and not(ancestor::*[{_CITES}])]"
_REPLY_HEADS = "//*[@id='divRplyFwdMsg' or @id='appendonsend']"
_UNSEEN = ("script", "style", "template", "textarea", "head")
_LEAST_OF_PROSE = 60  # characters of a paragraph, in which a date is one that it tells of
_MARKS_DATE = re.compile(r"\b(?:time|abbr|\w*date\w*|publish\w*|posted\w*)\b", re.IGNORECASE)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_COMMENTS = re.compile(r"\bcomments\b|comment-?(?:list|body|section|thread|area)|disqus", re.I)
_Page = tuple[Any, list[tuple[str, bool]]]
_FRAME = " \t\r\n/*"  # of comments around CDATA


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES, mail: str | None = None
) -> Iterator[Row | Note]:
    """Yield the article of a page as one row, with its title and date where the page says them.

    Which part of a page is its text is decided by trafilatura (Barbaresi 2021), from a page
    without its dialogs. A page that holds no article is refused by what it holds instead. Cards
    of other articles are left out and counted, and those that an e-mail quotes: `mail` is the
    charset that it names.
    """
    library = required("trafilatura", "html", "an HTML page: install the extra html", Unreadable)
    markup, notes = decode_page(whole(stream, limit), source, mail or "")
    tree = _parsed(markup)
    yield from notes
    if mail is not None and (n := _take_out_quotations(tree)):
        yield Note("quoted mails left out", source, n)
    notice, stored = _notice(tree), _stored_article(tree)
    titles = {_text(heading) for heading in tree.iter(*_HEADINGS)}
    _take_out_dialogs(tree)
    if n := _take_out_cards(tree):
        yield Note("cards of other articles left out", source, n)
    _name_article(tree)
    prose = _prose(tree)
    page, blocks = _extracted(library, tree, titles, prose)
    n_seen, n_stored = _size_of(blocks), sum(map(len, stored))
    # trafilatura may have taken it from there too, as one paragraph.
    if 2 * n_seen < n_stored or (len(blocks) == 1 and 10 * n_stored > 9 * n_seen):
        blocks = [(line, line in titles) for line in stored]
    if not any(_may_be_article(text) for text, is_heading in blocks if not is_heading):
        raise Unreadable(f"{notice} found in this page, expected an article")
    if 5 * (n_seen := _size_of(blocks)) < 4 * prose[tree]:
        yield Note("characters of prose beside the article left out", source, prose[tree] - n_seen)
    text, headings = office.document(blocks)
    said = "".join(text.split())
    captions = {c for c in map(_text, tree.iter("figcaption")) if "".join(c.split()) not in said}
    if captions:
        yield Note("captions of pictures left out", source, len(captions))
    about = {name: value for name in ("title", "date") if (value := getattr(page, name, None))}
    if "date" in about and not _states(tree, about["date"]):
        del about["date"]
    yield Row({"text": text, **about}, source, headings=headings)


def _extracted(library: Any, tree: Any, titles: set[str], prose: Counter[Any]) -> _Page:
    """Return what trafilatura takes from a page, and its paragraphs."""
    # A date is taken where the page states one, never guessed from a copyright line.
    dates = {"extensive_search": False, "original_date": True}
    options = {"include_comments": False, "with_metadata": True, "date_extraction_params": dates}

    def taken(**more: Any) -> _Page:
        page = library.bare_extraction(tree, **options, **more)
        found = _blocks(page.body, titles) if page is not None else ()
        return page, [(block, is_heading) for block, is_heading in found if block]

    page, blocks = taken()
    if len(blocks) == 1:  # a short page is given as one paragraph, headings and captions in it
        config = library.settings.use_config()
        config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "1"
        _, parts = taken(config=config)
        if 2 * _size_of(parts) > len(blocks[0][0]):
            blocks = parts
    if 5 * _size_of(blocks) < 4 * prose[tree]:
        _join_parts(tree, prose)
        page, blocks = max((page, blocks), taken(), key=lambda found: _size_of(found[1]))
    return page, blocks


def _states(tree: Any, date: str) -> bool:
    """Return whether a page has a date anywhere else than in its prose, where it is told of."""
    year, month, day = map(int, date.split("-"))
    turned = rf"(?<!\d)0?(?:{day}\D0?{month}|{month}\D0?{day})\D{year}"
    written = re.compile(rf"{year}\D?0?{month}\D?0?{day}(?!\d)|{turned}")
    in_words = re.compile(rf"(?<!\d)0?{day}(?!\d)")
    texts = [text for _, text, _ in _runs(tree)]
    prose = [text for text in texts if len(text) >= _LEAST_OF_PROSE]
    short = (text for text in texts if len(text) < _LEAST_OF_PROSE)
    if not any(map(written.search, prose)) or any(
        written.search(text) or (str(year) in text and in_words.search(text)) for text in short
    ):
        return True
    for element in tree.iter("*"):
        marked = element.itertext() if _MARKS_DATE.search(_called(element)) else ()
        begun = "".join(islice(chain.from_iterable(marked), _LEAST_OF_PROSE))
        if any(map(written.search, (*element.attrib.values(), begun))):
            return True
    return any(written.search(script.text or "") for script in tree.iter("script"))


def _called(element: Any) -> str:
    return " ".join(filter(None, (element.tag, *map(element.get, ("class", "id", "itemprop")))))


def _parsed(markup: str) -> Any:
    """Return the elements of a page; raise Unreadable where they cannot be had."""
    import lxml.html

    if markup.count("<") > _MAX_TAGS:  # trafilatura takes a fifth of a millisecond for each
        raise Unreadable(f"a page of more than {_MAX_TAGS:,} tags, expected an article: cut it")
    if not markup.strip():
        raise Unreadable("an empty file, expected a page")
    parser = lxml.html.HTMLParser()
    try:
        markup = _DECLARED.sub("", markup).replace("\0", "\ufffd")
        tree = lxml.html.document_fromstring(markup, parser=parser)
    except lxml.etree.LxmlError as error:
        raise Unreadable(f"not HTML that can be read, expected a page: {error}") from None
    if any("depth" in entry.message for entry in parser.error_log):  # what follows is dropped
        raise Unreadable("a page with elements more than 255 deep, expected fewer: close its tags")
    return tree


def _may_be_article(text: str) -> bool:
    return len(text) >= _LEAST and any(map(str.isalpha, text)) and not notice_of(text)


def _take_out_quotations(tree: Any) -> int:
    """Take out the mails that a mail quotes, unless it says nothing itself; return how many."""
    for element in tree.xpath(_REPLY_HEADS):  # the mail that is answered stands beside its head
        box = element.makeelement("blockquote", {"type": "cite"})
        element.addprevious(box)
        box.extend([element, *element.itersiblings()])
    quoted = tree.xpath(_QUOTATIONS)
    if len(_text(tree)) - sum(len(_text(element)) for element in quoted) < _LEAST:
        return 0
    for element in quoted:
        element.drop_tree()
    return len(quoted)


def _take_out_dialogs(tree: Any) -> None:
    """Take out what stands over or beside an article; free an article that stands in an aside.

    What holds half of the prose of a page is its article, whatever it is called, and what is
    called after a paywall and holds a tenth is the part of the article that it hides.
    """
    prose = _prose(tree)
    for element in list(tree.iter(*_MAY_COVER)):
        own = _called(element)
        covers = (
            element.tag in (*_NEVER, "dialog", "noscript", "template")
            or element.get("role") in ("dialog", "alertdialog", "navigation")
            or element.get("aria-modal") == "true"
            or _DIALOG.search(own)
        )
        may_hold = element.tag == "aside" or (covers and element.tag not in _NEVER)
        least = 10 if _GATE.search(own) else 2
        if may_hold and least * prose[element] >= prose[tree] > 0:
            _unname(element)
        elif covers:
            element.drop_tree()


def _take_out_cards(tree: Any) -> int:
    """Take out the cards that lead to other articles, beside an article; return how many.

    A card is short, its title is a link, and others like it stand beside it.
    """
    sizes: Counter[Any] = Counter()
    for element in reversed(list(tree.iter())):
        if isinstance(element.tag, str) and element.tag not in _UNSEEN:
            sizes[element] += _size(element.text)
        if (parent := element.getparent()) is not None:
            sizes[parent] += sizes[element] + _size(element.tail)
    groups: dict[Any, list[Any]] = {}
    for element in tree.iter(*_CARDS):
        if 0 < sizes[element] <= _MOST_OF_A_CARD and _is_card(element, sizes):
            groups.setdefault((element.getparent(), element.tag), []).append(element)
    cards = [card for group in groups.values() if len(group) > 1 for card in group]
    prose = _prose(tree) if cards else Counter()
    if prose[tree] - sum(prose[card] for card in cards) < _LEAST_OF_AN_ARTICLE:
        return 0  # a page of nothing but such blocks: short news
    for card in cards:
        box = card.getparent()
        card.drop_tree()
        if box is not None and all(child.tag in _HEADINGS for child in box):
            box.drop_tree()  # nothing but the title of them all is left
    return len(cards)


def _size(text: str | None) -> int:
    return sum(map(len, (text or "").split()))


def _is_card(element: Any, sizes: Counter[Any]) -> bool:
    """Return whether a block is a link with more than words in it, or has a title that is one."""
    headings = list(element.iter(*_HEADINGS))
    links = {a for a in element.iter("a") if "#" not in (a.get("href") or "#")}
    if len(headings) > 1 or not links:
        return False
    if any(len(a) and 10 * sizes[a] > 8 * sizes[element] for a in links) and (
        headings or any(child.tag in ("p", "div") for a in links for child in a)
    ):
        return True
    return any(
        10 * sum(sizes[a] for a in heading.iter("a") if a in links) > 8 * sizes[heading]
        or any(above in links for above in heading.iterancestors("a"))
        for heading in headings
    )


def _name_article(tree: Any) -> None:
    """Call the smallest element with nearly all prose an article, where none is called so.

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
    for outer in element.iterancestors("table", "tbody", "tr", "td") if element.tag == "td" else ():
        outer.tag = "div"  # a table for layout
    if element.tag in ("div", "section", "td", "center"):
        element.tag = "article"


def _join_parts(tree: Any, prose: Counter[Any]) -> None:
    """Take the names off boxes that are called alike, of which only the first is read."""
    alike: dict[tuple[str, str | None], list[Any]] = {}
    for element in tree.iter("article", "main", "div", "section"):
        if 0 < 10 * prose[element] < 9 * prose[tree] and "comment" not in _called(element):
            alike.setdefault((element.tag, element.get("class")), []).append(element)
    for parts in alike.values():
        most = len(parts) > 1 and 2 * sum(map(prose.__getitem__, parts)) > prose[tree]
        for element in parts if most else ():
            _unname(element)
    _name_article(tree)


def _unname(element: Any) -> None:
    element.tag = "div"
    for name in ("id", "class", "itemprop", "role", "aria-modal", "hidden", "style"):
        element.attrib.pop(name, None)


def _prose(tree: Any) -> Counter[Any]:
    """Count for each element the characters of its prose: no headings, links or notices.

    What readers comment is not of what it stands in.
    """
    prose: Counter[Any] = Counter()
    for element, text, n_linked in _runs(tree):
        running = len(text) >= _LEAST and 2 * n_linked < len(text)
        if running and element.tag not in _HEADINGS and not notice_of(text):
            prose[element] += len(text)
    most = prose.total() / 2  # what holds that is no box of comments, whatever it is called
    for element in reversed(list(tree.iter())):
        comments = prose[element] < most and _COMMENTS.search(_called(element))
        if not comments and (parent := element.getparent()) is not None:
            prose[parent] += prose[element]
    return prose


def _notice(tree: Any) -> str:
    """Return which notice a page holds, what keeps an article from its reader first."""
    found = {notice_of(text) for _, text, _ in _runs(tree)}
    names = ("paywall notice", "script notice", "cookie notice")
    return next(filter(found.__contains__, names), "no main text")


def _runs(tree: Any) -> Iterator[tuple[Any, str, int]]:
    """Yield each stretch of text that no block breaks, its block, and how much of it is linked."""
    from lxml.etree import iterwalk

    parts: list[str] = []
    blocks, n_links, n_linked = [tree], 0, 0
    for event, element in iterwalk(tree, events=("start", "end", "comment", "pi")):
        starts = event == "start"
        if isinstance(element.tag, str) and not _INLINE.match(element.tag):
            if text := " ".join("".join(parts).split()):
                yield blocks[-1], text, n_linked
            parts, n_linked = [], 0
            if starts:
                blocks.append(element)
            else:
                blocks.pop()
        n_links += (starts - (event == "end")) * (element.tag == "a")
        if own := ((element.tag not in _UNSEEN and element.text) if starts else element.tail):
            parts.append(own)
            n_linked += len(own) * (n_links > 0)


def _stored_article(tree: Any) -> list[str]:
    """Return the paragraphs kept for machines: schema.org's articleBody, or a live blog's posts."""
    from lxml.html import fragment_fromstring

    longest: list[str] = []
    for script in tree.xpath("//script[@type='application/ld+json']"):
        bare = (script.text or "").strip(_FRAME).removeprefix("<![CDATA[").removesuffix("]]>")
        try:
            waiting = [json.loads(bare.strip(_FRAME))]
        except (ValueError, RecursionError):
            continue
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                updates = value.get("liveBlogUpdate")
                for posts in ([value], updates if isinstance(updates, list) else [updates]):
                    found = [post.get("articleBody") for post in posts if isinstance(post, dict)]
                    bodies = [body for body in found if isinstance(body, str)]
                    longest = max(longest, bodies, key=lambda texts: sum(map(len, texts)))
                waiting += [v for k, v in value.items() if k in ("@graph", "mainEntity")]
    lines: list[str] = []
    for body in longest:
        if _MARKUP.search(body):
            markup = unescape(body) if "&lt;" in body else body
            lines += [run[1] for run in _runs(fragment_fromstring(markup, create_parent="div"))]
        else:
            lines += [" ".join(line.split()) for line in body.splitlines() if line.strip()]
    return lines


def _size_of(blocks: list[tuple[str, bool]]) -> int:
    return sum(len(text) for text, _ in blocks)


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
