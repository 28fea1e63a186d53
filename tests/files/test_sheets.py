"""Outputs for spreadsheets: text stays text, nothing is lost, the same rows give the same bytes."""

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from openpyxl.utils.escape import unescape

from tagger.cli.main import cli
from tagger.files import read_rows
from tagger.files.sheets import MOST_CHARACTERS, as_text, write_workbook

RISKY = ("=1+1", "+1", "-x", "@a", "\tb", "\rc", "'d", "''e", "'", "=")
TEXTS = [f"{start} The talks may fail. Oil rose 2 percent." for start in RISKY]


def plain_text(cell: str) -> str:
    """Return a cell that `as_text` wrote as it was."""
    risky = "[ \\xa0\\u3000]*[=+@'＝＋－＠-]"
    return re.sub(rf"\A'(?=[\t\r\n]|{risky})|(?<=[;\t\r\n])'(?={risky})", "", cell)


def predict(tmp_path: Path, *options: str) -> Result:
    rows = [{"doc": f"{text[0]}doc", "text": text, "note": text} for text in TEXTS]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["predict", str(path), "--sentences", *options]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize(
    "text", [*RISKY, "plain", "", "1 = 1", "a'b", "\nx", " =1", "＝1", "\xa0'=1"]
)
def test_text_is_text_and_can_be_had_back(text: str) -> None:
    assert as_text(text).strip()[:1] not in tuple("=+-@＝") and as_text(text)[:1] not in tuple(
        "\t\r\n"
    )
    assert plain_text(as_text(text)) == text


def test_text_is_no_formula_where_cells_are_parted_at_semicolons_either() -> None:
    """A quote in the middle of such a cell guards nothing: its line ends end the row."""
    rng = random.Random(3)
    for _ in range(3000):
        text = "".join(rng.choices("=+'; \t\r\n,x", k=rng.randrange(12)))
        safe = as_text(text)
        assert plain_text(safe) == text
        parts = re.split("[;\t\r\n]", f"a,{safe}")
        assert not any(part.strip()[:1] in tuple("=+") and part.strip() for part in parts[1:])
    assert plain_text(as_text("= 1\n" * 200_000)) == "= 1\n" * 200_000


def test_a_name_of_a_column_can_neither_act_nor_end_the_line(tmp_path: Path) -> None:
    names = ["=\r=1+1", "\r", "a;=1+1"]
    (tmp_path / "x.jsonl").write_text(
        json.dumps({"text": "It may fail.", **dict.fromkeys(names, 1)})
    )
    for form in ("csv", "excel"):
        out = ["--format", form, "-o", str(tmp_path / f"{form}.csv")]
        assert CliRunner().invoke(cli, ["predict", str(tmp_path / "x.jsonl"), *out]).exit_code == 0
        data = (tmp_path / f"{form}.csv").read_bytes().decode("utf-8-sig")
        header, row = csv.reader(io.StringIO(data, newline=""))
        assert len(header) == len(row)
        assert {plain_text(name) if form == "excel" else name for name in header} >= set(names)
        assert form == "csv" or not any(name[:1] in tuple("=\r") for name in header)


def test_csv_for_spreadsheets_has_a_mark_and_no_formula(tmp_path: Path) -> None:
    predict(tmp_path, "--format", "excel", "-o", str(tmp_path / "o.csv"))
    data = (tmp_path / "o.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    for row in rows:
        assert not any(value[:1] in tuple("=+-@\t\r") and value for value in row.values())
    assert [plain_text(row["text"]) for row in rows] == TEXTS
    assert [plain_text(row["note"]) for row in rows] == TEXTS


def test_a_workbook_holds_the_same_as_json_lines(tmp_path: Path) -> None:
    predict(tmp_path, "-o", str(tmp_path / "o.jsonl"))
    predict(tmp_path, "-o", str(tmp_path / "o.xlsx"))
    predict(tmp_path, "-o", str(tmp_path / "again.xlsx"), "--part-bytes", "100", "--jobs", "2")
    assert (tmp_path / "o.xlsx").read_bytes() == (tmp_path / "again.xlsx").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    names, *cells = openpyxl.load_workbook(tmp_path / "o.xlsx").active.iter_rows()
    got = [{n.value: c.value for n, c in zip(names, row, strict=True)} for row in cells]
    assert [row["p_speculation"] for row in got] == [row["p_speculation"] for row in rows]
    assert [row["claim"] for row in got] == [row["claim"] for row in rows]
    texts = [row["text"] for row in rows]
    assert [unescape(row["text"]) for row in got] == texts
    assert all(c.data_type != "f" for row in cells for c in row)


def test_a_workbook_is_made_to_be_read(tmp_path: Path) -> None:
    predict(tmp_path, "-o", str(tmp_path / "o.xlsx"))
    sheet = openpyxl.load_workbook(tmp_path / "o.xlsx").active
    header, *rows = sheet.iter_rows()
    assert sheet.freeze_panes == "A2" and all(cell.font.bold for cell in header)
    place = [cell.value for cell in header].index("review")
    assert {type(row[place].value) for row in rows} == {bool}
    assert not any(row[place].font.bold for row in rows)


def test_formulas_without_a_value_are_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["text", "n"],
        ["Oil rose.", "=1+1"],
        ['="Oil fell"', 2],
        [None, None],
        ['="Coal fell"', "=2+2"],
        ["Gas.", 3],
        ['="Wood fell"', None],
    ):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    done = CliRunner().invoke(cli, ["predict", str(tmp_path / "a.xlsx"), "--allow-rejects"])
    assert len(done.stdout.splitlines()) == 2
    assert "a.xlsx:3: text is blank" in done.stderr
    assert "a.xlsx: 5 formulas without a value are read as empty: open the file" in done.stderr


def test_what_a_cell_cannot_hold_is_escaped_or_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    assert (
        write_workbook([{"text": "a\x1b[2J\x00b", "n": 1}], ["text", "n", "none"], out, tmp_path)
        == 1
    )
    sheet = openpyxl.load_workbook(out).active
    assert sheet["A2"].value == "a_x001B_[2J_x0000_b"
    assert sheet["B2"].value == 1 and sheet["C2"].value is None
    with pytest.raises(Exception, match="row 1: text has 32,768 characters"):
        write_workbook([{"text": "x" * (MOST_CHARACTERS + 1)}], ["text"], io.BytesIO(), tmp_path)
    names = ["a\x00b", "\ud800", "=1+1"]
    out = io.BytesIO()
    assert write_workbook([dict.fromkeys(names, 1)], names, out, tmp_path) == 1
    header = [cell.value for cell in openpyxl.load_workbook(out).active[1]]
    assert header == ["a_x0000_b", "_xD800_", "=1+1"]
    with pytest.raises(Exception, match="the name of a column has 32,768 characters"):
        write_workbook([], ["x" * (MOST_CHARACTERS + 1)], io.BytesIO(), tmp_path)


def test_long_numbers_keep_their_digits(tmp_path: Path) -> None:
    numbers = [1234567890123456789, -(10**15), 10**400, 10**15 - 1, 1 - 10**15, True, 0.1]
    lines = (json.dumps({"text": "Oil rose.", "tweet": number}) + "\n" for number in numbers)
    (tmp_path / "a.jsonl").write_text("".join(lines))
    out = tmp_path / "o.xlsx"
    done = CliRunner().invoke(cli, ["predict", str(tmp_path / "a.jsonl"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    header, *rows = openpyxl.load_workbook(out).active.values
    got = [row[header.index("tweet")] for row in rows]
    assert got == [*map(str, numbers[:3]), *numbers[3:]]
    assert [row.record["tweet"] for row in read_rows(str(out))] == got


def test_workbooks_in_the_making_stand_where_the_next_run_clears_them_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, one, two = (tmp_path / name for name in ("elsewhere", "one", "two"))
    for folder in (elsewhere, one, two):
        folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    seen = []

    def rows(folder: Path, then: Callable[[], object]) -> Iterator[dict[str, int]]:
        yield {"n": 1}
        seen.append(len([*folder.iterdir()]))
        then()
        yield {"n": 2}

    def write(folder: Path, then: Callable[[], object] = lambda: None) -> None:
        assert write_workbook(rows(folder, then), ["n"], io.BytesIO(), folder) == 2

    write(one, lambda: write(two))  # as two threads would
    assert seen == [1, 1]
    assert not any([*one.iterdir(), *two.iterdir(), *elsewhere.iterdir()])


def test_json_is_one_array(tmp_path: Path) -> None:
    predict(tmp_path, "-o", str(tmp_path / "o.jsonl"))
    predict(tmp_path, "-o", str(tmp_path / "o.json"), "--part-bytes", "100")
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert json.loads((tmp_path / "o.json").read_text()) == [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["o.txt", "o.xls", "o.jsnl", "o.csv.zip", "out.docx", "o.md.gz"])
def test_an_ending_that_names_no_format_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Oil rose.")
    done = CliRunner().invoke(cli, ["predict", str(path), "-o", str(tmp_path / name)])
    assert done.exit_code == 2
    assert "names no format" in done.stderr and "jsonl" in done.stderr
    assert not (tmp_path / name).exists()
