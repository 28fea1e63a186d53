import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import Tagger
from tagger.errors import DataError
from tagger.files.tagged import to_jsonl
from tagger.predictor import batches


def test_tag_cuts_tags_and_keeps_offsets(tagger):
    text = "\ufeffTwo soldiers were killed on Monday, police said.\r\n\r\nThe talks may fail.  "
    document = tagger.tag(text, "wire")
    assert [s.claim for s in document.sentences] == ["reported_fact", "speculation"]
    assert document.sentences[0].themes == ("military",)
    assert all(text[s.start : s.end] == s.text for s in document.pieces)
    for sentence in document.sentences:
        assert sum(sentence.tags.probabilities["claim"].values()) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_is_tagged(tagger, text):
    document = tagger.tag(text)
    assert all(text[s.start : s.end] == s.text for s in document.pieces)
    table = tagger.tag_table([text])
    assert len(table) == len(document.pieces)
    assert list(table.text) == [s.text for s in document.pieces]
    assert table.review.tolist() == [s.review for s in document.pieces]
    assert all(list(json.loads(row)) == tagger.columns for row in to_jsonl(table).splitlines())


def test_shapes_are_those_of_scikit_learn(tagger):
    sentences = ["Oil rose 2 percent.", "It was a shameful deal.", "Troops may leave."]
    probabilities = tagger.predict_proba(sentences)
    assert probabilities["claim"].shape == probabilities["theme"].shape == (3, 3)
    assert probabilities["claim"].sum(axis=1) == pytest.approx(np.ones(3))
    predicted = tagger.predict(sentences)
    assert predicted["claim"].tolist() == ["reported_fact", "interpretation", "speculation"]
    assert predicted["theme"].shape == (3, 3)
    assert set(np.unique(predicted["theme"])) <= {0, 1}
    empty = tagger.predict([])
    assert empty["claim"].shape == (0,)
    assert empty["theme"].shape == (0, 3)


def test_a_sentence_is_tagged_alone(tagger, sentences):
    together = tagger.predict_proba(sentences[:50])
    for i in (0, 7, 49):
        alone = tagger.predict_proba([sentences[i]])
        for task in alone:
            assert abs(alone[task][0] - together[task][i]).max() < 1e-12


@pytest.mark.parametrize("wrong", ["A bare string.", b"bytes", ["fine", None], [3]])
def test_what_is_no_list_of_sentences_is_refused(tagger, wrong):
    with pytest.raises(DataError, match=r"expected a (list|string)"):
        tagger.predict(wrong)


@pytest.mark.parametrize("wrong", [None, 3, ["a list"]])
def test_what_is_no_text_is_refused(tagger, wrong):
    with pytest.raises(DataError, match="expected a string"):
        tagger.tag(wrong)


def test_an_explanation_sums_to_the_probability(tagger):
    sentence = "Analysts said the sanctions could cripple Iran’s oil exports."
    explanation = tagger.explain(sentence)
    p = tagger.predict_proba([sentence])
    for task, scores in explanation.scores.items():
        for label, score in scores.items():
            parts = sum(e.contributions[task][label] for e in explanation.evidence)
            assert explanation.intercept[task][label] + parts == pytest.approx(score, abs=1e-9)
    claim = np.array(list(explanation.scores["claim"].values()))
    assert np.exp(claim) / np.exp(claim).sum() == pytest.approx(p["claim"][0])
    economic = explanation.scores["theme"]["economic"]
    assert 1 / (1 + np.exp(-economic)) == pytest.approx(p["theme"][0, 2])
    assert all(sentence[e.start : e.end] == e.text for e in explanation.evidence)
    assert "sanctions" in [e.text for e in explanation.strongest("theme", "economic")]
    assert "could" in [e.text for e in explanation.strongest("claim", "speculation")]


def test_batches_hold_bytes_not_rows():
    assert list(batches(["ab", "c", "defg", "h"], n_bytes=3)) == [["ab", "c"], ["defg"], ["h"]]


def test_another_language_is_noticed(tagger):
    german = (
        "Die Regierung will den Haushalt im kommenden Jahr deutlich kürzen, sagte der Minister. "
    )
    english = "The government wants to cut the budget sharply next year, the minister said today. "
    assert not tagger.knows_language(german * 3)
    assert tagger.knows_language(english * 3)
    assert tagger.knows_language("Guten Tag.")


def test_the_model_in_a_folder(small_model, tmp_path):
    small_model.save(tmp_path / "model")
    assert Tagger.load(tmp_path / "model").model.id == small_model.id
