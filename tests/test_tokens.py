from unicodedata import normalize as normalize_unicode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tagger.text.language import ENGLISH
from tagger.text.tokens import (
    fold,
    mask,
    normalize,
    seen,
    surface_tokens,
    token_spans,
    tokenize,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "The U.S.-led coalition’s F-16s",
            ["the", "u.s.", "led", "coalition", "'s", "f", "00", "s"],
        ),
        ("“won’t”", ['"', "won't", '"']),
        ("$1,234.50 — 9/11", ["$", "0,000.00", "-", "0", "/", "00"]),
        (
            "O’Neill's well-known 'al-Qaeda'",
            ["o'neill", "'s", "well", "known", "'", "al", "qaeda", "'"],
        ),
        ("", []),
    ],
)
def test_tokenize(text, tokens):
    assert tokenize(text) == tokens


@given(st.text())
def test_what_is_seen_is_folded_character_by_character(text):
    assert len(fold(text)) == len(seen(text))


UNSEEN = "\u00ad\u200b\u200e\u2060\ufeff"


@given(st.text(), st.text(st.sampled_from(f"ab{UNSEEN}")))
@example("\u1fef\u1ffd", "")
def test_the_form_of_unicode_and_what_nobody_sees_make_no_other_tokens(text, hidden):
    decomposed = normalize_unicode("NFD", text)
    assert tokenize(f"{decomposed}é") == tokenize(f"{text}e\u0301")
    bare = "".join(c for c in hidden if c not in UNSEEN)
    assert fold(hidden) == bare


def test_tokens_of_what_is_written_as_two_or_unseen_are_found_in_their_place():
    chunk = "\ufeffcafe\u0301s,min\u00adis\u200bters"
    for text, first in (
        ("cafe\u00ad\u0301-oil", 6),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8,oil", 6),
    ):
        assert token_spans(text)[0] == (0, first)
    assert token_spans("İ-\u00ad")[-1] == (1, 3)  # as many letters as tokens have, in other places
    spans = token_spans(chunk)
    assert [chunk[a:b].strip(UNSEEN) for a, b in spans] == [
        "cafe\u0301s",
        ",",
        "min\u00adis\u200bters",
    ]


@given(st.text())
def test_surfaces_and_spans_agree_with_tokens(text):
    for chunk in text.split():
        tokens = tokenize(chunk)
        assert [s.lower() for s in surface_tokens(chunk)] == tokens
        spans = token_spans(chunk)
        assert len(spans) == len(tokens)
        assert all(0 <= start < end <= len(chunk) for start, end in spans)


@given(st.text())
def test_no_token_crosses_white_space(text):
    assert [t for chunk in text.split() for t in tokenize(chunk)] == tokenize(text)


@given(st.text())
def test_tokens_are_those_of_scikit_learn(text):
    analyze = TfidfVectorizer(
        token_pattern=ENGLISH.token_pattern, preprocessor=normalize
    ).build_analyzer()
    assert tokenize(text) == analyze(text)


@pytest.mark.parametrize(
    ("surface", "shape"),
    [
        *[("Paris", "Xx"), ("NATO", "XX"), ("A", "Xx"), ("0000", "#4"), ("0,000", "#,")],
        *[(",", ","), ("talking", "-ing"), ("war", "x"), ("talks", "-s")],
    ],
)
def test_mask(surface, shape):
    assert mask(surface) == shape
