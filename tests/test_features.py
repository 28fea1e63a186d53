import os
import platform
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import diags_array
from sklearn.feature_extraction.text import TfidfVectorizer

from tagger.errors import ConfigError, DataError
from tagger.features.arrays import Ragged
from tagger.features.block import Packed
from tagger.features.characters import CharNgrams
from tagger.features.featurizer import Featurizer
from tagger.features.lexicons import LexiconClasses
from tagger.features.runs import pack_strings
from tagger.features.scorer import Scorer
from tagger.features.settings import FeatureSettings
from tagger.features.words import WordNgrams
from tagger.predictor import Tagger
from tagger.text.language import ENGLISH
from tagger.text.lexicon import Lexicon
from tagger.text.tokens import mask, normalize, surface_tokens, tokenize

LEXICON = Lexicon("[hedge] Weakens.\nmay\nin a bid to\nbid to\n[name] A name.\nUS\nsanction*\n")
WORDS = st.sampled_from(
    [
        "the",
        "US",
        "may",
        "us",
        "strike",
        "Strike,",
        "sanctions",
        "in",
        "a",
        "bid",
        "to",
        "it's",
        "“won’t”",
        "İstanbul",
        "9/11",
        "\u2028",
    ]
)
SENTENCES = st.lists(st.lists(WORDS, max_size=12).map(" ".join) | st.text(), min_size=3, max_size=8)


def unscaled(featurizer, texts, block):
    """Our features of one block without the scales: plain tf-idf."""
    n_tokens = np.array([max(1, len(tokenize(text))) for text in texts])
    x = featurizer.transform(texts)[:, featurizer.blocks_[block]]
    return diags_array(np.sqrt(n_tokens)) @ x / featurizer.scales_[block]


def reference(block, min_df, char_ngrams):
    options = {"norm": None, "min_df": min_df, "preprocessor": normalize}
    if block == "char":
        return TfidfVectorizer(analyzer="char_wb", ngram_range=char_ngrams, **options)
    return TfidfVectorizer(token_pattern=ENGLISH.token_pattern, ngram_range=(1, 3), **options)


def check_against_reference(train, test, min_df, char_ngrams=(2, 4)):
    featurizer = Featurizer(
        FeatureSettings(
            word_ngrams=(1, 3), char_ngrams=char_ngrams, word_min_df=min_df, char_min_df=min_df
        )
    ).fit(train)
    for block in ("word", "char"):
        vectorizer = reference(block, min_df, char_ngrams)
        vectorizer.fit(train)
        names = vectorizer.get_feature_names_out()
        ours = unscaled(featurizer, test, block)
        theirs = vectorizer.transform(test)
        columns = featurizer.block(block).names()
        assert sorted(columns) == sorted(names)
        order = np.argsort(columns)
        expected = theirs[:, np.argsort(names)]
        assert abs(ours[:, order] - expected).max() < 1e-12


def test_tfidf_equals_scikit_learn_on_news(sentences):
    check_against_reference(sentences[::2], sentences[1::2], min_df=2)


@settings(max_examples=50, deadline=None)
@given(SENTENCES, SENTENCES, st.integers(1, 5), st.integers(0, 3))
def test_tfidf_equals_scikit_learn_on_anything(train, test, low, more):
    if not any(tokenize(text) for text in train):
        return
    check_against_reference(train, test, min_df=1, char_ngrams=(low, low + more))


def test_masked_ngrams_are_those_of_a_plain_loop(sentences):
    featurizer = Featurizer(FeatureSettings(masked_keep=50, masked_min_df=1)).fit(sentences)

    def analyze(text):
        run = []
        for chunk in text.split():
            for surface in surface_tokens(chunk):
                kept = surface.lower() in featurizer.block("masked").kept
                run.append(surface.lower() if kept else mask(surface))
        bounded = ["<s>", *run, "</s>"]
        longer = [" ".join(bounded[i : i + n]) for n in (2, 3) for i in range(len(bounded) - n + 1)]
        return run + longer

    vectorizer = TfidfVectorizer(analyzer=analyze, norm=None).fit(sentences)
    ours = unscaled(featurizer, sentences, "masked")
    columns = featurizer.block("masked").names()
    assert sorted(columns) == list(vectorizer.get_feature_names_out())
    assert abs(ours[:, np.argsort(columns)] - vectorizer.transform(sentences)).max() < 1e-12


def test_fitting_again_forgets_the_first_fit(sentences):
    settings = FeatureSettings(word_min_df=1, char_min_df=1)
    again = Featurizer(settings).fit(["One thing.", "Another thing."]).fit(sentences[:50])
    fresh = Featurizer(settings).fit(sentences[:50])
    assert abs(again.transform(sentences) - fresh.transform(sentences)).max() == 0


def test_lexicon_classes_are_counted():
    texts = ["In a bid to win, US sanctions may fall.", "us", "US may, may."]
    words = WordNgrams.of(FeatureSettings(word_min_df=1))
    featurizer = Featurizer(FeatureSettings(), [*words, LexiconClasses("x", LEXICON)]).fit(texts)
    idf = featurizer.idf_[featurizer.blocks_["x"]]
    counts = unscaled(featurizer, texts, "x").toarray() / idf
    # hedge: "in a bid to", "bid to", "may"; name: "US", "sanctions"
    assert counts.round(9).tolist() == [[3, 2], [0, 0], [2, 1]]


def test_scorer_equals_the_matrix_product(small_model, sentences):
    featurizer = small_model.featurizer
    weights = np.random.default_rng(0).normal(size=(featurizer.n_features_, 4))
    intercept = np.arange(4.0)
    texts = [*sentences, "", "  ", "unheardofword", "İ’”"]
    expected = featurizer.transform(texts) @ weights + intercept
    scorer = Scorer(featurizer, weights, intercept)
    assert abs(scorer.decision_function(texts) - expected).max() < 1e-9
    assert abs(scorer.decision_function(texts[::-1])[::-1] - expected).max() < 1e-9
    one_by_one = np.concatenate([scorer.decision_function([text]) for text in texts])
    assert abs(one_by_one - expected).max() < 1e-9
    assert scorer.decision_function([]).shape == (0, 4)


def test_scorer_forgets_when_it_knows_too_many_chunks(small_model, sentences):
    featurizer = small_model.featurizer
    weights = np.ones((featurizer.n_features_, 1))
    scorer = Scorer(featurizer, weights, np.zeros(1), max_chunks=100)
    unbounded = Scorer(featurizer, weights, np.zeros(1))
    for start in range(0, 200, 20):
        batch = sentences[start : start + 20]
        assert (scorer.decision_function(batch) == unbounded.decision_function(batch)).all()
        n_distinct = len({chunk for text in batch for chunk in text.split()})
        assert scorer.cache_info().currsize <= 100 + n_distinct
    n_chunks = sum(len(text.split()) for text in sentences[:200])
    n_distinct = len({chunk for text in sentences[:200] for chunk in text.split()})
    assert unbounded.cache_info() == (n_chunks - n_distinct, n_distinct, n_distinct)


def test_ever_new_words_do_not_fill_the_memory(small_model):
    featurizer = small_model.featurizer
    weights = np.ones((featurizer.n_features_, 1))
    scorer = Scorer(featurizer, weights, np.zeros(1), max_chunks=1000)
    held = []
    tracemalloc.start()
    try:
        for start in range(0, 20_000, 500):
            # Every other word is longer than a key.
            words = [f"w{i}x" + "y" * 20 * (i % 2) for i in range(start, start + 500)]
            scorer.decision_function([" ".join(words[i : i + 25]) for i in range(0, 500, 25)])
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert scorer.cache_info().misses == 20_000
    assert max(held[10:]) < 1.1 * max(held[:10])


def test_neither_arrow_nor_its_absence_changes_an_answer(small_model, sentences, monkeypatch):
    import pyarrow

    tagger = Tagger(small_model)
    texts = [*sentences[:50], "a\u2003b\x1cc\x85d \ud800", " \n"]
    expected = tagger.predict_proba(texts)
    column = tagger.predict_proba(pyarrow.array(texts[:50]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    small_model.__dict__.pop("scorer")
    without = tagger.predict_proba(texts)
    for task, p in expected.items():
        assert np.array_equal(without[task], p)
        assert np.array_equal(column[task], p[:50])


def test_threads_share_a_scorer(small_model, sentences):
    expected = small_model.scorer.decision_function(sentences)
    weights = np.concatenate([c.coef for c in small_model.classifiers]).T
    intercept = np.concatenate([c.intercept for c in small_model.classifiers])
    scorer = Scorer(small_model.featurizer, weights, intercept, max_chunks=500)
    wrong = []

    def work(offset):
        for start in range(offset, len(sentences), 40):
            rows = slice(start, start + 10)
            if abs(scorer.decision_function(sentences[rows]) - expected[rows]).max() > 1e-9:
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(10 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_scores_are_the_same_before_scipy_is_imported(small_model, sentences, monkeypatch):
    def scores():
        weights = np.concatenate([c.coef for c in small_model.classifiers]).T
        scorer = Scorer(small_model.featurizer, weights, np.zeros(weights.shape[1]))
        return scorer.decision_function(sentences)

    made = []
    matrix = Ragged.matrix
    monkeypatch.setattr(Ragged, "matrix", lambda *given: made.append(given) or matrix(*given))
    with_scipy = scores()
    assert made
    made.clear()
    monkeypatch.delitem(sys.modules, "scipy.sparse", raising=False)
    assert scores().tobytes() == with_scipy.tobytes()
    assert not made
    monkeypatch.setattr("tagger.features.scorer._PAYS", 0)
    assert scores().tobytes() == with_scipy.tobytes()
    assert made


def test_only_the_main_thread_imports_scipy():
    code = """
import sys
from threading import Thread
from tagger import Tagger
from tagger.features import scorer as module

module._FEW = module._PAYS = 0
scorer = Tagger.load().model.scorer
thread = Thread(target=scorer.decision_function, args=(["The army left."],))
thread.start()
thread.join()
before = "scipy.sparse" in sys.modules
scorer.decision_function(["The army left."])
print(before, "scipy.sparse" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False True\n"


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ),
    reason="about the allocator of glibc, as it comes",
)
def test_threads_keep_their_memory_between_batches():
    code = """
import random
from resource import RUSAGE_THREAD, getrusage
from threading import Thread
import scipy.sparse  # as where many sentences are tagged
from tagger import Tagger

def work():
    for i in range(8):
        if i == 4:
            before = getrusage(RUSAGE_THREAD).ru_minflt
        scorer.decision_function(texts[8000 * (i % 2):][:8000])
    faults.append(getrusage(RUSAGE_THREAD).ru_minflt - before)

scorer, faults = Tagger.load().model.scorer, []
words = [f"w{i}" for i in range(3000)]
texts = [" ".join(random.Random(i).choices(words, k=22)) for i in range(16_000)]
threads = [Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(faults))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 2000  # pages of 4 KB; some 4,000 a batch where they are given back


@settings(max_examples=50, deadline=None)
@example(text="\u200b")  # a chunk of which nothing is seen
@example(text="col\u00adlapse \ufeff cafe\u0301s")
@given(text=st.text() | st.lists(WORDS, max_size=15).map(" ".join))
def test_contributions_sum_to_the_scores(small_model, text):
    scorer = small_model.scorer
    spans, contributions = scorer.explain(text)
    total = contributions.sum(axis=0) + scorer.intercept
    assert abs(total - scorer.decision_function([text])[0]).max() < 1e-9
    assert all(0 <= start <= end <= len(text) for start, end in spans)


def test_a_bare_string_is_refused(small_model):
    with pytest.raises(DataError, match="one string, expected a list"):
        small_model.featurizer.transform("A sentence.")


def test_no_term_is_an_error():
    with pytest.raises(DataError, match="no term is left"):
        Featurizer(FeatureSettings(masked_ngrams=())).fit(["one", "two"])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"word_ngram": [1, 2]}, "did you mean 'word_ngrams'"),
        ({"word_ngrams": [2, 1]}, "low <= high"),
        ({"char_min_df": 0}, "1 or more"),
        ({"vectors": 3}, "expected a str"),
    ],
)
def test_wrong_settings_are_named(raw, message):
    with pytest.raises(ConfigError, match=message):
        FeatureSettings.from_dict(raw)


@given(st.lists(st.text(st.sampled_from("abß😀 "), min_size=1, max_size=4), unique=True))
def test_character_n_grams_are_found_in_whatever_order_a_vocabulary_has(terms):
    settings = FeatureSettings(char_ngrams=(2, 4))
    counts = []
    for order in (sorted(terms), terms):
        packed = Packed({"char_terms": pack_strings(order)})
        (block,) = CharNgrams.unpack(settings, packed)
        stream = block.inner
        assert stream.names(slice(0, len(order))) == [" ".join(term) for term in order]
        counts.append([len(level) for level in stream.runs.levels])
    assert counts[0] == counts[1]
