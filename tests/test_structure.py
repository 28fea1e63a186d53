"""Sentences, headings and what is neither: told apart by layout and words, offsets exact."""

import json
import random
import time
from dataclasses import replace

import pytest
from conftest import shared
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.text.language import ENGLISH, Language
from tagger.text.structure import pieces

TEXT = "Oil rose 2 percent on Monday. It may fall."
LINES = st.sampled_from(
    [
        "Oil Rises Again",
        "By Ann Lee",
        TEXT,
        "* * *",
        "KYIV (AP) — ",
        "\n",
        "\n\n",
        "\r\n",
        "12",
        "é",
        "Photo: Reuters",
        "- ",
        "a;",
        "MOSCOW",
        "\ud800",
        "\x00",
        "Read more",
        "שלום",
    ]
)


def kinds(text, language=ENGLISH, headings=()):
    found = pieces(text, language, headings)
    return [(text[p.start : p.end], p.what or p.kind) for p in found]


@pytest.mark.parametrize(("what", "begins", "pattern"), ENGLISH.lines)
def test_a_line_is_looked_at_by_how_it_may_begin(what, begins, pattern):
    plain = st.characters(max_codepoint=126, include_characters="©–—·’•…»")

    @settings(max_examples=40)
    @given(st.from_regex(rf"\A(?:{pattern})", alphabet=plain))
    def try_lines(line):
        assert line.lower().startswith(begins), what

    try_lines()


@given(st.text() | st.lists(LINES).map("".join), st.lists(st.tuples(*2 * [st.integers(0, 60)])))
def test_every_visible_character_is_in_one_piece(text, headings):
    covered = [False] * len(text)
    last = 0
    for start, end, _, _ in pieces(text, ENGLISH, headings):
        assert last <= start < end
        assert text[start:end] == text[start:end].strip()
        covered[start:end] = [True] * (end - start)
        last = end
    assert all(c or character.isspace() for c, character in zip(covered, text, strict=True))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Oil Prices Rise on Fears of War", "heading"),
        ("What comes next", "heading"),
        ("WHAT COMES NEXT", "heading"),
        ("The Weekend's Best Polls:", "heading"),
        ("Why Ministers Won't Resign.", "heading"),
        ("By Ann Lee and Bob Stone, Associated Press", "byline"),
        ("March 18, 2024", "dateline"),
        ("Updated 4:40 p.m. EDT", "dateline"),
        ("(Reporting by Ann Lee; Editing by Bob Stone)", "credit"),
        ("(AP)", "agency"),
        ("FILE PHOTO: A tanker lies off the port.", "caption"),
        ("A tanker off the port. Image: Ann Lee.", "caption"),
        ("Read more", "promotion"),
        ("Sign up for our newsletter", "promotion"),
        ("Subscribe now to continue reading this article.", "notice"),
        ("We use cookies to improve your visit.", "notice"),
        ("Please enable JavaScript to view this page.", "notice"),
        ("© 2024 The Daily News", "notice"),
        ("* * *", "separator"),
        ("2.", "list marker"),
        ("Year\t2023\t2024", "table"),
        ("| Crude | 80 | 82 |", "table"),
        ("https://example.org/a", "link"),
        ("(Applause.)", "note"),
        ("The minister said:", "sentence"),
        ("Good morning, colleagues,", "sentence"),
        ("We will not leave", "heading"),  # no stop and a line of its own: by layout alone
        ("we will not leave", "sentence"),
        ("The minister said that he would look into the", "sentence"),
        ("Will they talk?", "sentence"),
        ("Oil rose.", "sentence"),
        ("Shops will no longer need cookies, the ministry said.", "sentence"),
        ("Watch sales fell.", "sentence"),
        ("Thank you, Mr. President.", "sentence"),
    ],
)
def test_a_line_before_a_paragraph(line, kind):
    assert kinds(f"{line}\n\n{TEXT}")[0] == (line, kind)


@pytest.mark.parametrize(
    ("mark", "rest"),
    [
        ("KYIV, Ukraine (AP) —", "Shells fell."),
        ("SEOUL (Reuters) -", "Shells fell."),
        ("BEIJING, June 14 (Xinhua) --", "Shells fell."),
        ("WASHINGTON —", "Shells fell."),
        ("Washington, DC -", "Shells fell."),
        ("date 2024-03-18", "Shells fell."),
    ],
)
def test_a_dateline_stands_before_the_sentence(mark, rest):
    assert kinds(f"{mark} {rest} {TEXT}")[:2] == [(mark, "dateline"), (rest, "sentence")]


@pytest.mark.parametrize(
    "text",
    [
        "The United Nations (UN) said so.",
        "NATO — which met on Monday — agreed.",
        "The deal (signed in May) - which few liked - failed.",
        "2024 was a good year.",
        "I — I do not know.",
    ],
)
def test_what_looks_like_a_dateline_and_is_none(text):
    assert kinds(text) == [(text, "sentence")]


def test_single_line_breaks_end_headings_and_join_wrapped_lines():
    text = (
        "Oil rises again\nBy Ann Lee\nOil rose 2 percent on Monday as the ministers of\n"
        "Iran and Iraq met in Vienna\nto talk about it.\n"
        "The market\nThe price of crude fell\nlater."
    )
    assert kinds(text) == [
        ("Oil rises again", "heading"),
        ("By Ann Lee", "byline"),
        (
            "Oil rose 2 percent on Monday as the ministers of\n"
            "Iran and Iraq met in Vienna\nto talk about it.",
            "sentence",
        ),
        ("The market", "heading"),
        ("The price of crude fell\nlater.", "sentence"),
    ]


def test_a_table_is_cut_into_its_rows_and_figures_in_wrapped_prose_are_not():
    table = "Oil\t2023\t2024\nCrude\t80\t82\nOil rose."
    assert [kind for _, kind in kinds(table)] == ["table", "table", "sentence"]
    prose = (
        "The ministry said that output rose in the years\n2019, 2020, 2021 and 2023 by\n"
        "5, 6, 7 and 8 percent."
    )
    assert kinds(prose) == [(prose, "sentence")]
    prose = "The court has struck down a law twice before, in 2007 and in\n2022."
    assert kinds(prose) == [(prose, "sentence")]
    prose = "The ministers are to meet again in the capital of Austria on\nMarch 18, 2024."
    assert kinds(prose) == [(prose, "sentence")]


def test_capitals_tell_nothing_in_a_text_of_capitals():
    text = "THE ARMY LEFT THE TOWN.\n\nIT SAID SO ON MONDAY.\n\nNOBODY WAS HURT IN THE TOWN."
    assert [kind for _, kind in kinds(text)] == ["sentence"] * 3
    assert kinds(f"FULL TEXT.\n\n{TEXT}")[0] == ("FULL TEXT.", "heading")


def test_a_line_that_heads_nothing_is_a_sentence():
    assert kinds("The talks may fail") == [("The talks may fail", "sentence")]
    assert kinds(f"{TEXT}\n\nThe talks may fail")[-1] == ("The talks may fail", "sentence")


def test_a_poem_or_a_list_is_no_row_of_headings():
    lines = [f"Verse of a poem number {n}" for n in range(5)]
    assert kinds("\n\n".join([*lines, TEXT]))[:5] == [(line, "sentence") for line in lines]


def test_layout_names_headings_and_words_overrule_it():
    text = f"The minister resigned.\n\nRead more\n\nOne\n\nTwo\n\n{TEXT}"
    named = [(0, 22), (24, 33)]
    assert [text[a:b] for a, b in named] == ["The minister resigned.", "Read more"]
    assert [kind for _, kind in kinds(text, headings=named)] == [
        *("heading", "promotion", "sentence", "sentence", "sentence", "sentence")
    ]


def test_other_languages_go_by_layout():
    text = "Hintergrund\n\n18. März 2024\n\nDer Minister trat am Montag zurück.\n\n* * *"
    assert [kind for _, kind in kinds(text, Language("de"))] == [
        *("heading", "dateline", "sentence", "separator")
    ]
    text = "经济增长\n\n部长星期一辞职。"
    assert [kind for _, kind in kinds(text, Language("zh"))] == ["heading", "sentence"]
    # A noun has a capital in German: capitals alone make no heading there.
    text = "Minister Trat Zurück.\n\nDer Minister trat zurück."
    assert [kind for _, kind in kinds(text, Language("de"))] == ["sentence", "sentence"]


ODD = [
    "A-",
    "By A ",
    "(a) ",
    "Oil Rose\n\n",
    "A\n",
    "AAA AAA, Bbb ",
    "<a",
    "Mon 3 pm, ",
    "a@",
    "A. ",
    "aAbb",
    "aAb ",
    "A\n\n",
]


@pytest.mark.parametrize("odd", [*ODD, "A" + " " * 290 + "B\n\n", "watch " * 49 + "\n\n"])
def test_odd_text_is_cut_in_linear_time(odd):
    def seconds(n):
        text = (odd * n)[: 100 * n]
        start = time.process_time()
        pieces(text)
        return time.process_time() - start

    n = 100_000 // len(odd)
    pieces(odd)
    assert min(seconds(2 * n) for _ in range(2)) < 6 * max(seconds(n), 0.02)


def test_real_articles():
    path = shared("news", "articles.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines()[:100]:
        text = json.loads(line)["text"]
        at = 0
        for piece in pieces(text):
            assert not text[at : piece.start].strip()
            at = piece.end
        assert not text[at:].strip()


def test_the_seed_article_has_three_headings(tagger):
    (path,) = shared("seeds").glob("*.txt")
    document = tagger.tag(path.read_text(encoding="utf-8"))
    assert len(document.headings) == 3
    assert [s.claim for s in document.headings] == ["", "", ""]
    assert document.pieces[0].what == "dateline"
    assert len(document.sentences) == 15


def test_a_notice_is_named_at_the_end_of_running_text_and_in_long_paragraphs() -> None:
    text = "The envoy left on Monday. Subscribe now to continue reading this story."
    assert [(p.kind, p.what) for p in pieces(text)] == [("sentence", ""), ("other", "notice")]
    cookies = "We use cookies on this site. By clicking accept you agree to our use of cookies. "
    assert {(p.kind, p.what) for p in pieces(cookies * 8)} == {("other", "notice")}


_STUFF = (
    *(
        "The talks may fail.",
        "Oil rose",
        "U.S.",
        "Ms. Lee",
        "SEOUL (Reuters) -",
        "By Ann Lee",
        "a.m.",
    ),
    *(
        "\n",
        "\n\n",
        " ",
        "\t",
        "\r\n",
        "\x0b",
        "\u2028",
        "\x00",
        "\ud800",
        "\ufeff",
        "\u0130",
        "e\u0301",
    ),
    *(
        "\u201c",
        "\u201d",
        '"',
        "(",
        ")",
        "[1]",
        "...",
        "?",
        "!",
        "\u2014",
        "-",
        "|",
        "# ",
        "\u2022",
        "1.",
    ),
    *("Plan B", "\u00a0", "\u2003", ".", "\u3000"),
    *("\u4e2d\u6587\u3002", "http://a.b", "Photo: AP", "No.", "5"),
)


@pytest.mark.parametrize("language", [ENGLISH, Language("und")], ids=["en", "und"])
def test_every_visible_character_is_in_one_piece_whatever_the_text(language):
    draw = random.Random(7)
    for _ in range(4000):
        text = "".join(
            draw.choice(_STUFF) + draw.choice(("", " ")) for _ in range(draw.randrange(25))
        )
        end, seen = 0, ""
        for piece in pieces(text, language):
            visible = text[piece.start : piece.end]
            assert piece.start >= end and visible and visible == visible.strip(), repr(text)
            end, seen = piece.end, seen + visible
        assert "".join(seen.split()) == "".join(text.split()), repr(text)


LEAD = (
    "The harbour council of Port Annas voted late in the evening to close both piers to tankers, "
    "after a week in which three ships had lost oil in the bay."
)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        (f"Council closes piers to tankers.\n{LEAD}", ["Council closes piers to tankers."]),
        (
            f"Piers to close after spills;\nBut owners of ships say they will sue.\n{LEAD}",
            ["Piers to close after spills;", "But owners of ships say they will sue."],
        ),
        (
            f"Port may close piers to tankers.\nVote would end a week of spills.\n\n{LEAD}",
            ["Port may close piers to tankers.", "Vote would end a week of spills."],
        ),
        (f"{LEAD}\n2. The owners want a delay.\n{LEAD}", ["2. The owners want a delay."]),
        # A short report, a list, and a text of one line
        (f"The council closed the piers on Monday.\n{LEAD}", []),
        (f"It was raining.\n{LEAD}", []),
        (f"{LEAD}\n1. The piers close.\n2. The ships leave.\n", []),
        ("Council closes piers to tankers. The ships leave.", []),
    ],
)
def test_titles_that_end_in_a_stop(text, headings):
    found = [text[p.start : p.end] for p in pieces(text) if p.kind == "heading"]
    assert found == headings


PARAGRAPH = (
    "The owners of the mills asked the council for time, and the council gave them until May. " * 2
)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Rising costs.", "heading"),  # between paragraphs, and no verb
        ("Empty mills, full stores.", "heading"),
        ("Mills Ask Council For More Time.", "heading"),
        ("Nobody was there.", "sentence"),
        ("He lost.", "sentence"),
        ("Thank you, Mr. President.", "sentence"),
        ("The owners of the mills were not amused.", "sentence"),
        ("Ann Lee/Newsroom.", "credit"),
        ("Correction appended.", "notice"),
        ("This article was amended on 4 May 2024 to correct a name.", "notice"),
        ("This interview has been lightly edited and condensed.", "notice"),
        ("An earlier version of this story misspelled a name.", "notice"),
        ("The views expressed here are the author's own.", "notice"),
        ("BYLINE: Ann Lee.", "byline"),
    ],
)
def test_a_short_line_with_a_stop_between_paragraphs(line, kind):
    text = f"{PARAGRAPH}\n\n{line}\n\n{PARAGRAPH}"
    assert (line, kind) in kinds(text)


def test_titles_with_a_stop_are_learned_for_one_language_and_not_in_talk():
    text = f"{PARAGRAPH}\n\nRising costs.\n\n{PARAGRAPH}"
    assert ("Rising costs.", "sentence") in kinds(text, Language("fr"))
    assert ("Rising costs.", "sentence") in kinds(text, replace(ENGLISH, titles=""))
    assert ("YEAH RIGHT.", "heading") not in kinds(text.replace("Rising costs.", "Yeah right."))
    assert ("RISING COSTS.", "heading") not in kinds(text.upper())
