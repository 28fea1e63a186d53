import json
from collections import deque
from datetime import datetime

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagger import Tagger
from tagger.arrow import Texts
from tagger.errors import DataError
from tagger.files.tagged import to_jsonl
from tagger.sequences import batches


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
@example("\u200b")  # nothing that is seen
@example("Oil \xad rose \u2060\ufeff.")
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


def columns_of_any_kind():
    """What may be given as other columns: by name the column, and the values that it holds."""
    pd, pa, pl = (pytest.importorskip(name) for name in ("pandas", "pyarrow", "polars"))
    days = [datetime(2024, 1, 1), datetime(2024, 1, 2)]
    return {
        "missing": (pd.Series(["Reuters", None]), ["Reuters", None]),
        "nullable": (pd.Series([1, None], dtype="Int64"), [1, None]),
        "nan": (np.array([1.5, np.nan]), [1.5, None]),
        "integers": (np.array([1, 2]), [1, 2]),
        "dates": (pd.Series(pd.to_datetime(days)), days),
        "nanoseconds": (np.array(days, "datetime64[ns]"), days),
        "scalars": ([np.int64(1), np.float64("nan")], [1, None]),
        "gaps": ([pd.Timestamp(days[0]), pd.NaT], [days[0], None]),
        "polars": (pl.Series([None, "a"]), [None, "a"]),
        "chunked": (pa.chunked_array([["a"], ["b"]]), ["a", "b"]),
        "list": ([["x"], {"y": 1}], ['["x"]', '{"y": 1}']),
    }


def test_columns_pass_as_they_are_whatever_holds_them(tagger):
    known = columns_of_any_kind()
    extra = {name: column for name, (column, _) in known.items()}
    texts = ["Oil rose.", "War began."]
    for sentences in (True, False):
        found = tagger.tag_table(texts, extra=extra, sentences=sentences).to_arrow()
        for name, (_, values) in known.items():
            assert found[name].to_pylist() == values, name
    with pytest.raises(DataError, match="column 'big' holds what Arrow or JSON cannot"):
        tagger.tag_table(texts, extra={"big": [2**70, 1]}).to_arrow()
    with pytest.raises(DataError, match="extra has claim, doc, which tagged output has too"):
        tagger.tag_table(texts, extra={"doc": texts, "claim": texts})
    surrogates = tagger.tag_table(["\ud800killed \ud800could"], explain=True).to_arrow()
    assert "?" in surrogates["text"][0].as_py()


def test_documents_are_called_as_any_column_says(tagger):
    pd, pa = (pytest.importorskip(name) for name in ("pandas", "pyarrow"))
    floats = pd.Series([11.0, 12.0])  # as whole numbers with gaps are
    arrays = pd.Series([11, 12]), pa.chunked_array([[11], [12]]), np.array([11, 12]), (11, 12)
    for docs in (floats, *arrays):
        found = tagger.tag_table(["Oil rose. It may fall.", "War began."], docs=docs)
        assert found.to_pandas()["doc"].tolist() == ["11", "11", "12"]
        assert found.to_arrow()["doc"].to_pylist() == ["11", "11", "12"]
    with pytest.raises(DataError, match=r"docs 1 is missing .*: fill it in, or leave docs out"):
        tagger.tag_table(["Oil rose.", "War began."], docs=pd.Series(["a", None]))
    with pytest.raises(DataError, match="docs is a str, expected a list of names"):
        tagger.tag_table(["Oil rose.", "War began."], docs="ab")


@pytest.mark.parametrize("text", ["!!!", "* * *", "—", "\u200b", "\U0001f600"])
def test_signs_alone_are_no_sentence_whoever_says_so(tagger, text):
    """In an article such a line is no sentence either, and claims nothing."""
    (piece,) = tagger.tag(text).pieces
    table = tagger.tag_table([text, "Oil rose."], sentences=True)
    assert (table.kind, table.n_sentences) == ([piece.kind, "sentence"], 1)
    assert table.what == ["separator", ""]
    assert tagger.tag_sentences([text])[0].labels == piece.tags.labels
    assert table.columns()["claim"] == [None, "reported_fact"]
    arrow = pytest.importorskip("pyarrow").array([text, "Oil rose."])
    assert tagger.tag_table(arrow, sentences=True).kind == table.kind
    assert Texts.of(arrow, 100) is None


def test_a_blank_text_is_no_sentence(tagger):
    table = tagger.tag_table(["Oil rose.", " \n", ""], sentences=True)
    assert table.columns()["claim"][1:] == [None, None]
    assert (table.kind, table.what) == (["sentence", "other", "other"], ["", "blank", "blank"])
    assert [tags.labels["claim"] for tags in tagger.tag_sentences(["", "Oil rose."])] == [
        None,
        "reported_fact",
    ]
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="expected a list of sentences: take one of its columns: a"):
        tagger.predict(pa.table({"a": ["Oil rose."]}))
    damaged = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    with pytest.raises(DataError, match="the sentences hold bytes that are no UTF-8"):
        tagger.predict(damaged)
    assert len(tagger.predict(deque(["Oil rose."]))["claim"]) == 1
