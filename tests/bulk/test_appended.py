"""Parquet parts go one behind the other into the file that becomes the output."""

import errno
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagger import Tagger
from tagger.bulk.job import run
from tagger.bulk.settings import JobSettings
from tagger.bulk.store import PART_COUNTS
from tagger.errors import OutputError
from tagger.files import parquet
from tagger.files.writers import Layout, writer_of
from tagger.schema import CLAIMS

from .test_job import read_lines, settings, write_rows


def job(tmp_path: Path, tiny: Tagger, name: str, **how: object) -> JobSettings:
    return settings(tiny, tmp_path / "in.jsonl", name, part_bytes=1000, **how)


@pytest.fixture
def whole(tmp_path: Path, tiny: Tagger) -> bytes:
    write_rows(tmp_path / "in.jsonl", 100)
    assert run(tiny, job(tmp_path, tiny, "whole.parquet")).parts > 4
    return (tmp_path / "whole.parquet").read_bytes()


def stopped(tmp_path: Path, tiny: Tagger, after: int) -> Path:
    """Leave a job that has done some parts; return the folder of its parts."""
    asked = iter([False] * after + [True])
    run(tiny, job(tmp_path, tiny, "o.parquet"), stop=lambda: next(asked))
    return tmp_path / "o.parquet.parts"


def test_a_file_made_part_by_part_is_the_one_that_is_written_at_once(
    tmp_path: Path, tiny: Tagger, whole: bytes
) -> None:
    rows = pq.ParquetFile(tmp_path / "whole.parquet")
    groups = [rows.read_row_group(i) for i in range(rows.num_row_groups)]
    with parquet._writer(tmp_path / "once.parquet", rows.schema_arrow) as writer:
        for group in groups:
            writer.write_table(group)
    once = pq.ParquetFile(tmp_path / "once.parquet")
    found, asked = (x.metadata.to_dict()["row_groups"] for x in (rows, once))
    assert found == asked and len(groups) > 4
    body = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    assert whole[:body] == (tmp_path / "once.parquet").read_bytes()[:body]
    assert rows.read().equals(once.read()) and rows.schema == once.schema
    assert not (tmp_path / "whole.parquet.parts").exists()


LEFT = ["nothing", "tail", "range", "short", "footer", "gone"]


@pytest.mark.parametrize(
    ("damage", "jobs"), [*((x, 1) for x in LEFT), ("nothing", 2), ("range", 2)]
)
def test_what_is_left_of_a_file_is_gone_on_with(
    tmp_path: Path, tiny: Tagger, whole: bytes, damage: str, jobs: int
) -> None:
    folder = stopped(tmp_path, tiny, 3)
    body = folder / "body"
    content = body.read_bytes()
    first = pq.read_metadata(folder / "part-000000.footer").row_group(0)
    begin = 4 + sum(first.column(i).total_compressed_size for i in range(first.num_columns))
    if damage == "tail":  # of a part that kill -9 found half written
        body.write_bytes(content + b"half a part")
    elif damage == "range":
        body.write_bytes(content[: begin + 9] + b"?" + content[begin + 10 :])
    elif damage == "short":
        body.write_bytes(content[:-1])
    elif damage == "footer":
        (folder / "part-000001.footer").write_bytes(b"damaged")
    elif damage == "gone":
        body.unlink()
    result = run(tiny, job(tmp_path, tiny, "o.parquet", resume=True, jobs=jobs))
    assert (tmp_path / "o.parquet").read_bytes() == whole
    reused = {"nothing": 3, "tail": 3, "range": 1, "short": 2, "footer": 1, "gone": 0}
    assert result.reused == reused[damage]


def test_a_job_that_broke_off_as_it_ended_ends_again(
    tmp_path: Path, tiny: Tagger, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: Path, path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("tagger.bulk.job.rename_into_place", broken)
        with pytest.raises(OutputError, match="Input/output error"):
            run(tiny, job(tmp_path, tiny, "o.parquet"))
    result = run(tiny, job(tmp_path, tiny, "o.parquet", resume=True))
    assert result.reused == result.parts
    assert (tmp_path / "o.parquet").read_bytes() == whole


def test_an_output_on_another_disk_is_copied_there(
    tmp_path: Path, tiny: Tagger, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (tmp_path / "o.parquet").symlink_to(far / "real.parquet")
    replace = os.replace

    def across(source: object, target: object) -> None:
        if str(source).endswith("body"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(str(source), str(target))

    monkeypatch.setattr(os, "replace", across)
    run(tiny, job(tmp_path, tiny, "o.parquet"))
    assert (far / "real.parquet").read_bytes() == whole
    assert (tmp_path / "o.parquet").is_symlink()


@pytest.mark.parametrize("sound", [[], [1], [0, 2]])
def test_parts_without_a_row_that_can_be_tagged(
    tmp_path: Path, tiny: Tagger, sound: list[int]
) -> None:
    rows = [f'{{"text": "Talks may fail, {i}."}}' if i in sound else "broken" for i in range(4)]
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    result = run(tiny, settings(tiny, tmp_path / "in.jsonl", "o.parquet", part_bytes=10))
    assert (result.parts, result.rejected) == (4, 4 - len(sound))
    table = pq.read_table(tmp_path / "o.parquet")
    assert [t.split()[-1] for t in table["text"].to_pylist()] == [f"{i}." for i in sound]
    assert table.schema.field("claim").type == pa.string()
    assert len(read_lines(tmp_path / "o.parquet.rejects.jsonl")) == 4 - len(sound)


def test_a_library_that_counts_places_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"text": ["a"]})
    packed = parquet.pack(table.to_batches(), table.schema)
    size, _ = parquet.append(tmp_path / "body", 0, packed)
    before = (tmp_path / "body").read_bytes()
    monkeypatch.setattr(os, "lseek", lambda *place: 0)
    monkeypatch.setattr(parquet, "_writer", lambda *sink: None)
    with pytest.raises(OutputError, match=r"pyarrow [\d.]+ counts from \d+, expected \d+: install"):
        parquet.append(tmp_path / "body", size + 5, packed)
    assert (tmp_path / "body").read_bytes()[:size] == before


def test_an_interruption_at_the_very_end_costs_no_part(
    tmp_path: Path, tiny: Tagger, whole: bytes
) -> None:
    in_the_way = tmp_path / "o.parquet.manifest.json"
    in_the_way.mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        run(tiny, job(tmp_path, tiny, "o.parquet"))
    assert not (tmp_path / "o.parquet").exists()
    in_the_way.rmdir()
    result = run(tiny, job(tmp_path, tiny, "o.parquet", resume=True))
    assert result.reused == result.parts
    assert (tmp_path / "o.parquet").read_bytes() == whole


DAMAGE = [
    *((name, "x", 1) for name in PART_COUNTS),
    *(("rows", None, jobs) for jobs in (1, 2)),
    *(("size", value, 1) for value in ("x", -1, 10**15, 10**30, None)),
]


@pytest.mark.parametrize(("name", "value", "jobs"), DAMAGE)
def test_a_manifest_that_cannot_be_true_does_not_count(
    tmp_path: Path, tiny: Tagger, whole: bytes, name: str, value: object, jobs: int
) -> None:
    folder = stopped(tmp_path, tiny, 3)
    manifest = json.loads((folder / "part-000001.json").read_text())
    damaged = manifest | {name: manifest[name] + 1 if value is None else value}
    (folder / "part-000001.json").write_text(json.dumps(damaged))
    assert run(tiny, job(tmp_path, tiny, "o.parquet", resume=True, jobs=jobs)).reused == 1
    assert (tmp_path / "o.parquet").read_bytes() == whole


def test_parts_are_joined_outside_of_a_job_too(tmp_path: Path, whole: bytes) -> None:
    rows = pq.ParquetFile(tmp_path / "whole.parquet")
    parts = []
    for i in range(rows.num_row_groups):
        table = rows.read_row_group(i)
        (tmp_path / str(i)).write_bytes(parquet.pack(table.to_batches(), table.schema))
        parts.append((tmp_path / str(i), ""))
    layout = Layout([], lambda: rows.schema_arrow, CLAIMS, "")
    assert writer_of("parquet").join(parts, tmp_path / "joined.parquet", layout) == 100
    assert pq.read_table(tmp_path / "joined.parquet").equals(rows.read())
    assert not (tmp_path / "joined.parquet.part").exists()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_columns_come_from_the_first_rows_that_can_be_tagged(
    tmp_path: Path, tiny: Tagger, form: str
) -> None:
    # Up to 16 parts of rejects are held to get there.
    for n, tagged in ((15, 1), (16, 0)):
        rows = [*({"text": None, "n": i} for i in range(n)), {"text": "Talks may fail.", "n": n}]
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        result = run(tiny, settings(tiny, tmp_path / "in.jsonl", f"{n}.{form}", part_bytes=10))
        assert (result.parts, result.tagged) == (n + 1, tagged)
