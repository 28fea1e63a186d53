"""The second reader beside the first: library, command, and every engine's rows."""

import json
import pickle
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnxruntime", reason="needs the extra encoder")
pytest.importorskip("onnx", reason="needs the extra encoder-train")

from tagger import Tagger
from tagger.cli.main import cli
from tagger.encoder.combination import Combination
from tagger.encoder.reader import SecondReader
from tagger.errors import ConfigError, ModelError
from tagger.model.tags import decide
from tagger.predictor import shipped_model
from tagger.schema import CLAIMS

HALF = {
    task.name: Combination(np.full(3, 0.5), np.full(3, 0.5), np.zeros(3)) for task in CLAIMS.tasks
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tagger, sentences):
    """A network that scores a sentence by its number of tokens, with a tokenizer of its words."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, pre_tokenizers

    weights = np.array([[0.1, -0.1, 0.0, 0.2, -0.2, 0.1]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Shape", ["ids"], ["shape"]),
            helper.make_node("Gather", ["shape", "one"], ["n"]),
            helper.make_node("Cast", ["n"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "w"], ["scores"]),
        ],
        "length",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 6])],
        [
            numpy_helper.from_array(np.array([[1]], np.int64), "one"),
            numpy_helper.from_array(weights, "w"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    place = tmp_path_factory.mktemp("models") / "model"
    shutil.copytree(shipped_model(), place)
    reader = SecondReader(
        *(CLAIMS, model.SerializeToString(), tokenizer.to_str().encode(), 16, tagger.model.id),
        combinations=HALF,
    )
    beside = place.with_name("model-reader")
    beside.mkdir()
    for name, data in reader.contents().items():
        (beside / name).write_bytes(data)
    return place


def test_all_are_combined_as_the_weights_say(folder, tagger, sentences):
    both = Tagger.load(folder, "all")
    p = both.predict_proba(["The talks may fail."])["claim"][0]
    first = tagger.predict_proba(["The talks may fail."])["claim"][0]
    second = np.exp(np.array([0.5, -0.5, 0.0]))  # five tokens
    expected = np.sqrt(first * second / second.sum())
    assert np.allclose(p, expected / expected.sum(), atol=1e-6)


def test_only_what_is_in_doubt_is_reread(folder, tagger, sentences):
    texts = sentences[:300]
    own = tagger.predict_proba(texts)
    doubt = decide(tagger.model, own).review
    assert 0 < doubt.sum() < len(texts)
    mixed = Tagger.load(folder, "doubtful").predict_proba(texts)
    whole = Tagger.load(folder, "all").predict_proba(texts)
    for task in ("claim", "theme"):
        assert np.array_equal(mixed[task][~doubt], own[task][~doubt])
        assert np.array_equal(mixed[task][doubt], whole[task][doubt])
        assert not np.allclose(mixed[task][doubt], own[task][doubt])


def test_rows_name_both_readers_and_are_the_same_in_any_batch(folder, tagger, sentences):
    both = Tagger.load(folder, "all")
    first, second, rereads = both.model.id.replace(".", "+").split("+")
    assert (first, rereads) == (tagger.model.id, "all")
    assert second == both.model.second.id
    table = both.tag_table(sentences[:50], sentences=True)
    single = [both.tag_sentences([text])[0] for text in sentences[:50]]
    assert table.labels["claim"].tolist() == [
        CLAIMS["claim"].labels.index(t.labels["claim"]) for t in single
    ]
    copied = pickle.loads(pickle.dumps(both))
    assert copied.model.id == both.model.id
    p, q = both.predict_proba(sentences[:50]), copied.predict_proba(sentences[:50])
    for task, values in p.items():
        assert np.array_equal(values, q[task])
        own = np.array([list(t.probabilities[task].values()) for t in single])
        assert np.allclose(own, values, atol=1e-9)


def test_the_default_loads_no_second_reader(tagger):
    assert tagger.model.second is None
    assert "+" not in tagger.model.id


def test_the_command_and_its_processes_give_the_library_rows(folder, sentences, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in sentences[:40]))
    given = ["predict", source, "--sentences", "--model", folder, "--second-reader", "all"]
    given += ["--jobs", "2", "--part-bytes", "1000", "-o", out]
    result = CliRunner().invoke(cli, list(map(str, given)))
    assert result.exit_code == 0, result.output
    rows = list(map(json.loads, out.read_text().splitlines()))
    both = Tagger.load(folder, "all")
    p = both.predict_proba(sentences[:40])
    assert np.allclose([row["p_speculation"] for row in rows], p["claim"][:, 2], atol=1e-6)
    assert {row["model"] for row in rows} == {both.model.id}


def test_words_are_not_given_for_answers_that_they_do_not_explain(folder, tmp_path):
    (tmp_path / "a.txt").write_text("The talks may fail.")
    given = [tmp_path / "a.txt", "--model", folder, "--second-reader", "all", "--explain"]
    result = CliRunner().invoke(cli, ["predict", *map(str, given)])
    assert result.exit_code == 2
    assert "--explain" in result.output


def test_arrow_rows_take_a_second_reader(folder, sentences):
    pytest.importorskip("pyarrow")
    from tagger.bulk.arrow import Rows

    rows = Rows(str(folder), sentences=True, second_reader="doubtful")
    assert rows.tagger.model.id == Tagger.load(folder, "doubtful").model.id


def test_what_does_not_go_together_is_refused(folder, small_model, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'doubtful'"):
        Tagger.load(folder, "doubtfull")
    small_model.save(tmp_path / "small")
    with pytest.raises(ModelError, match="no such folder"):
        Tagger.load(tmp_path / "small", "all")
    shutil.copytree(f"{folder}-reader", tmp_path / "small-reader")
    with pytest.raises(ModelError, match="goes with the model"):
        Tagger.load(tmp_path / "small", "all")
