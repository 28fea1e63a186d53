"""Every figure against numbers that can be counted by hand, or against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer

import tagger
from tagger.corpus.corpus import Corpus, Example, read_corpus
from tagger.errors import DataError
from tagger.evaluation import baselines
from tagger.evaluation.answers import Answers
from tagger.evaluation.baselines import baseline_answers
from tagger.evaluation.bootstrap import resampled_sums
from tagger.evaluation.figures import FIGURE_NAMES, count_table, figures_of, figures_of_draws
from tagger.evaluation.measure import measure
from tagger.evaluation.readers import agreement, readers_of
from tagger.evaluation.scores import (
    average_precision,
    curves,
    figures_with_intervals,
    precision_recall,
    score,
)
from tagger.evaluation.slices import slice_columns
from tagger.model.classifier import encode
from tagger.model.model import fingerprints
from tagger.model.thresholds import best_f1_thresholds, ranked_counts
from tagger.schema import Schema, Task
from tagger.training.crossfit import cross_fit

ABC = Task("letter", ("a", "b", "c"))
MANY = Task("tag", ("x", "y"), multilabel=True)
OFTEN_RARE = Task("mood", ("often", "rare"))


def test_scores_are_shares_that_can_be_counted():
    gold = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    answers = np.array([0, 0, 0, 0, 1, 1, 1, 0])
    found = score(ABC, gold, answers)
    a, b, c = found.labels
    assert (a.precision.value, a.recall.value, a.f1.value) == (4 / 5, 4 / 5, 4 / 5)
    assert (b.precision.value, b.recall.value) == (2 / 3, 2 / 3)
    assert (c.f1.value, c.support, c.predicted) == (0.0, 0, 0)
    assert found.exact_match == 6 / 8
    # The label c belongs to the schema, so it counts, whether or not the data has it.
    assert found.macro_f1 == pytest.approx((4 / 5 + 2 / 3 + 0) / 3)
    assert found.confusion == [[4, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_multilabel_scores_are_counted_label_by_label():
    gold = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    answers = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], bool)
    found = score(MANY, gold, answers)
    assert found.labels[0].precision.value == 2 / 3
    assert found.labels[1].recall.value == 1 / 2
    assert found.exact_match == 2 / 4
    assert found.confusion == [[[1, 1], [0, 2]], [[2, 0], [1, 1]]]


def test_correlations_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    gold, answers = rng.integers(3, size=200), rng.integers(3, size=200)
    answers[:120] = gold[:120]
    found = figures_of(ABC, count_table(ABC, gold, Answers(answers)).sum(axis=0))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(gold, answers))
    assert found["kappa"] == pytest.approx(metrics.cohen_kappa_score(gold, answers))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(gold, answers, average="macro"))
    for i, label in enumerate(ABC.labels):
        pair = gold == i, answers == i
        assert found[f"mcc.{label}"] == pytest.approx(metrics.matthews_corrcoef(*pair))
        assert found[f"kappa.{label}"] == pytest.approx(metrics.cohen_kappa_score(*pair))


def test_correlations_of_one_class_are_undefined_and_left_out_of_means():
    same = np.zeros(4, int)
    found = score(ABC, same, same, rounds=10)
    assert (found.figures["kappa"].value, found.figures["mcc"].value) == (None, None)
    assert found.figures["kappa"].low is None
    assert found.labels[2].kappa.value is None
    gold = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool)
    assert score(MANY, gold, gold).figures["kappa"].value == 1.0
    # Answers of one class to gold of two have a limit, which is 0.
    assert score(MANY, gold, np.zeros_like(gold)).figures["mcc"].value == 0.0


def test_average_precision_without_a_positive_case_is_undefined():
    assert average_precision(np.array([0.1, 0.9]), np.zeros(2, bool)) is None


def test_thresholds_count_equal_scores_together():
    scores, hits, given = ranked_counts(
        np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, True])
    )
    assert scores.tolist() == [0.9, 0.5, 0.1]
    assert (hits.tolist(), given.tolist()) == ([1, 2, 3], [1, 3, 4])


def test_every_figure_is_a_row_with_a_name_to_show():
    table = count_table(ABC, np.array([0, 1]), Answers(np.array([0, 1]), np.eye(3)[:2]))
    found = figures_of(ABC, table.sum(axis=0))
    assert {name for name in found if "." not in name} == set(FIGURE_NAMES)


def test_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    gold = rng.integers(3, size=100)
    p = rng.dirichlet([1, 1, 1], size=100)
    table = count_table(ABC, gold, Answers(p.argmax(axis=1), p))
    found = figures_of(ABC, table.sum(axis=0))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(gold, p))
    assert found["brier"] == pytest.approx(((p - np.eye(3)[gold]) ** 2).sum(axis=1).mean())
    ap = average_precision(p[:, 1], gold == 1)
    assert ap == pytest.approx(metrics.average_precision_score(gold == 1, p[:, 1]))


def test_calibration_error_is_the_distance_of_confidence_and_accuracy():
    # Four answers given with 0.75, of which two are right: 0.75 against 0.5.
    p = np.array([[0.75, 0.25, 0.0]] * 4)
    found = figures_of(
        ABC, count_table(ABC, np.array([0, 0, 1, 2]), Answers(p.argmax(1), p)).sum(0)
    )
    assert found["ece"] == pytest.approx(0.25)


def test_bootstrap_draws_whole_documents():
    table = np.array([[1.0], [1.0], [10.0]])
    drawn = resampled_sums(table, np.array([0, 0, 1]), rounds=200, seed=0)
    assert set(drawn[:, 0]) == {4.0, 12.0, 20.0}


def test_intervals_narrow_with_more_data_and_hold_the_figure():
    rng = np.random.default_rng(5)
    widths = []
    for n in (50, 5000):
        gold = rng.integers(3, size=n)
        answers = np.where(rng.random(n) < 0.8, gold, (gold + 1) % 3)
        f = score(ABC, gold, answers, rounds=500).figures["exact_match"]
        assert f.low is not None and f.high is not None
        assert f.low <= f.value <= f.high
        widths.append(f.high - f.low)
    # 1.96 * sqrt(0.8 * 0.2 / n) to either side.
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(0.16 / 5000), rel=0.15)
    assert widths[0] > 5 * widths[1]


def test_draws_that_are_all_the_same_are_no_interval():
    gold = np.array([0, 1, 2, 2])
    for answers, groups in ((np.array([0, 1, 2, 0]), np.zeros(4, int)), (gold, np.arange(4))):
        f = score(ABC, gold, answers, groups=groups, rounds=50).figures["exact_match"]
        assert f.value is not None
        assert (f.low, f.high) == (None, None)


def test_risk_falls_where_the_clear_answers_are_right():
    gold = np.array([0, 0, 0, 1])
    p = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0], [0.6, 0.4, 0]])
    found = curves(ABC, gold, Answers(p.argmax(axis=1), p))["risk_coverage"]
    assert found["risk"] == [0, 0, 0, 0.25]
    assert found["coverage"] == [0.25, 0.5, 0.75, 1.0]


def test_under_the_line_of_precision_lies_the_average_precision(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    from matplotlib.cbook import pts_to_prestep

    from tagger.evaluation.report import plots

    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    y = np.array([0, 1, 0, 1, 1], bool)
    recall, precision = precision_recall(p, y)
    _, axes = plt.subplots(layout="constrained")
    monkeypatch.setattr(plots, "_svg", lambda draw, height: draw(axes) or "")
    plots._precision_recall({"a": {"recall": recall, "precision": precision}}, 0)
    (line,) = axes.lines
    plt.close(axes.figure)
    assert line.get_drawstyle() == "steps-pre"
    x, height = pts_to_prestep(*line.get_data())
    assert np.sum(np.diff(x) * height[1:]) == pytest.approx(average_precision(p, y))


def test_the_places_of_a_small_risk_are_told_apart():
    pytest.importorskip("matplotlib")
    from tagger.evaluation.report.plots import _risk_coverage

    curve = {"coverage": [0.5, 1.0], "risk": [0.0, 0.005], "area": 0.001}
    assert ">0.10<" in _risk_coverage(curve, 0).svg


@pytest.mark.parametrize("n", [0, 3])
def test_answers_of_another_number_than_gold_are_refused(n):
    with pytest.raises(DataError, match="shape"):
        score(ABC, np.zeros(4, int), np.zeros(n, int))


def test_nothing_to_compare_is_refused():
    with pytest.raises(DataError, match="no sentence is annotated for the task 'letter'"):
        score(ABC, np.zeros(0, int), np.zeros(0, int))


def corpus_of(*rows):
    examples = tuple(Example(text, labels, doc, extra) for text, labels, doc, extra in rows)
    return Corpus(Schema((ABC, MANY)), examples)


def test_readers_agree_as_far_as_can_be_counted():
    rows = [("t", {}, "", {"letter@ann": a, "letter@bob": b}) for a, b in ("aa", "aa", "bb", "ba")]
    found = agreement(ABC, readers_of(corpus_of(*rows), ABC))
    # 3 of 4 alike; by chance 2/4 * 3/4 + 2/4 * 1/4 = 1/2: kappa = (3/4 - 1/2) / (1 - 1/2).
    assert found["pairs"] == [{"readers": ["ann", "bob"], "n": 4, "kappa": 0.5}]
    # One of four pairs differs; of 8 answers 5 are a: 1 - (2 * 1) / (2 * 5 * 3 / 7).
    assert found["alpha"]["a"] == pytest.approx(1 - 2 / (30 / 7))
    assert found["alpha"]["c"] is None


def test_readers_may_stand_in_one_column():
    readers = {"ann": {"tag": ["x"]}, "bob": {"tag": []}}
    corpus = corpus_of(("t", {}, "", {"readers": readers}))
    assert readers_of(corpus, MANY) == {"ann": [("x",)], "bob": [()]}
    assert readers_of(corpus_of(("t", {}, "", {"readers": ["F?I", "F"]})), MANY) == {}


def test_a_reader_with_an_illegal_answer_is_named():
    with pytest.raises(DataError, match="reader ann: letter is 'A': did you mean 'a'"):
        readers_of(corpus_of(("t", {}, "", {"letter@ann": "A"})), ABC)


def test_slices_are_columns_of_few_values_length_and_year():
    rows = [
        ("one two", {}, "", {"paper": "Post", "id": str(i), "date": f"{2019 + i % 2}-05-05"})
        for i in range(14)
    ]
    rows += [("word " * 25, {}, "", {"paper": "Echo", "id": "99", "date": "2020-01-01"})]
    found = slice_columns(corpus_of(*rows))
    assert list(found) == ["length", "year", "paper"]
    assert found["length"][0] == "0 to 9 words" and found["length"][-1] == "20 to 29 words"
    assert set(found["year"]) == {"2019", "2020"}


def test_years_are_read_from_dates_of_any_form():
    dates = ["18/03/2024", "Jan. 9, 2023", "2022", "05/01/2021", "soon", ""]
    corpus = corpus_of(*[("t", {"letter": "a"}, str(i), {"date": d}) for i, d in enumerate(dates)])
    assert slice_columns(corpus)["year"] == ["2024", "2023", "2022", "2021", "", ""]
    answers = {"letter": Answers(np.zeros(6, int))}
    found = measure(corpus, answers, rounds=0)
    assert "1 of 5 dates cannot be read: in no slice by year" in found.warnings


def test_tasks_missing_in_some_rows_are_counted_and_left_out():
    corpus = corpus_of(
        ("p q", {"letter": "a", "tag": ("x",)}, "1", {}), ("r s", {"letter": "b"}, "2", {})
    )
    answers = {
        "letter": Answers(np.array([0, 0])),
        "tag": Answers(np.array([[True, False], [True, True]])),
    }
    found = measure(corpus, answers, rounds=10)
    assert [(t.n, t.n_unannotated) for t in found.tasks] == [(2, 0), (1, 1)]
    assert found.tasks[1].exact_match == 1
    assert any("every sentence has the label x" in w for w in found.warnings)
    with pytest.raises(DataError, match="1 answers, expected one for each of 2"):
        measure(corpus, {"letter": Answers(np.array([0]))})


def test_a_corpus_without_gold_is_refused():
    corpus = corpus_of(("p q", {}, "1", {}))
    with pytest.raises(DataError, match="no sentence has a gold answer"):
        measure(corpus, {})


def test_baselines_learn_what_the_words_give_away(corpus):
    found = baseline_answers(corpus)[0]["mood"]
    gold = np.array([example.labels["mood"] == "sad" for example in corpus.examples])
    right = {name: (answers.labels == gold).mean() for name, answers in found.items()}
    assert right["TF-IDF + LR"] > 0.75 > right["majority"]
    assert list(found) == ["majority", "chance", "cue lexicon", "TF-IDF + LR"]


def test_baselines_learn_from_a_bounded_number_of_characters_and_say_so(corpus, monkeypatch):
    whole, said = baseline_answers(corpus)
    assert said == ""
    monkeypatch.setattr(baselines, "_AT_ONCE", 7)
    again, _ = baseline_answers(corpus)
    for name, answers in whole["mood"].items():
        np.testing.assert_array_equal(answers.labels, again["mood"][name].labels)
    learned = []
    fit = TfidfVectorizer.fit_transform
    monkeypatch.setattr(
        TfidfVectorizer, "fit_transform", lambda self, x: [learned.append(list(x)), fit(self, x)][1]
    )
    monkeypatch.setattr(baselines, "MOST_CHARACTERS", 300)
    drawn, said = baseline_answers(corpus)
    assert said == ", from sentences drawn at random where they have over 300 characters"
    assert len(learned) == baselines.N_FOLDS * len(corpus.schema.tasks)
    assert all(200 < sum(map(len, texts)) <= 300 for texts in learned)
    assert len(drawn["mood"]["TF-IDF + LR"].labels) == len(corpus)
    longest = max(range(len(corpus)), key=lambda i: len(corpus.texts[i]))
    huge = replace(corpus.examples[longest], text="p " * 200)
    examples = (*corpus.examples[:longest], huge, *corpus.examples[longest + 1 :])
    for seed in range(4):  # whichever is drawn first
        baseline_answers(Corpus(corpus.schema, examples), seed=seed)


def test_baselines_of_one_class_or_three_rows_do_not_fail():
    corpus = corpus_of(*[(f"p q r {i}", {"letter": "a", "tag": ()}, str(i), {}) for i in range(3)])
    found = baseline_answers(corpus)[0]
    assert found["letter"]["TF-IDF + LR"].labels.tolist() == [0, 0, 0]
    assert not found["tag"]["majority"].labels.any()


def test_fingerprints_see_through_case_and_punctuation():
    one, other, third = fingerprints(["“Go home,” he said.", "Go HOME he said", "Go home she said"])
    assert one == other != third


def test_a_draw_without_a_rare_label_says_nothing_of_it():
    labels = ["often"] * 60 + ["rare"] * 2
    predicted = labels.copy()
    predicted[:6] = ["rare"] * 6
    task = OFTEN_RARE
    gold, given = (np.array([task.labels.index(x) for x in own]) for own in (labels, predicted))
    groups = np.arange(len(gold))
    table = count_table(task, gold, Answers(given))
    figures = figures_with_intervals(task, table, groups, 500, 0)
    # In a tenth of the draws there is no rare one, so that 0 would be the lower end.
    assert 0 < figures["f1.rare"].low < figures["f1.rare"].value
    assert figures["recall.rare"].value == 1 and figures["recall.rare"].low is None
    draws = resampled_sums(table, groups, 500, 0)
    lost = draws[:, [6, 7]].sum(axis=1) == 0
    drawn = figures_of_draws(task, draws, table.sum(axis=0))
    assert lost.any() and (np.isnan(drawn["macro_f1"]) == lost).all()


def noise(n: int, multilabel: bool) -> list[dict[str, object]]:
    """Sentences whose labels chance drew."""
    random = np.random.default_rng(0)
    words = np.array(
        [
            "oil",
            "rose",
            "fell",
            "talks",
            "may",
            "fail",
            "war",
            "began",
            "rain",
            "snow",
            "bank",
            "loan",
            "vote",
            "ship",
        ]
    )
    texts = [" ".join(random.choice(words, 9)) for _ in range(n)]
    drawn = random.random((n, 3)) < 0.3
    return [
        {
            "text": text,
            "doc": f"d{i}",
            "topic": [x for x, yes in zip("abc", row, strict=True) if yes]
            if multilabel
            else "xy"[int(row[0])],
        }
        for i, (text, row) in enumerate(zip(texts, drawn, strict=True))
    ]


def test_labels_that_chance_drew_do_not_beat_the_baselines():
    trained = tagger.train(noise(240, True), jobs=1)
    (task,) = trained.evaluation.tasks
    assert task.baselines["every label"]["macro_f1"].value > 0.4
    _, difference = trained.evaluation.versus["topic"]
    assert difference.low < 0
    # Thresholds are chosen by other folds than those that they judge.
    corpus = read_corpus(noise(240, True), trained.model.schema)
    fitted = cross_fit(corpus)
    own = fitted.answers(fitted.out_of_fold)["topic"]
    gold = encode(corpus.schema["topic"], corpus.labels("topic"))
    for fold, thresholds in enumerate(fitted.thresholds["topic"]):
        out = fitted.fold_of == fold
        assert (own.labels[out] == (own.probabilities[out] >= thresholds)).all()
        chosen = best_f1_thresholds(own.probabilities[~out], gold[~out])
        assert thresholds == pytest.approx(chosen)


def test_a_sentence_is_not_learned_where_its_copy_is_judged():
    rows = noise(120, False)
    copies = [{**row, "doc": f"other {i * 7 % 120}"} for i, row in enumerate(rows)]
    trained = tagger.train([*rows, *copies], jobs=1)
    assert trained.evaluation.tasks[0].figures["macro_f1"].value < 0.7
    assert any(
        "with copies in other documents, which were not learned" in x
        for x in trained.evaluation.warnings
    )


def test_what_is_judged_can_be_learned_without_copies_from_both_sides():
    # All that lack the label are copies of one another.
    rows = [
        {"text": f"Oil rose {i} percent.", "doc": f"d{i}", "theme": ["a", "b"][: 1 + i % 2]}
        for i in range(40)
    ]
    rows += [{"text": "Nothing happened today.", "doc": f"e{i}", "theme": []} for i in range(10)]
    trained = tagger.train(rows, jobs=1)
    assert all(np.isfinite(p).all() for p in trained.out_of_fold.values())
    assert trained.evaluation.tasks[0].labels[0].f1.value > 0.9
    assert any("learned where one was judged" in x for x in trained.evaluation.warnings)


def test_baselines_give_no_label_that_nobody_has_and_need_no_second_document():
    texts = [f"Oil rose {i} percent in the town of {i}." for i in range(30)]
    examples = [Example(t, {"tag": ("x",) if i % 2 else ()}, doc="d") for i, t in enumerate(texts)]
    found, _ = baseline_answers(Corpus(Schema((MANY,)), tuple(examples)))
    assert found["tag"]["TF-IDF + LR"].labels.shape == (30, 2)
    apart = tuple(replace(e, doc=f"d{i}") for i, e in enumerate(examples))
    found, _ = baseline_answers(Corpus(Schema((MANY,)), apart))
    for name in ("cue lexicon", "TF-IDF + LR"):
        assert not found["tag"][name].labels[:, 1].any()


def test_a_perfect_answer_to_a_rare_label_has_no_interval_down_to_nothing():
    gold = np.array([0] * 39 + [1])
    table = count_table(OFTEN_RARE, gold, Answers(gold))
    figures = figures_with_intervals(OFTEN_RARE, table, np.arange(40), 300, 0)
    assert figures["precision.rare"].value == 1 and figures["precision.rare"].low is None


def test_baselines_learn_no_copy_of_what_they_are_judged_on():
    rows = noise(120, False)
    corpus = read_corpus(rows, Schema((Task("topic", ("x", "y")),)))
    copied = read_corpus([{**row, "doc": "other"} for row in rows[:60]], corpus.schema)
    fresh = read_corpus(
        [{**row, "text": row["text"] + " Oil."} for row in rows[60:]], corpus.schema
    )
    both = Corpus(corpus.schema, copied.examples + fresh.examples)
    _, said = baseline_answers(corpus, training=both)
    assert said == ", without 60 copies of what is judged"
    whole, _ = baseline_answers(corpus, training=both)
    alone, _ = baseline_answers(corpus, training=fresh)
    one, other = (x["topic"]["TF-IDF + LR"].probabilities for x in (whole, alone))
    assert one == pytest.approx(other)
