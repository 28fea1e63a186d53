"""Where sentences end: hard cases by phenomenon, and the articles of the corpus joined."""

import json
import random
import sys
from collections import Counter

import pytest
from conftest import ROOT

from tagger.text.language import language_of
from tagger.text.segment import sentence_spans

CASES = ROOT / "tests" / "cases"
sys.path.insert(0, str(ROOT / "benchmarks"))


def split(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("name", "n", "least"),
    [("splits", 113, 113), ("stops", 286, 286), ("more", 185, 184), ("read", 49, 49)],
)
def test_hard_cases(name, n, least):
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    wrong = [(c["phenomenon"], c["text"]) for c in cases if split(c["text"]) != c["sentences"]]
    assert len(cases) == n
    assert n - len(wrong) >= least, wrong


def test_articles_of_the_corpus_come_apart_where_they_were_joined():
    from segment import corpus_articles, faults

    articles = corpus_articles()
    pairs = [a[i : i + 2] for a in articles for i in range(len(a) - 1)]
    sample = random.Random(0).sample(pairs, 6000)
    boundaries, missed, sentences, cut = faults(split, sample)
    assert (boundaries > 5900, sentences) == (True, 12_000)
    assert missed <= 3  # 0.05 %
    assert cut <= 20  # most are rows of two sentences, such as "Good evening. A jury has ..."


def test_the_rules_are_those_of_english():
    text = "Der Bericht wurde von Cllr. Anders gelesen."
    assert len(split(text)) == 1
    assert len(sentence_spans(text, language_of("de"))) == 2


def test_a_stop_that_is_decided_moves_no_offset():
    text = "\ufeffHe met Ms. Ode (in May.) “Why?” Lund asked.\r\n\r\nBy A. Roe\r\n"
    text += "It “ended at 5 p.m.” Kyiv"
    pieces = split(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert pieces[1:] == ["“Why?” Lund asked.", "By A. Roe", "It “ended at 5 p.m.”", "Kyiv"]


def test_paragraphs_of_windows_come_apart_as_others_do():
    text = (
        '"I know that," Roe said. "And I would act. Not to act is saying it is fine, or as Ode '
        'said, ‘who knows?’”\n\n"Is it so? It may be," Roe said.'
    )
    assert split(text.replace("\n", "\r\n")) == split(text)


def test_a_transcript_is_cut_alike_however_long_it_is():
    paragraphs = ["Q. What did you see?", "A. Tanks. They came at night.", "A. I counted 10."]
    alone = [sentence for paragraph in paragraphs for sentence in split(paragraph)]
    assert split("\n\n".join(paragraphs * 400)) == alone * 400


def test_a_text_of_nothing_but_doubt_is_left_to_the_splitter_in_part():
    text = "Talks with Amb. Fisk failed. " * 40 + "A. " * 20_000 + "Talks with Amb. Fisk failed."
    found = Counter(split(text))
    assert found["Talks with Amb. Fisk failed."] == 40


@pytest.mark.parametrize(
    "sentences",
    [
        ["P.S. The talks may fail."],
        ["Yours, Ann.", "P.P.S. Bring the map."],
        ["He added a P.S.", "It was short."],
        ["He added a P.S. to the letter."],
    ],
)
def test_a_postscript_goes_on_where_it_begins_a_sentence(sentences):
    assert split(" ".join(sentences)) == sentences
