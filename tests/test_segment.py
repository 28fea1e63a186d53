import json

from conftest import shared
from hypothesis import given
from hypothesis import strategies as st

from tagger.text.segment import sentence_spans

PIECES = st.sampled_from(
    [
        "Mr. Smith left. ",
        "“Yes,” he said. ",
        "\n\n",
        "\r\n",
        "שלום. ",
        "🙂 ",
        "\x00",
        "\ud800",
        "U.S. ",
        "é! ",
    ]
)


def check(text):
    spans = sentence_spans(text)
    covered = [False] * len(text)
    last = 0
    for start, end in spans:
        assert last <= start < end
        assert text[start:end] == text[start:end].strip()
        covered[start:end] = [True] * (end - start)
        last = end
    assert all(c or character.isspace() for c, character in zip(covered, text, strict=True))


@given(st.text() | st.lists(PIECES).map("".join))
def test_every_visible_character_is_in_one_sentence(text):
    check(text)


def test_abbreviations_and_paragraphs():
    text = "A heading\n\nMr. Smith met the U.S. envoy on Jan. 5. “It is good,” he said.\nNext."
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "A heading",
        "Mr. Smith met the U.S. envoy on Jan. 5.",
        "“It is good,” he said.",
        "Next.",
    ]


def test_ten_megabytes_without_a_full_stop():
    text = "word " * 2_000_000
    assert sentence_spans(text) == [(0, len(text) - 1)]


def test_real_articles():
    path = shared("news", "articles.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines()[:200]:
        check(json.loads(line)["text"])


def test_a_quotation_that_is_not_closed_begins_the_sentence_that_it_stands_at():
    text = 'She was the first. "I want it to be so.\n\n"It is not," she said.\n“We go. They stay.'
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "She was the first.",
        '"I want it to be so.',
        '"It is not," she said.',
        "“We go.",
        "They stay.",
    ]
