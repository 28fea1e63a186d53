"""`tagger predict` on input of every kind, good and bad, as a user runs it."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

TAGGER = [sys.executable, "-m", "tagger"]


def run(*arguments, stdin=b"", cwd=None, env=None):
    return subprocess.run(
        [*TAGGER, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=os.environ | (env or {}),
    )


def rows(output):
    return [json.loads(line) for line in output.decode().splitlines()]


def predict(data, *arguments):
    result = run("predict", "-", *arguments, stdin=data)
    assert result.returncode == 0, result.stderr
    assert b"Traceback" not in result.stderr
    return rows(result.stdout)


def test_a_dash_is_standard_input_or_output_and_no_file(tmp_path):
    for name in ("-", "-.manifest.json", "-.rejects.jsonl"):
        (tmp_path / name).write_text("{}")
    plain = run("predict", "-", stdin=b"Oil rose.", cwd=tmp_path)
    done = run("predict", "-", "-o", "-", stdin=b"Oil rose.", cwd=tmp_path)
    assert plain.stdout == done.stdout != b"" and plain.stderr == done.stderr == b""
    assert (tmp_path / "-").read_text() == "{}"
    assert b"--jobs need --output" in run("predict", "-", "-o", "-", "--jobs", "2").stderr
    (tmp_path / "-").unlink()
    (tmp_path / "-").mkdir()
    (tmp_path / "-" / "weights.safetensors").write_text("")
    assert rows(run("predict", "-", stdin=b"Oil rose.", cwd=tmp_path).stdout) == rows(done.stdout)


@pytest.mark.parametrize("data", [b"", b"\n\n  \r\n", b"\xef\xbb\xbf"])
def test_nothing_gives_nothing(data):
    assert predict(data) == []


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"Peace.", ["Peace."]),
        (b"\xef\xbb\xbfOil rose.\r\n\r\nIt may fall.\r\n", ["Oil rose.", "It may fall."]),
        ("Café prices rose.".encode("latin-1"), ["Café prices rose."]),
        ("Oil rose.".encode("utf-16"), ["Oil rose."]),
        (b"Oil\x00 rose.", ["Oil\x00 rose."]),
        ("🙂 Oil rose 🙂.".encode(), ["🙂 Oil rose 🙂."]),
        ("שלום עולם.".encode(), ["שלום עולם."]),
    ],
)
def test_text_of_every_kind(data, texts):
    assert [row["text"] for row in predict(data)] == texts


def test_a_lone_surrogate_in_json_survives():
    (row,) = predict(b'{"text": "Oil \\ud800 rose."}\n', "--input-format", "jsonl")
    assert row["text"] == "Oil \ud800 rose."


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 40)
    result = run("predict", tmp_path / "a.txt")
    assert result.returncode == 1
    assert b"a.txt" in result.stderr
    assert b"binary" in result.stderr
    assert b"Traceback" not in result.stderr


def test_another_language_is_tagged_and_warned_of_once(tmp_path):
    german = "Die Regierung will den Haushalt im kommenden Jahr kürzen, sagte der Minister heute. "
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(german * 4, encoding="utf-8")
    result = run("predict", tmp_path)
    assert result.returncode == 0
    assert len(rows(result.stdout)) == 8
    assert result.stderr.count(b"does not look like the language") == 1


def test_ten_megabytes_without_a_full_stop():
    (row,) = predict(b"word " * 2_000_000)
    assert len(row["text"]) == 9_999_999


BROKEN = b'{"text": "Oil rose.", "doc": "x"}\n{broken\n{"title": "no text"}\n{"text": "It may."}\n'


def test_a_broken_row_is_named_and_the_others_are_tagged(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(BROKEN)
    result = run("predict", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    assert result.returncode == 1
    tagged = rows((tmp_path / "out.jsonl").read_bytes())
    assert [row["text"] for row in tagged] == ["Oil rose.", "It may."]
    rejects = rows((tmp_path / "out.jsonl.rejects.jsonl").read_bytes())
    assert [reject["line"] for reject in rejects] == [2, 3]
    assert "JSON" in rejects[0]["reason"]
    place, reason = f"{rejects[0]['file']}:2", rejects[0]["reason"]
    assert f"(the first: {place}: {reason})" in result.stderr.decode()
    (tmp_path / "out.jsonl.rejects.jsonl").write_text("")  # by another program
    again = run("predict", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "--resume")
    assert again.returncode == 1
    assert b"rejects.jsonl" in again.stderr and b"Traceback" not in again.stderr
    allowed = run(
        "predict", tmp_path / "in.jsonl", "-o", tmp_path / "out2.jsonl", "--allow-rejects"
    )
    assert allowed.returncode == 0


def test_csv_in_and_out_keeps_columns():
    data = b'doc,text,outlet\na,"Oil rose,\nthen fell.",X\n'
    result = run(
        "predict", "-", "--input-format", "csv", "--sentences", "--format", "csv", stdin=data
    )
    assert result.returncode == 0, result.stderr
    (row,) = csv.DictReader(io.StringIO(result.stdout.decode(), newline=""))
    assert (row["doc"], row["text"], row["outlet"]) == ("a", "Oil rose,\nthen fell.", "X")
    assert row["theme"] == "economic"


def test_parquet_and_gzip(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["Oil rose.", "It may fall."]}), tmp_path / "in.parquet")
    result = run("predict", tmp_path / "in.parquet", "--sentences", "-o", tmp_path / "out.parquet")
    assert result.returncode == 0, result.stderr
    assert pq.read_table(tmp_path / "out.parquet")["text"].to_pylist() == [
        "Oil rose.",
        "It may fall.",
    ]
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"text": "Oil rose."}\n'))
    result = run("predict", tmp_path / "in.jsonl.gz")
    assert [row["text"] for row in rows(result.stdout)] == ["Oil rose."]


def test_a_truncated_gzip_is_told(tmp_path):
    data = gzip.compress(b'{"text": "Oil rose."}\n' * 1000)
    (tmp_path / "in.jsonl.gz").write_bytes(data[: len(data) // 2])
    result = run("predict", tmp_path / "in.jsonl.gz", "-o", tmp_path / "out.jsonl")
    assert result.returncode == 1
    assert b"Traceback" not in result.stderr
    (reject,) = rows((tmp_path / "out.jsonl.rejects.jsonl").read_bytes())
    assert "in.jsonl.gz" in json.dumps(reject)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such-file.txt"], 1, b"no such file"),
        (["-", "--format", "xml"], 2, b"xml"),
        (["-", "--model", "nowhere"], 1, b"no such folder"),
        (["-", "--output", "/proc/none/out.jsonl"], 1, b"/proc/none"),
        (["-", "--scheduler", "tcp://host:8786"], 2, b"--engine dask"),
        (["-", "--engine", "dask", "-o", "o.parquet", "--explain"], 2, b"--explain is not for"),
        (["-", "--engine", "dask", "-o", "o.jsonl"], 2, b"writes Parquet"),
    ],
)
def test_wrong_usage_is_told(arguments, code, message):
    result = run("predict", *arguments, stdin=b"Oil rose.")
    assert result.returncode == code
    assert message in result.stderr
    assert b"Traceback" not in result.stderr


def test_the_output_is_not_an_input(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "Oil rose."}\n')
    result = run("predict", tmp_path / "a.jsonl", "-o", tmp_path / "a.jsonl")
    assert result.returncode == 1
    assert (tmp_path / "a.jsonl").read_text() == '{"text": "Oil rose."}\n'


def test_a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*TAGGER, "predict", "-"],
            input=b"Oil rose. " * 5000,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert result.returncode == 1
    assert b"No space left" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m tagger predict - | head -n 1"
    result = subprocess.run(
        ["bash", "-c", command], input=b"Oil rose again. " * 50_000, capture_output=True
    )
    assert len(rows(result.stdout)) == 1
    assert result.stderr == b""


def _wait_for(folder: Path) -> None:
    """Wait until a job has begun, however busy the machine is."""
    end = time.monotonic() + 60
    while not folder.exists() and time.monotonic() < end:
        time.sleep(0.05)


def test_a_job_on_standard_input_ends_with_sigterm(tmp_path):
    job = subprocess.Popen(
        [*TAGGER, "predict", "-", "-o", "out.jsonl"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_for(tmp_path / "out.jsonl.parts")
    job.send_signal(signal.SIGTERM)
    _, errors = job.communicate(timeout=30)
    assert job.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in errors
    assert not (tmp_path / "out.jsonl").exists()


def test_ctrl_c_ends_without_a_traceback(tmp_path):
    job = subprocess.Popen(
        [*TAGGER, "predict", "-", "-o", "out.jsonl"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_for(tmp_path / "out.jsonl.parts")
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=30)
    assert job.returncode == 128 + signal.SIGINT
    assert b"interrupted" in errors
    assert b"--resume" not in errors  # nothing is done that could be gone on with
    assert b"Traceback" not in errors


def big(path, n):
    corpus = (ROOT / "data" / "corpus" / "wire.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in corpus]
    lines = (json.dumps({"text": f"{texts[i % len(texts)]} {i}", "id": i}) for i in range(n))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_two_processes_give_the_same_bytes(tmp_path):
    big(tmp_path / "in.jsonl", 20_000)
    for jobs in (1, 2):
        result = run(
            "predict",
            "in.jsonl",
            "--sentences",
            "-o",
            f"{jobs}.jsonl",
            "--jobs",
            jobs,
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_a_page_holds_no_script_of_the_text(tmp_path):
    (tmp_path / "a.txt").write_text("<script>alert(1)</script> Oil rose.", encoding="utf-8")
    result = run("predict", "a.txt", "--format", "html", "-o", "pages", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    pages = list((tmp_path / "pages").rglob("*.html"))
    assert pages
    assert all("<script>alert" not in page.read_text(encoding="utf-8") for page in pages)
