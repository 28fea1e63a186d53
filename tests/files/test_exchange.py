"""What labelling tools export is labelled data; tagged sentences go to them and come back.

The files in `exchange/` were written by the tools: Label Studio's converter (JSON-MIN, CSV) and
server, doccano's importer and exporter, and Argilla's client (JSON, rows of a dataset).
"""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import tagger
from tagger.corpus.rows import rows_of
from tagger.document import label_tuple
from tagger.files.batches import input_of, read_batches
from tagger.files.exchange.tools import recognized
from tagger.files.rows import Reject
from tagger.files.writers import writer_of

FOLDER = ROOT / "tests" / "files" / "exchange"
ARTICLE = (
    "Three ships left the port on Monday, the ministry said. The move may push prices higher.\n\n"
    "It was a clumsy attempt to win back voters. Both governments will meet again next week.\n"
)


def read(path):
    """Return the rows of labelled data, and what was said of them."""
    said = []
    return list(rows_of(path, said.append)), said


def records(path):
    rows, _ = read(path)
    return [row.record for row in rows]


def answers(path):
    return [(r["n"], r.get("claim"), r.get("theme")) for r in records(path)]


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


VOTED = [(0, "reported_fact", []), (1, "reported_fact", []), (2, None, ["economic"])]


def test_label_studio_json_takes_the_majority_and_counts_the_rest():
    # Sentence 0 has three annotators, one of whom sees a theme; on 2 they are even.
    assert answers(FOLDER / "label_studio.json") == VOTED
    _, (said,) = read(FOLDER / "label_studio.json")
    assert said.endswith(
        "Label Studio export: 5 tasks, 3 annotated, 1 skipped, 1 not annotated, "
        "1 answers left out on which annotators are even"
    )
    first = records(FOLDER / "label_studio.json")[0]
    assert first["doc"] == "art.txt"
    assert first["readers"]["1"] == {"claim": "reported_fact", "theme": []}
    assert first["readers"]["2"] == {"claim": "reported_fact", "theme": ["military"]}


@pytest.mark.parametrize("name", ["label_studio_min.json", "label_studio.csv"])
def test_small_exports_of_label_studio_say_the_same(name):
    found = [(int(n), claim, theme) for n, claim, theme in answers(FOLDER / name)]
    assert found == VOTED
    first = records(FOLDER / name)[0]
    assert first["readers"]["3"]["claim"] == "interpretation"
    _, (said,) = read(FOLDER / name)
    assert "4 tasks, 3 annotated, 1 not annotated" in said


def test_several_choices_of_a_small_export_are_a_list(tmp_path):
    own = dict.fromkeys(["annotator", "annotation_id", "created_at", "updated_at"], 7)
    row = {"text": "Oil rose.", "id": 1, "topics": {"choices": ["oil", "money"]}, "lead_time": 2.0}
    other = {"text": "Gas fell.", "id": 2, "topics": "gas", "lead_time": 2.0}
    path = tmp_path / "min.json"
    path.write_text(json.dumps([own | row, own | other]))
    assert [r["topics"] for r in records(path)] == [["oil", "money"], ["gas"]]


def test_ground_truth_goes_before_other_annotations(tmp_path):
    def annotation(by, label, truth):
        value = {"from_name": "claim", "type": "choices", "value": {"choices": [label]}}
        return {"completed_by": {"email": by}, "result": [value], "ground_truth": truth}

    given = [annotation("a", "x", False), annotation("b", "x", False), annotation("c", "y", True)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": 1, "data": {"text": "Oil rose."}, "annotations": given}]))
    (record,) = records(path)
    assert record["claim"] == "y"


def test_argilla_takes_submitted_responses_only_where_the_file_tells():
    assert answers(FOLDER / "argilla.jsonl") == [
        (0, "reported_fact", []),
        (1, "reported_fact", ["economic", "military"]),
        (2, None, ["economic"]),
    ]
    _, (said,) = read(FOLDER / "argilla.jsonl")
    assert "5 tasks, 3 annotated, 1 skipped, 1 not annotated" in said
    rows, said = read(FOLDER / "argilla.json")
    assert len(rows) == 5
    assert "no response has its status" in said[1]


def test_answers_of_argilla_without_an_annotator_are_counted(tmp_path):
    rows = [
        {"text": "Oil rose.", "claim.responses": ["fact", "fact", "odd"],
         "claim.responses.users": ["a", "b"], "claim.responses.status": ["submitted"] * 3},
        {"text": "It may rain.", "claim.responses": ["guess"], "claim.responses.users": ["a"],
         "claim.responses.status": ["submitted"]},
    ]  # fmt: skip
    found, (said,) = read(write_lines(tmp_path / "a.jsonl", rows))
    assert [row.record["claim"] for row in found] == ["fact", "guess"]
    assert "1 answers left out that lack an annotator" in said
    for row in rows:  # an export that has no status
        del row["claim.responses.status"]
    found, said = read(write_lines(tmp_path / "a.jsonl", rows))
    assert [row.record["claim"] for row in found] == ["fact", "guess"]
    assert "no response has its status" in said[1]


def test_doccano_labels_are_single_where_no_text_has_two(tmp_path):
    lines = [
        {"id": 1, "text": "Oil rose.", "label": ["good"], "Comments": []},
        {"id": 2, "text": "Gas fell.", "label": ["bad"], "Comments": []},
        {"id": 3, "text": "It rained.", "label": [], "Comments": []},
    ]
    path = write_lines(tmp_path / "all.jsonl", lines)
    rows, (said,) = read(path)
    assert [row.record["label"] for row in rows] == ["good", "bad"]
    assert said.endswith("doccano export: 3 tasks, 2 annotated, 1 not annotated")
    lines[0]["label"].append("money")
    write_lines(path, lines)
    assert [r["label"] for r in records(path)] == [["good", "money"], ["bad"]]


def test_doccano_labels_of_the_shipped_model_are_its_tasks(tmp_path):
    lines = [
        {"id": 1, "data": "Oil rose.", "label": ["reported_fact", "economic"]},
        {"id": 2, "data": "It may rain.", "label": ["speculation"]},
    ]
    found = records(write_lines(tmp_path / "all.jsonl", lines))
    assert [(r["text"], r["claim"], r["theme"]) for r in found] == [
        ("Oil rose.", "reported_fact", ["economic"]),
        ("It may rain.", "speculation", []),
    ]


def test_spans_label_the_whole_sentences_that_they_cover(tmp_path):
    text = "Oil rose. Gas fell, too. It rained."
    lines = [{"id": 1, "text": text, "label": [[0, 23, "fact"], [25, 30, "odd"]]}]
    rows, (said,) = read(write_lines(tmp_path / "all.jsonl", lines))
    found = [(r.record["n"], r.record["start"], r.record["text"], r.record["label"]) for r in rows]
    assert found == [(0, 0, "Oil rose.", "fact"), (1, 10, "Gas fell, too.", "fact")]
    assert "3 sentences, 2 annotated, 1 sentences that no span covers" in said
    assert "1 spans that cover no whole sentence" in said


def test_spans_are_of_sentences_of_the_language_of_the_texts(tmp_path):
    text = "Die Verhandlungen in Bonn werden am 3. März fortgesetzt. Der Preis für Öl stieg stark. "
    text += "Das sagte der Minister gestern am späten Abend in Berlin vor seiner Partei."
    lines = [{"id": 1, "text": text, "label": [[0, 56, "fact"]]}]
    (row,), (said,) = read(write_lines(tmp_path / "all.jsonl", lines))
    assert row.record["text"] == text[:56]
    assert "3 sentences of language de, 1 annotated" in said


def prodigy(text, **task):
    return {"text": text, "_input_hash": hash(text), "_task_hash": 1, **task}


def test_prodigy_respects_accept_reject_and_ignore(tmp_path):
    options = [{"id": "good", "text": "Good"}, {"id": "bad", "text": "Bad"}]
    lines = [
        prodigy("Oil rose.", options=options, accept=["good"], answer="accept"),
        prodigy("Gas fell.", options=options, accept=["bad"], answer="reject"),
        prodigy("It rained.", options=options, accept=[], answer="ignore"),
        prodigy("It may.", options=options, accept=["bad"]),
    ]
    rows, (said,) = read(write_lines(tmp_path / "a.jsonl", lines))
    assert [(row.record["text"], row.record["label"]) for row in rows] == [("Oil rose.", "good")]
    assert said.endswith("4 tasks, 1 annotated, 1 skipped, 1 rejected, 1 not annotated")


def test_prodigy_questions_of_one_text_are_one_answer(tmp_path):
    lines = [
        prodigy("Oil rose.", label="oil", answer="accept"),
        prodigy("Gas fell.", label="oil", answer="reject"),
        prodigy("Oil rose.", label="gas", answer="accept"),
    ]
    path = write_lines(tmp_path / "a.jsonl", lines)
    rows, (said,) = read(path)
    assert [row.record["label"] for row in rows] == [["oil", "gas"]]
    assert "2 tasks, 1 annotated, 1 rejected" in said
    # Where all questions are about one label, no is an answer.
    assert [r["label"] for r in records(write_lines(path, lines[:2]))] == [["oil"], []]


def test_brat_pairs_are_read_as_one(tmp_path):
    text = "Oil rose. “Gas fell, too.” It may rain."
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    quoted, last = text.index("Gas"), text.index("It")
    (tmp_path / "a.ann").write_text(
        "T1\treported_fact 0 9\tOil rose.\n"
        f"T2\tSentence {quoted} {quoted + 13}\tGas fell, too\n"
        "A1\tclaim T2 reported_fact\n"
        "A2\ttheme T2 economic\n"
        f"T3\tspeculation {last} {last + 6};{last + 7} {len(text)}\tIt may rain.\n"
        f"T4\todd 0 3;{quoted + 4} {quoted + 8}\tOil fell\n"
        "#1\tAnnotatorNotes T1\tsure\n"
        "R1\tCause Arg1:T1 Arg2:T2\n",
        encoding="utf-8",
    )
    rows, said = read(tmp_path)
    assert len(rows) == 3
    assert [(r.record["doc"], r.record["claim"], r.record["theme"]) for r in rows] == [
        ("a", "reported_fact", []),
        ("a", "reported_fact", ["economic"]),
        ("a", "speculation", []),
    ]
    assert len(said) == 1
    assert "spans that cover no whole sentence" not in said[0]
    assert "1 answers left out that lack an annotator or are of several pieces" in said[0]
    assert "1 results that are no labels" in said[0]
    assert records(tmp_path / "a.ann") == [row.record for row in rows]
    (tmp_path / "a.txt").unlink()
    (row,) = read(tmp_path / "a.ann")[0]
    assert isinstance(row, Reject)
    assert "expected their text in a.txt" in row.reason


WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Lemma|value
#T_SP=webanno.custom.Sentence|claim|theme


#Text=Oil rose\\n again.
1-1\t0-3\tOil\toil\treported\\_fact[1]\teconomic[1]|military[2]
1-2\t4-8\trose\trise\treported\\_fact[1]\teconomic[1]|military[2]
1-3\t9-14\tagain\tagain\treported\\_fact[1]\teconomic[1]|military[2]
1-4\t14-15\t.\t.\t_\t_

#Text=It may rain.
2-1\t16-18\tIt\tit\tspeculation[3]\t*[3]
2-2\t19-22\tmay\tmay\tspeculation[3]\t*[3]
2-3\t23-27\train\train\tspeculation[3]\t*[3]
2-4\t27-28\t.\t.\tspeculation[3]\t*[3]

#Text=Gas fell.
3-1\t29-32\tGas\tgas\todd\t_
3-2\t33-37\tfell\tfall\t_\t_
3-3\t37-38\t.\t.\t_\t_
"""


def test_webanno_layers_are_tasks(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(WEBANNO)
    rows, said = read(path)
    assert [tuple(r.record[k] for k in ("n", "text", "claim", "theme")) for r in rows] == [
        (0, "Oil rose\n again.", "reported_fact", ["economic", "military"]),
        (1, "It may rain.", "speculation", []),
    ]
    assert "3 tasks, 2 annotated, 1 not annotated" in said[0]
    assert said[1].endswith("1 labels of spans that cover no whole sentence are left out")


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Oil rose.", "label": "x"},
        {"doc": "a", "n": 0, "text": "Oil rose.", "claim": "speculation", "theme": ["economic"]},
        {"id": 3, "text": "Oil rose.", "label": "x", "labels": ["x"]},
        {"data": "Oil rose.", "annotations": 3},
        {"text": "Oil rose.", "meta": {"a": 1}, "answer": "yes"},
        {"id": "a", "fields": "text", "responses": {}},
    ],
)
def test_plain_rows_are_nobodys_export(record):
    assert recognized(record) is None


def test_a_record_unlike_those_before_is_refused_by_place(tmp_path):
    lines = [prodigy("Oil rose.", label="x", answer="accept"), {"label": "y", "_input_hash": 2}]
    rows, _ = read(write_lines(tmp_path / "a.jsonl", lines))
    bad = next(row for row in rows if isinstance(row, Reject))
    assert bad.where.endswith("a.jsonl:2")
    assert "not as Prodigy writes it" in bad.reason


@pytest.mark.parametrize(
    ("name", "n"), [("label_studio.json", 5), ("label_studio_min.json", 4), ("argilla.json", 5)]
)
def test_an_export_can_be_tagged_task_by_task(name, n):
    said = []
    origin = input_of([str(FOLDER / name)], say=said.append)
    texts = [text for batch in read_batches(origin) for text in batch.texts]
    assert len(texts) == len(set(texts)) == n
    assert any("what annotators said of them is left out" in note for note in said)


def correct_label_studio(tasks):
    """Annotate each task as Label Studio does where one accepts the prediction, or mends it."""
    for number, task in enumerate(tasks, 1):
        (prediction,) = task["predictions"]
        result = [
            r for r in prediction["result"] if not (number == 2 and r["from_name"] == "claim")
        ]
        if number == 2:
            value = {"choices": ["interpretation"]}
            result.append({"from_name": "claim", "to_name": "text", "value": value})
        own = {"id": number, "completed_by": 1, "result": result, "was_cancelled": False}
        yield task | {"id": number, "annotations": [own]}


def correct_argilla(tasks):
    for number, task in enumerate(tasks, 1):
        values = {name: found["value"] for name, found in task["suggestions"].items()}
        values |= {"claim": "interpretation"} if number == 2 else {}
        task["responses"] = {name: [{"value": v, "user_id": "u"}] for name, v in values.items()}
        yield task


def _mended(labels, claims):
    return [label for label in labels if label not in claims] + ["interpretation"]


def correct_doccano(tasks):
    for number, task in enumerate(tasks, 1):
        labels = task["label"]
        mended = _mended(labels, task["tasks"]["claim"]) if number == 2 else labels
        yield task | {"id": number, "label": mended, "Comments": []}


def correct_prodigy(tasks):
    for number, task in enumerate(tasks, 1):
        labels = task["accept"]
        mended = _mended(labels, task["tasks"]["claim"]) if number == 2 else labels
        yield (
            task
            | {"_input_hash": number, "_task_hash": number, "accept": mended}
            | {"answer": "accept"}
        )


@pytest.mark.parametrize(
    ("name", "correct"),
    [
        ("label-studio", correct_label_studio),
        ("argilla", correct_argilla),
        ("doccano", correct_doccano),
        ("prodigy", correct_prodigy),
    ],
)
def test_sentences_go_to_a_tool_and_come_back_corrected(tmp_path, tagger, name, correct):
    (tmp_path / "art.txt").write_text(ARTICLE)
    output = tmp_path / "tasks.out"
    command = [sys.executable, "-m", "tagger", "predict", str(tmp_path / "art.txt")]
    command += ["--format", name, "--output", str(output)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    document = tagger.tag(ARTICLE)
    expected = [
        (n, s.start, s.end, s.text, s.claim, s.themes) for n, s in enumerate(document.sentences)
    ]
    assert expected[1][4] == "speculation"
    expected[1] = (*expected[1][:4], "interpretation", expected[1][5])
    text = output.read_text()
    tasks = json.loads(text) if text.startswith("[") else list(map(json.loads, text.splitlines()))
    if name == "argilla":  # as its server demands
        for task in tasks:
            for found in task["suggestions"].values():
                scores = found["score"] if isinstance(found["value"], list) else [found["score"]]
                values = found["value"] if isinstance(found["value"], list) else [found["value"]]
                assert len(values) == len(scores) > 0
                assert all(0 <= score <= 1 for score in scores)
                assert re.fullmatch(r"[\w:./\s-]{1,200}", found["agent"], re.ASCII)
    assert tasks[0].get("model_version", tagger.model.id) == tagger.model.id
    assert tagger.model.id in text

    unread = tmp_path / "unread.jsonl"  # what nobody has looked at is no labelled data
    write_lines(unread, tasks)
    rows, said = read(unread)
    assert rows == []
    assert "0 annotated, 4 not annotated" in said[0]

    back = tmp_path / "back.json"
    back.write_text(json.dumps(list(correct(tasks))))
    found = [
        (*(r[k] for k in ("n", "start", "end", "text", "claim")), label_tuple(r["theme"]))
        for r in records(back)
    ]
    assert [(*f[:5], set(f[5])) for f in found] == [(*e[:5], set(e[5])) for e in expected]
    assert {r["doc"] for r in records(back)} == {"art.txt"} or all(
        r["doc"].endswith("art.txt") for r in records(back)
    )


@pytest.mark.parametrize("name", ["label_studio_server.json", "doccano.jsonl"])
def test_what_the_tools_themselves_exported_after_a_correction_comes_back(name):
    found = records(FOLDER / name)
    # The second was mended in the tool; the third was skipped in one, confirmed in the other.
    expected = [(0, "reported_fact", []), (1, "interpretation", ["economic"])]
    expected += [(2, "interpretation", [])] if name.startswith("doccano") else []
    assert [(r["n"], r["claim"], r["theme"]) for r in found] == expected
    assert [r["doc"] for r in found] == ["art.txt"] * len(found)


def test_headings_are_no_tasks(tmp_path):
    (tmp_path / "a.md").write_text("# Ships leave the port\n\nThree ships left the port.\n")
    command = [sys.executable, "-m", "tagger", "predict", str(tmp_path / "a.md")]
    command += ["--format", "doccano", "--output", str(tmp_path / "out.jsonl")]
    assert subprocess.run(command, capture_output=True).returncode == 0
    (task,) = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert task["text"] == "Three ships left the port."


@pytest.mark.slow
def test_an_export_trains_a_model(tmp_path):
    lines = (ROOT / "data" / "corpus" / "wire.jsonl").read_text().splitlines()[:300]
    tasks = []
    for number, row in enumerate(map(json.loads, lines)):
        result = [
            {"from_name": name, "type": "choices", "value": {"choices": chosen}}
            for name, chosen in (("claim", [row["claim"]]), ("theme", row["theme"]))
            if chosen
        ]
        data = {k: row[k] for k in ("doc", "n", "text")}
        tasks.append({"id": number, "data": data, "annotations": [{"result": result}]})
    tasks.append({"id": 999, "data": {"text": "Nobody read this."}, "annotations": []})
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    training = tagger.train(path, language="en", jobs=1)
    assert len(training.fold_of) == 300
    (said,) = [note for note in training.notes if "Label Studio" in note]
    assert "301 tasks, 300 annotated, 1 not annotated" in said
    checked = tagger.check(path)
    assert checked.n_sentences == 300


def test_labels_of_doccano_that_nobody_may_have_confirmed_are_warned_of(tmp_path):
    ours = {
        "id": 7,
        "text": "Oil rose.",
        "label": ["x"],
        "model_version": "m",
        "tasks": {"t": ["x"]},
    }
    plain = {"id": 8, "text": "Oil fell.", "label": ["x"]}
    for record, warned in ((ours, True), (plain, False)):
        path = tmp_path / "d.jsonl"
        path.write_text(json.dumps(record) + "\n")
        notes = []
        list(rows_of(path, notes.append))
        assert any("who confirmed them" in note for note in notes) is warned, notes


def test_a_lone_surrogate_changes_no_other_task(tagger):
    texts = ["Café prices rose.", "Oil \ud800 rose.", "Café prices fell."]
    for name in ("doccano", "label-studio", "prodigy", "argilla", "jsonl"):
        table = tagger.tag_table(texts)
        lines = writer_of(name).encode(table, {}, None).splitlines()
        assert ["é".encode() in line for line in lines] == [True, False, True], name
        assert b"\\ud800" in lines[1]
