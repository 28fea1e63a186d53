"""Tables as people have them: columns under other names, rows and files with nothing in them."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import tagger
from tagger.bulk.arrow import Rows, tag_rows
from tagger.cli.main import cli
from tagger.errors import DataError
from tagger.files.batches import input_of, read_batches
from tagger.files.names import DOCUMENTS, TEXTS, key, usual
from tagger.files.rows import Batch, Reject

pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
from pyarrow import parquet as pq  # noqa: E402


def read(*files, **options):
    """Return texts, documents, other columns, rejects and notes of an input."""
    notes: list[str] = []
    texts, docs, extra, rejects = [], [], set(), []
    for item in read_batches(input_of([str(f) for f in files], say=notes.append, **options)):
        if isinstance(item, Batch):
            texts += item.texts
            docs += item.docs
            extra |= item.extra.keys()
        else:
            assert isinstance(item, Reject)
            rejects.append((Path(item.source).name, item.line, item.n_rows, item.reason))
    return texts, docs, sorted(extra), rejects, [Path(note).name for note in notes]


def save(path, content):
    """Write a table: CSV as it is, or records as JSONL or Parquet by the ending."""
    if isinstance(content, (str, bytes)):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(content), path)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in content))
    return path


FOUND = [
    ("text,doc\nOil rose.,a\n", "text", "doc", []),
    ("Text,Doc\nOil rose.,a\n", "Text", "Doc", ["text in column 'Text'; document in column 'Doc'"]),
    (" Body , ID\nOil rose.,a\n", " Body ", " ID", ["text in column ' Body '; document in"]),
    ('\ufeff"full text",url\nOil rose.,u\n', "full text", "", ["text in column 'full text'"]),
    ("\ufeff\ufefftext,x\nOil rose.,u\n", "\ufefftext", "", ["text in column '\\ufefftext'"]),
    ("article,id\nOil rose.,a\n", "article", "id", ["text in column 'article'; document in"]),
    ("article,sentence\na,Oil rose.\n", "sentence", "article", ["text in column 'sentence'; doc"]),
    ("text,body\nOil rose.,b\n", "text", "", []),
    ("text,doc_id,document\nOil rose.,a,b\n", "text", "", ["'doc_id' or 'document' may each name"]),
]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("content", "text", "doc", "said"), FOUND)
def test_text_and_document_are_found_under_usual_names_and_said(
    tmp_path, form, content, text, doc, said
):
    import csv

    path = tmp_path / f"a.{form}"
    rows = list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff"))))
    save(path, content if form == "csv" else rows)
    texts, docs, extra, rejects, notes = read(path)
    assert texts == ["Oil rose."]
    assert docs == [rows[0][doc] if doc else f"{path}:{2 if form == 'csv' else 1}"]
    # A document's name that was guessed is passed on as well: nothing is lost.
    assert extra == sorted(set(rows[0]) - {text, "doc"})
    assert rejects == []
    assert len(notes) == len(said) and all(s in n for s, n in zip(said, notes, strict=True))


def test_a_row_number_names_no_document_where_rows_are_sentences(tmp_path):
    path = save(tmp_path / "a.csv", "text,id\nOil rose.,1\nIt fell.,2\n")
    assert read(path)[1] == ["1", "2"]
    assert read(path, sentences=True)[1] == [f"{path}:2", f"{path}:3"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"Content": "a", "body": "b", "x": "c"}, "a.*: the text may stand in 'Content' or 'body'"),
        ({"foo": "a", "bar": "b"}, "^no column 'text': expected one of foo, bar"),
    ],
)
def test_several_texts_or_none_are_one_message_with_the_columns(tmp_path, form, row, message):
    path = tmp_path / f"a.{form}"
    lines = [",".join(row), *[",".join(row.values())] * 3000]
    save(path, "\n".join(lines) + "\n" if form == "csv" else [row] * 3000)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_file_without_a_text_is_one_reject_where_others_have_one(tmp_path):
    good = save(tmp_path / "a.csv", "Body\nOil rose.\n")
    none = save(tmp_path / "b.csv", "x,y\n1,2\n3,4\n5,6\n")
    both = save(tmp_path / "c.parquet", [{"content": "a", "sentence": "b"}] * 4)
    other = save(tmp_path / "d.jsonl", [{"content": "It fell."}, {"content": "It rose."}])
    again = save(tmp_path / "e.csv", "Body\nSo it goes.\n")
    texts, _, _, rejects, notes = read(good, none, both, other, again)
    assert texts == ["Oil rose.", "It fell.", "It rose.", "So it goes."]
    assert rejects == [
        ("b.csv", 2, 3, "no column 'text': expected one of x, y (see --text-column)"),
        (
            "c.parquet",
            1,
            4,
            "no column 'text': expected one of content, sentence (see --text-column)",
        ),
    ]
    assert notes == ["a.csv: text in column 'Body'", "d.jsonl: text in column 'content'"]


def test_texts_in_two_columns_of_one_file_are_refused(tmp_path):
    path = save(tmp_path / "a.jsonl", [{"body": "Oil rose."}, {"body": "x", "text": "Oil fell."}])
    with pytest.raises(DataError, match=r"a\.jsonl:2: found 'text' beside 'body'"):
        read(path)


def test_a_document_column_that_comes_late_is_used_from_there_on(tmp_path):
    rows = [{"text": "It is.", "id": 1}, {"text": "So so.", "id": 2, "doc": "d"}]
    path = save(tmp_path / "a.jsonl", [*rows, {"text": "It was.", "doc": "e"}])
    texts, docs, extra, _, notes = read(path)
    assert (len(texts), docs, extra) == (3, ["1", "d", "e"], ["id"])
    assert notes[1].endswith("a.jsonl:2: from here on, document in 'doc'")


def test_a_column_that_was_named_is_not_guessed(tmp_path):
    path = save(tmp_path / "a.csv", "body,id\nOil rose.,1\n")
    with pytest.raises(DataError, match="no column 'content'"):
        read(path, text_column="content")
    assert read(path, text_column="body", id_column="id")[:3] == (["Oil rose."], ["1"], [])


@pytest.mark.parametrize(
    ("value", "name"),
    [(7, "7"), (7.0, "7"), (7.5, "7.5"), (float("nan"), ""), (None, ""), ("", "")],
)
def test_numbers_name_documents_and_missing_values_do_not(tmp_path, value, name):
    for path in (tmp_path / "a.jsonl", tmp_path / "a.parquet"):
        save(path, [{"text": "Oil rose.", "doc": value}])
        assert read(path)[1] == [name or f"{path}:1"]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_null_texts_are_rejected_as_such(tmp_path, form):
    path = save(tmp_path / f"a.{form}", [{"Body": "Oil rose."}, {"Body": None}])
    assert read(path)[3] == [(path.name, 2, 1, "Body is null, expected a string")]
    (tmp_path / "b.jsonl").write_text('{"text": 5}\n{"text": "Oil."}\n')
    assert read(tmp_path / "b.jsonl")[3][0][3] == "text is 5, expected a string"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,doc\n", "no row in it"),
        ("a.csv", "", "an empty file"),
        ("a.csv", "\ufeff", "no row in it"),
        ("a.tsv", "text\tdoc\n", "no row in it"),
        ("a.jsonl", "", "an empty file"),
        ("a.jsonl", "\n \n", "no row in it"),
    ],
)
def test_files_without_a_row_are_named(tmp_path, name, content, message):
    path = save(tmp_path / name, content)
    result = CliRunner().invoke(cli, ["predict", str(path), "--format", "jsonl"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.count(message) == 1 and str(path) in result.stderr


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv: the header names text more than once"):
        read(save(tmp_path / "a.csv", "text,text\na,b\n"))
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: the header names text more than once"):
        read(tmp_path / "a.parquet")
    for use in (tag_rows, tagger.check):
        with pytest.raises(DataError, match="the header names text more than once"):
            use(twice)


def test_what_is_guessed_is_said_by_predict_and_kept_in_the_result(tmp_path):
    from tagger import Tagger
    from tagger.bulk.job import run
    from tagger.bulk.settings import JobSettings

    path = save(tmp_path / "a.csv", "Body,ID\nOil rose.,w\n")
    result = CliRunner().invoke(cli, ["predict", str(path), "--format", "jsonl"])
    note = "a.csv: text in column 'Body'; document in column 'ID'"
    assert result.stderr.count(note) == 1 and json.loads(result.stdout)["ID"] == "w"
    done = run(Tagger.load(), JobSettings(input_of([str(path)]), tmp_path / "o.jsonl", "jsonl"))
    assert done.notes == (f"{tmp_path}/{note}",)


def test_engines_find_the_text_too_and_warn():
    data = pa.table({"ID": [4, None], "Body": ["Oil rose.", None]})
    with pytest.warns(UserWarning, match="text in column 'Body'; document in column 'ID'"):
        tagged = tag_rows(data, Rows())
    assert tagged["ID"].to_pylist() == [4, None]
    assert tagged["doc"].to_pylist() == ["4", "row:2"]
    assert "Body is null" in tagged["reject"].to_pylist()[1]
    with pytest.raises(DataError, match="may stand in 'Body' or 'content'"):
        tag_rows(data.append_column("content", [["a", "b"]]), Rows())


def test_a_name_is_known_whatever_its_case_and_joints():
    for name in ("Full Text", "full_text", "fullText", "FULL-TEXT", " full text\ufeff"):
        assert key(name) == "fulltext" and usual([name, "x"], TEXTS) == [name]
    assert usual(["a", "b"], TEXTS) == []
    assert usual(["Document", "article"], DOCUMENTS) == ["Document"]
