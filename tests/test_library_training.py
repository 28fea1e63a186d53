"""Training and checking as calls of the library, and what they refuse."""

import json
import re
import sys
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import tagger
from tagger.cli.main import cli
from tagger.corpus.corpus import Columns, Corpus, Example, read_corpus
from tagger.corpus.guess import guess_schema
from tagger.corpus.schemas import find_schema
from tagger.encoder.reader import DOUBT, FOLDER, SecondReader
from tagger.errors import ConfigError, DataError, OutputError
from tagger.features.featurizer import Featurizer
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import encode
from tagger.model.model import MANIFEST, checksum
from tagger.schema import Schema, Task
from tagger.settings import override, parse_overrides
from tagger.targets import write_files
from tagger.training.crossfit import cross_fit
from tagger.training.findings import ERROR, WARNING, findings_of
from tagger.training.search import search
from tagger.training.settings import TaskSettings, TrainingSettings

MOODS = ("calm", "glad", "sad")
MOOD = Schema((Task("mood", MOODS),))
SMALL = {"features.masked_ngrams": [], "features.vectors": "", "features.lexicons": []}
FEATURES = FeatureSettings(masked_ngrams=())


def records(n=90, wrong=7):
    """Sentences that give their mood away, but for every `wrong`th."""
    return [
        {
            "text": f"It was a {MOODS[i % 3]} day at the harbour {i} of {'abcdefgh'[i % 8]}.",
            "mood": MOODS[(i + (i % wrong == 0)) % 3],
            "doc": f"d{i // 3}",
        }
        for i in range(n)
    ]


def corpus_of(rows, schema=MOOD):
    return read_corpus(rows, schema)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def files_of(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_more_than_memory_is_meant_to_hold_is_refused(tmp_path, monkeypatch):
    data = write(tmp_path / "x.jsonl", records())
    with pytest.raises(DataError, match=r"expected at most 1,000: .* raise --max-characters"):
        tagger.train(data, max_characters=1000)
    args = ["train", str(data), "-o", str(tmp_path / "m"), "--max-characters", "1000"]
    refused = CliRunner().invoke(cli, args)
    assert isinstance(refused.exception, DataError) and not (tmp_path / "m").exists()
    monkeypatch.setattr("tagger.training.findings.MAX_CHARACTERS", 1000)
    (finding,) = (f for f in tagger.check(data, label_errors=True).findings if f.level == ERROR)
    assert "expected at most 1,000" in finding.message


def test_the_command_and_the_library_write_the_same_bytes(tmp_path):
    data = write(tmp_path / "x.jsonl", records())
    sets = [a for k, v in SMALL.items() for a in ("--set", f"{k}={json.dumps(v)}")]
    extra = ["--search", "--target-precision", "glad=0.8", "--jobs", "1", "--seed", "3"]
    command = ["train", str(data), "-o", str(tmp_path / "a"), *sets, *extra]
    CliRunner().invoke(cli, command, catch_exceptions=False)
    options = {"settings": SMALL, "search": True, "target_precision": {"glad": 0.8}, "seed": 3}
    training = tagger.train(data, jobs=1, **options)
    training.save(tmp_path / "b")
    in_memory = tagger.train(records(), jobs=1, **options)
    in_memory.save(tmp_path / "c")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b") == files_of(tmp_path / "c")
    assert training.tagger.tag("It was a glad day.").sentences[0].tags.labels["mood"] == "glad"
    assert training.out_of_fold["mood"].shape == (90, 3)
    assert "mood is one of calm, glad, sad" in training.guess
    assert training.report["about"]["model"]["id"] == training.model.id
    assert len(training.trials) == 10
    assert re.fullmatch(
        r"<Training of model \w+, macro F1 in folds: mood [01]\.\d+>", repr(training)
    )


def test_checking_from_the_library_says_what_the_command_says(tmp_path):
    data = write(tmp_path / "x.jsonl", records())
    printed = CliRunner().invoke(cli, ["check", str(data), "--format", "json"])
    checked = tagger.check(records(), schema=MOOD)
    checked.save(tmp_path / "out")
    assert json.loads(printed.stdout)["counts"] == checked.counts
    assert json.loads((tmp_path / "out" / "check.json").read_text()) == checked.to_dict()


def test_two_wished_precisions_of_one_task_hold_together():
    corpus = corpus_of(records())
    wished = {"glad": 0.8, "sad": 0.85, "calm": 0.8}
    settings = TrainingSettings(FEATURES, {"mood": TaskSettings(target_precision=wished)})
    fitted = cross_fit(corpus, settings)
    decided = fitted.model.classifiers[0].decide(fitted.out_of_fold["mood"])
    gold = encode(MOOD.tasks[0], corpus.labels("mood"))
    for label, wanted in wished.items():
        given = decided == MOODS.index(label)
        assert given.any()
        assert (gold[given] == decided[given]).mean() >= wanted, label


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_the_later_wished_precision_does_not_undo_the_first(order):
    from tagger.model.classifier import Classifier
    from tagger.training.calibration import with_thresholds

    task = Task("t", ("a", "b", "c"))
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 600)
    scores = rng.normal(size=(600, 3)) + 1.5 * np.eye(3)[y]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wished = dict.fromkeys(order, 0.85)
    start = Classifier(task, np.zeros((3, 1)), np.zeros(3), np.full(3, 0.5))
    tuned = with_thresholds(start, p, y, TaskSettings(target_precision=wished))
    decided = tuned.decide(p)
    for k in (0, 1):
        assert (y[decided == k] == k).mean() >= 0.85


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tasks", 3, "tasks is 3, expected a table"),
        ("tasks.mood", 1, "tasks.mood is 1, expected a table"),
        ("features", "x", "features is 'x', expected a table"),
        ("features.word_ngrams", ["a", "b"], "expected a whole number"),
        ("features.word_ngrams", [1, 2, 3], "expected a list of 2"),
        ("features.word_ngrams", [True, 2], "expected a whole number"),
        ("features.masked_keep", True, "expected a whole number"),
        ("features.masked_keep", -1, "expected 0 or more"),
        ("features.lexicons", [""], "empty name"),
        ("features.weights", {"char": "9"}, "features.weights.char is '9', expected a float"),
        ("features.weights.chars", 9.0, "did you mean 'char'"),
        ("tasks.mood.C", float("inf"), "expected a finite number"),
        ("tasks.mood.C", float("nan"), "expected a finite number"),
        ("tasks.mood.priors", {"glad": "x"}, "expected a float"),
        ("tasks.mood.target_precision", 0.9, "expected a table"),
        ("tasks.mood.blocks", ["words"], "did you mean 'word'"),
        ("tasks.mood.threshold", 0.4, "mood gives one label"),
        ("task.mood.C", 1.0, "did you mean 'tasks'"),
        ("tasks.mode.C", 1.0, "did you mean 'mood'"),
        ("folds", True, "folds is True, expected a whole number"),
    ],
)
def test_settings_that_cannot_be_or_do_nothing_are_refused(path, value, message):
    with pytest.raises(ConfigError, match=message):
        tagger.train(records(), schema=MOOD, settings=SMALL | {path: value}, jobs=1)


def test_overrides_leave_the_configuration_as_it_was():
    config = {"tasks": {"mood": {"C": 2.0}}}
    assert override(config, parse_overrides(["tasks.mood.C=1.0"])) == {
        "tasks": {"mood": {"C": 1.0}}
    }
    assert config == {"tasks": {"mood": {"C": 2.0}}}


@pytest.mark.parametrize("n", [2, 100, 101, 3000])
def test_near_copies_are_one_finding_however_many(n):
    words = "The old harbour master counted seven grey boats before the storm came in from"
    examples = [Example(f"{words} x{i}", {"mood": "sad"}, f"d{i}", {}, f"f:{i}") for i in range(n)]
    examples.append(Example("Nothing like all the rest of them.", {"mood": "glad"}, "d", {}, "f"))
    started = time.monotonic()
    (near,) = [f for f in findings_of(Corpus(MOOD, tuple(examples))) if f.check == "near duplicate"]
    assert near.message.startswith(f"{n} sentences, ")
    assert near.where[:2] == ("f:0", "f:1")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([r | {"doc": "one"} for r in records(30)], "one document"),
        (
            [r | {"mood": "sad" if r["doc"] == "d0" else "glad"} for r in records(30)],
            "with the mood 'sad' come from documents of one fold: add some from other documents",
        ),
        (
            [r | {"mood": "sad" if i == 3 else "glad"} for i, r in enumerate(records(30))],
            "only one sentence with the mood 'sad': add some from other documents, or leave "
            "the label out: --save-schema FILE.toml",
        ),
    ],
)
def test_what_training_refuses_is_an_error_of_the_check(rows, message):
    schema = Schema((Task("mood", tuple(sorted({r["mood"] for r in rows}))),))
    with pytest.raises(DataError, match=message):
        tagger.train(rows, schema=schema, settings=SMALL, jobs=1)
    errors = [f.message for f in tagger.check(rows, schema=schema).findings if f.level == ERROR]
    assert any(message in error for error in errors)


def test_labels_that_no_model_can_learn_leave_the_other_findings():
    pytest.importorskip("cleanlab", reason="the extra checks is not installed")
    rows = [r | {"doc": "one"} for r in records(30)]
    checked = tagger.check([*rows, rows[0]], schema=MOOD, label_errors=True)
    assert {"label error", "duplicate"} <= checked.counts.keys()


def test_blanks_around_labels_are_taken_off_and_said():
    rows = records()
    rows[4]["mood"] = f"{rows[4]['mood']} "
    training = tagger.train(rows, settings=SMALL, jobs=1)
    assert training.model.schema == MOOD
    assert training.notes[:-1] == (
        "blanks around a label taken off in 1 row; the first is record:5",
    )
    assert "taken to be 'en'" in training.notes[-1]
    (spelling,) = [f for f in tagger.check(rows).findings if f.check == "spelling"]
    assert spelling.level == WARNING
    assert spelling.where == ("record:5",)


def test_labels_of_another_unicode_form_are_the_same_labels():
    composed, apart = "\u00e9loge", "e\u0301loge"
    rows = [row | {"mood": composed if row["mood"] == "glad" else "sad"} for row in records()]
    n = sum(row["mood"] == composed for row in rows[:20])
    mixed = [
        row | {"mood": row["mood"].replace(composed, apart)} if i < 20 else row
        for i, row in enumerate(rows)
    ]
    schema, _, _ = find_schema(None, mixed)
    assert schema.tasks[0].labels == ("sad", composed)
    corpus = read_corpus(mixed, schema)
    assert corpus.sha256 == read_corpus(rows, schema).sha256
    assert f"taken as its composed one (NFC) in {n} rows; the first is record:" in corpus.notes[-1]
    # A schema, or a model of before, may have its labels in the other form.
    other = Schema((Task("mood", ("sad", apart)),))
    assert set(read_corpus(rows, other).labels("mood")) == {"sad", apart}
    table = [{"\u00e9tat": "x", "text": "A day."}, {"e\u0301tat": "y", "text": "A night."}]
    known = Schema((Task("\u00e9tat", ("x", "y")),))
    assert read_corpus(table, known).labels("\u00e9tat") == ["x", "y"]


def test_a_wished_precision_finds_its_label_in_any_unicode_form():
    composed, apart = "\u00e9loge", "e\u0301loge"
    rows = [row | {"mood": composed if row["mood"] == "glad" else "sad"} for row in records()]
    wished = [{name: 0.8} for name in (composed, apart, f"mood.{apart}")]
    made = [
        tagger.train(rows, settings=SMALL, target_precision=targets, jobs=1) for targets in wished
    ]
    assert len({training.model.id for training in made}) == 1
    message = f"target precision of mood.{composed} is 0.8 and 0.9"
    with pytest.raises(ConfigError, match=message):
        tagger.train(rows, target_precision=wished[0] | {apart: 0.9}, jobs=1)


def test_labels_that_differ_in_case_are_named():
    rows = records()
    for row in rows[:20]:
        row["mood"] = row["mood"].capitalize()
    schema, _, guess = find_schema(None, rows)
    assert "\ntagger: mood has 'Glad' and 'glad', which differ only in case" in guess
    assert schema == guess_schema(rows, Columns())[0]
    checked = tagger.check(rows)
    assert sum(f.check == "spelling" for f in checked.findings) == 3
    assert checked.guess == guess.partition("\n")[0]  # what is a finding is said once


def test_a_search_learns_the_features_once_a_fold():
    calls = []
    learn = Featurizer.fit_factors.__code__
    sys.setprofile(
        lambda frame, event, _: (
            calls.append(event) if event == "call" and frame.f_code is learn else None
        )
    )
    try:
        search(corpus_of(records()), TrainingSettings(FEATURES, folds=3))
    finally:
        sys.setprofile(None)
    assert len(calls) == 3


def test_one_column_for_two_things_is_refused():
    rows = records()
    with pytest.raises(ConfigError, match="'mood' stands for two things, text and mood"):
        tagger.train(rows, schema=MOOD, columns={"text": "mood"})
    with pytest.raises(ConfigError, match="'text' is 'a' and 'b'"):
        Columns.parse(["text=a", "text=b"])


def test_a_frame_with_one_column_twice_is_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["a b c", "x", "y"]], columns=["text", "mood", "mood"])
    with pytest.raises(DataError, match="the data: the header names mood more than once"):
        tagger.check(frame, schema=MOOD)


def test_columns_are_named_alike_everywhere(tmp_path):
    rows = [{"body": r["text"], "article": r["doc"], "mood": r["mood"]} for r in records()]
    ways = ({"text": "body", "doc": "article"}, ["text=body", "doc=article"])
    models = [tagger.train(rows, columns=c, settings=SMALL, jobs=1).model for c in ways]
    assert models[0].id == models[1].id
    reports = [
        tagger.evaluate(models[0], rows, columns=c, baselines=False, rounds=0).report for c in ways
    ]
    assert reports[0] == reports[1]
    assert tagger.check(rows, columns=ways[1]).n_sentences == len(rows)


def test_no_process_at_all_is_refused():
    with pytest.raises(ConfigError, match="jobs is 0"):
        tagger.train(records(), settings=SMALL, jobs=0)


def test_readers_who_use_one_class_only_agree_undefined():
    rows = [{**r, "mood@ann": "glad", "mood@ben": "glad"} for r in records()]
    messages = [f.message for f in tagger.check(rows).findings if f.check == "readers"]
    assert any("kappa undefined" in message for message in messages)


def test_whole_numbers_are_labels_in_lists_and_in_frames_with_gaps():
    rows = [{**r, "mood": [1 + (r["mood"] == "glad")]} for r in records()]
    schema = tagger.train(rows, settings=SMALL, jobs=1).model.schema
    assert (schema["mood"].labels, schema["mood"].multilabel) == (("1", "2"), True)
    frame = pd.DataFrame([{**r, "mood": 1 + (r["mood"] == "glad")} for r in records()])
    frame.loc[0, "mood"] = float("nan")
    schema = tagger.train(frame, settings=SMALL, jobs=1).model.schema
    assert schema["mood"].labels == ("1", "2")


def test_two_values_for_one_setting_are_refused():
    with pytest.raises(ConfigError, match="two values for tasks"):
        parse_overrides(["tasks.mood.C=1.0", "tasks.mood.C=2.0"])


def test_an_arrow_table_trains_as_its_records_do():
    pa = pytest.importorskip("pyarrow")
    tables = (records(), pa.Table.from_pylist(records()))
    models = [tagger.train(data, settings=SMALL, jobs=1).model for data in tables]
    assert models[0].id == models[1].id


def test_training_anew_takes_the_second_reader_of_the_model_before(tmp_path):
    """It goes with no other model; what is the user's own stays, in it and beside it."""
    training, out = tagger.train(records(), settings=SMALL, jobs=1), tmp_path / "m"
    own, old = (
        SecondReader(MOOD, b"a network", b"words", 16, first, {}, {})
        for first in (training.model.id, "another")
    )
    network = out / FOLDER / "model.onnx"
    write_files(out / FOLDER, own.contents())
    with pytest.raises(OutputError, match=r"manifest.json: is there already"):
        training.save(out)
    assert training.save(out, force=True) == "" and network.exists()

    write_files(out / FOLDER, old.contents(), force=True)
    (out / FOLDER / "notes.txt").write_text("mine")
    assert "of the model that was replaced is removed" in training.save(out, force=True)
    assert files_of(out / FOLDER) == {"notes.txt": b"mine"}

    write_files(out / FOLDER, old.contents())
    network.write_bytes(b"changed by hand")
    assert "is left as it is" in training.save(out, force=True) and network.exists()

    (out / FOLDER / "notes.txt").unlink()
    write_files(out / FOLDER / DOUBT, training.model.contents())
    manifest = json.loads(old.contents()[MANIFEST]) | {"doubt": {"a": 1}}
    manifest["checksum"] = checksum(manifest)
    files = old.contents() | {MANIFEST: json.dumps(manifest).encode()}
    write_files(out / FOLDER, files, force=True)
    data = write(tmp_path / "x.jsonl", records())
    sets = [a for k, v in SMALL.items() for a in ("--set", f"{k}={json.dumps(v)}")]
    command = ["train", str(data), "-o", str(out), *sets, "--jobs", "1", "--force"]
    assert "is removed" in CliRunner().invoke(cli, command, catch_exceptions=False).stderr
    assert not (out / FOLDER).exists()


def test_a_text_that_may_spoil_a_model_is_said():
    rows = [
        {"text": f"Oil rose {i} percent in {'May' if i % 2 else 'June'}.", "mood": "ab"[i % 2]}
        for i in range(40)
    ]
    assert not [x for x in tagger.train(rows, jobs=1).notes if "times the usual" in x]
    rows[7]["text"] = "word " * 2_000
    (note,) = [x for x in tagger.train(rows, jobs=1).notes if "times the usual" in x]
    assert note.startswith("1 text of more than 50 times the usual 27 characters, such as record:8")
