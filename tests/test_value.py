"""A Tagger is a value: copied, sent away, interrupted, it answers as before."""

import copy
import gc
import multiprocessing
import pickle
import signal
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest

from tagger import Tagger
from tagger.errors import DataError
from tagger.predictor import model_of


def probabilities(tagger, sentences):
    return np.concatenate(list(tagger.predict_proba(sentences).values()), axis=1)


def through_joblib(tagger, folder):
    joblib.dump(tagger, folder / "tagger.joblib")
    return joblib.load(folder / "tagger.joblib", mmap_mode="r")


@pytest.mark.parametrize(
    "sent",
    [
        lambda tagger, folder: pickle.loads(pickle.dumps(tagger)),
        lambda tagger, folder: copy.copy(tagger),
        lambda tagger, folder: copy.deepcopy(tagger),
        through_joblib,
    ],
    ids=["pickle", "copy", "deepcopy", "joblib"],
)
def test_a_copy_answers_the_same(small_model, sentences, tmp_path, sent):
    tagger = Tagger(small_model)
    expected = probabilities(tagger, sentences)  # used before it is sent
    again = sent(tagger, tmp_path)
    assert abs(probabilities(again, sentences) - expected).max() < 1e-12
    assert again.model.id == tagger.model.id
    assert repr(again) == repr(tagger)
    assert tagger.model.id in repr(tagger)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_gets_a_used_tagger_answers_the_same(small_model, sentences, method):
    tagger = Tagger(small_model)
    expected = probabilities(tagger, sentences[:100])
    with multiprocessing.get_context(method).Pool(1) as pool:
        answer = pool.apply_async(probabilities, (tagger, sentences[:200])).get(60)
    assert abs(answer[:100] - expected).max() < 1e-12


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_while_another_thread_reads_new_words_does_not_hang(small_model, sentences):
    tagger = Tagger(small_model)
    with small_model.scorer._lock:  # as that thread holds it
        process = multiprocessing.get_context("fork").Process(
            target=probabilities, args=(tagger, ["Wholly unheardof forkwords here."])
        )
        process.start()
        process.join(60)
    assert process.exitcode == 0


@pytest.mark.slow
def test_interrupts_leave_a_tagger_that_answers_as_before(small_model, sentences):
    """Some hundreds of Ctrl-C at random moments, most while new words are read."""
    expected = probabilities(Tagger(small_model), sentences)
    fresh = Tagger(copy.deepcopy(small_model))
    rng = np.random.default_rng(0)
    n_interrupts = 0

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # an interrupt in a callback of the collector would be lost, with a warning
    try:
        for i in range(400):
            if i % 8 == 0:
                fresh.model.__dict__.pop("scorer", None)  # cold again
            batch = [*sentences, f"A word of its own number{i}."]
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 0.03))
                fresh.predict_proba(batch)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                n_interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if i % 8 == 7:
                assert abs(probabilities(fresh, sentences) - expected).max() < 1e-12
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        signal.signal(signal.SIGALRM, before)
    assert n_interrupts > 100
    assert abs(probabilities(fresh, sentences) - expected).max() < 1e-12


def test_threads_that_meet_new_words_together_agree(small_model, sentences):
    tagger = Tagger(copy.deepcopy(small_model))
    expected = probabilities(Tagger(small_model), sentences)
    answers = {}

    def work(k):
        rows = sentences[k:] + sentences[:k]
        answers[k] = np.roll(probabilities(tagger, rows), k, axis=0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(abs(answer - expected).max() < 1e-12 for answer in answers.values())
    assert len(answers) == 4


def test_a_path_is_no_model():
    with pytest.raises(TypeError, match=r"Tagger\.load"):
        Tagger("models/claims-en")
    assert model_of(None).id == Tagger.load().model.id


@pytest.mark.parametrize(
    "texts",
    [
        ("Oil rose.", "It may fall."),
        pd.Series(["Oil rose.", "It may fall."], index=[7, 3]),
        np.array(["Oil rose.", "It may fall."]),
    ],
    ids=["tuple", "Series", "array"],
)
def test_any_sequence_of_strings_is_taken(tagger, texts):
    assert tagger.predict(texts)["claim"].tolist() == ["reported_fact", "speculation"]
    assert list(tagger.tag_table(texts).text) == ["Oil rose.", "It may fall."]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (pd.DataFrame({"body": ["Oil rose."]}), "found a DataFrame.*columns: body"),
        (None, r"found missing \(None\), expected a list of sentences"),
        ({"Oil rose."}, "found a set"),
        (["Oil rose.", None], r"sentence 1 is missing \(None\)"),
        (pd.Series(["Oil rose.", float("nan")]), r"sentence 1 is missing \(NaN\)"),
        ([b"Oil rose."], "sentence 0 is a bytes"),
        (b"Oil rose.", "found one string"),
    ],
)
def test_what_is_no_list_of_strings_is_refused_by_name_and_place(tagger, texts, message):
    with pytest.raises(DataError, match=message):
        tagger.predict(texts)
    with pytest.raises(DataError, match=message.replace("sentence", "text")):
        tagger.tag_table(texts)


def test_a_table_with_columns_of_another_length_is_refused(tagger):
    with pytest.raises(DataError, match="docs has 1 entries, expected 2"):
        tagger.tag_table(["Oil rose.", "It fell."], docs=["a"])
    with pytest.raises(DataError, match="outlet has 3 entries, expected 2"):
        tagger.tag_table(["Oil rose.", "It fell."], extra={"outlet": ["x"] * 3})


def test_tables_and_documents_have_the_same_rows(tagger):
    text = "Two soldiers were killed on Monday, police said.\n\nThe talks may fail."
    table = tagger.tag_table([text], docs=["wire"], extra={"outlet": ["Echo"]})
    frame, arrow = table.to_pandas(), table.to_arrow()
    assert frame["claim"].tolist() == ["reported_fact", "speculation"]
    assert frame["theme"].tolist() == [["military"], []]
    assert arrow.to_pylist() == frame.to_dict("records")
    rows = tagger.tag(text, "wire").to_rows()
    assert rows == frame.drop(columns="outlet").to_dict("records")


def test_a_table_becomes_a_polars_frame(tagger):
    polars = pytest.importorskip("polars")
    frame = tagger.tag_table(["Oil rose. It may fall."]).to_polars()
    assert isinstance(frame, polars.DataFrame)
    assert frame["claim"].to_list() == ["reported_fact", "speculation"]


def test_a_document_shows_itself_and_escapes_what_it_shows(tagger):
    document = tagger.tag("<script>alert(1)</script> Oil rose 2 percent. It may fall.", "a<b")
    html = document._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count('class="s') == 2 + html.count('class="s review"') * 0
    assert "speculation" in html
    plain = document.to_dict()
    assert plain["pieces"][1]["tags"]["labels"] == {"claim": "speculation", "theme": []}
    assert plain["model"] == tagger.model.id


ODD = {
    "letters": "a",
    "hex": "1a2b3c9f",
    "CJK": "新聞記者",
    "quotes": '"',
    "single quotes": "' ",
    "opening quotes": "“",
    "German quotes": "„“",
    "unclosed quotes": "“ Word one. ",
    "list items": "* Word one.\n",
    "brackets": "(",
    "dashes": "-",
    "digits": "7",
    "less than": "<",
    "entities": "&amp;",
    "combining marks": "e\u0301",
    "full stops": ".",
    "comments": "<!--",
    "backticks": "`a`",
    "Chinese prose": "中国政府宣布新的政策。",
    "no space after a mark": "!-",
}


@pytest.fixture
def without_garbage():
    """Keep what other tests have left out of collections, whose time grows with it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", ODD)
@pytest.mark.usefixtures("without_garbage")
def test_time_is_linear_in_the_length_of_odd_text(tagger, name):
    """Four times the text takes at most eight times as long; quadratic would be sixteen."""

    def seconds(n):
        text = (ODD[name] * n)[:n]
        start = time.process_time()
        tagger.tag(text)
        tagger.explain(text[: n // 10])
        return time.process_time() - start

    seconds(1000)
    for _ in range(3):
        short, long = seconds(50_000), seconds(200_000)
        if long < 8 * short + 0.05:
            return
    pytest.fail(f"{short:.2f} s for 50,000 characters, {long:.2f} s for 200,000")


def test_columns_of_a_table_may_be_any_sequence(tagger):
    texts = ["Oil rose.", "It may fall."]
    extra = {"a": ("x", "y"), "b": np.array([1, 2]), "c": pd.Series([0.5, 1.5])}
    frame = tagger.tag_table(texts, extra=extra, sentences=True, n=[4, 5]).to_pandas()
    assert frame[["n", "a", "b", "c"]].values.tolist() == [[4, "x", 1, 0.5], [5, "y", 2, 1.5]]
    with pytest.raises(DataError, match="n has 1 entries"):
        tagger.tag_table(texts, sentences=True, n=[4])
    with pytest.raises(DataError, match="goes with sentences=True"):
        tagger.tag_table(texts, n=[4, 5])


def test_what_an_explanation_does_not_have_is_named(tagger):
    why = tagger.explain("Oil rose 2 percent.")
    with pytest.raises(DataError, match="did you mean 'claim'"):
        why.strongest("clam", "speculation")
    with pytest.raises(DataError, match="did you mean 'speculation'"):
        why.strongest("claim", "speculatio")
    assert why.strongest("claim", "reported_fact", -1) == []
    with pytest.raises(TypeError, match="expected the path of a model folder"):
        Tagger.load(3)


def test_a_lone_surrogate_reaches_every_kind_of_frame(tagger):
    table = tagger.tag_table(["\ud800 Oil rose."], extra={"x": ["\ud800"]})
    pytest.importorskip("polars")
    frames = table.to_pandas(), table.to_polars(), table.to_arrow().to_pandas()
    assert [(f["text"][0], f["x"][0]) for f in frames] == [("? Oil rose.", "?")] * 3
