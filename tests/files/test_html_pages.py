"""Pages as sites write them: the article in full, or a refusal that says what there is."""

import io
import json
import time
from collections.abc import Callable

import pytest

from tagger.files import html
from tagger.files.rows import Note, Reject, Row, Unreadable

TITLE = "Talks stall over grain"
FIRST = (
    "The talks on the grain deal stalled on Monday after the envoys left the city without a "
    "date for a new round."
)
SECOND = (
    "Traders fear that prices could rise if no ship leaves port this month, the port "
    "authority said in a statement."
)
THIRD = (
    "The ministry declined to comment on the report, which was published last week by a "
    "research group in the capital."
)
STORY = f"<h1>{TITLE}</h1><p>{FIRST}</p><h2>What comes next</h2><p>{SECOND}</p><p>{THIRD}</p>"
COOKIES = (
    "We use cookies to make our site work better for you. By clicking accept you agree to our "
    "use of cookies and to the use of your data by our 812 partners, as our policy says."
)
MENU = "".join(f'<li><a href="/{x}">{x}</a></li>' for x in ("Home", "World", "Money", "Sport"))
PAYWALLS = (
    "Subscribe now to continue reading this story.",
    "To read the rest of this article, log in or create a free account.",
    "You have reached your limit of free articles this month.",
    "This article is for subscribers only.",
    "Already a subscriber? Sign in to keep reading.",
    "Unlock this article and all our coverage for 1 euro a week.",
)


def page(body: str, head: str = "") -> str:
    return (
        f"<!doctype html><html><head><title>{TITLE}</title>{head}</head><body>{body}</body></html>"
    )


def read(markup: str | bytes) -> Row | Reject:
    data = markup if isinstance(markup, bytes) else markup.encode()
    try:
        *_, item = html.read(io.BytesIO(data), "page.html")
    except Unreadable as error:
        return Reject(str(error), "", "page.html")
    assert isinstance(item, Row)
    return item


def boxed(element: str) -> Callable[[str], str]:
    return lambda story: page(
        f"<nav><ul>{MENU}</ul></nav>{element.replace('*', story)}"
        "<footer><p>All rights reserved by the publisher of this site.</p></footer>"
    )


BOXES = {
    "article": "<article>*</article>",
    "main": "<main><div class='body'>*</div></main>",
    "aside": "<aside class='story'>*</aside>",
    "aside among asides": "<div><aside>*</aside><aside><p>Most read: ten pies.</p></aside></div>",
    "bare divs": "<div><div><div>*</div></div></div>",
    "section": "<section id='content'>*</section>",
    "beside a dialog": f"<dialog open><p>{COOKIES}</p></dialog><article>*</article>",
    "beside a cookie box": f"<div id='cookie-consent'><p>{COOKIES * 3}</p></div><div>*</div>",
    "beside a modal": (
        f"<div role='dialog' aria-modal='true'><p>{COOKIES * 4}</p></div><article>*</article>"
    ),
    "in a class of the paywall": "<div class='paywall-content'>*</div>",
    "line breaks in a class of the paywall": "<div class='paywall-body'>+</div>",
    "line breaks in bare divs": "<div><div id='x'>+</div></div>",
    "in a dialog": "<div role='dialog' class='modal'>*</div>",
    "shown without scripts only": "<div id='root'></div><noscript><div>*</div></noscript>",
    "hidden in part": f"<article>*<p>{FIRST} Then.</p></article>".replace(
        "*", "<div class='paywall' style='display:none'>*</div>"
    ),
    "in a table for layout": "<table><tr><td><a href='/'>Home</a></td><td>*</td></tr></table>",
    "before comments": (
        "<div class='post'>*</div><div id='comments'><div class='comment'><p>All rights to the "
        "grain belong to those who sowed it, I say.</p></div></div>"
    ),
    "with a newsletter box": (
        "<article>*<div class='newsletter-signup'><p>Get our morning briefing by mail, sent on "
        "every working day before seven.</p></div></article>"
    ),
}


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES.keys())
def test_the_article_is_read_in_full_wherever_it_stands(box: str) -> None:
    row = read(boxed(box.replace("+", f"{FIRST}<br><br>{SECOND}<br><br>{THIRD}"))(STORY))
    assert isinstance(row, Row), row
    text = row.record["text"]
    paragraphs = text.split("\n\n")
    assert [p for p in paragraphs if p in (FIRST, SECOND, THIRD)] == [FIRST, SECOND, THIRD]
    assert {text[a:b] for a, b in row.headings} >= ({"What comes next"} if "*" in box else set())
    assert {text[a:b] for a, b in row.headings} <= {"What comes next", TITLE}
    for foreign in ("cookies", "Home", "Most read", "All rights", "morning briefing"):
        assert foreign not in text
    assert row.record["title"] == TITLE


@pytest.mark.parametrize("notice", PAYWALLS)
def test_a_paywall_is_refused_by_name_but_what_stands_before_it_is_read(notice: str) -> None:
    alone = read(boxed("<article>*</article>")(f"<h1>{TITLE}</h1><p>{notice}</p>"))
    assert isinstance(alone, Reject)
    assert alone.reason == "paywall notice found in this page, expected an article"
    teaser = read(boxed("<article>*</article>")(f"<p>{FIRST}</p><p>{SECOND}</p><p>{notice}</p>"))
    assert isinstance(teaser, Row)
    assert teaser.record["text"].startswith(f"{FIRST}\n\n{SECOND}")


@pytest.mark.parametrize(
    ("body", "notice"),
    [
        ("<noscript>You need to enable JavaScript to run this app.</noscript><div id='root'></div>",
         "script notice"),
        ("<p>Please turn on JavaScript in your browser to see this page.</p>", "script notice"),
        (f"<div class='cookie-banner'><p>{COOKIES}</p></div>", "cookie notice"),
        (f"<p>{COOKIES}</p><button>Accept all cookies</button>", "cookie notice"),
        ("<ul><li><a href='/'>Home</a></li></ul>", "no main text"),
        ("", "no main text"),
    ],
)  # fmt: skip
def test_a_page_without_an_article_is_refused_by_what_it_holds(body: str, notice: str) -> None:
    item = read(page(body))
    assert isinstance(item, Reject)
    assert item.reason.startswith(notice)


ACCENTS = "The café in Malmö – “open again” – is run by Mr. Škoda, who paid €40 for it in May."


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("iso-8859-1", "cp1252"), ("utf-8", "cp1252"), ("us-ascii", "cp1252"), ("", "cp1252"),
        ("iso-8859-1", "utf-8"), ("windows-1252", "utf-8"), ("", "utf-8"), ("nonsense", "utf-8"),
        ("", "utf-8-sig"), ("iso-8859-1", "utf-8-sig"), ("utf-16", "utf-8"), ("", "utf-16"),
        ("iso-8859-2", "iso-8859-2"), ("koi8-r", "koi8-r"), ("iso-8859-2", "utf-8"),
        ("iso-8859-9", "cp1254"), ("gb2312", "gb18030"), ("shift_jis", "cp932"),
        ("iso-2022-jp", "iso-2022-jp"), ("undefined", "utf-8"), ("zlib", "cp1252"),
    ],
)  # fmt: skip
def test_the_bytes_are_read_as_what_they_are(declared: str, written: str) -> None:
    text = {
        "koi8-r": "Приветствие прозвучало в городе.",
        "iso-8859-2": "Premiér Škoda přijel do města, řekl že ještě neví.",
        "gb18030": "谈判在周一破裂,镕基没有出席。",
        "cp932": "①交渉は月曜日に決裂した。",
        "iso-2022-jp": "交渉は月曜日に決裂した。",
        "cp1254": "Görüşmeler “pazartesi” durdu, dedi İnönü.",
    }.get(written, ACCENTS)
    head = f'<meta charset="{declared}">' if declared else ""
    story = f"<article><p>{FIRST}</p><p>{text}</p><p>{SECOND}</p></article>"
    row = read(page(story, head).encode(written))
    assert isinstance(row, Row)
    assert text in row.record["text"]


@pytest.mark.parametrize("declared", ["", "utf-8", "us-ascii"])
def test_an_encoding_that_nothing_names_is_guessed_aloud(declared: str) -> None:
    head = f'<meta charset="{declared}">' if declared else ""
    data = page(f"<article><p>{FIRST}</p><p>{ACCENTS}</p></article>", head).encode("cp1252")
    note, row = html.read(io.BytesIO(data), "page.html")
    assert isinstance(row, Row) and isinstance(note, Note) and ACCENTS in row.record["text"]
    assert note.what == "not UTF-8, read as Windows-1252 (if that is wrong, say --encoding)"


def test_a_stray_byte_costs_one_character() -> None:
    markup = page(f"<article><p>{FIRST}</p><p>{ACCENTS}</p></article>", "<meta charset=utf-8>")
    bad = markup.encode().replace(b"run by", b"run\xff by")
    note, row = html.read(io.BytesIO(bad), "page.html")
    assert isinstance(row, Row) and isinstance(note, Note)
    assert (note.what, note.n) == ("byte that is no UTF-8, read as U+FFFD", 1)
    assert ACCENTS.replace("run by", "run\ufffd by") in row.record["text"]


OTHERS = (
    ("Grain prices fall again", "Traders say that the harvest was better than expected this year."),
    ("Port workers end strike", "The union said that its members accepted by a narrow majority."),
    ("New bridge opens in town", "It took nine years to build and cost more than was planned."),
)


@pytest.mark.parametrize(
    "card",
    [
        "<li><h3><a href='/x'>{0}</a></h3><p>{1}</p></li>",
        "<article><a href='/x'><h3>{0}</h3></a><p>{1}</p><time>2 hours ago</time></article>",
        "<a href='/x'><h3>{0}</h3><p>{1}</p></a>",
        "<div><div><h4><a href='/x'>{0}</a></h4><p>{1} <a href='/x'>More</a></p></div></div>",
    ],
)
@pytest.mark.parametrize(
    "around", ["<main>*<h2>More stories</h2>+</main>", "<article>*+</article>"]
)
def test_cards_of_other_articles_are_left_out_and_counted(card: str, around: str) -> None:
    cards = "".join(card.format(*other) for other in OTHERS)
    markup = page(around.replace("*", STORY).replace("+", f"<div class=grid>{cards}</div>"))
    note, row = html.read(io.BytesIO(markup.encode()), "page.html")
    assert isinstance(row, Row) and isinstance(note, Note)
    assert (note.what, note.n) == ("cards of other articles left out", 3)
    text = row.record["text"]
    assert FIRST in text and THIRD in text
    assert not any(part in text for other in OTHERS for part in other)


@pytest.mark.parametrize(
    "card",
    [
        "<section><h3><a href='#s'>{0}</a></h3><p>{1}</p></section>",  # an anchor
        "<section><h3>{0}</h3><p>{1} <a href='/x'>Source</a></p></section>",
        "<p>{1} <a href='/x'>{0}</a></p>",
    ],
)
def test_short_sections_of_an_article_are_no_cards(card: str) -> None:
    sections = "".join(card.format(*other) for other in OTHERS)
    row = read(page(f"<main>{STORY}{sections}</main>"))
    assert isinstance(row, Row)
    assert all(other[1] in row.record["text"] for other in OTHERS)


@pytest.mark.parametrize("tag", ["del", "s", "strike", "template"])
def test_what_is_struck_out_or_no_part_of_the_page_is_not_read(tag: str) -> None:
    row = read(
        page(f"<article>{STORY}<p>The talks <{tag}>went on</{tag}> ended at noon.</p></article>")
    )
    assert isinstance(row, Row)
    assert row.record["text"].endswith("The talks ended at noon.") and FIRST in row.record["text"]


PARTS = [f"<p>Day {n}. {text}</p>" for n in range(3) for text in (FIRST, SECOND, THIRD)]


@pytest.mark.parametrize(
    "part",
    [
        "<div class='article-body'>{}</div>",
        "<section><div class='post-content'>{}</div></section><div class=ad>Advertisement</div>",
        "<article><h2>Update</h2>{}</article>",
    ],
)
@pytest.mark.parametrize("cuts", [(0, 6), (0, 3, 6)])
def test_an_article_in_several_boxes_is_read_in_full(part: str, cuts: tuple[int, ...]) -> None:
    ends = (*cuts[1:], len(PARTS))
    body = [part.format("".join(PARTS[a:b])) for a, b in zip(cuts, ends, strict=True)]
    comments = "".join(f"<article class='comment-body'>{p}</article>" for p in PARTS)
    markup = page(f"<main><h1>{TITLE}</h1>{''.join(body)}</main><div id=comments>{comments}</div>")
    (row,) = html.read(io.BytesIO(markup.encode()), "page.html")
    assert isinstance(row, Row)
    text = row.record["text"]
    assert [text.count(p[3:-4]) for p in PARTS] == [1] * len(PARTS)


def test_captions_are_left_out_aloud() -> None:
    photo = "<figure><img src=x><figcaption>A {} at sea.<i>AP</i></figcaption></figure>"
    for photos in ([], ["boat"], ["boat", "ship"]):
        story = f"{STORY}{''.join(map(photo.format, photos))}{''.join(PARTS)}"
        *notes, row = html.read(
            io.BytesIO(page(f"<article>{story}</article>").encode()), "page.html"
        )
        assert isinstance(row, Row) and "at sea" not in row.record["text"]
        n = len(photos)
        assert notes == [Note("captions of pictures left out", "page.html", n)] * (n > 0)
    told = "".join(f"<figure><figcaption>{p[3:-4]}</figcaption></figure>" for p in PARTS)
    rows = list(html.read(io.BytesIO(page(f"<article>{told}</article>").encode()), "page.html"))
    assert len(rows) == 1  # all of which are the article


def test_what_stands_beside_an_article_is_left_out_aloud() -> None:
    markup = page(
        f"<main><article>{STORY}</article><div class='x'><p>{'Odd. ' * 40}</p></div></main>"
    )
    note, row = html.read(io.BytesIO(markup.encode()), "page.html")
    assert isinstance(row, Row) and isinstance(note, Note) and "Odd" not in row.record["text"]
    assert note.what == "characters of prose beside the article left out" and 100 < note.n < 200


def test_a_page_of_short_news_keeps_them() -> None:
    items = "".join(f"<li><h3><a href='/x'>{a}</a></h3><p>{b}</p></li>" for a, b in OTHERS)
    row = read(page(f"<main><ul>{items}</ul></main>"))
    assert isinstance(row, Row) and OTHERS[0][1] in row.record["text"]


def test_tables_and_lists_are_read_as_text() -> None:
    table = (
        "<table><tr><th>Port</th><th>Ships</th></tr><tr><td>Odesa</td><td>12 <b>ships</b></td></tr>"
        "</table><ul><li>First the ships were inspected.</li><li>Then they sailed.</li></ul>"
    )
    row = read(boxed("<article>*</article>")(STORY + table))
    assert isinstance(row, Row)
    lines = row.record["text"].split("\n\n")
    assert "|" not in row.record["text"] and "---" not in row.record["text"]
    assert "Odesa\t12 ships" in lines
    assert "First the ships were inspected." in lines


def test_lines_and_nested_paragraphs_stay_apart() -> None:
    story = (
        f"<p>{FIRST}<br>{SECOND}</p><blockquote><p>{THIRD}</p><p>{FIRST} Again.</p></blockquote>"
    )
    row = read(boxed("<article>*</article>")(story))
    assert isinstance(row, Row)
    assert row.record["text"].split("\n\n") == [FIRST, SECOND, THIRD, f"{FIRST} Again."]


@pytest.mark.parametrize(
    "markup",
    ["", " ", "word " * 3_000_000, "<" * 90_000, "\0" * 100],
    ids=["nothing", "blank", "no tag", "brackets", "zeros"],
)
def test_what_is_no_page_is_refused(markup: str) -> None:
    item = read(markup)
    assert isinstance(item, Reject)
    assert "expected" in item.reason or "not HTML" in item.reason


def test_an_article_that_scripts_would_show_is_read_from_where_it_is_kept() -> None:
    kept = {"@graph": [{"@type": "NewsArticle", "articleBody": f"{FIRST}\n\n{SECOND}\n{THIRD}"}]}
    script = f'<script type="application/ld+json">{json.dumps(kept)}</script>'
    row = read(page("<div id='root'></div><p>Loading</p>", script))
    assert isinstance(row, Row)
    assert row.record["text"] == f"{FIRST}\n\n{SECOND}\n\n{THIRD}"
    broken = read(page(f"<article>{STORY}</article>", script.replace("}", "")))
    assert isinstance(broken, Row) and THIRD in broken.record["text"]


def test_a_kept_article_is_read_without_its_markup() -> None:
    kept = {"articleBody": f"<p>{FIRST}</p><p>{SECOND} It&#39;s <b>so</b>.</p>"}
    for body in (
        kept["articleBody"],
        kept["articleBody"].replace("<", "&lt;").replace(">", "&gt;"),
    ):
        script = json.dumps({"@type": "Article", "articleBody": body}).replace("<", "\\u003c")
        row = read(page("<p>Loading</p>", f"<script type='application/ld+json'>{script}</script>"))
        assert isinstance(row, Row)
        assert row.record["text"] == f"{FIRST}\n\n{SECOND} It's so."


@pytest.mark.parametrize(
    "frame", ["+", "//<![CDATA[\n+\n//]]>", "/* <![CDATA[ */ + /* ]]> */", "<![CDATA[+]]>"]
)
def test_a_live_blog_is_read_from_its_posts_and_json_from_its_frame(frame: str) -> None:
    posts: list[object] = [
        {"articleBody": body} for body in (f"{FIRST}\n{SECOND}", f"<p>{THIRD}</p>")
    ]
    for kept in (
        {"@type": "LiveBlogPosting", "headline": TITLE, "liveBlogUpdate": [*posts, "a", {}]},
        [{"@graph": [{"articleBody": f"{FIRST}\n{SECOND}\n{THIRD}", "liveBlogUpdate": None}]}],
        {"articleBody": f"{FIRST}\n{SECOND}\n{THIRD}", "liveBlogUpdate": posts},
    ):
        script = frame.replace("+", json.dumps(kept).replace("<", "\\u003c"))
        row = read(page("<p>Loading</p>", f"<script type='application/ld+json'>{script}</script>"))
        assert isinstance(row, Row), row
        assert row.record["text"] == f"{FIRST}\n\n{SECOND}\n\n{THIRD}"


def test_a_shorter_kept_text_never_replaces_what_is_seen() -> None:
    script = f'<script type="application/ld+json">{json.dumps({"articleBody": FIRST})}</script>'
    row = read(page(f"<article><p>{FIRST} {SECOND} {THIRD}</p></article>", script))
    assert isinstance(row, Row)
    assert row.record["text"] == f"{FIRST} {SECOND} {THIRD}"


def test_a_page_too_deep_for_the_parser_is_refused_not_cut_off() -> None:
    deep = f"<article><p>{FIRST}</p>{'<div>' * 300}<p>{SECOND}</p></article>"
    item = read(page(deep))
    assert isinstance(item, Reject) and "more than 255 deep" in item.reason


def test_a_paywall_is_named_before_scripts_and_cookies() -> None:
    noscript = "<noscript>Please enable JavaScript to view this page.</noscript>"
    item = read(page(f"{noscript}<p>{COOKIES}</p><p>{PAYWALLS[0]}</p>"))
    assert isinstance(item, Reject) and item.reason.startswith("paywall notice")


@pytest.mark.parametrize(
    "part",
    [
        "<p>Some words of an article that is long.</p>", "<br>words of a line that is long enough",
        "<span>a</span>", "<tr><td>x<td>y", "<aside><p>Some words of a box.</p></aside>",
        "<div class=cookie><p>Some words of a box.</p></div>", "<b>", "<li>Some item of a list",
    ],
)  # fmt: skip
def test_time_grows_with_the_tags_of_a_page_not_faster(part: str) -> None:
    took = []
    for n in (2_000, 16_000):
        start = time.process_time()
        read(page(part * (n // part.count("<"))))
        took.append(time.process_time() - start)
    assert took[1] < 3 * 8 * took[0] + 0.5


def test_no_date_is_guessed() -> None:
    story = f"<article>{STORY}</article><footer>Copyright 2019</footer>"
    undated = read(page(story))
    assert isinstance(undated, Row) and "date" not in undated.record
    meta = '<meta property="article:published_time" content="2024-03-18T10:00:00Z">'
    dated = read(page(story, meta))
    assert isinstance(dated, Row) and dated.record["date"] == "2024-03-18"


@pytest.mark.parametrize(
    "date", ["2016-03-04", "on 05/01/2016", "04.03.2016", "2016-03-04T10:00:00"]
)
def test_a_date_that_an_article_tells_of_is_not_its_own(date: str) -> None:
    told = f"<p>{'The war ended in this way, which was a long one. ' * 3}It was {date}.</p>"
    for body in (
        *(told, told.replace(date, f"<b><i>{date}</i></b>"), told.replace("p>", "div>")),
        *(told.replace("p>", "section>"), f"<div>Words.<br>{told[3:-4]}<br>Words.</div>"),
        told.replace("<p>", "<p><span>").replace("</p>", "</span></p>"),
    ):
        undated = read(page(f"<article>{STORY}{body}</article>"))
        assert isinstance(undated, Row) and "date" not in undated.record, body
        for own in (
            '<p class="byline">Published <time datetime="2024-03-18">18 March</time></p>',
            '<script type="application/ld+json">{"datePublished": "2024-03-18"}</script>',
            '<p class="date">2024-03-18</p>',
            '<div><span class="date">2024-03-18</span><br>words of a line</div>',
            '<abbr class="published" title="2024-03-18">Monday</abbr>',
        ):
            wide = f"<div>{own}{' ' * 200}{STORY}{' ' * 200}{body}</div>"
            dated = read(page(f"<article>{wide}</article>"))
            assert isinstance(dated, Row) and dated.record["date"] == "2024-03-18", own
        address = '<meta property="og:url" content="https://x.com/2024/03/18/story.html">'
        dated = read(page(f"<article>{STORY}{body}</article>", address))
        assert isinstance(dated, Row) and dated.record["date"] == "2024-03-18"


def test_a_short_page_keeps_its_paragraphs_and_headings() -> None:
    # trafilatura makes one paragraph of what is short, and its caption made a caption of it all.
    photo = "<figure><img src=x><figcaption>A boat at sea. Photograph: AP</figcaption></figure>"
    rest = "<p>Two were hurt, the ministry said.</p><ul><li>Prices may rise.</li></ul>"
    story = f"<h1>{TITLE}</h1><p>By Ann Reed</p><p>{FIRST}</p><h2>What next?</h2>{rest}{photo}"
    row = read(page(f"<article>{story}</article>"))
    assert isinstance(row, Row)
    lines = row.record["text"].split("\n\n")
    own = ["Two were hurt, the ministry said.", "Prices may rise."]
    assert lines == [TITLE, "By Ann Reed", FIRST, "What next?", *own]
    assert [row.record["text"][a:b] for a, b in row.headings] == [TITLE, "What next?"]


@pytest.mark.parametrize("name", ["single no-comments", "has-comments"])
def test_what_is_called_after_its_comments_is_an_article_all_the_same(name: str) -> None:
    markup = page(f"<div class='{name}'><aside>{STORY}{''.join(PARTS)}</aside></div>")
    row = read(markup)
    assert isinstance(row, Row) and all(part[3:-4] in row.record["text"] for part in PARTS)


def test_boxes_beside_an_article_that_are_called_alike_are_none_of_its_parts() -> None:
    bio = "<div class='author-bio'><p>{} has covered trade for ten years. She lives here.</p></div>"
    bios = bio.format("Ann Lee") + bio.format("Eve Ray")
    row = read(page(f"<article><h1>{TITLE}</h1>{''.join(PARTS)}{bios * 3}</article>"))
    assert isinstance(row, Row) and PARTS[-1][3:-4] in row.record["text"]
    assert "covered trade" not in row.record["text"]
