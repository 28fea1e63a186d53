import csv
import gzip
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from tagger.bulk.arrow import Rows, tag_rows
from tagger.bulk.job import run
from tagger.bulk.parts import read_parts
from tagger.bulk.settings import JobSettings, Progress
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import read_rows
from tagger.files.batches import input_of, read_batches
from tagger.predictor import Tagger

from .conftest import Command, sentences


def write_rows(path: Path, n: int) -> None:
    path.write_text(
        "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(sentences(n)))
    )


def read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def settings(tagger: Tagger, path: Path, output: str, **options: object) -> JobSettings:
    origin = input_of([str(path)], sentences=True, taken=[*tagger.columns, "evidence"])
    target = path.parent / output
    form = next(p for p in ("parquet", "csv", "html", "jsonl", "xlsx") if p in output)
    return JobSettings(origin, target, form, **options)  # type: ignore[arg-type]


def test_rows_of_a_table_say_which_text_they_come_from(tiny: Tagger) -> None:
    text = "The talks may fail.  The army fired rockets on Monday.\n\nBad decision."
    table = tiny.tag_table([text, "", "One more."])
    assert table.row.tolist() == [0, 0, 0, 2]
    spans = zip(table.start[:3], table.end[:3], strict=True)
    assert [text[a:b] for a, b in spans] == table.text[:3]


@pytest.mark.parametrize("output", ["o.jsonl", "o.csv", "o.parquet", "o.jsonl.gz"])
def test_round_trip_keeps_text_and_passed_columns(
    tmp_path: Path, tiny: Tagger, output: str
) -> None:
    odd = ['a "b", c\nd', "tab\tand\r\nreturn", "lone\rreturn", "é 𝔘 \x00 \u2028 end", " = 1 "]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": t, "k": t, "doc": "d"}) + "\n" for t in odd))
    result = run(tiny, settings(tiny, path, output, part_bytes=10))
    assert (result.rows, result.tagged, result.rejected) == (5, 5, 0)
    assert result.parts > 1
    data = (tmp_path / output).read_bytes()
    if output.endswith("parquet"):
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
    elif output.endswith("csv"):
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    else:
        text = gzip.decompress(data) if output.endswith("gz") else data
        rows = [json.loads(line) for line in text.split(b"\n")[:-1]]
    assert [row["text"] for row in rows] == odd
    assert [row["k"] for row in rows] == odd


def test_parquet_columns_keep_their_types(tmp_path: Path, tiny: Tagger) -> None:
    import datetime

    table = pa.table(
        {
            "text": ["The talks may fail.", "Bad decision."],
            "day": pa.array([datetime.date(2024, 3, 18), None], pa.date32()),
            "small": pa.array([1, 2], pa.int8()),
            "n": [7, 8],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    run(tiny, settings(tiny, tmp_path / "in.parquet", "o.parquet"))
    found = pq.read_table(tmp_path / "o.parquet")
    for name, ours in (("day", "day"), ("small", "small"), ("n", "input_n")):
        assert found.column(ours).combine_chunks().equals(table.column(name).combine_chunks())


@pytest.mark.parametrize("jobs", [1, 2])
def test_parquet_columns_of_views_are_tagged_and_kept(
    tmp_path: Path, tiny: Tagger, tiny_folder: Path, jobs: int
) -> None:
    texts = ["The talks may fail.", " ", "Bad decision."]
    table = pa.table(
        {
            "text": pa.array(texts, pa.string_view()),
            "v": pa.array(["a", None, "b"], pa.string_view()),
            "bytes": pa.array([b"a", b"b", b"c"], pa.binary_view()),
            "inside": pa.array([{"l": ["x"]}] * 3, pa.struct([("l", pa.list_(pa.string_view()))])),
        }
    )
    try:
        pq.write_table(table, tmp_path / "in.parquet")
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"pyarrow {pa.__version__}: {error}")
    run(tiny, settings(tiny, tmp_path / "in.parquet", "o.parquet", jobs=jobs))
    found = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [row["text"] for row in found] == [texts[0], texts[2]]
    assert [(r["v"], r["bytes"], r["inside"]) for r in found] == [
        ("a", b"a", {"l": ["x"]}),
        ("b", b"c", {"l": ["x"]}),
    ]
    tagged = tag_rows(table, Rows(str(tiny_folder), sentences=True)).to_pylist()
    assert [row["v"] for row in tagged if row["reject"] is None] == ["a", "b"]


def test_a_row_of_parquet_that_is_no_utf8_is_rejected(tmp_path: Path, tiny: Tagger) -> None:
    def column(*values: bytes) -> pa.Array:
        return pa.array(values, pa.binary()).view(pa.string())

    texts = column(b"The talks may fail.", b"The caf\xe9.", b"It fell.", b"It may fail.")
    other = column(b"a", b"b", b"\xff", b"d")
    pq.write_table(pa.table({"text": texts, "k": other}), tmp_path / "in.parquet")
    result = run(tiny, settings(tiny, tmp_path / "in.parquet", "o.jsonl"))
    assert (result.rows, result.tagged, result.rejected) == (4, 2, 2)
    assert [row["k"] for row in read_lines(tmp_path / "o.jsonl")] == ["a", "d"]
    rejects = read_lines(tmp_path / "o.jsonl.rejects.jsonl")
    assert [reject["line"] for reject in rejects] == [2, 3]
    pq.write_table(pa.table({"text": texts.slice(1, 1)}), tmp_path / "none.parquet")
    result = run(tiny, settings(tiny, tmp_path / "none.parquet", "none.jsonl"))
    assert (result.rows, result.rejected) == (1, 1)
    assert all("damaged" in r["reason"] and "UTF8" in r["reason"] for r in rejects)  # type: ignore[operator]


def test_every_row_is_tagged_or_rejected(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b'{"text": "The talks may fail."}\n{"text": 5}\nnot json\n{"body": "x"}\n'
        b'{"text": "  "}\n{"text": "caf\xe9"}\n{"text": "Bad."}\n'
    )
    result = run(tiny, settings(tiny, path, "o.jsonl"))
    assert (result.rows, result.tagged, result.rejected, result.sentences) == (7, 3, 4, 3)
    rejects = read_lines(tmp_path / "o.jsonl.rejects.jsonl")
    assert sorted(r["line"] for r in rejects) == [2, 3, 4, 5]  # type: ignore[type-var]
    by_line = {r["line"]: r for r in rejects}
    assert by_line[3]["raw"] == "not json"
    # A byte that is no UTF-8 costs neither its row nor the file, and is said.
    assert [json.loads(x)["text"] for x in (tmp_path / "o.jsonl").read_text().splitlines()][1] == (
        "café"
    )
    assert any("read as Windows-1252" in note for note in result.notes)
    assert not (tmp_path / "o.jsonl.parts").exists()


def test_more_parts_than_files_may_be_open(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 200)
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 50, allowed[1]))
    try:
        result = run(tiny, settings(tiny, path, "o.parquet", part_bytes=10))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)
    assert result.parts > 100
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 200


def test_row_that_a_table_has_no_room_for_is_rejected(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    rows: list[dict[str, object]] = [{"text": f"Bad {i}.", "k": i} for i in range(5)]
    rows += [{"text": "Late.", "k": "five"}, {"text": "New.", "z": 1}, {"text": "a\ud800b", "k": 1}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(tiny, settings(tiny, path, "o.parquet", part_bytes=20))
    assert (result.tagged, result.rejected) == (5, 3)
    reasons = [str(r["reason"]) for r in read_lines(tmp_path / "o.parquet.rejects.jsonl")]
    assert "does not fit 'int64'" in reasons[0]
    assert "'z' is not among those of the first rows (k)" in reasons[1]
    assert "lone surrogate" in reasons[2]


def test_a_name_that_a_table_cannot_hold_is_refused(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"text": "Oil rose.", "a": 1, "b\ud800": 1}) + "\n")
    with pytest.raises(ConfigError, match=r"the name of column 'b\\ud800', which parquet cannot"):
        run(tiny, settings(tiny, path, "o.parquet"))
    origin = replace(settings(tiny, path, "o.parquet").origin, keep=("a",))
    assert run(tiny, replace(settings(tiny, path, "o.parquet"), origin=origin)).tagged == 1


def test_manifest_says_what_was_done(tmp_path: Path, tiny: Tagger) -> None:
    import hashlib

    path = tmp_path / "in.jsonl"
    write_rows(path, 10)
    run(tiny, settings(tiny, path, "o.jsonl"))
    manifest = json.loads((tmp_path / "o.jsonl.manifest.json").read_text())
    assert manifest["model"] == tiny.model.id
    assert (manifest["rows"], manifest["tagged"], manifest["sentences"]) == (10, 10, 10)
    assert manifest["inputs"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["out_of_fold"]["claim"] == [[12, 0, 0], [0, 12, 0], [0, 0, 12]]


def test_stopped_job_goes_on_where_it_was(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 100)
    run(tiny, settings(tiny, path, "whole.jsonl", part_bytes=1000))
    asked = iter([False, False, True])
    first = run(tiny, settings(tiny, path, "o.jsonl", part_bytes=1000), stop=lambda: next(asked))
    assert (first.finished, first.parts) == (False, 2)
    seen: list[Progress] = []
    second = run(tiny, settings(tiny, path, "o.jsonl", part_bytes=1000, resume=True), seen.append)
    assert second.reused == 2 and second.finished
    assert seen[-1].rows == 100
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet"])
def test_force_begins_anew_where_a_run_broke_off(tmp_path: Path, tiny: Tagger, name: str) -> None:
    path, said = tmp_path / "in.jsonl", list[str]()
    write_rows(path, 100)
    job = settings(tiny, path, name, part_bytes=1000)
    asked = iter([False, False, True])
    run(tiny, job, stop=lambda: next(asked))
    with pytest.raises(OutputError, match="go on with --resume, or begin anew with --force"):
        run(tiny, job)
    write_rows(path, 60)
    origin = replace(job.origin, say=said.append)
    assert run(tiny, replace(job, force=True, origin=origin)).rows == 60
    assert said == [f"{tmp_path / name}.parts: an unfinished run is thrown away"]
    again = tmp_path / f"again-{name}"
    run(tiny, replace(job, output=again))
    assert (tmp_path / name).read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet"])
def test_a_job_that_has_finished_is_not_done_again_by_resume(
    tmp_path: Path, tiny: Tagger, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, said = tmp_path / "in.jsonl", list[str]()
    write_rows(path, 100)
    with path.open("a") as rows:
        rows.write("no JSON\n")
    job = settings(tiny, path, name, part_bytes=1000)
    asked = replace(job, resume=True, origin=replace(job.origin, say=said.append))
    with monkeypatch.context() as patch:  # killed before its parts are removed
        patch.setattr(shutil, "rmtree", lambda *args, **options: None)
        whole = run(tiny, job)
    output, parts = tmp_path / name, tmp_path / f"{name}.parts"
    before = output.stat()
    again = run(tiny, asked)
    counts = attrgetter("rows", "tagged", "rejected", "sentences", "others", "cut", "finished")
    assert counts(again) == counts(whole) and whole.rejected == 1
    assert not parts.exists()
    if name == "o.jsonl":  # parts were left: they were joined again
        assert again.reused == whole.parts
    else:
        assert said == [f"{output}: finished by an earlier run; nothing is tagged"]
        assert output.stat() == before
    said.clear()
    assert counts(run(tiny, asked)) == counts(whole)
    assert said == [f"{output}: finished by an earlier run; nothing is tagged"]
    rejects = tmp_path / f"{name}.rejects.jsonl"
    # What is no longer there or whole, or of another input, is made.
    for gone in (rejects, output):
        gone.unlink()
        assert run(tiny, asked).parts == whole.parts and gone.exists()
    data = output.read_bytes()
    output.write_bytes(data[:-1])
    assert run(tiny, asked).parts == whole.parts and output.read_bytes() == data
    other = replace(asked, keep_headings=True, force=True)
    assert [run(tiny, other).parts for _ in range(2)] == [whole.parts, 0]
    asked = replace(asked, force=True)
    write_rows(path, 101)
    assert run(tiny, asked).rows == 101


def test_the_record_of_an_output_goes_before_another_comes_in_its_place(
    tmp_path: Path, tiny: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 100)
    job = settings(tiny, path, "o.jsonl", resume=True)
    run(tiny, job)
    before = path.read_bytes()
    write_rows(path, 50)
    with pytest.raises(ConfigError, match=r"is finished, and the input changed \(.*in.jsonl\)"):
        run(tiny, job)
    assert len(read_lines(tmp_path / "o.jsonl")) == 100
    job = replace(job, resume=False)
    with monkeypatch.context() as patch:  # killed behind the join
        patch.setattr("tagger.bulk.store.PartStore.record", lambda *args, **more: sys.exit(9))
        with pytest.raises(SystemExit):
            run(tiny, job)
    path.write_bytes(before)
    shutil.rmtree(tmp_path / "o.jsonl.parts")
    with pytest.raises(OutputError, match="is not of this job"):
        run(tiny, job)  # there is no record at all
    assert run(tiny, replace(job, force=True, resume=True)).parts == 1
    assert len(read_lines(tmp_path / "o.jsonl")) == 100


@pytest.mark.parametrize(
    ("name", "value"), [("rows", None), ("tagged", "x"), ("rejected", -1), ("bytes", "x")]
)
def test_a_damaged_record_is_none(tmp_path: Path, tiny: Tagger, name: str, value: object) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 10)
    job = settings(tiny, path, "o.jsonl", resume=True)
    run(tiny, job)
    record = tmp_path / "o.jsonl.manifest.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), name: value}))
    assert run(tiny, job).parts == 1
    record.write_text("[" * 200_000)
    with pytest.raises(OutputError, match="is not of this job"):
        run(tiny, job)


def test_pages_that_are_gone_are_made_again_by_resume(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 10)
    job = settings(tiny, path, "o_html", resume=True)
    assert run(tiny, job).parts == 1 and run(tiny, job).parts == 0
    (tmp_path / "o_html" / ".#lock").symlink_to("/nowhere")
    assert run(tiny, job).parts == 0
    (tmp_path / "o_html" / "index.html").unlink()
    assert run(tiny, job).parts == 1 and (tmp_path / "o_html" / "index.html").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("input", "the input changed"),
        ("option", "the option explain changed"),
        ("model", "the model changed"),
    ],
)
def test_resume_refuses_what_changed_and_says_which(
    predict: Command, tmp_path: Path, tiny: Tagger, change: str, says: str
) -> None:
    from tagger.errors import ConfigError
    from tagger.predictor import Tagger as Any

    path = tmp_path / "in.jsonl"
    write_rows(path, 60)
    asked = iter([False, True])
    run(tiny, settings(tiny, path, "o.jsonl", part_bytes=500), stop=lambda: next(asked))
    tagger, options = tiny, {}
    if change == "input":
        write_rows(path, 61)
    elif change == "option":
        options = {"explain": True}
    else:
        tagger = Any(Any.load(predict.model).model)
        tagger.model.__dict__["id"] = "another"
    with pytest.raises(ConfigError, match=says):
        run(tagger, settings(tiny, path, "o.jsonl", part_bytes=500, resume=True, **options))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_input_that_changes_while_it_is_read_gives_no_output(
    tmp_path: Path, tiny: Tagger, jobs: int
) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 60)
    how = {"part_bytes": 500, "jobs": jobs}

    def touch(progress: object) -> None:
        os.utime(path, (1, 1))

    run(tiny, settings(tiny, path, "touched.jsonl", **how), touch)

    def edit(progress: object) -> None:
        with open(path, "r+b") as stream:
            stream.seek(-3, os.SEEK_END)
            stream.write(b" ")

    with pytest.raises(DataError, match=r"in\.jsonl: changed while it was read.*delete"):
        run(tiny, settings(tiny, path, "o.jsonl", **how), edit)
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize(("form", "lacking"), [("xlsx", "openpyxl"), ("parquet", "pyarrow")])
def test_an_extra_that_an_output_lacks_is_named_before_any_of_it_is_made(
    tmp_path: Path, tiny: Tagger, monkeypatch: pytest.MonkeyPatch, form: str, lacking: str
) -> None:
    write_rows(tmp_path / "in.jsonl", 40)
    asked = settings(tiny, tmp_path / "in.jsonl", f"out.{form}")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, lacking, None)
        with pytest.raises(DataError, match="extra"):
            run(tiny, asked)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    assert run(tiny, asked).tagged == 40


def test_unfinished_run_is_not_thrown_away_unasked(tmp_path: Path, tiny: Tagger) -> None:
    from tagger.errors import OutputError

    path = tmp_path / "in.jsonl"
    write_rows(path, 60)
    asked = iter([False, True])
    run(tiny, settings(tiny, path, "o.jsonl", part_bytes=500), stop=lambda: next(asked))
    with pytest.raises(OutputError, match="go on with --resume"):
        run(tiny, settings(tiny, path, "o.jsonl", part_bytes=500))


def test_damaged_part_is_done_again(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 100)
    run(tiny, settings(tiny, path, "whole.jsonl", part_bytes=1000))
    asked = iter([False, False, True])
    run(tiny, settings(tiny, path, "o.jsonl", part_bytes=1000), stop=lambda: next(asked))
    (tmp_path / "o.jsonl.parts" / "part-000001.jsonl").write_bytes(b"damaged")
    second = run(tiny, settings(tiny, path, "o.jsonl", part_bytes=1000, resume=True))
    assert second.reused == 1
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_processes_give_the_same_bytes(tmp_path: Path, tiny: Tagger) -> None:
    path = tmp_path / "in.jsonl"
    write_rows(path, 200)
    run(tiny, settings(tiny, path, "one.jsonl", part_bytes=2000))
    result = run(tiny, settings(tiny, path, "two.jsonl", part_bytes=2000, jobs=2))
    assert result.parts > 3
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_second_run_on_one_output_is_refused(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("")
    first = predict.start("-", "--input-format", "jsonl", "-o", "o.jsonl", stdin=-1)
    for _ in range(200):
        if (tmp_path / "o.jsonl.parts" / "job.json").exists():
            break
        time.sleep(0.05)
    second = predict("in.jsonl", "-o", "o.jsonl")
    assert second.returncode == 1 and b"another run is writing" in second.stderr
    first.communicate(b'{"text": "The talks may fail."}\n', timeout=60)
    assert first.returncode == 0
    assert len(read_lines(tmp_path / "o.jsonl")) == 1


def test_counts_and_exit_codes(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "The talks may fail."}\nbroken\n')
    done = predict("in.jsonl", "-o", "o.jsonl")
    assert done.returncode == 1
    assert b"2 documents in = 1 tagged + 1 rejected; 1 sentence\n" in done.stderr
    assert b"\r" not in done.stderr and done.stdout == b""
    assert predict("in.jsonl", "-o", "o.jsonl", "--allow-rejects").returncode == 0


def test_output_that_is_an_input_is_refused(predict: Command, tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", 3)
    before = (tmp_path / "in.jsonl").read_bytes()
    (tmp_path / "link.jsonl").hardlink_to(tmp_path / "in.jsonl")
    for output in ("in.jsonl", "link.jsonl", "./in.jsonl"):
        done = predict("in.jsonl", "-o", output)
        assert done.returncode == 1 and b"is also an input" in done.stderr
    assert (tmp_path / "in.jsonl").read_bytes() == before


def test_columns_can_be_chosen(predict: Command, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("key,body,a,b,c,d\nk1,The talks may fail.,1,2,3,4\n")
    args = ("in.csv", "--text-column", "body", "--id-column", "key", "--keep", "b")
    done = predict(*args, "--keep", "c,d", "--keep", "")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["doc"], row["text"], row["b"]) == ("k1", "The talks may fail.", "2")
    assert "a" not in row and (row["c"], row["d"]) == ("3", "4")
    wrong = predict("in.csv", "--text-column", "bodi")
    assert wrong.returncode == 1 and b"did you mean 'body'?" in wrong.stderr


def test_prediction_imports_nothing_heavy(predict: Command, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['tagger', 'predict', '--model', sys.argv[1], sys.argv[2]]\n"
        "from tagger.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'scipy', 'sklearn', 'pandas', 'pyarrow', 'rich', 'joblib', 'matplotlib',"
        " 'trafilatura', 'zstandard', 'dask', 'multiprocessing', 'concurrent.futures', 'socket',"
        " 'subprocess', 'zipfile', 'difflib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    (tmp_path / "a.txt").write_text("The talks may fail.")
    done = subprocess.run(
        [sys.executable, "-c", code, str(predict.model), str(tmp_path / "a.txt")],
        capture_output=True,
    )
    assert done.stderr.strip() == b"[]"


def test_parquet_is_read_with_the_memory_of_malloc(predict: Command, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["The talks may fail."]}), tmp_path / "in.parquet")
    code = (
        "import sys; from tagger.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    arguments = predict.args("in.parquet", "-o", "o.parquet")[3:]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        env={k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"},
    )
    assert done.stdout.strip() == b"system"


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leaves_whole_parts(predict: Command, tmp_path: Path, sign: int) -> None:
    write_rows(tmp_path / "in.jsonl", 20_000)
    args = ("in.jsonl", "--sentences", "--part-bytes", "5000")
    assert predict(*args, "-o", "whole.jsonl").returncode == 0
    process = predict.start(*args, "-o", "o.jsonl")
    while not (tmp_path / "o.jsonl.parts" / "part-000003.json").exists():
        time.sleep(0.01)
    process.send_signal(sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (143 if sign == signal.SIGTERM else 130)
    assert b"Traceback" not in errors
    assert not (tmp_path / "o.jsonl").exists()
    assert predict(*args, "-o", "o.jsonl", "--resume").returncode == 0
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_rows_that_share_no_names_take_no_memory_for_all_of_them(tmp_path: Path) -> None:
    n = 3000
    rows = [{"text": "It may rain.", f"k{i}": i} for i in range(n)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    batches = list(read_batches(input_of([str(tmp_path / "in.jsonl")])))
    assert [name for b in batches for name in b.extra] == [f"k{i}" for i in range(n)]
    cells = [len(b) * len(b.extra) for b in batches]
    assert max(cells) < 300_000  # of nine million


def test_a_table_of_too_many_columns_is_refused(tiny: Tagger, tmp_path: Path) -> None:
    names = ", ".join(f'"k{i}": 1' for i in range(16_001))
    (tmp_path / "in.jsonl").write_text(f'{{"text": "It may rain.", {names}}}\n')
    with pytest.raises(ConfigError, match=r"16,001 columns .* --keep, or write jsonl"):
        run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.csv"))
    assert run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.jsonl")).sentences == 1


def test_parts_may_hold_columns_of_other_categories(tiny: Tagger, tmp_path: Path) -> None:
    for name, kinds in (("a", ["x", "y", "x"]), ("b", ["z", "y", None])):
        column = pa.array(kinds).dictionary_encode()
        table = pa.table({"text": ["It may rain."] * 3, "kind_of": column})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    names = [str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    for part_bytes in (10, 1 << 20):
        output = tmp_path / f"o{part_bytes}.parquet"
        origin = input_of(names, sentences=True, taken=[*tiny.columns])
        run(tiny, JobSettings(origin, output, "parquet", part_bytes=part_bytes))
        assert pq.read_table(output)["kind_of"].to_pylist() == ["x", "y", "x", "z", "y", None]


def test_commands_collect_garbage_but_not_while_they_are_imported() -> None:
    code = (
        "import gc; from tagger.cli.main import cli; before = gc.get_threshold()\n"
        "cli.get_command(None, 'predict')\n"
        "print(gc.isenabled(), gc.get_threshold() == before, gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 3


def test_a_table_of_gaps_is_refused(tiny: Tagger, tmp_path: Path) -> None:
    rows = [{"text": "It may rain.", f"k{i}": i} for i in range(3500)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ConfigError, match=r"3,500 columns .* most of them filled"):
        run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.parquet"))


def test_what_python_cannot_hold_is_rejected_by_row(tiny: Tagger, tmp_path: Path) -> None:
    days = pa.array([2**31 - 1, 20_000, -(2**31)], pa.date32())
    table = pa.table({"text": ["It may rain.", "It fell.", "It rose."], "day": days})
    pq.write_table(table, tmp_path / "in.parquet")
    result = run(tiny, settings(tiny, tmp_path / "in.parquet", "o.jsonl"))
    assert (result.tagged, result.rejected) == (1, 2)
    assert [type(row).__name__ for row in read_rows(str(tmp_path / "in.parquet"))] == [
        *("Reject", "Reject", "Row"),
    ]


def test_values_that_lie_too_deep_are_rejected_by_row(tiny: Tagger, tmp_path: Path) -> None:
    deep = {"text": "It may rain.", "x": json.loads("[" * 600 + "]" * 600)}
    rows = [{"text": "It fell."}, deep, {"text": "It rose.", "x": [[[1]]]}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.jsonl"))
    assert (result.tagged, result.rejected) == (2, 1)


def test_columns_of_the_input_that_are_named_as_ours_all_have_a_name(
    tiny: Tagger, tmp_path: Path
) -> None:
    row = {"text": "It may rain.", "claim": 1, "input_claim": 2, "input_x": 3}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.jsonl"))
    (found,) = read_lines(tmp_path / "o.jsonl")
    named = {"input_claim": 1, "input_input_claim": 2, "input_x": 3}
    assert {name: found.get(name) for name in named} == named


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("documents", [False, True])
def test_wide_rows_are_done_in_short_steps_so_that_a_job_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, documents: bool
) -> None:
    for place in ("tagger.files.batches", "tagger.bulk.parts"):
        monkeypatch.setattr(f"{place}.MOST_VALUES", 2_000)
    monkeypatch.setattr("tagger.files.parquet._PIECE_ROWS", 50)
    monkeypatch.setattr("tagger.files.parquet._MOST_CELLS", 50)
    wide = {f"c{i}": [str(i)] * 400 for i in range(20)}
    text = "The talks may fail. " * (50 if documents else 1)  # 10 sentences, as they are counted
    rows = pa.table({"text": [text] * 400, **wide})
    path = tmp_path / f"in.{ending}"
    (arrow_csv.write_csv if ending == "csv" else pq.write_table)(rows, path)
    parts = list(read_parts(input_of([str(path)], sentences=not documents), 2 << 20))
    assert sum(part.rows for part in parts) == 400
    assert max(part.rows for part in parts) <= (50 if documents else 112)
