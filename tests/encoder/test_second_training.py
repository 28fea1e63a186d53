"""tagger train --second-reader: any schema, the same folds, the same bytes, killed or not."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT

pytest.importorskip("torch", reason="needs the extra encoder-train")
pytest.importorskip("transformers", reason="needs the extra encoder-train")
pytest.importorskip("onnx", reason="needs the extra encoder-train")
pytest.importorskip("onnxruntime", reason="needs the extra encoder")

import tagger
from tagger.cli.main import cli
from tagger.encoder.reader import FOLDER, load_reader
from tagger.errors import ConfigError, ModelError, OutputError
from tagger.targets import locked

ENCODER = {"frozen": 0, "epochs": 6, "learning_rate": 5e-3, "max_tokens": 24, "batch": 16}
WORDS = {"lexicons": [], "vectors": "", "word_ngrams": [1, 1], "masked_ngrams": []}
CONFIG = {"folds": 3, "features": WORDS, "encoder": ENCODER}


def rows():
    """Days that are told apart by the order of words, which a bag of words cannot hear."""
    found = []
    for i in range(120):
        good = i % 2 == 0
        first, last = ("joy", "grief") if good else ("grief", "joy")
        text = f"on day {i % 7} there was {first} and then {last} in town {i % 5} of {i}"
        found.append({"text": text, "doc": f"d{i // 3}", "mood": "up" if good else "down"})
        found[-1]["place"] = ["north"] * (i % 3 == 0) + ["south"] * (i % 5 == 0)
    return found


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def train(base, **changed):
    how = {"config": CONFIG, "second_reader": base, "jobs": 1, "language": "en", **changed}
    return tagger.train(rows(), **how)


@pytest.fixture(scope="module")
def training(base):
    return train(base)


@pytest.fixture(scope="module")
def folder(training, tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "days"
    training.save(place)
    return place


def test_the_report_sets_both_readers_side_by_side_in_the_same_folds(training):
    second = training.report["second_reader"]
    assert [task["task"] for task in second["tasks"]] == ["mood", "place"]
    (mood, _) = second["tasks"]
    assert mood["n"] == 120
    for way in ("second", "doubtful", "all"):
        moved = mood[way]["figures"]["macro_f1"]
        assert moved["difference"] == pytest.approx(moved["b"] - moved["a"], abs=2e-6)
        if moved["low"] is None:  # no draw differs: not a sentence was reread
            assert moved["difference"] == 0
        else:
            assert moved["low"] <= moved["difference"] <= moved["high"]
        assert 0 < moved["p"] <= 1
    assert mood["all"]["figures"]["macro_f1"]["low"] is not None
    # What the linear report says of the first reader is what it is compared with.
    (first,) = (task for task in training.report["tasks"] if task["task"] == "mood")
    assert first["figures"]["macro_f1"]["value"] == mood["all"]["figures"]["macro_f1"]["a"]
    for name in ("report.md", "README.md"):
        assert "## Second reader" in training.files[name]
        assert "both, doubtful reread" in training.files[name]


def test_the_page_shows_what_the_other_reports_show(training):
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    from tagger.evaluation.report.html import to_html

    page = to_html(training.report)
    assert "<h2>Second reader</h2>" in page
    assert "both, doubtful reread" in page
    assert "Second reader" not in to_html({**training.report, "second_reader": None})


def test_it_hears_what_words_alone_cannot_tell(training):
    figures = {
        w: training.report["second_reader"]["tasks"][0][w]["figures"] for w in ("second", "all")
    }
    assert figures["second"]["exact_match"]["b"] > 0.9
    assert figures["all"]["macro_f1"]["low"] > 0


def test_the_combination_is_measured_without_the_fold_it_is_fitted_on(training):
    # Fitted on everything, the same weights answer the training sentences of the report too.
    assert set(training.reader.combinations) == {"mood", "place"}
    errors = training.reader.about["out_of_fold"]
    assert np.sum(errors["all"]["mood"]) == np.sum(errors["doubtful"]["mood"]) == 120
    hits = np.trace(np.array(errors["all"]["mood"])) / 120
    assert hits == pytest.approx(
        training.report["second_reader"]["tasks"][0]["all"]["figures"]["exact_match"]["b"], abs=1e-6
    )


def test_the_model_folder_holds_it_and_load_finds_it(training, folder):
    assert load_reader(folder / FOLDER).id == training.reader.id
    both = tagger.Tagger.load(folder, "all")
    assert both.model.id == f"{training.model.id}+{training.reader.id}.all"
    assert both.model.about["out_of_fold"] == training.reader.about["out_of_fold"]["all"]
    assert training.model.about["out_of_fold"] != both.model.about["out_of_fold"]
    texts = ["on day 1 there was joy and then grief in town 2", "then grief and then joy"]
    assert both.predict(texts)["mood"][0] == "up"
    plain = tagger.Tagger.load(folder)
    assert plain.model.id == training.model.id
    assert not np.allclose(plain.predict_proba(texts)["mood"], both.predict_proba(texts)["mood"])


def test_the_first_reader_is_the_same_with_and_without_it(training):
    config = {key: value for key, value in CONFIG.items() if key != "encoder"}
    alone = tagger.train(rows(), config=config, jobs=1, language="en")
    assert alone.model.id == training.model.id
    assert alone.reader is None
    assert "second_reader" not in alone.report


def test_the_command_writes_the_bytes_of_the_library_in_any_number_of_processes(
    base, folder, tmp_path
):
    data, config, out = tmp_path / "days.jsonl", tmp_path / "c.toml", tmp_path / "out"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    config.write_text(
        "folds = 3\n[features]\n"
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in WORDS.items())
        + "[encoder]\n"
        + "".join(f"{name} = {value}\n" for name, value in ENCODER.items())
    )
    given = ["train", data, "--config", config, "--language", "en", "-o", out]
    given += ["--second-reader", base, "--jobs", "2"]
    result = CliRunner().invoke(cli, list(map(str, given)))
    assert result.exit_code == 0, result.output
    assert "second reader" in result.output
    assert not (out / f"{FOLDER}.part").exists()
    assert files(out) == files(folder)
    again = CliRunner().invoke(cli, list(map(str, given)))
    assert isinstance(again.exception, OutputError)
    assert not (out / f"{FOLDER}.part").exists()


SCRIPT = """
import sys
from test_second_training import train

if __name__ == "__main__":
    training = train(sys.argv[1], scratch=sys.argv[2])
    training.save(sys.argv[3])
"""


def test_a_killed_training_goes_on_to_the_same_bytes(base, folder, tmp_path):
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "encoder")))
    command = [sys.executable, str(script), str(base), str(scratch), str(out)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    deadline = time.monotonic() + 120
    while not (scratch / "fold-1.state").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    steps = []
    done = train(
        base, scratch=scratch, progress=lambda what, done, total: steps.append((done, total))
    )
    counted = [done for done, total in steps if total]
    assert counted[1] > 1  # the first fold is not learned again
    done.save(out)
    assert not scratch.exists()
    assert files(out) == files(folder)


def test_a_damaged_state_is_said_and_begun_anew(base, folder, training, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "fold-0.state").write_bytes(b"PK\x03\x04 no archive")
    again = train(base, scratch=scratch)
    assert again.reader.id == training.reader.id
    assert any("is damaged: beginning anew" in note for note in again.notes)


def test_two_runs_do_not_write_one_scratch_folder(base, tmp_path):
    with locked(tmp_path), pytest.raises(OutputError, match="another run"):
        train(base, scratch=tmp_path)


def test_long_sentences_are_counted_and_said(base):
    config = {**CONFIG, "encoder": {**ENCODER, "max_tokens": 12, "epochs": 1}}
    cut = train(base, config=config)
    assert cut.report["second_reader"]["n_cut"] == 120
    assert any("beginning of 120 sentences of more than 12 tokens" in note for note in cut.notes)
    assert "of 120 sentences it read only the beginning" in cut.files["report.md"]


def test_a_wished_precision_says_what_both_reach(base):
    config = {**CONFIG, "encoder": {**ENCODER, "epochs": 1}}
    wished = train(base, config=config, target_precision={"south": 0.15})
    (note,) = (x for x in wished.notes if "precision 0.15 of south" in x)
    assert "both reach" in note


@pytest.mark.parametrize(
    ("second_reader", "encoder", "match"),
    [
        ("no/such/folder", {}, "cannot be loaded"),
        (None, {"base": 3}, "encoder.base"),
        (None, {"speed": 3}, "speed"),
        (None, {**ENCODER, "max_tokens": 500}, "reads at most 64 tokens"),
        (None, {**ENCODER, "frozen": 9}, "has 2 layers"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_work(base, second_reader, encoder, match):
    told = []
    table = {"base": str(base), **encoder}
    with pytest.raises(ConfigError, match=match):
        tagger.train(
            rows(),
            config={**CONFIG, "encoder": table},
            second_reader=second_reader,
            progress=lambda what, *steps: told.append(what),
        )
    assert not told


def test_a_reader_of_another_model_is_refused(folder, base, tmp_path):
    config = {key: value for key, value in CONFIG.items() if key != "encoder"}
    other = tagger.train(rows()[:90], config=config, jobs=1, language="en")
    files_before = files(folder)
    import shutil

    shutil.copytree(folder, tmp_path / "mixed")
    other.save(tmp_path / "mixed", force=True)
    shutil.copytree(folder / FOLDER, tmp_path / "mixed" / FOLDER)
    with pytest.raises(ModelError, match="train this one again with --second-reader"):
        tagger.Tagger.load(tmp_path / "mixed", "all")
    assert files(folder) == files_before


def test_a_real_sentence_is_learned_as_its_readers_saw_it(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    sys.path.insert(0, str(ROOT / "data"))
    import make_reader

    shares = make_reader.shares(["F?I me", "I m"], torn=0.65)
    assert shares.tolist() == pytest.approx([0.325, 0.675, 0, 1, 0, 0.5])
