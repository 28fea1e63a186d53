import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tagger.errors import DataError
from tagger.files import Reject, Row, read_rows
from tagger.files.delimited import read_csv
from tagger.files.folders import expand
from tagger.files.jsonl import read as read_jsonl
from tagger.files.rows import Note


def csv(data: bytes, limit: int = 1000) -> list[Row | Reject]:
    return list(read_csv(io.BytesIO(data), "a.csv", limit))


def texts(rows: list[Row | Reject]) -> list[str]:
    return [row.record["text"] for row in rows if isinstance(row, Row)]


def test_csv_keeps_newlines_quotes_and_commas_in_cells() -> None:
    rows = csv(b'id,text\n1,"a ""b""\nc, d"\n2,e\n')
    assert texts(rows) == ['a "b"\nc, d', "e"]
    assert [row.line for row in rows] == [2, 4]


def test_ragged_row_is_rejected_with_line_and_raw() -> None:
    rows = csv(b"id,text\n1,a\n2\n3,b,c\n4,d\n")
    assert texts(rows) == ["a", "d"]
    rejects = [row for row in rows if isinstance(row, Reject)]
    assert [(r.line, r.raw) for r in rejects] == [(3, "2"), (4, "3,b,c")]
    assert rejects[0].reason == "found 1 cells, expected 2 as in the header"


def test_quote_that_is_never_closed_costs_one_row() -> None:
    rows = csv(b'id,text\n1,a\n2,"b\n3,c\n4,d\n')
    assert texts(rows) == ["a", "c", "d"]
    (reject,) = (row for row in rows if isinstance(row, Reject))
    assert (reject.line, reject.raw) == (3, '2,"b')


def test_bytes_that_are_not_utf8_are_read_as_windows_1252_and_said() -> None:
    rows = csv(b"id,text\n1,caf\xe9 \x96 open\n")
    assert texts(rows) == ["café – open"]
    assert [row.what for row in rows if isinstance(row, Note)] == [
        "not UTF-8, read as Windows-1252 (if that is wrong, say --encoding)"
    ]


def test_a_stray_byte_costs_one_character_and_is_counted() -> None:
    rows = csv("id,text\n1,café\n2,na\udcffive\n".encode("utf-8", "surrogateescape"))
    assert texts(rows) == ["café", "na\ufffdive"]
    assert [(row.what, row.n) for row in rows if isinstance(row, Note)] == [
        ("byte that is no UTF-8, read as U+FFFD", 1)
    ]


def test_cell_of_a_megabyte_is_read_and_one_over_the_limit_is_not() -> None:
    big = b"x" * 1_000_000
    rows = csv(b"text\n" + big + b"\n" + big + b"y\nz\n", limit=1_000_001)
    assert [len(text) for text in texts(rows)] == [1_000_000, 1]
    (reject,) = (row for row in rows if isinstance(row, Reject))
    assert reject.line == 3 and "1,000,001 bytes" in reject.reason


def test_header_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(DataError, match="names text more than once"):
        csv(b"text,text\na,b\n")


def test_long_json_line_is_passed_over() -> None:
    data = b'{"text": "a"}\n{"text": "' + b"x" * 100 + b'"}\n{"text": "b"}'
    rows = list(read_jsonl(io.BytesIO(data), "a.jsonl", 50))
    assert texts(rows) == ["a", "b"]
    assert [row.line for row in rows] == [1, 2, 3]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_compressed_files_hold_the_same_rows(tmp_path: Path, suffix: str) -> None:
    data = b'{"text": "a"}\n{"text": "b"}\n'
    packed = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix](data)
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(packed)
    assert texts(list(read_rows(str(path)))) == ["a", "b"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_text_larger_than_the_limit_is_rejected(tmp_path: Path, suffix: str) -> None:
    bomb = b"x" * 10_000_000
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(gzip.compress(bomb) if suffix == ".gz" else zstandard.compress(bomb))
    assert path.stat().st_size < 20_000
    (row,) = read_rows(str(path), limit=1_000_000)
    assert isinstance(row, Reject) and "more than 1,000,000 bytes" in row.reason


def test_truncated_gzip_gives_what_came_before_and_a_reject(tmp_path: Path) -> None:
    import random

    rng = random.Random(0)
    lines = [json.dumps({"text": str(rng.random())}) for _ in range(20_000)]
    packed = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    rows = list(read_rows(str(path)))
    assert 5_000 < len(rows) < 15_000
    assert isinstance(rows[-1], Reject) and "cannot be read beyond" in rows[-1].reason
    assert texts(rows[:-1]) == [json.loads(line)["text"] for line in lines[: len(rows) - 1]]


def test_broken_row_group_costs_its_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"row {i}" for i in range(30)]})
    pq.write_table(table, path, row_group_size=10, use_dictionary=False, write_page_checksum=True)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    at = column.data_page_offset + column.total_compressed_size - 5
    data[at] ^= 0xFF
    path.write_bytes(data)
    rows = list(read_rows(str(path)))
    assert texts(rows) == [f"row {i}" for i in (*range(10), *range(20, 30))]
    (reject,) = (row for row in rows if isinstance(row, Reject))
    assert (reject.n_rows, reject.line) == (10, 11)
    assert reject.reason.startswith("row group 1: rows 11 to 20 cannot be read")


def test_html_keeps_text_title_and_date_without_the_menu(tmp_path: Path) -> None:
    said = "The minister said on Monday that the talks had ended without any result at all. " * 5
    path = tmp_path / "a.html"
    path.write_text(
        "<html><head><title>Talks end</title>"
        '<meta property="article:published_time" content="2024-03-18"></head><body>'
        "<nav><a href=x>Subscribe now</a></nav>"
        f"<article><h1>Talks end</h1><p>{said}</p><p>{said}</p></article></body></html>"
    )
    (row,) = read_rows(str(path))
    assert isinstance(row, Row)
    assert row.record["title"] == "Talks end" and row.record["date"] == "2024-03-18"
    assert "without any result" in row.record["text"]
    assert "Subscribe" not in row.record["text"]


def test_markdown_between_two_rules_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Title\n\nFirst.\n\n---\n\nSecond.\n\n---\n\nThird.\n")
    (row,) = read_rows(str(path))
    assert isinstance(row, Row)
    assert row.record["text"].split() == ["Title", "First.", "Second.", "Third."]


def test_patterns_and_folders_are_sorted_and_leave_out_what_a_run_left(tmp_path: Path) -> None:
    for name in ("b.txt", "a.jsonl.gz", "c.bin", "a.jsonl.rejects.jsonl"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "x.jsonl.parts").mkdir()
    (tmp_path / "x.jsonl.parts" / "part-000000.jsonl").write_bytes(b"")
    names = [Path(p).name for p in expand([str(tmp_path)])]
    assert names == ["a.jsonl.gz", "b.txt"]
    assert expand([str(tmp_path / "*.txt")]) == [str(tmp_path / "b.txt")]
    with pytest.raises(DataError, match="no file matches"):
        expand([str(tmp_path / "*.csv")])
