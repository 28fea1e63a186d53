"""A tiny encoder, trained in seconds: training, resuming, the folder, and reading."""

import json
import pickle
import random
import shutil

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra encoder-train")
pytest.importorskip("transformers", reason="needs the extra encoder-train")
pytest.importorskip("onnx", reason="needs the extra encoder-train")
pytest.importorskip("onnxruntime", reason="needs the extra encoder")

from tagger.encoder.combination import Combination, fit_combination
from tagger.encoder.samples import padded, samples_of
from tagger.encoder.settings import EncoderSettings
from tagger.errors import ConfigError, ModelError
from tagger.model.classifier import encode, sigmoid, softmax
from tagger.model.model import MANIFEST, checksum
from tagger.schema import CLAIM, CLAIMS, THEME, Schema, Task

SETTINGS = {"frozen": 0, "epochs": 10, "learning_rate": 5e-3, "max_tokens": 64}


@pytest.fixture(scope="module")
def trained(base, small_corpus):
    """Network, samples and reader of a short training."""
    return train(base, small_corpus)


def train(base, corpus, checkpoint=None, progress=lambda *told: None, **changed):
    import torch

    from tagger.encoder.export import to_onnx
    from tagger.encoder.network import load_base
    from tagger.encoder.reader import SecondReader
    from tagger.encoder.train import fit

    torch.set_num_threads(1)
    settings = EncoderSettings(**{"base": str(base), **SETTINGS, **changed})
    n = sum(len(task.labels) for task in corpus.schema.tasks)
    network, tokenizer = load_base(settings, n, 0)
    labels = [e.labels for e in corpus.examples]
    samples = samples_of(corpus.schema, corpus.texts, labels, tokenizer)
    fit(network, samples, corpus.schema, settings, 0, checkpoint, progress)
    onnx = to_onnx(network)
    reader = SecondReader(corpus.schema, onnx, tokenizer.to_str().encode(), settings.max_tokens)
    return network, samples, reader


def predicted(network, samples):
    """Return the scores that the network itself gives."""
    import torch

    scores = np.empty(samples.targets.shape)
    with torch.inference_mode():
        for i, tokens in enumerate(samples.tokens):
            ids, mask = map(torch.from_numpy, padded([tokens]))
            scores[i] = network(ids, mask)[0].numpy()
    return scores


def write(reader, folder):
    folder.mkdir(exist_ok=True)
    for name, data in reader.contents().items():
        (folder / name).write_bytes(data)
    return folder


def test_it_learns_what_the_sentences_say(trained, small_corpus):
    _, _, reader = trained
    scores = reader.scores(small_corpus.texts)
    claim = encode(CLAIM, small_corpus.labels("claim"))
    theme = encode(THEME, small_corpus.labels("theme"))
    most_frequent = np.bincount(claim).max() / len(claim)
    assert (scores[:, :3].argmax(axis=1) == claim).mean() > most_frequent + 0.1
    for k in range(3):
        assert scores[theme[:, k], 3 + k].mean() > scores[~theme[:, k], 3 + k].mean() + 1


def test_eight_bits_say_about_what_the_network_says(trained, small_corpus):
    network, samples, reader = trained
    exact, rounded = predicted(network, samples), reader.scores(small_corpus.texts)
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.99
    assert not np.array_equal(exact, rounded)


def test_a_sentence_is_read_alone(trained, small_corpus):
    _, _, reader = trained
    texts = small_corpus.texts[:60]
    together = reader.scores(texts)
    order = random.Random(0).sample(range(len(texts)), len(texts))
    assert np.array_equal(reader.scores([texts[i] for i in order]), together[order])
    assert np.array_equal(np.vstack([reader.scores([text]) for text in texts]), together)


def test_a_saved_reader_answers_the_same_and_can_be_copied(trained, small_corpus, tmp_path):
    from tagger.encoder.reader import load_reader

    _, _, reader = trained
    loaded = load_reader(write(reader, tmp_path / "reader"))
    texts = small_corpus.texts[:20]
    assert loaded.id == reader.id
    assert np.array_equal(loaded.scores(texts), reader.scores(texts))
    assert np.array_equal(pickle.loads(pickle.dumps(loaded)).scores(texts), reader.scores(texts))


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(trained, base, small_corpus, tmp_path):
    class Stopped(Exception):
        pass

    def stop_in_the_second_epoch(what, done, total):
        if done > total // 2:
            raise Stopped

    path = tmp_path / "state"
    with pytest.raises(Stopped):
        train(base, small_corpus, path, stop_in_the_second_epoch)
    steps = []
    network, _, _ = train(base, small_corpus, path, lambda what, done, total: steps.append(done))
    assert steps[0] > 1  # not from the beginning
    expected = trained[0].state_dict()
    for name, value in network.state_dict().items():
        assert np.array_equal(value.numpy(), expected[name].numpy()), name


def test_a_checkpoint_of_another_training_is_not_taken_up(base, small_corpus, tmp_path):
    part = small_corpus.take(range(40))
    path = tmp_path / "state"
    train(base, part, path, epochs=1)
    said = []
    train(base, part, path, lambda what, *steps: said.append((what, *steps)), epochs=2)
    assert "another training" in said[0][0]
    assert said[1][1] == 1


def test_frozen_layers_keep_their_weights(base, small_corpus):
    from transformers import AutoModel

    network, _, _ = train(base, small_corpus.take(range(40)), frozen=1, epochs=1)
    before = AutoModel.from_pretrained(base).state_dict()
    after = network.encoder.state_dict()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert {name.split(".")[0] for name in moved} == {"encoder"}
    assert {name.split(".")[2] for name in moved} == {"1"}
    with pytest.raises(ConfigError, match="2 layers"):
        train(base, small_corpus.take(range(4)), frozen=3)


def test_any_schema_is_learned_and_a_missing_task_is_no_target(base):
    from tagger.corpus.corpus import read_corpus

    schema = Schema((Task("mood", ("good", "bad")), Task("place", ("north", "south", "west"))))
    rows = [{"text": f"a {w} day", "mood": m} for w, m in (("fine", "good"), ("grim", "bad"))] * 30
    _, samples, reader = train(base, read_corpus(rows, schema), batch=8)
    assert samples.known[:, :2].all()
    assert not samples.known[:, 2:].any()
    scores = reader.scores(["a fine day", "a grim day"])
    assert scores[:, :2].argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a" * 100_000, "x " * 100_000, "\x00\u200b", "🂡" * 99]
)
def test_any_text_is_read(trained, text):
    scores = trained[2].scores([text, "Prices rose."])
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[1:], trained[2].scores(["Prices rose."]))


def test_no_text_gives_no_scores(trained):
    assert trained[2].scores([]).shape == (0, 6)


def test_a_damaged_folder_is_refused(trained, tmp_path):
    from tagger.encoder.reader import load_reader

    good = write(trained[2], tmp_path / "good")
    dice = random.Random(1)
    for name in ("model.onnx", "tokenizer.json", MANIFEST):
        for _ in range(10):
            bad = tmp_path / "bad"
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(good, bad)
            data = bytearray((bad / name).read_bytes())
            place = dice.randrange(len(data))
            data[place] ^= 1 << dice.randrange(7)
            (bad / name).write_bytes(data)
            try:
                same = json.loads(data) == json.loads((good / name).read_bytes())
            except ValueError:
                same = False
            if same and name == MANIFEST:
                continue
            with pytest.raises(ModelError):
                load_reader(bad)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"format": 99}, "format 99"),
        ({"kind": "model"}, "no second reader"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"schema": [{"name": "mood", "labels": ["good", "bad"]}]}, "expected 2"),
        ({"combinations": {"claim": {}}}, "hold together"),
        ({"about": []}, "hold together"),
        ({"about": {"out_of_fold": []}}, "hold together"),
        ({"about": {"out_of_fold": {"all": 3}}}, "about holds 3"),
        ({"files": {}}, "list of files"),
        ({"files": {"model.onnx": "", "tokenizer.json": "", "../x": ""}}, "checksum|plain file"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(trained, tmp_path, changed, match):
    from tagger.encoder.reader import load_reader

    folder = write(trained[2], tmp_path / "reader")
    manifest = json.loads((folder / MANIFEST).read_text()) | changed
    manifest["checksum"] = checksum(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=match):
        load_reader(folder)


def test_what_is_no_network_is_refused(trained, tmp_path):
    from dataclasses import replace

    from tagger.encoder.reader import load_reader

    for name, changed in (
        ("onnx", replace(trained[2], onnx=b"\x08\x09nothing")),
        ("tokenizer", replace(trained[2], tokenizer=b'{"model": {}}')),
    ):
        with pytest.raises(ModelError, match="cannot be loaded"):
            load_reader(write(changed, tmp_path / name))


@pytest.mark.parametrize("kind", ["a tensor of 4 GB", "a sum of 6 GB", "another input"])
def test_a_network_takes_no_memory_out_of_proportion(trained, tmp_path, kind):
    """Some hundred bytes can ask for any amount, and for an input that nobody gives."""
    import resource
    from dataclasses import replace

    from onnx import TensorProto, helper, numpy_helper

    from tagger.encoder.reader import load_reader

    if kind == "a sum of 6 GB":
        line = np.ones(40_000, np.float32)
        nodes = [helper.make_node("MatMul", ["a", "b"], ["big"])]
        held = [("a", line[:, None]), ("b", line[None])]
    else:
        nodes = [helper.make_node("ConstantOfShape", ["a"], ["big"])]
        held = [("a", np.array([10**9 if "GB" in kind else 1]))]
    nodes.append(helper.make_node("ReduceSum", ["big"], ["scores"]))
    name = "ids" if "GB" in kind else "words"
    ids = helper.make_tensor_value_info(name, TensorProto.INT64, [1, "tokens"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(value, key) for key, value in held]
    graph = helper.make_graph(nodes, "graph", [ids], [scores], tensors)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    hostile = replace(trained[2], onnx=model.SerializeToString())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match="cannot read a sentence"):
        load_reader(write(hostile, tmp_path / "reader"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (1 << 20)  # in KB: 1 GB


def test_the_combination_leans_on_the_reader_that_is_right():
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 600)
    right = np.eye(3)[y] * 2 + random.normal(size=(600, 3))
    noise = softmax(random.normal(size=(600, 3)))
    fitted = fit_combination(CLAIM, noise, right, y)
    assert fitted.second[0] > 5 * fitted.first[0]
    assert len(set(fitted.second)) == 1  # one weight for all labels
    p = fitted.probabilities(CLAIM, noise, right)
    assert np.allclose(p.sum(axis=1), 1)
    # Maximum likelihood with a free offset: the mean probability of a label is its share.
    assert np.allclose(p.mean(axis=0), np.bincount(y) / 600, atol=2e-3)


def test_the_combination_of_themes_weighs_label_by_label():
    random = np.random.default_rng(1)
    y = random.random((800, 3)) < [0.2, 0.4, 0.6]
    good, bad = 3.0 * y - 1.5 + random.normal(size=(800, 3)), random.normal(size=(800, 3))
    first = sigmoid(np.where([True, False, True], good, bad))
    second = np.where([True, False, True], bad, good)
    fitted = fit_combination(THEME, first, second, y)
    assert (fitted.first[[0, 2]] > 5 * fitted.second[[0, 2]]).all()
    assert fitted.second[1] > 5 * fitted.first[1]
    assert Combination.from_dict(THEME, fitted.to_dict()).to_dict() == fitted.to_dict()
    with pytest.raises(ValueError, match="one number a label"):
        Combination.from_dict(THEME, fitted.to_dict() | {"first": [1.0]})


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"dropout": 1.0}, {"frozen": -1}, {"learning_rate": 0.0}, {"max_tokens": 3}],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        EncoderSettings.from_dict(wrong)
    assert EncoderSettings.from_dict(EncoderSettings().to_dict()) == EncoderSettings()
    assert CLAIMS.tasks[0] == CLAIM


@pytest.mark.parametrize("kind", ["DistilBert", "Roberta", "Albert"])
def test_encoders_of_other_kinds_are_frozen_and_exported_for_any_length(kind, base, tmp_path):
    import onnxruntime
    import torch
    import transformers

    from tagger.encoder.export import to_onnx
    from tagger.encoder.network import load_base

    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "DistilBert":
        size = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    config = getattr(transformers, f"{kind}Config")(vocab_size=800, **size)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path)
    shutil.copy(base / "tokenizer.json", tmp_path)
    settings = EncoderSettings(base=str(tmp_path), frozen=1, max_tokens=32)
    network, _ = load_base(settings, 2, 0)
    still = {n.split(".")[1] for n, x in network.named_parameters() if not x.requires_grad}
    assert "embeddings" in still
    assert len(still) > 1
    assert any(x.requires_grad for x in network.encoder.parameters()) or kind == "Albert"
    session = onnxruntime.InferenceSession(to_onnx(network, quantized=False))
    for n in (2, 9, 31):
        ids = torch.arange(4, 4 + n)[None]
        with torch.no_grad():
            expected = network(ids, torch.ones_like(ids)).numpy()
        assert np.allclose(session.run(None, {"ids": ids.numpy()})[0], expected, atol=1e-5)
