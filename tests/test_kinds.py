"""Only sentences get a claim, in every shape of the answers; headings get themes, others none."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tagger.bulk.arrow import Rows, output_schema, tag_rows
from tagger.cli.main import cli
from tagger.corpus.corpus import read_corpus
from tagger.errors import DataError
from tagger.evaluation.drift import label_drift
from tagger.evaluation.evaluate import evaluate
from tagger.evaluation.shares import label_shares
from tagger.schema import CLAIMS
from tagger.training.checks import read_for_checks

HEADING, BYLINE = "Oil Exports and Trade", "By Ann Lee"
TEXT = f"{HEADING}\n\n{BYLINE}\n\nOil rose 2 percent on Monday. The talks may fail."
KINDS = ["heading", "other", "sentence", "sentence"]


@pytest.fixture(scope="module")
def predict(tmp_path_factory):
    """Tag the article into a file and return it, with what was said."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")

    def run(name, *options):
        output = folder / name
        if not output.exists():
            source = str(folder / "a.txt")
            result = CliRunner().invoke(cli, ["predict", source, "-o", str(output), *options])
            assert result.exit_code == 0, result.output
            assert "2 sentences, 2 other pieces" in result.stderr
        return output

    return run


def test_a_document(tagger):
    document = tagger.tag(TEXT)
    assert [p.kind for p in document.pieces] == KINDS
    assert [p.what for p in document.pieces] == ["", "byline", "", ""]
    assert [p.claim for p in document.pieces] == ["", "", "reported_fact", "speculation"]
    assert [p.themes for p in document.pieces][:3] == [("economic",), (), ("economic",)]
    assert not document.pieces[1].review
    assert [s.text for s in document.sentences] == [p.text for p in document.pieces[2:]]
    assert document.pieces[2].tags == tagger.tag_sentences([document.pieces[2].text])[0]
    rows = document.to_rows()
    assert [row["claim"] for row in rows][:2] == [None, None]
    assert [row["p_speculation"] for row in rows][:2] == [None, None]
    assert [row["theme"] for row in rows][:3] == [["economic"], None, ["economic"]]
    assert document.to_dict()["pieces"][1]["what"] == "byline"
    assert 'data-why="byline"' in document._repr_html_()


def test_a_table_has_the_same_rows(tagger):
    table = tagger.tag_table([TEXT], docs=[""], explain=True)
    rows = tagger.tag(TEXT).to_rows()
    without = [
        {k: v for k, v in row.items() if k != "evidence"} for row in table.to_arrow().to_pylist()
    ]
    assert without == rows
    assert table.n_sentences == 2
    assert {e["label"] for e in table.evidence[0]} == {"economic"}
    assert table.evidence[1] == []
    assert table.to_pandas()["claim"].isna().tolist() == [True, True, False, False]
    assert table.to_polars()["theme"].null_count() == 1


def test_headings_may_be_tagged_like_sentences(tagger):
    document = tagger.tag(TEXT, keep_headings=True)
    assert document.pieces[0].kind == "heading"
    assert document.pieces[0].tags == tagger.tag_sentences([HEADING])[0]
    table = tagger.tag_table([TEXT], keep_headings=True)
    assert table.columns()["claim"][:2] == [document.pieces[0].claim, None]


def test_sentences_passed_as_such_are_sentences(tagger):
    table = tagger.tag_table([HEADING, BYLINE], sentences=True)
    assert table.kind == ["sentence", "sentence"]
    assert None not in table.columns()["claim"]
    with pytest.raises(DataError, match="whole texts only"):
        tagger.tag_table([HEADING], sentences=True, headings=[[(0, 3)]])


def test_layout_names_headings(tagger):
    text = "The minister resigned.\n\nOil rose."
    assert [p.kind for p in tagger.tag(text, headings=[(0, 22)]).pieces] == ["heading", "sentence"]
    table = tagger.tag_table([text, text], headings=[[(0, 22)], []])
    assert table.kind == ["heading", "sentence", "sentence", "sentence"]


def test_a_text_of_headings_alone(tagger):
    table = tagger.tag_table([BYLINE, "", "Oil Rises Again"])
    assert table.kind == ["other", "heading"]
    assert tagger.tag_table([]).to_arrow().num_rows == 0
    assert (
        json.loads(tagger.tag_table([BYLINE]).to_arrow().to_pandas().to_json())["claim"]["0"]
        is None
    )


def test_formats(predict):
    jsonl = [json.loads(line) for line in predict("a.jsonl").read_text().splitlines()]
    assert list(jsonl[0])[:6] == ["doc", "n", "kind", "what", "start", "end"]
    assert [row["kind"] for row in jsonl] == KINDS
    assert (jsonl[0]["claim"], jsonl[0]["p_speculation"], jsonl[0]["theme"]) == (
        *(None, None, ["economic"]),
    )
    assert (jsonl[1]["what"], jsonl[1]["theme"], jsonl[1]["p_military"]) == ("byline", None, None)
    cells = list(csv.DictReader(io.StringIO(predict("a.csv").read_text())))
    assert [row["kind"] for row in cells] == KINDS
    assert [cells[0][name] for name in ("claim", "p_speculation", "theme")] == ["", "", "economic"]
    assert pq.read_table(predict("a.parquet")).to_pylist() == jsonl


def test_kept_headings_have_claims_in_files_and_stay_headings(predict):
    rows = [json.loads(x) for x in predict("k.jsonl", "--keep-headings").read_text().splitlines()]
    assert [row["kind"] for row in rows] == KINDS
    assert rows[0]["claim"] and rows[1]["claim"] is None


def test_headings_of_markdown_reach_the_output(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# The minister resigned.\n\nOil rose.\n\n- One\n- Two\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["predict", str(path)])
    kinds = [json.loads(line)["kind"] for line in result.stdout.splitlines()]
    assert kinds == ["heading", "sentence", "sentence", "sentence"]


def test_pages_show_kinds_and_count_sentences(predict):
    page = next(p for p in predict("pages", "--format", "html").iterdir() if p.stem != "index")
    text = page.read_text()
    assert 'data-why="heading&#10;economic' in text and "2 sentences; " in text
    assert "2 other pieces (headings, notices, ...) not counted" in text


def test_the_terminal_shows_kinds(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    shown = CliRunner().invoke(cli, ["predict", str(path), "--format", "table"]).output
    assert "byline" in shown and "2 sentences, " in shown
    assert "2 other pieces (headings, notices, ...) not counted" in shown
    path.write_text(BYLINE, encoding="utf-8")
    shown = CliRunner().invoke(cli, ["predict", str(path), "--format", "table"]).output
    assert "no sentence" in shown


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_shares_are_of_sentences(predict, name):
    found = label_shares(str(predict(name)))
    assert {s.n_sentences for s in found.shares} == {2}
    assert {s.label: s.raw for s in found.shares if s.task == "claim" and s.by == "all"} == {
        "reported_fact": 0.5,
        "interpretation": 0.0,
        "speculation": 0.5,
    }
    assert any("2 other pieces" in note for note in found.notes)


def test_output_without_kinds_is_read_as_before(predict, tmp_path):
    rows = [json.loads(line) for line in predict("a.jsonl").read_text().splitlines()]
    old = tmp_path / "old.jsonl"
    sentences = [{k: v for k, v in r.items() if k not in ("kind", "what")} for r in rows[2:]]
    old.write_text("".join(json.dumps({**r, "n": i}) + "\n" for i, r in enumerate(sentences)))
    assert {s.n_sentences for s in label_shares(str(old), None).shares} == {2}
    moved = label_drift(str(predict("a.jsonl")), str(old)).changed["claim"]
    assert sum(moved.values()) == 2  # the same sentences, though their numbers differ


def test_files_of_other_models_are_said_where_they_are_compared(predict, tmp_path):
    now, before = predict("a.jsonl"), tmp_path / "before.jsonl"
    rows = [json.loads(line) | {"model": "other"} for line in now.read_text().splitlines()]
    before.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert any("before by other" in note for note in label_drift(str(now), str(before)).notes)
    assert not any("before by" in note for note in label_drift(str(now), str(now)).notes)


def test_labelled_data_leaves_out_what_is_no_sentence_and_says_so(predict):
    corpus = read_corpus([predict("a.jsonl")], CLAIMS)
    assert (len(corpus), corpus.n_apart) == (2, 2)
    assert any("2 rows of tagged output" in note for note in corpus.notes)
    _, findings = read_for_checks([predict("a.jsonl")], CLAIMS)
    assert [f.check for f in findings] == ["kind"]
    # A column of one's own data that happens to be called kind is none of our business.
    own = [{"text": "Oil rose.", "claim": "reported_fact", "theme": [], "kind": "other"}]
    assert len(read_corpus(own, CLAIMS)) == 1


def test_an_evaluation_says_what_it_left_out(predict, small_model):
    report = evaluate(small_model, [predict("a.jsonl")], baselines=False, rounds=0)
    assert report.report["about"]["data"]["n_sentences"] == 2
    assert any("2 rows of tagged output" in warning for warning in report.warnings)


def test_engines_have_the_columns(tagger):
    table = pa.table({"text": [TEXT], "doc": ["a"]})
    tagged = tag_rows(table, Rows())
    assert tagged.schema == output_schema(table.schema, Rows())
    assert tagged["kind"].to_pylist() == KINDS
    assert tagged["claim"].null_count == 2
    kept = tag_rows(table, Rows(keep_headings=True))
    assert kept["claim"].null_count == 1


def test_tasks_of_ones_own(small_model):
    from tagger import Tagger

    own = Tagger(small_model)
    piece = own.tag(TEXT).pieces[0]
    single = {t.name for t in own.schema.tasks if not t.multilabel}
    assert {name for name, answer in piece.tags.labels.items() if answer is None} == single


def test_corrected_output_is_the_same_gold_from_csv_as_from_json(predict, tmp_path):
    records = [json.loads(line) for line in predict("a.jsonl").read_text().splitlines()]
    (tmp_path / "a.jsonl").write_text("".join(
        json.dumps({k: v for k, v in r.items() if k != "model"}) + "\n" for r in records
    ))  # fmt: skip
    with open(predict("a.csv"), newline="", encoding="utf-8") as stream:
        table = [{k: v for k, v in r.items() if k != "model"} for r in csv.DictReader(stream)]
    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    from_json, from_csv = (read_corpus([tmp_path / f"a.{x}"], CLAIMS) for x in ("jsonl", "csv"))
    assert from_csv.sha256 == from_json.sha256
    # A heading has no claim, a byline neither claim nor theme.
    assert [len(from_csv.annotated(x)) for x in ("claim", "theme")] == [2, 3]
    n = sum(e.labels.get("theme") == () for e in from_csv.examples)
    row = "row" if n == 1 else "rows"
    assert f"an empty cell of theme in {n} {row}: taken as none of its labels" in from_csv.notes
    assert not any("empty cell" in note for note in from_json.notes)
