"""The second reader beside the first: library, command, and every engine's rows."""

import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnxruntime", reason="needs the extra encoder")
pytest.importorskip("onnx", reason="needs the extra encoder-train")

from tagger import Tagger
from tagger.cli.main import cli
from tagger.encoder.reader import SecondReader
from tagger.errors import ConfigError, ModelError
from tagger.explanation import MOST_READINGS
from tagger.model.tags import decide
from tagger.schema import CLAIMS


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
    doubt = tagger.model.doubtful(own)
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


def invoke(*given):
    return CliRunner().invoke(cli, list(map(str, given)))


def info(folder):
    (line,) = (x for x in invoke("info", folder).stdout.splitlines() if "second reader" in x)
    return line


def rows_of(path):
    return list(map(json.loads, path.read_text().splitlines()))


def test_a_row_says_which_readers_decided(folder, tagger, sentences):
    both = Tagger.load(folder, "doubtful")
    texts = sentences[:300]
    table = both.tag_table(texts, sentences=True)
    doubt = tagger.model.doubtful(tagger.predict_proba(texts))
    assert table.reread.tolist() == doubt.tolist()
    assert 0 < doubt.sum() < 300
    expected = [both.model.id if flag else tagger.model.id for flag in doubt]
    assert table.models == expected
    assert table.columns()["model"] == expected
    assert table.to_arrow()["model"].to_pylist() == expected
    from tagger.files.tagged import to_csv, to_jsonl

    assert [json.loads(row)["model"] for row in to_jsonl(table).splitlines()] == expected
    assert [row.rpartition(",")[2] for row in to_csv(table, {}).decode().splitlines()] == expected
    assert [tags.reread for tags in both.tag_sentences(texts)] == doubt.tolist()
    text = "Two soldiers were killed on Monday, the army said. The talks may fail."
    document = both.tag(text)
    assert [row["model"] for row in document.to_rows()] == both.tag_table([text]).models


def test_review_means_that_the_readers_differ_as_well(folder, tagger, sentences):
    both, texts = Tagger.load(folder, "all"), sentences[:300]
    table = both.tag_table(texts, sentences=True)
    first = tagger.predict(texts)
    # The second reader of these tests says fact and diplomatic nothing else, but of few tokens.
    scores = both.model.second.scores(texts)
    own = np.array(CLAIMS["claim"].labels)[scores[:, :3].argmax(axis=1)]
    theme = next(c for c in both.model.classifiers if c.task.name == "theme")
    differ = own != first["claim"]
    differ |= (theme.decide(1 / (1 + np.exp(-scores[:, 3:]))) != first["theme"]).any(axis=1)
    assert table.review[differ].all()
    close = decide(
        both.model,
        both.model.read(texts)._replace(
            apart=dict.fromkeys(("claim", "theme"), np.zeros(300, bool))
        ),
    ).review
    assert np.array_equal(table.review, differ | close)
    assert (differ & ~close).any()


def test_a_heading_is_flagged_for_its_themes_only(folder):
    both = Tagger.load(folder, "all")
    reading = both.model.read(["Peace talks"])._replace(
        apart={"claim": np.array([True]), "theme": np.array([False])}
    )
    for claims in (True, False):
        answers = decide(both.model, reading, np.array([claims])).spread(2, [1])
        assert answers.reread.tolist() == [False, True]
        sure = both.model.classifiers[1].margins(reading.probabilities["theme"])
        assert answers.review[1] == (claims or sure[0] < both.model.classifiers[1].doubt)


LONG = "the " * 30 + "end."  # more than the 16 tokens that it reads


def test_what_is_too_long_is_counted_and_said(folder, tmp_path):
    both = Tagger.load(folder, "all")
    table = both.tag_table([LONG, "The talks may fail."], sentences=True)
    assert (table.cut.tolist(), table.n_cut) == ([True, False], 1)
    assert [tags.cut for tags in both.tag_sentences([LONG, "It fell."])] == [True, False]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in (LONG, "It fell.", LONG)))
    given = ["predict", source, "--sentences", "--model", folder, "--second-reader", "all"]
    said = "read only the beginning of 2 sentences"
    for more in (
        ["-o", out],
        ["-o", tmp_path / "two.jsonl", "--jobs", "2"],
        [],
        ["--format", "table"],
    ):
        result = invoke(*given, *more)
        assert result.exit_code == 0, result.output
        assert said in result.stderr
    assert json.loads(out.with_name("out.jsonl.manifest.json").read_text())["cut"] == 2
    assert said not in invoke(*given[:-2]).stderr


def test_evaluate_and_compare_say_what_was_too_long(folder, tmp_path):
    data = tmp_path / "gold.jsonl"
    rows = [{"text": t, "claim": "reported_fact", "theme": []} for t in (LONG, "It fell.")]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--second-reader", "all"]
    done = invoke("evaluate", data, "--model", folder, *given, "--no-baselines", "--rounds", 0)
    assert "read only the beginning of 1 sentence," in done.stderr
    done = invoke("compare", folder, folder, data, "--rounds", 0, "--second-reader", "none", *given)
    assert "B: the second reader read only the beginning of 1 sentence," in done.stderr
    assert "A: the" not in done.stderr


def test_compare_sets_a_model_beside_itself_with_a_second_reader(folder, tagger, tmp_path):
    from tagger.evaluation.compare import compare

    texts = ["It may rain.", "It fell.", "A shameful deal.", "The talks could fail."] * 10
    labels = tagger.predict(texts)["claim"]
    rows = [{"text": t, "claim": str(y), "theme": []} for t, y in zip(texts, labels, strict=True)]
    data = tmp_path / "gold.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {}
    for sides in (("none", "all"), ("all",), ("doubtful", "none"), ()):
        how = [x for side in sides for x in ("--second-reader", side)]
        result = invoke("compare", folder, folder, data, "--format", "json", "--rounds", 0, *how)
        assert result.exit_code == 0, result.output
        claim = json.loads(result.stdout)[0]["figures"]["log_loss"]
        found[sides] = claim["a"], claim["b"]
    plain, reread = found["none", "all"]
    assert plain != reread
    assert found["all",] == (reread, reread)
    assert found[()] == (plain, plain)
    assert found["doubtful", "none"][1] == plain
    library = compare(folder, Tagger.load(folder, "all"), rows, rounds=0).tasks[0]
    assert library.figures["log_loss"].b == pytest.approx(reread, abs=1e-6)
    three = ["--second-reader", "all"] * 3
    assert invoke("compare", folder, folder, data, *three).exit_code == 2
    assert invoke("compare", tmp_path, tmp_path, "--second-reader", "all").exit_code == 2


def test_stats_are_corrected_by_the_errors_of_both(folder, tagger, sentences, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": t, "doc": t[:9]}) + "\n" for t in sentences[:80]))
    given = ["predict", source, "--sentences", "--model", folder, "-o", out]
    assert invoke(*given, "--second-reader", "doubtful").exit_code == 0
    assert len({row["model"] for row in rows_of(out)}) == 2
    # The reader of these tests records no errors; those of the first alone say nothing of both.
    for more in ([], ["--model", folder, "--second-reader", "doubtful"]):
        result = invoke("stats", out, "--format", "json", *more)
        assert result.exit_code == 0, result.output
        assert "how often the model errs on such text is not known" in result.stderr
        assert json.loads(result.stdout)[0]["adjusted"] is None
    other = invoke("stats", out, "--model", folder)
    assert "not by" in other.stderr
    # Without a model it is the shipped one, as everywhere.
    shipped = invoke("stats", out, "--second-reader", "all")
    assert shipped.exit_code == 0 and Tagger.load(None, "all").model.id in shipped.stderr


def with_errors(folder, place):
    """Return the model with a second reader that records what both get wrong."""
    from tagger.encoder.reader import load_reader

    shutil.copytree(folder, place)
    matrix = [[50, 3, 1], [4, 40, 2], [1, 2, 30]]
    errors = {"claim": matrix, "theme": [[[90, 2], [3, 30]]] * 3}
    reader = load_reader(f"{folder}-reader")
    reader = replace(reader, about={"out_of_fold": {"all": errors, "doubtful": errors}})
    (place / "reader").mkdir()
    for name, data in reader.contents().items():
        (place / "reader" / name).write_bytes(data)
    return place


def test_a_reader_inside_the_folder_gives_its_errors_to_stats(folder, sentences, tmp_path):
    place = with_errors(folder, tmp_path / "model")
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": t, "doc": t[:9]}) + "\n" for t in sentences[:80]))
    given = ["predict", source, "--sentences", "--model", place, "-o", out]
    assert invoke(*given, "--second-reader", "all").exit_code == 0
    both = Tagger.load(place, "all").model
    assert both.about["out_of_fold"]["claim"][0] == [50, 3, 1]
    # The first reader's priors fit it to other text: errors elsewhere say nothing of that.
    result = invoke("stats", out, "--format", "json")
    assert both.known_errors == {} and json.loads(result.stdout)[0]["adjusted"] is None
    plain = replace(both, about={**both.about, "settings": {}})
    assert plain.known_errors == both.about["out_of_fold"]


def test_labels_that_either_reader_gave_are_no_gold(folder, sentences, tmp_path):
    out, source = tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in sentences[:300]))
    given = ["--model", folder, "--second-reader", "doubtful"]
    assert invoke("predict", source, "--sentences", *given, "-o", out).exit_code == 0
    plain = [row for row in rows_of(out) if "+" not in row["model"]]
    (tmp_path / "plain.jsonl").write_text("".join(json.dumps(row) + "\n" for row in plain))
    result = invoke("evaluate", tmp_path / "plain.jsonl", *given, "--no-baselines")
    assert "itself answered" in str(result.exception)


def test_an_explanation_of_what_is_reread_leaves_words_out(folder, tagger):
    both = Tagger.load(folder, "all")
    text = "The talks may well fail, he said."
    why = both.explain(text)
    assert why.evidence == tagger.explain(text).evidence
    assert why.scores == tagger.explain(text).scores
    assert [e.text for e in why.left_out] == ["The", "talks", "may", "well", "fail", "he", "said"]
    assert tagger.explain(text).left_out == ()
    # By hand: what the log-odds of both lose without the word.
    (may,) = (e for e in why.left_out if e.text == "may")
    p = both.predict_proba([text, "The talks well fail, he said."])["claim"][:, 2]
    lost = np.log(p / (1 - p))
    assert may.contributions["claim"]["speculation"] == pytest.approx(lost[0] - lost[1], abs=1e-9)
    for label in ("reported_fact", "speculation"):
        assert why.strongest("claim", label) == tagger.explain(text).strongest("claim", label)


def test_only_what_was_reread_has_words_left_out(folder, tagger, sentences):
    both, texts = Tagger.load(folder, "doubtful"), sentences[:100]
    table = both.tag_table(texts, sentences=True, explain=True)
    doubt = tagger.model.doubtful(tagger.predict_proba(texts))
    assert 0 < doubt.sum() < 100
    for flag, found in zip(doubt, table.evidence, strict=True):
        methods = {item["method"] for item in found}
        assert methods <= ({"exact", "occlusion"} if flag else {"exact"})
    assert any(item["method"] == "occlusion" for found in table.evidence for item in found)
    single = both.tag_sentences(texts)
    for text, tags, found in zip(texts, single, table.evidence, strict=True):
        assert both.evidence(text, tags) == found


def test_the_cost_of_an_explanation_is_bounded(folder, monkeypatch):
    both = Tagger.load(folder, "all")
    read = []
    known = SecondReader.read
    monkeypatch.setattr(SecondReader, "read", lambda s, t: read.append(len(t)) or known(s, t))
    for n in (0, 1, 62, 63, 64, 1000):
        text = " ".join(f"w{i}" for i in range(n))
        why = both.explain(text + ".")
        assert read.pop() <= MOST_READINGS
        read.clear()
        assert " ".join(e.text for e in why.left_out) == text


def test_the_command_explains_what_is_reread(folder, tmp_path):
    (tmp_path / "a.txt").write_text("The talks may fail. He left.")
    given = [
        "predict",
        tmp_path / "a.txt",
        "--model",
        folder,
        "--second-reader",
        "all",
        "--explain",
    ]
    result = invoke(*given)
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout.splitlines()[0])
    assert {item["method"] for item in row["evidence"]} == {"exact", "occlusion"}
    table = invoke(*given, "--format", "table").stdout
    assert "speculation (both readers)" in table
    assert "exact parts of the first reader's score" in " ".join(table.split())
    plain = [x for x in given if x not in ("--second-reader", "all")]
    assert "reader" not in invoke(*plain, "--format", "table").stdout


def test_arrow_rows_take_a_second_reader(folder, sentences):
    pa = pytest.importorskip("pyarrow")
    from tagger.bulk.arrow import Rows, tag_rows

    rows = Rows(str(folder), sentences=True, second_reader="doubtful")
    both = Tagger.load(folder, "doubtful")
    assert rows.tagger.model.id == both.model.id
    texts = [text for text in sentences[:60] if len(text.split()) < 12]
    found = tag_rows(pa.table({"text": texts}), rows)
    assert found["model"].to_pylist() == both.tag_table(texts, sentences=True).models
    with pytest.warns(UserWarning, match="only the beginning"):
        tag_rows(pa.table({"text": [LONG]}), Rows(str(folder), True, second_reader="all"))


@pytest.mark.filterwarnings("default")  # of ports and sockets
def test_a_partition_is_reread_on_a_dask_cluster(folder, sentences, tmp_path):
    pytest.importorskip("distributed", reason="needs the extra cluster")
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    from tagger.bulk.arrow import Rows
    from tagger.bulk.dask import predict_with_dask

    texts = [*sentences[:60], LONG]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet", row_group_size=20)
    rows = Rows(str(folder), sentences=True, second_reader="doubtful")
    out = tmp_path / "out.parquet"
    done = predict_with_dask([str(tmp_path / "in.parquet")], str(out), rows, None, 2)
    assert (done.sentences, done.rejected) == (61, 0)
    found = pa.concat_tables(map(pq.read_table, sorted(out.glob("*.parquet"))))
    table = Tagger.load(folder, "doubtful").tag_table(texts, sentences=True)
    assert done.cut == table.n_cut
    assert found["model"].to_pylist() == table.models
    p = table.probabilities["claim"][:, 2]
    assert np.allclose(found["p_speculation"].to_numpy(), p, atol=1e-6)


def test_what_does_not_go_together_is_refused(folder, small_model, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'doubtful'"):
        Tagger.load(folder, "doubtfull")
    small_model.save(tmp_path / "small")
    with pytest.raises(ModelError, match="no such folder: the model has no second reader"):
        Tagger.load(tmp_path / "small", "all")
    assert "none" in info(tmp_path / "small")
    assert "model-reader" in info(folder)
    shutil.copytree(f"{folder}-reader", tmp_path / "small-reader")
    with pytest.raises(ModelError, match="goes with the model"):
        Tagger.load(tmp_path / "small", "all")
