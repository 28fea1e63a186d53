import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tagger.errors import ModelError, OutputError
from tagger.model.model import FORMAT, checksum
from tagger.model.store import load_model
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings


@pytest.fixture
def folder(small_model, tmp_path):
    small_model.save(tmp_path / "model", "card")
    return tmp_path / "model"


def reseal(folder):
    """Write the checksums of changed files into the manifest, as an attacker would."""
    import hashlib

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("checksum", None)
    manifest["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_array(folder, name, change):
    arrays = load_file(folder / "weights.safetensors")
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    save_file(arrays, folder / "weights.safetensors")
    reseal(folder)


def test_a_saved_model_gives_the_same_answers(small_model, folder, sentences):
    loaded = load_model(folder)
    assert loaded.id == small_model.id
    expected = small_model.probabilities(sentences)
    for task, probabilities in loaded.probabilities(sentences).items():
        # float32 weights on disk
        assert abs(probabilities - expected[task]).max() < 1e-5
    again = folder.parent / "again"
    loaded.save(again)
    for name in ("manifest.json", "weights.safetensors"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_training_twice_gives_the_same_bytes(small_corpus, small_model, folder):
    settings = TrainingSettings.from_dict(small_model.about["settings"])
    again = cross_fit(small_corpus, settings, jobs=2).model
    again.save(folder.parent / "again")
    for path in folder.iterdir():
        if path.name != "README.md":
            assert path.read_bytes() == (folder.parent / "again" / path.name).read_bytes()


def test_no_folder(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        load_model(tmp_path / "none")
    (tmp_path / "tones.csv").touch()
    with pytest.raises(ModelError, match=r"tones\.csv: a file, expected a model folder"):
        load_model(tmp_path / "tones.csv")


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors", "claims.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: found no file"):
        load_model(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "claims.txt"])
def test_a_flipped_byte_is_noticed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"{name}: the checksum is not"):
        load_model(folder)


def test_a_newer_format_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["format"] = FORMAT + 1
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        ModelError, match=f"has format {FORMAT + 1}, this tagger reads 1 and {FORMAT}"
    ):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"format": 1}'])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="manifest"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("coef.claim", lambda a: a[:-1]),
        ("coef.claim", lambda a: np.where(a == a.max(), np.nan, a)),
        ("intercept.theme", lambda a: a[:2]),
        ("df", lambda a: a + 10_000),
        ("words.node_columns", lambda a: a + 10_000_000),
        ("words.node_n_columns", lambda a: a[:-1]),
        ("words.runs.2", lambda a: a[::-1]),
        ("words.runs.2", lambda a: np.append(a[:-1], 10**15)),
        ("masked.runs.3", lambda a: np.append(a[:-1], 10**12)),
        ("masked.runs.3", lambda a: np.append(1, a[1:])),
        ("masked.tokens", lambda a: a[:0]),
        ("char_terms", lambda a: a[: len(a) // 2]),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(folder, name, change):
    change_array(folder, name, change)
    with pytest.raises(ModelError, match="does not hold together"):
        load_model(folder)


def test_links_and_paths_are_not_followed(folder, tmp_path):
    shutil.move(folder / "claims.txt", tmp_path / "claims.txt")
    (folder / "claims.txt").symlink_to(tmp_path / "claims.txt")
    with pytest.raises(ModelError, match="found a link"):
        load_model(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("checksum", None)
    manifest["files"]["../claims.txt"] = manifest["files"].pop("claims.txt")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="not a plain file name"):
        load_model(folder)


def test_a_file_in_the_way_of_the_folder(small_model, tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(OutputError, match="is a file, expected a folder to write in"):
        small_model.save(tmp_path / "model")


def test_prediction_imports_no_scientific_giants():
    code = (
        "import sys; from tagger import Tagger; Tagger.load().tag('A test.');"
        "giants = 'scipy', 'sklearn', 'pandas', 'matplotlib', 'rich';"
        "print([name for name in giants if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_front_door_is_inert():
    code = "import sys, tagger; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_model_of_the_first_format_is_read_as_english(small_model, tmp_path):
    small_model.save(tmp_path / "model")
    second = load_model(tmp_path / "model")
    place = tmp_path / "model" / "manifest.json"
    manifest = json.loads(place.read_text(encoding="utf-8"))
    assert manifest["features"].pop("language") == "en"
    manifest["format"] = 1
    manifest["checksum"] = checksum(manifest)
    place.write_text(json.dumps(manifest), encoding="utf-8")
    first = load_model(tmp_path / "model")
    texts = ["Troops may leave Kyiv on Monday.", "Oil rose 2 percent."]
    expected = second.probabilities(texts)
    assert all((p == expected[name]).all() for name, p in first.probabilities(texts).items())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("about",), [1], "about is"),
        (("about", "data"), 1, "about.data is 1"),
        (("about", "settings"), "x", "about.settings is 'x'"),
        (("n_documents",), True, "n_documents is True"),
        (("scales", "word"), float("inf"), "not finite"),
        (("decisions", "claim", "doubt"), float("nan"), "doubt of claim"),
        (("decisions", "claim", "thresholds"), [1e999, 1, 1], "thresholds of claim"),
        (("features", "masked_keep"), -1, "masked_keep is -1"),
        (("features", "language"), "English", "expected an ISO 639 code"),
    ],
)
def test_odd_values_in_a_manifest_are_refused(small_model, tmp_path, place, value, message):
    small_model.save(tmp_path / "model")
    path = tmp_path / "model" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    table = manifest
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    manifest["checksum"] = checksum(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "model")
