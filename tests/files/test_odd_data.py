"""Every odd file, given to the commands that want sentences with labels: refused, and why."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from test_kinds_of_files import RIGHT, WRONG, tarred

from tagger import Tagger
from tagger.cli.main import cli
from tagger.errors import DataError

# Names of files and of what stands for them in a command; what it says where there is no label.
COMMANDS = {
    "check FILE": "looks like labels, expected",
    "train FILE --save-schema OUT": "looks like labels, expected",
    "evaluate FILE --no-baselines --no-plots -o OUT": "no row has an answer to claim, theme. Found",
    "compare MODEL MODEL FILE": "no row has an answer to claim, theme. Found",
    "stats FILE": "expected what tagger predict wrote",
    "compare FILE FILE": "not a report, expected the folder that tagger evaluate --output wrote",
}
# One of 300 MB is enough for one command; the others read it in the same way.
ODD = [item for item in RIGHT + WRONG if item[0] != "bomb.gz"]
BLANK = ("text is blank, expected", "no labelled sentence in", "no tagged sentence")
ROWS = [
    {"doc": f"d{n // 3}", "text": f"The port may stay shut for {n} days.", "mood": "ab"[n % 2]}
    for n in range(24)
]
CSV = "".join(f"{row['doc']},{row['text']},{row['mood']}\n" for row in ROWS)


@pytest.fixture(autouse=True)
def shipped(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the shipped model once for all."""
    monkeypatch.setattr(Tagger, "load", lambda *given, **more: tagger)


def run(command: str, path: Path) -> Result:
    places = {"FILE": path, "OUT": path.parent / "out", "MODEL": "model"}
    return CliRunner().invoke(cli, [str(places.get(word, word)) for word in command.split()])


@pytest.mark.parametrize(("name", "data", "reason"), ODD, ids=[name for name, _, _ in ODD])
def test_what_is_not_labelled_is_refused_by_every_command(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    is_wrong = (name, data, reason) in WRONG
    for command, unlabelled in COMMANDS.items():
        error = run(command, tmp_path / name).exception
        assert isinstance(error, DataError), (command, error)
        assert f"{tmp_path / name}" in str(error)
        told = reason if is_wrong and reason and command != "compare FILE FILE" else unlabelled
        partly = name.startswith(("links", "empty"))  # of which some rows are read, or none
        others = (unlabelled, *BLANK) if partly else ()
        assert any(part in str(error) for part in (told, *others)), (command, error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["empty.txt", "empty.csv", "empty.jsonl", "blank.txt"])
def test_what_is_empty_is_refused_by_every_command(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(" \n" if name.startswith("blank") else "")
    for command, unlabelled in COMMANDS.items():
        error = run(command, tmp_path / name).exception
        assert isinstance(error, DataError), (command, error)
        assert any(part in str(error) for part in (unlabelled, *BLANK)), (command, error)
        if command != "compare FILE FILE" and not name.endswith("txt"):
            assert "an empty file" in str(error)


def test_labels_in_damaged_files_are_named_by_what_is_wrong(tmp_path: Path) -> None:
    table = b"doc,text,mood\n" + CSV.encode()
    for name, data, told in (
        ("cut.csv.gz", gzip.compress(table)[:60], "cut.csv.gz: the file cannot be read beyond"),
        ("bare.csv", CSV.encode(), "the first line looks like a row of data ('a' names a column"),
        ("links.tar", tarred({"a.csv": table}), "a link or a device, expected a file: pack"),
    ):
        (tmp_path / name).write_bytes(data)
        error = run("train FILE -o OUT", tmp_path / name).exception
        assert isinstance(error, DataError) and told in str(error), (name, error)


def test_a_question_may_be_the_name_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("doc,How do you feel about it?,a\n" + CSV.replace(",a", ",yes"))
    assert run("check FILE", tmp_path / "a.csv").exit_code == 0


def test_stats_says_what_reading_guessed_and_what_tagged(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"doc": "d", "text": "Café Bari is shut.", "claim": "reported_fact", "theme": []}
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows * 3)
    (tmp_path / "a.txt").write_bytes(lines.encode("cp1252"))
    done = run("stats FILE", tmp_path / "a.txt")
    assert done.exit_code == 0, done.exception
    assert "not UTF-8, read as Windows-1252" in done.stderr
    assert "read as what it is, a JSON Lines file" in done.stderr
    assert "no column model says what tagged it: shares are not corrected" in done.stderr
    done = run("stats FILE --compare FILE", tmp_path / "a.txt")
    assert "not UTF-8, read as Windows-1252" in done.stderr


def test_a_task_that_no_row_has_an_answer_to_is_said(tmp_path: Path) -> None:
    lines = "".join(f"The port may stay shut for {n} days.,,economic\n" for n in range(9))
    (tmp_path / "a.csv").write_text("text,claim,theme\n" + lines)
    done = run("evaluate FILE --no-baselines --no-plots", tmp_path / "a.csv")
    assert done.exit_code == 0, done.exception
    assert "no row has an answer to claim" in done.stderr


@pytest.mark.parametrize("text", ["[" * 100_000, '{"report": 99}', '{"n": ' + "9" * 5000 + "}"])
def test_json_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    error = run("compare FILE FILE", tmp_path / "report.json").exception
    assert isinstance(error, DataError)
    assert "not a report, expected" in str(error) or "found report format 99, exp" in str(error)


def test_texts_to_compare_with_are_no_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("doc,text,mood\n" + CSV)
    (tmp_path / "b.txt").write_text("The port may stay shut for 3 days. Nobody knows why.")
    (tmp_path / "c.csv").write_text("")
    command = f"check FILE --format json --against {tmp_path}"
    found = json.loads(run(f"{command}/b.txt", tmp_path / "a.csv").stdout)["findings"]
    said = [one["message"] for one in found if one["check"] == "leakage"]
    assert said == [
        "several sentences in 1 of 1 row to compare with, taken as one each: give one sentence "
        "a row"
    ]
    german = "Die Verhandlungen in Bonn werden am 3. März fortgesetzt sagte Minister Weber heute."
    (tmp_path / "d.csv").write_text(f"text\n{german}\n{german} \n{german[:-7]}.\n")
    found = json.loads(run(f"{command}/d.csv", tmp_path / "a.csv").stdout)["findings"]
    assert not any("several sentences" in one["message"] for one in found)
    error = run(f"{command}/c.csv", tmp_path / "a.csv").exception
    assert "c.csv: an empty file), expected a row for each" in str(error)


def test_a_schema_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\r\n")
    error = run("check FILE --schema FILE", tmp_path / "a.csv").exception
    assert "not TOML: no UTF-8 text; expected lines such as" in str(error)


def test_a_schema_that_lies_too_deep_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = " + "[" * 5000 + "]" * 5000)
    error = run("check FILE --schema FILE", tmp_path / "a.toml").exception
    assert "not TOML: values lie too deep in each other; expected lines such as" in str(error)


def test_a_label_that_lies_deep_is_no_label(tmp_path: Path) -> None:
    rows = [{"text": f"It may rain, the {i}th said.", "mood": "ab"[i % 2]} for i in range(20)]
    lines = [*map(json.dumps, rows), '{"text": "It fell.", "mood": ' + "[" * 600 + "]" * 600 + "}"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    done = run("check FILE --format json", tmp_path / "a.jsonl")
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "a.jsonl:21" in done.output


def test_a_stray_line_break_in_a_cell_is_named_as_such(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"doc,text\na,Oil\rrose.\nb,It fell.\n")
    done = CliRunner().invoke(cli, ["predict", str(tmp_path / "a.csv")])
    assert "a line break inside a cell without quotation marks" in done.stderr
