"""How much of an article is read from a page, and how much of what stands around it.

    python benchmarks/pages.py articles.jsonl            # a text in each line, none is kept
    python benchmarks/pages.py articles.jsonl --plain    # trafilatura alone

Each article is put into pages as sites build them. Kept are the words of the article that the
reader yields, let in are the words it yields from anything else, both over the words of the
article; refused are pages from which nothing is read.
"""

import argparse
import io
import json
from collections import Counter
from html import escape
from pathlib import Path

from tagger.files import html
from tagger.files.rows import Row, Unreadable

_COOKIES = (
    "<p>We and our 214 partners use cookies to store and access data on your device. You can "
    "accept, reject or manage your choices at any time in the settings of this site.</p>"
    "<button>Accept all</button><button>Manage my choices</button>"
)
_LINKS = "".join(
    f"<li><a href='/{i}'>Zebra headline number {i} about quokka farming in the hills</a></li>"
    for i in range(6)
)
_NEWSLETTER = (
    "<div class='newsletter-box'><h3>Zebra Briefing</h3><p>Sign up for the quokka letter, which "
    "brings zebra stories to your inbox every morning before breakfast.</p></div>"
)
_COMMENTS = (
    "<section id='comments'><h3>Comments</h3>"
    "<div class='comment'><p>Zebra quokka wrote: never in my life have I read such a thing, and "
    "I have read many things since the wombat moved in.</p></div>"
    "<div class='comment'><p>Wombat replied: the quokka is right about it all.</p></div></section>"
)
_RELATED = f"<aside class='related'><h4>Related zebra stories</h4><ul>{_LINKS}</ul></aside>"
_TABLE = "<table><tr><th>Zebra</th><th>Quokka</th></tr><tr><td>12</td><td>40</td></tr></table>"
_HEAD = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/w'>World</a></li></ul></nav>"
_FOOT = "<footer><p>Zebra Media, all rights reserved. Contact the quokka desk.</p></footer>"


def paragraphs(texts: list[str], start: str = "<p>", end: str = "</p>") -> str:
    """Return paragraphs as elements."""
    return "".join(f"{start}{escape(text)}{end}" for text in texts)


def stored(texts: list[str]) -> str:
    """Return what a page keeps of an article for machines."""
    body = json.dumps({"@type": "NewsArticle", "articleBody": "\n\n".join(texts)})
    return f"<script type='application/ld+json'>{body.replace('<', chr(92) + 'u003c')}</script>"


def pages(texts: list[str]) -> dict[str, str]:
    """Return an article in pages as sites build them, by what they are like."""
    story, half = paragraphs(texts), max(len(texts) // 2, 1)
    first, second = paragraphs(texts[:half]), paragraphs(texts[half:])
    broken = "<br><br>".join(map(escape, texts))
    bodies = {
        "article": f"<article><h1>Zebra</h1>{story}</article>",
        "main": f"<main><h1>Zebra</h1>{story}</main>",
        "aside": f"<aside class='text'>{story}</aside>",
        "aside among asides": f"<div><aside>{story}</aside>{_RELATED}{_NEWSLETTER}</div>",
        "div soup": f"<div><div><div><div>{story}</div></div>{_RELATED}</div></div>",
        "divs for paragraphs": f"<div><div>{paragraphs(texts, '<div>', '</div>')}</div></div>",
        "spans": f"<div class='x1'>{paragraphs(texts, '<div><span>', '</span></div>')}</div>",
        "line breaks": f"<div id='story'>{broken}</div>",
        "line breaks in a box of the paywall": f"<div class='paywall-body'>{broken}</div>",
        "a table for layout": f"<table><tr><td>{_LINKS}</td><td>{story}</td></tr></table>",
        "beside a dialog": f"<dialog open>{_COOKIES * 3}</dialog><div>{story}</div>",
        "beside a cookie box": f"<div id='onetrust-banner'>{_COOKIES * 3}</div><div>{story}</div>",
        "under a box without a name": f"<div class='q7'>{_COOKIES * 3}</div><div>{story}</div>",
        "in a modal": f"<div role='dialog' class='modal'>{story}</div>",
        "class of a subscriber": f"<div class='subscriber-content'>{story}</div>",
        "hidden behind a paywall": (
            f"<article>{first}<div class='paywall' style='display:none'>{second}</div></article>"
        ),
        "newsletter within": f"<article>{first}{_NEWSLETTER}{second}</article>",
        "related within": f"<article>{first}{_RELATED}{second}</article>",
        "comments": f"<article>{story}</article>{_COMMENTS}",
        "comments in a div": f"<div class='post'>{story}</div>{_COMMENTS}",
        "list": f"<article><ul>{paragraphs(texts, '<li>', '</li>')}</ul></article>",
        "quotations": f"<article>{first}<blockquote>{second}</blockquote></article>",
        "sections": (
            f"<article><section><h2>Zebra</h2>{first}</section>"
            f"<section><h2>Quokka</h2>{second}</section></article>"
        ),
        "figure and table": (
            f"<article>{first}<figure><img src=x><figcaption>Zebra quokka</figcaption></figure>"
            f"{second}{_TABLE}</article>"
        ),
        "stored only": f"<div id='root'></div>{stored(texts)}",
        "teaser and stored": f"<article>{paragraphs(texts[:1])}</article>{stored(texts)}",
        "noscript": f"<div id='root'>Loading</div><noscript>{story}</noscript>",
        "paywall after": (
            f"<article>{story}<div class='gate'><p>Subscribe now to continue reading.</p></div>"
            "</article>"
        ),
        "live blog": "".join(
            f"<article class='update'><time>10:0{i % 10}</time><p>{escape(text)}</p></article>"
            for i, text in enumerate(texts)
        ),
    }
    title = "<!doctype html><html><head><meta charset=utf-8><title>Zebra</title></head><body>"
    return {name: f"{title}{_HEAD}{body}{_FOOT}</body></html>" for name, body in bodies.items()}


def words(text: str) -> Counter[str]:
    """Count the words of a text."""
    return Counter(text.split())


def read(page: str, plain: bool) -> str:
    """Return what is read from a page, nothing where it is refused."""
    if plain:
        import trafilatura

        found = trafilatura.bare_extraction(page.encode(), include_comments=False)
        return (found and found.text) or ""
    try:
        items = [*html.read(io.BytesIO(page.encode()), "page")]
    except Unreadable:
        return ""
    return "".join(item.record["text"] for item in items if isinstance(item, Row))


def main() -> None:
    """Print a line for each kind of page, and one for all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("articles", type=Path)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--every", type=int, default=40, help="take one article of so many")
    given = parser.parse_args()
    lines = given.articles.read_text(encoding="utf-8").splitlines()[:: given.every]
    counts: dict[str, Counter[str]] = {}
    for line in lines:
        texts = [p for p in json.loads(line)["text"].split("\n\n") if p.strip()]
        whole = words(" ".join(texts))
        for name, page in pages(texts).items():
            found = words(read(page, given.plain))
            kept = (found & whole).total()
            for of in (name, "all"):
                counts.setdefault(of, Counter()).update(
                    n=1, whole=whole.total(), kept=kept, alien=found.total() - kept,
                    refused=not found,
                )  # fmt: skip
    print(f"{len(lines)} articles{'pages':>27}  kept  let in  refused")
    for name, c in counts.items():
        kept, alien = c["kept"] / c["whole"], c["alien"] / c["whole"]
        print(f"{name:<36} {c['n']:>5} {kept:6.1%} {alien:6.1%} {c['refused']:>8}")


if __name__ == "__main__":
    main()
