"""The look of sentences: colours that all can tell apart, marks beside them, dark and light."""

import itertools
import json
import re
from collections import Counter

import numpy as np
import pytest
from rich.color import Color, ColorSystem

from tagger.cli.console import Console, tone
from tagger.files import pages
from tagger.markup import PALETTE, article, marks, sentence_span, share_bar, style
from tagger.schema import CLAIMS, Schema, Task, numbered

# How people without one kind of cones see linear RGB (Machado, Oliveira and Fernandes 2009).
SIGHTS = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
PAPERS = ("#ffffff", "#15171a")


def linear(color: str) -> np.ndarray:
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(color: str, sight: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(np.array(sight) @ linear(color), 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_claims_are_told_apart_by_all(side: int, sight: str) -> None:
    colors = [lab(pair[side], SIGHTS[sight]) for pair in PALETTE[:3]]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(colors, 2)) > 20


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_claims_and_themes_share_no_color_and_all_can_be_read_on_the_page(side: int) -> None:
    number = numbered(CLAIMS)
    assert sorted(number.values()) == list(range(6))
    assert len({pair[side] for pair in PALETTE}) == len(PALETTE)
    assert all(contrast(pair[side], PAPERS[side]) > 3 for pair in PALETTE)
    # The mark is written in the colour of the page on that of its label.
    assert all(contrast(pair[side], PAPERS[side]) >= 4.5 for pair in PALETTE[:3])


@pytest.mark.parametrize(
    "system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD]
)
def test_built_in_labels_are_told_apart_on_a_terminal_of_any_number_of_colors(system) -> None:
    colors = [Color.parse(tone(i)).downgrade(system) for i in numbered(CLAIMS).values()]
    seen = [lab(color.get_truecolor().hex, np.eye(3)) for color in colors]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 35


def test_marks_are_the_shortest_beginnings_that_differ() -> None:
    assert marks(CLAIMS["claim"].labels) == {
        "reported_fact": "R", "interpretation": "I", "speculation": "S",
    }  # fmt: skip
    assert marks(("pro", "probable", "Anti")) == {"pro": "Pro", "probable": "Prob", "Anti": "A"}
    # A beginning as long as a line would hide the sentence that it marks.
    long = ("a statement by a judge", "a statement by a jury", "Anti")
    assert marks(long) == {long[0]: "#1", long[1]: "#2", "Anti": "An"}


def test_a_claim_has_a_mark_and_its_probability_beside_the_color() -> None:
    among = CLAIMS["claim"].labels
    span = sentence_span(
        "It may.", (2, "speculation", 0.71), [(3, "military", 0.9)], True, among=among
    )
    assert 'class="s c3 p7 review"' in span and 'data-mark="S 71 ?"' in span
    assert 'data-labels="military"' in span


def test_there_is_a_dark_side() -> None:
    assert style().count("prefers-color-scheme") == 2  # the palette and the page


def test_paragraphs_and_headings_keep_every_character() -> None:
    text = " Head\n\nOne. Two.\n\nThree.\n"
    places = [(1, 5, "heading"), (7, 11, "sentence"), (12, 16, "sentence"), (18, 24, "sentence")]
    html = article(text, [(text[a:b], a, b, kind) for a, b, kind in places])
    assert re.sub("<[^>]*>", "", html) == text
    assert html.count("<p>") == html.count("</p>") == 2
    assert "<h2>Head</h2>" in html and "<p>One. Two.</p>" in html


def test_shares_are_a_bar_that_is_also_said() -> None:
    bar = share_bar([(0, "reported_fact", 0.75), (1, "interpretation", 0.25)])
    assert 'aria-label="reported fact 75%, interpretation 25%"' in bar
    assert 'x="75.00" width="25.00"' in bar


def test_the_terminal_the_pages_and_the_reading_page_round_shares_alike(capsys) -> None:
    from tagger.cli.view import _show_shares
    from tagger.review.views import summary

    share = {"reported_fact": 12, "interpretation": 2, "speculation": 2, "military": 2}
    counts = {f"{t.name} {x}": share.get(x, 0) for t in CLAIMS.tasks for x in t.labels}
    draft = {"doc": "d", "title": "d", "body": "", "counts": counts, "n": 16}
    made = dict(pages.pages([json.dumps(draft).encode()], CLAIMS, "m"))
    stored = [sum([1 / 16] * n) for n in counts.values()]
    row = {"title": "d", "name": "d", "n": 16, "doubtful": 0, "shares": json.dumps(stored)}
    _show_shares(
        Console(), CLAIMS, Counter({tuple(k.split()): n for k, n in counts.items()}), 16, 0
    )
    shown = [made["d.html"].decode(), made["index.html"].decode(), summary(row, CLAIMS, "m")]
    for text in (*shown, capsys.readouterr().out.replace(" %", "%")):
        assert re.findall(r"\b(75|12|13)%", text)[-4:] == ["75", "13", "13", "13"]


def test_the_index_of_many_documents_is_cut_into_pages() -> None:
    counts = {f"{t.name} {label}": 1 for t in CLAIMS.tasks for label in t.labels}
    drafts = [
        {"doc": name, "title": name, "body": "", "counts": counts, "n": 3}
        for name in ["index", "index-2", *(f"d{i}" for i in range(248))]
    ]
    made = dict(pages.pages([json.dumps(d).encode() for d in drafts], CLAIMS, "m"))
    assert {"document-index.html", "document-index-2.html"} < set(made)
    listed = [made[name].decode() for name in ("index.html", "index-2.html", "index-3.html")]
    # After the sentences, under the name of its task: what comes last is cut off where it is tight.
    assert [page.count('<td>3</td><td class="bars"><svg') for page in listed] == [100, 100, 50]
    assert '<th>sentences</th><th class="bars">claim</th><th>reported fact</th>' in listed[0]
    assert '<a href="index-3.html">3</a>' in listed[0]


def test_a_page_gives_the_shares_task_by_task_and_who_tagged_it() -> None:
    schema = Schema((Task("kind of text", ("news", "op_ed")), Task("big topic", ("sea",), True)))
    counts = {"kind of text news": 3, "kind of text op_ed": 1, "big topic sea": 1}
    draft = {"doc": "d", "title": "d", "body": "", "counts": counts, "n": 4}
    made = dict(pages.pages([json.dumps(draft).encode()], schema, "0123<"))
    page = made["d.html"].decode()
    assert ">4 sentences; kind of text: news 75%, op ed 25%; big topic: sea 25%</p>" in page
    assert all("(tagger, model 0123&lt;), not by people" in x.decode() for x in made.values())
