"""Labels that are not ours: guessed, given, overridden, searched."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tagger.cli.main import cli
from tagger.corpus.corpus import Columns
from tagger.corpus.guess import guess_schema, schema_toml
from tagger.corpus.schemas import find_schema
from tagger.errors import ConfigError, DataError
from tagger.evaluation.report.card import model_card
from tagger.evaluation.report.values import read_report
from tagger.model.store import load_model
from tagger.schema import CLAIMS, Schema
from tagger.settings import override, parse_overrides
from tagger.training.calibration import precision_threshold
from tagger.training.crossfit import cross_fit
from tagger.training.search import learning_curve, search
from tagger.training.settings import TaskSettings

from .conftest import MOOD, SETTINGS, TOPIC, rows, write

NEWSSD = Path(__file__).parents[3] / "shared" / "tasks" / "newssd" / "train.jsonl"
SHIPPED = Path(__file__).parents[2] / "models" / "claims-en"


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


def table(path, delimiter=","):
    """Write the made-up sentences under other names, as a spreadsheet would hold them."""
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["ID", "Sentence", "Category", "Article", "Outlet"])
        for i, row in enumerate(rows()):
            writer.writerow([i, row["text"], row["mood"], row["doc"], row["paper"]])
    return path


@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("x.tsv", "\t")])
def test_text_labels_and_documents_are_guessed(tmp_path, name, delimiter):
    schema, columns, has_doc = guess_schema([table(tmp_path / name, delimiter)], Columns())
    assert [(t.name, t.labels, t.multilabel) for t in schema.tasks] == [
        ("Category", ("glad", "sad"), False)
    ]
    assert columns == Columns("Sentence", "Article")
    assert has_doc


def test_lists_make_a_multilabel_task_and_metadata_none(tmp_path):
    schema, _, _ = guess_schema([write(tmp_path / "x.jsonl", rows())], Columns())
    # paper has two values too: which of two such columns is meant cannot be known.
    assert [(t.name, t.labels, t.multilabel) for t in schema.tasks] == [
        ("mood", ("glad", "sad"), False),
        ("topic", ("hill", "sea"), True),
        ("paper", ("Echo", "Post"), False),
    ]
    named, _, _ = guess_schema(
        [write(tmp_path / "x.jsonl", rows())], Columns(tasks={"mood": "mood"})
    )
    assert [t.name for t in named.tasks] == ["mood"]


def test_what_our_own_exports_say_of_a_row_is_no_task(tmp_path):
    told = [("anna", "sentence", "", "a slip"), ("ben|anna", "heading", "byline", "unsure")]
    records = [
        row | dict(zip(("reader", "kind", "what", "note"), told[i % 2], strict=True))
        for i, row in enumerate(rows())
    ]
    schema, _, _ = guess_schema([write(tmp_path / "x.jsonl", records)], Columns())
    assert [task.name for task in schema.tasks] == ["mood", "topic", "paper"]


def test_our_own_columns_are_known_with_their_definitions(tmp_path):
    path = write(
        tmp_path / "x.jsonl", [{"text": "It may rain.", "claim": "speculation", "theme": []}]
    )
    assert guess_schema([path], Columns())[0] == Schema(CLAIMS.tasks[:1])


def test_numbers_and_truth_values_are_labels(tmp_path):
    records = [{"text": f"line {i} of it", "label": i % 2 == 0} for i in range(12)]
    schema, _, has_doc = guess_schema([write(tmp_path / "x.jsonl", records)], Columns())
    assert schema.tasks[0].labels == ("false", "true")
    assert not has_doc


def test_data_without_labels_is_refused(tmp_path):
    path = write(tmp_path / "x.jsonl", [{"text": f"line {i} of it", "n": i} for i in range(9)])
    with pytest.raises(DataError, match="none of the columns text, n looks like labels"):
        guess_schema([path], Columns())


def test_a_saved_schema_comes_back(tmp_path):
    schema = Schema((*CLAIMS.tasks, MOOD, TOPIC))
    columns = Columns("Sentence", "Article", {"mood": "The mood"})
    path = tmp_path / "s.toml"
    path.write_text(schema_toml(schema, columns))
    assert find_schema(str(path), []) == (schema, columns, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[[schema]]\nname = 'a'\nlabel = ['x']\n",
            "a task has the key 'label': did you mean 'labels'",
        ),
        ("[[schema]]\nname = 'a'\nlabels = ['x']\n", "expected at least 2"),
        ("[colums]\ntext = 'a'\n", "a schema has no 'colums': did you mean 'columns'"),
        ("[columns]\ntext = 'a'\n", r"no \[\[schema\]\] in it"),
        ("[[schema]\n", "not TOML.*line 1"),
    ],
)
def test_a_schema_that_does_not_hold_together_is_named(tmp_path, content, message):
    path = tmp_path / "s.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=f"s.toml: .*{message}"):
        find_schema(str(path), [])


def test_settings_are_overridden_from_the_command_line():
    config = {"tasks": {"mood": {"C": 2.0}}}
    pairs = parse_overrides(
        ["tasks.mood.C=0.5", "features.lexicons=['claims']", "features.vectors=words-en"]
    )
    assert override(config, pairs) == {
        "tasks": {"mood": {"C": 0.5}},
        "features": {"lexicons": ["claims"], "vectors": "words-en"},
    }
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        parse_overrides(["tasks.mood.C"])
    with pytest.raises(ConfigError, match="C is a value, not a table"):
        override(config, {"tasks.mood.C.x": 1})


def test_columns_are_named_by_pairs():
    assert Columns.parse(["text=Sentence", "mood=M"]) == Columns("Sentence", "doc", {"mood": "M"})
    with pytest.raises(ConfigError, match="expected FIELD=NAME"):
        Columns.parse(["Sentence"])
    with pytest.raises(ConfigError, match="'Sentence' stands for two things"):
        Columns.parse(["text=Sentence", "mood=Sentence"])


def test_a_table_trains_with_one_command_and_evaluates_by_its_own_columns(tmp_path):
    data = table(tmp_path / "x.csv")
    model = tmp_path / "m"
    small = ("--set", "features.masked_ngrams=[]", "--set", "features.vectors=''")
    result = run("train", data, "--output", model, "--jobs", 1, *small)
    assert "Category is one of glad, sad" in result.stderr
    report = read_report(model)
    (task,) = report["tasks"]
    # One mood in ten is wrong on purpose, so no model gets far beyond 0.9.
    assert 0.8 < task["figures"]["macro_f1"]["value"] < 0.97
    assert task["baselines"]["majority"]["macro_f1"]["value"] < 0.5
    assert (
        "In brackets: 95 % intervals by bootstrap over documents."
        in (model / "README.md").read_text()
    )
    assert run("evaluate", "--model", model, data, "--no-baselines").exit_code == 0


def test_the_report_of_training_holds_no_sentence_and_is_the_same_again(tmp_path, data):
    small = ("--set", "features.masked_ngrams=[]", "--column", "mood=mood", "--jobs", 1)
    for name in ("a", "b"):
        run("train", data, "-o", tmp_path / name, *small, "--set", "features.vectors=''")
    texts = [row["text"] for row in rows()]
    for file in ("report.json", "report.md", "README.md", "manifest.json", "weights.safetensors"):
        content = (tmp_path / "a" / file).read_bytes()
        assert content == (tmp_path / "b" / file).read_bytes()
        assert not any(text.encode() in content for text in texts)
    report = read_report(tmp_path / "a")
    assert report["about"]["model"]["id"] == load_model(tmp_path / "a").id
    assert len(report["about"]["split_sha256"]) == 64


def test_a_saved_guess_can_be_given_back(tmp_path):
    data = table(tmp_path / "x.csv")
    assert run("train", data, "--save-schema", tmp_path / "s.toml").exit_code == 0
    given = find_schema(str(tmp_path / "s.toml"), [])
    assert given == (*guess_schema([data], Columns())[:2], "")


def test_search_keeps_what_scores_best(corpus):
    grid = {"C": (1e-6, 1.0)}
    steps = []
    best, trials = search(corpus, SETTINGS, progress=lambda *s: steps.append(s), grid=grid)
    assert best.tasks["mood"].C == 1.0
    assert next(t.options for t in trials if t.task == "mood") == {"C": 1.0}
    assert steps[-1] == (6, 6)


def test_a_learning_curve_grows_with_the_data(corpus):
    curve = learning_curve(corpus, SETTINGS, shares=(0.15, 1.0))
    assert [point["n"] for point in curve] == [12, 80]
    assert curve[-1]["mood"] > curve[0]["mood"]


@pytest.mark.slow
def test_a_learning_curve_is_shown(tmp_path):
    data = table(tmp_path / "x.csv")
    result = run("train", data, "-o", tmp_path / "m", "--jobs", 1, "--learning-curve")
    assert result.exit_code == 0
    assert "Learning curve: macro F1" in result.stderr
    points = json.loads((tmp_path / "m" / "report.json").read_text())["learning_curve"]
    last = points[-1]
    assert f"{last['n']:,}" in result.stderr
    assert f"{last['Category']:.3f}" in result.stderr


def test_training_says_what_keeps_its_figures_from_being_believed(tmp_path):
    rows = [
        (f"A {w} day, number {i}.", m) for i in range(9) for w, m in (("fine", "+"), ("sad", "-"))
    ]
    path = tmp_path / "x.csv"
    path.write_text("text,mood\n" + "".join(f'"{text}",{mood}\n' for text, mood in rows))
    said = run("train", path, "-o", tmp_path / "m", "--jobs", 1).stderr
    assert "warning: mood: cross-validation made no error, so that probabilities could" in said
    assert "warning: not every sentence names its document" in said
    assert "warning: only 18 documents (or sentences that name none)" in said
    assert said.count("only 18 documents") == 1


def test_the_threshold_of_a_wished_precision_is_the_lowest_that_reaches_it():
    strength = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    y = np.array([True, True, False, True, False])
    assert precision_threshold(strength, y, 0.75) == pytest.approx(0.55)
    assert precision_threshold(strength, y, 1.0) == pytest.approx(0.75)
    # No recall is gained below the last right one: no precision is lost for it.
    assert precision_threshold(strength[:3], y[:3], 0.6) == pytest.approx(0.75)
    with pytest.raises(DataError, match=r"the best is 0\.500"):
        precision_threshold(strength[:2], np.array([False, True]), 0.9)


@pytest.mark.parametrize(("task", "label"), [("mood", "glad"), ("topic", "sea")])
def test_training_reaches_a_wished_precision_out_of_fold(corpus, task, label):
    from dataclasses import replace

    settings = replace(SETTINGS, tasks={task: TaskSettings(target_precision={label: 0.97})})
    training = cross_fit(corpus, settings)
    c = next(c for c in training.model.classifiers if c.task.name == task)
    decided = c.decide(training.out_of_fold[task])
    k = c.task.labels.index(label)
    given = decided[:, k] if c.task.multilabel else decided == k
    gold = np.array([label in e.labels[task] for e in corpus.examples])
    if not c.task.multilabel:
        gold = np.array([label == e.labels[task] for e in corpus.examples])
    assert given.any()
    assert gold[given].mean() >= 0.97


@pytest.mark.parametrize(
    ("option", "message"),
    [("gladd=0.9", "no label 'gladd': did you mean 'glad'"), ("glad", "expected LABEL=P"),
     ("glad=2", "expected a number above 0, to 1")],
)  # fmt: skip
def test_a_wished_precision_that_cannot_be_is_refused(data, tmp_path, option, message):
    with pytest.raises(ConfigError, match=message):
        run("train", data, "-o", tmp_path / "m", "--target-precision", option)


def test_three_rows_and_one_class_are_refused_with_the_reason(tmp_path):
    three = write(tmp_path / "x.jsonl", [
        {"text": f"It is so {i}", "label": label} for i, label in enumerate("aab")
    ])  # fmt: skip
    with pytest.raises(DataError, match="there is only one sentence with the label 'b'"):
        run("train", three, "-o", tmp_path / "m", "--jobs", 1)
    one = write(tmp_path / "y.jsonl", [{"text": f"It is {i}", "label": "a"} for i in range(9)])
    with pytest.raises(DataError, match="looks like labels"):
        run("train", one, "-o", tmp_path / "m", "--jobs", 1)


def test_a_column_that_is_missing_everywhere_is_said_once(folder, tmp_path):
    path = write(tmp_path / "x.jsonl", [{"satz": "It is so", "mood": "sad"}] * 5)
    with pytest.raises(DataError) as caught:
        run("evaluate", "--model", folder, path)
    assert str(caught.value).count("no column 'text'") == 1
    assert "(and 4 more rows)" in str(caught.value)


def test_the_card_and_report_of_the_shipped_model_are_current():
    if not (SHIPPED / "report.json").is_file():
        pytest.skip("models/claims-en has no report yet")
    model, report = load_model(SHIPPED), read_report(SHIPPED)
    assert report["about"]["model"]["id"] == model.id
    assert report["about"]["data"]["sha256"] == model.about["data"]["sha256"]
    assert (SHIPPED / "README.md").read_text() == model_card(model, report)


@pytest.mark.slow
@pytest.mark.skipif(not NEWSSD.is_file(), reason="the public task is not beside the checkout")
def test_sentence_subjectivity_by_one_command(tmp_path):
    run("train", NEWSSD, "--output", tmp_path, "--jobs", 2)
    (task,) = json.loads((tmp_path / "report.json").read_text())["tasks"]
    assert task["n"] == 731
    assert task["figures"]["macro_f1"]["value"] >= 0.66
