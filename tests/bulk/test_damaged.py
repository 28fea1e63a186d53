"""Parquet files whose values are not what their types say."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tagger.cli.main import cli


def strings(values: list[bytes]) -> pa.Array:
    """Return strings that need not be UTF-8."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(values))
    )


N_ODD = 20
ODD = strings([b"ok", b"\xff\xfe", *[b"ok"] * (N_ODD - 2)])
LATE = pa.array([0, 2**61, *[0] * (N_ODD - 2)]).cast(pa.timestamp("us"))
SINGLE = pa.array(range(N_ODD + 1), pa.int32())


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (ODD, "Invalid UTF8"),
        (pa.StructArray.from_arrays([ODD], ["x"]), "Invalid UTF8"),
        (pa.ListArray.from_arrays(SINGLE, ODD), "Invalid UTF8"),
        (pa.DictionaryArray.from_arrays(pa.array(range(N_ODD), pa.int32()), ODD), "Invalid UTF8"),
        (pa.StructArray.from_arrays([LATE], ["x"]), "out of range"),
        (pa.ListArray.from_arrays(SINGLE, LATE), "out of range"),
    ],
)
def test_a_damaged_value_rejects_its_row_alone_wherever_it_stands(
    tmp_path: Path, column: pa.Array, reason: str, ending: str
) -> None:
    texts = [f"The army fired {i} rockets." for i in range(N_ODD)]
    pq.write_table(pa.table({"text": texts, "odd": column}), tmp_path / "in.parquet")
    args = ["predict", str(tmp_path / "in.parquet"), "--sentences", "--allow-rejects"]
    done = CliRunner().invoke(cli, [*args, "-o", str(tmp_path / f"o.{ending}")])
    assert f"{N_ODD} rows in = {N_ODD - 1} tagged + 1 rejected" in done.stderr, done.stderr
    (reject,) = (tmp_path / f"o.{ending}.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["line"] == 2 and reason in json.loads(reject)["reason"]


def test_a_time_zone_that_nobody_knows_is_said(tmp_path: Path) -> None:
    when = pa.array([0, 1]).cast(pa.timestamp("s", "Nowhere/Land"))
    pq.write_table(
        pa.table({"text": ["Oil rose.", "It may fall."], "when": when}), tmp_path / "a.parquet"
    )
    args = ["predict", str(tmp_path / "a.parquet"), "--sentences", "-o", str(tmp_path / "o.jsonl")]
    assert CliRunner().invoke(cli, args).exit_code == 1
    rejects = (tmp_path / "o.jsonl.rejects.jsonl").read_text()
    assert rejects.count("a time zone that nobody knows, 'Nowhere/Land'") == 2
    done = CliRunner().invoke(cli, [*args, "--keep", "", "--force"])
    assert done.exit_code == 0, done.stderr
