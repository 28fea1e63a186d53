"""Standard output and files get the same columns, checks and rejects; nothing is lost unsaid."""

import json
import os
import sys
import threading
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagger.arrow import Texts
from tagger.bulk.arrow import Rows, tag_rows, tag_slices
from tagger.bulk.job import run
from tagger.bulk.settings import JobSettings
from tagger.errors import DataError
from tagger.files import pages
from tagger.files.batches import input_of, read_batches
from tagger.files.rows import BATCH_BYTES, Batch, Places
from tagger.predictor import Tagger
from tagger.schema import CLAIMS

from .conftest import Command, sentences


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_csv_on_standard_output_rejects_a_column_that_comes_late(
    predict: Command, tmp_path: Path
) -> None:
    late: list[dict[str, object]] = [{"text": "The talks may fail.", "b": 2}]
    rows: list[dict[str, object]] = [{"text": t, "a": 1} for t in sentences(40)]
    write(tmp_path / "in.jsonl", rows + late)
    args = ("in.jsonl", "--sentences", "--format", "csv", "--part-bytes", "500")
    shown = predict(*args)
    kept = predict(*args, "-o", "o.csv")
    assert shown.stdout == (tmp_path / "o.csv").read_bytes()
    assert (shown.returncode, kept.returncode) == (1, 1)
    assert b"in.jsonl:41: column 'b' is not among those of the first rows (a)" in shown.stderr


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_sentences_of_a_document_are_numbered_across_batches_and_parts(
    tiny: Tagger, tmp_path: Path, form: str
) -> None:
    docs = ["a"] * 7 + ["b"] * 2 + ["a"]
    path = tmp_path / f"in.{form}"
    rows = [{"text": t, "doc": d} for t, d in zip(sentences(10), docs, strict=True)]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    else:
        write(path, rows)
    origin = input_of([str(path)], sentences=True)
    assert run(tiny, JobSettings(origin, tmp_path / "o.jsonl", "jsonl", part_bytes=100)).parts > 1
    written = [json.loads(line)["n"] for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert written == [0, 1, 2, 3, 4, 5, 6, 0, 1, 0]


ODD = [
    "It may rain.",
    "",
    " \n",
    "\xa0\u2003",
    "\x1c",
    "\x85",
    "Ünïcödé \x00 ok",
    "😀 é",
    "a\u3000b",
]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("named", [False, True])
def test_texts_that_stay_in_arrow_are_tagged_and_refused_as_those_of_rows(
    tiny: Tagger, tmp_path: Path, kind: pa.DataType, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.files.parquet._PIECE_ROWS", 10)
    monkeypatch.setattr("tagger.files.parquet._MOST_ROWS", 10)
    texts = [*sentences(30), *ODD, None, *sentences(5)]
    docs = ["", "a", "a", "b", "b"] * 9
    row_names = [{"text": t, "doc": d} for t, d in zip(texts, docs, strict=True)]
    rows = row_names if named else [{"text": t} for t in texts]
    write(tmp_path / "rows.jsonl", rows)
    schema = pa.schema({"text": kind} | ({"doc": kind} if named else {}))
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    batches = list(read_batches(input_of([str(path)], sentences=True)))
    ways = [type(batch.texts) for batch in batches if isinstance(batch, Batch)]
    assert {*ways} == {Texts, list}
    written, refused = [], []
    for form in ("jsonl", "parquet"):
        output = tmp_path / f"{form}.jsonl"
        origin = input_of([str(tmp_path / f"rows.{form}")], sentences=True)
        assert run(tiny, JobSettings(origin, output, "jsonl")).sentences == 39
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        for line in lines:
            line["doc"] = line["doc"].replace(str(tmp_path / f"rows.{form}"), "")
        written.append(lines)
        rejects = output.with_name(f"{output.name}.rejects.jsonl").read_text().splitlines()
        refused.append([(x["line"], x["reason"]) for x in map(json.loads, rejects)])
    assert written[0] == written[1]
    assert refused[0] == refused[1]
    assert len(refused[0]) == 6


def test_texts_that_stay_in_arrow_are_kept_as_they_are(tiny: Tagger, tmp_path: Path) -> None:
    path, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"text": sentences(50)}), path)
    (batch,) = read_batches(input_of([str(path)], sentences=True))
    assert isinstance(batch, Batch)
    assert isinstance(batch.texts, Texts)
    assert isinstance(batch.docs, Texts)
    assert batch.take([3, 1]).texts == [batch.texts[3], batch.texts[1]]
    table = tiny.tag_table(batch.texts, batch.docs, sentences=True, explain=True)
    rows = tiny.tag_table(list(batch.texts), list(batch.docs), sentences=True, explain=True)
    assert table.columns() == rows.columns()
    origin = input_of([str(path)], sentences=True)
    run(tiny, JobSettings(origin, output, "parquet"))
    group = pq.read_metadata(output).row_group(0)
    known = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert not known["text"].is_stats_set
    assert known["p_military"].is_stats_set
    assert (known["text"].compression, known["p_military"].compression) == ("ZSTD", "UNCOMPRESSED")
    assert known["theme.list.element"].is_stats_set


@pytest.mark.parametrize("repeats", [False, True])  # which a file keeps once
def test_rows_are_read_in_batches_of_about_as_many_bytes_whatever_their_length(
    tmp_path: Path, repeats: bool
) -> None:
    noise = np.random.default_rng(0).integers(97, 123, (5000, 2000), np.uint8)
    texts = [bytes(noise[0 if repeats else i]).decode() for i in range(5000)]
    for name, column, n in (("long", texts, 5), ("short", [t[:10] for t in texts], 1)):
        path = tmp_path / f"{name}.parquet"
        rows = pa.table({"text": column})
        pq.write_table(rows, path, row_group_size=5000 if name == "long" else 700)
        found = list(read_batches(input_of([str(path)])))
        assert [*chain(*(b.texts for b in found if isinstance(b, Batch)))] == column
        sizes = [sum(map(len, b.texts)) for b in found if isinstance(b, Batch)]
        assert len(sizes) == n
        assert max(sizes) < BATCH_BYTES + 1024 * 2000


def test_row_groups_whose_dictionaries_do_not_fit_into_one_are_read(
    tiny: Tagger, tmp_path: Path
) -> None:
    path, n = tmp_path / "in.parquet", 100
    kind = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema({"text": pa.string(), "desk": kind})
    with pq.ParquetWriter(path, schema) as writer:
        for group in "ab":
            names = pa.DictionaryArray.from_arrays(
                pa.array(range(n), pa.int8()), [f"{group}{i}" for i in range(n)]
            )
            writer.write_table(pa.table([sentences(n), names], schema=schema))
    output = tmp_path / "out.parquet"
    run(tiny, JobSettings(input_of([str(path)], sentences=True), output, "parquet"))
    desks = pq.read_table(output)["desk"].to_pylist()
    assert desks == [f"{group}{i}" for group in "ab" for i in range(n)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.null()])
def test_engines_cut_a_batch_by_the_length_of_its_texts(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    monkeypatch.setattr("tagger.bulk.arrow.BATCH_BYTES", 1000)
    texts = ["Talks may fail. " * 10] * 50 if kind != pa.null() else [None] * 50
    data = pa.record_batch({"text": pa.array(texts, kind)})
    slices = list(tag_slices(data, Rows(str(tiny_folder)), "", 1, Places()))
    assert len(slices) == (8 if kind != pa.null() else 1)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_a_file_has_any_name(tiny: Tagger, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"b\xffd.parquet")
    pq.write_table(pa.table({"text": sentences(2)}), tmp_path / "in.parquet")
    (tmp_path / "in.parquet").rename(path)
    origin = input_of([str(path)], sentences=True)
    for form in ("jsonl", "csv", "json", "xlsx", "parquet"):
        output = tmp_path / os.fsdecode(b"o\xff." + form.encode())
        assert run(tiny, JobSettings(origin, output, form)).sentences == 2 and output.exists()


def test_a_slice_far_into_a_long_column_is_tagged() -> None:
    far = 1 << 31
    data = np.zeros(far + 40, np.uint8)  # of which the system gives only what is written
    data[far:] = np.frombuffer(b"It may rain.The talks may fail in the end", np.uint8)[:40]
    ends = np.array([0, far, far + 12, far + 40], np.int64)
    column = pa.LargeStringArray.from_buffers(3, pa.py_buffer(ends), pa.py_buffer(data))
    texts = Texts.of(column.slice(1), 1000)
    assert texts is not None
    assert list(texts) == ["It may rain.", "The talks may fail in the en"]


def test_evidence_of_sentences_is_written_as_numbers(tiny: Tagger, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [{"text": t} for t in sentences(3)])
    origin = input_of([str(tmp_path / "in.jsonl")], sentences=True)
    run(tiny, JobSettings(origin, tmp_path / "o.jsonl", "jsonl", explain=True))
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert {type(e["start"]) for row in rows for e in row["evidence"]} == {int}


def test_engines_number_the_sentences_within_a_batch(tiny_folder: Path) -> None:
    data = pa.table({"doc": ["a", "a", "b"], "text": sentences(3)})
    tagged = tag_rows(data, Rows(str(tiny_folder), sentences=True))
    assert tagged["n"].to_pylist() == [0, 1, 0]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_numbers_that_json_lacks_are_null_and_counted(
    tiny: Tagger, tmp_path: Path, form: str
) -> None:
    values = [1.5, float("nan"), float("-inf")]
    rows = [{"text": t, "x": x, "y": [x]} for t, x in zip(sentences(3), values, strict=True)]
    path = tmp_path / f"in.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        write(path, rows)  # type: ignore[arg-type]
    origin = input_of([str(path)], sentences=True)
    result = run(tiny, JobSettings(origin, tmp_path / "o.jsonl", "jsonl"))

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    found = [json.loads(line, parse_constant=refuse) for line in lines]
    assert [(row["x"], row["y"]) for row in found] == [(1.5, [1.5]), (None, [None]), (None, [None])]
    assert (result.nulls, result.tagged) == (4, 3)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(
    "names", [{"text_column": "txet"}, {"id_column": "dco"}, {"keep": "kidn"}], ids=str
)
def test_a_name_that_no_column_has_is_refused_once(
    tmp_path: Path, form: str, names: dict[str, str]
) -> None:
    path = tmp_path / f"in.{form}"
    rows = [{"text": t, "doc": "d", "kind": "k"} for t in sentences(3)]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "csv":
        path.write_text("text,doc,kind\n" + "".join(f"{r['text']},d,k\n" for r in rows))
    else:
        write(path, rows)  # type: ignore[arg-type]
    nearest = {"txet": "text", "dco": "doc", "kidn": "kind"}[next(iter(names.values()))]
    with pytest.raises(DataError, match=f"no column .*{nearest}"):
        list(read_batches(input_of([str(path)], **names)))  # type: ignore[arg-type]


def test_a_column_to_keep_that_comes_late_is_kept(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": t} for t in sentences(3)]
    write(tmp_path / "in.jsonl", [*rows, {"text": "Late.", "b": 1}])
    (batch,) = read_batches(input_of([str(tmp_path / "in.jsonl")], keep="b"))
    assert isinstance(batch, Batch) and batch.extra["b"][-1] == 1


def test_a_job_says_that_the_language_is_another(tiny: Tagger, tmp_path: Path) -> None:
    text = "Die Regierung hat gestern neue Regeln für den Handel mit Getreide beschlossen. " * 5
    write(tmp_path / "in.jsonl", [{"text": text}])
    origin = input_of([str(tmp_path / "in.jsonl")])
    result = run(tiny, JobSettings(origin, tmp_path / "o.jsonl", "jsonl"))
    assert not result.knows_language


@pytest.mark.parametrize(("second", "told"), [(" Nobody knows why.", True), ("", False)])
def test_rows_of_several_sentences_that_are_tagged_as_one_are_told(
    tiny: Tagger, tmp_path: Path, second: str, told: bool
) -> None:
    rows: list[dict[str, object]] = [{"text": "The talks may fail."}]
    write(tmp_path / "in.jsonl", rows + [{"text": f"The army left.{second}"}] * 2)
    origin = input_of([str(tmp_path / "in.jsonl")], sentences=True)
    result = run(tiny, JobSettings(origin, tmp_path / "o.jsonl", "jsonl"))
    note = (
        "2 of the first 3 rows with several sentences, tagged as one: leave out --sentences to cut"
    )
    assert result.notes == (f"{note} them",) * told


def test_many_documents_of_one_name_get_pages_in_linear_time() -> None:
    draft: dict[str, object] = {"doc": "same", "title": "t", "body": "", "n": 1}
    draft["counts"] = {f"{t.name} {label}": 1 for t in CLAIMS.tasks for label in t.labels}
    lines = [json.dumps({**draft, "doc": f"same{'!' * (i % 2)}"}).encode() for i in range(4000)]
    start = time.process_time()
    names = [name for name, _ in pages.pages(lines, CLAIMS, "m")]
    assert len(set(names)) == 4000 + 40  # pages of the index
    assert names[1] == "same-2.html"
    assert time.process_time() - start < 1.0


def test_named_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "in.txt"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("The talks may fail.",))
    writer.start()
    batches = list(read_batches(input_of([str(pipe)])))
    writer.join()
    assert [batch.texts for batch in batches if isinstance(batch, Batch)] == [
        ["The talks may fail."]
    ]
