"""The same table from any engine, from any number of workers."""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagger.bulk.arrow import Rows, tag_partition, tag_rows
from tagger.bulk.dask import predict_with_dask
from tagger.errors import ConfigError, DataError, OutputError
from tagger.evaluation.tally import read_manifest
from tagger.files.folders import expand, is_output
from tagger.predictor import Tagger

from .conftest import sentences

# Dask and Spark warn of ports, sockets and old names that are none of ours.
pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]


def table(n: int) -> pa.Table:
    return pa.table({"doc": [f"d{i // 3}" for i in range(n)], "text": sentences(n), "k": range(n)})


def test_rows_give_what_the_tagger_gives(tiny: Tagger, tiny_folder: Path) -> None:
    rows = Rows(str(tiny_folder), sentences=True)
    found = tag_rows(table(30), rows)
    assert found["claim"].to_pylist() == tiny.predict(sentences(30))["claim"].tolist()
    assert found["k"].to_pylist() == list(range(30))
    assert found["reject"].null_count == 30


def test_kind_and_cut_of_the_batches_do_not_matter(tiny_folder: Path) -> None:
    rows = Rows(str(tiny_folder), sentences=True)
    whole = tag_rows(table(30), rows)
    (batch,) = table(30).to_batches()
    parts = [batch.slice(0, 6), batch.slice(6, 0), batch.slice(6, 24)]
    found = pa.Table.from_batches(list(tag_partition(parts, rows)))
    assert found.equals(whole)
    pandas = pytest.importorskip("pandas")
    frame = tag_rows(table(30).to_pandas(), rows)
    assert isinstance(frame, pandas.DataFrame)
    assert frame["claim"].tolist() == whole["claim"].to_pylist()


def test_empty_partition_passes_with_all_columns(tiny_folder: Path) -> None:
    rows = Rows(str(tiny_folder))
    found = tag_rows(table(3).slice(0, 0), rows)
    assert len(found) == 0
    assert found.schema == tag_rows(table(3), rows).schema


def test_row_that_cannot_be_tagged_comes_back_with_the_reason(tiny_folder: Path) -> None:
    data = pa.table({"text": ["The talks may fail.", None, " "]})
    found = tag_rows(data, Rows(str(tiny_folder))).to_pylist()
    assert [row["reject"] is None for row in found] == [True, False, False]
    assert "text is null, expected a string" in found[1]["reject"]
    with pytest.raises(DataError, match="no column 'body', found text"):
        tag_rows(data, Rows(str(tiny_folder), text_column="body"))


def test_an_input_without_a_text_is_refused_before_all_of_it_is_hashed(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.table({"words": sentences(3)}), tmp_path / "in.parquet")
    monkeypatch.setattr("tagger.bulk.store.fingerprint", lambda files: pytest.fail("hashed"))
    with pytest.raises(DataError, match="text"):
        files, output = [str(tmp_path / "in.parquet")], str(tmp_path / "out.parquet")
        predict_with_dask(files, output, Rows(str(tiny_folder)))


def test_rejected_rows_stay_in_their_place_with_their_columns(tiny_folder: Path) -> None:
    data = table(9).set_column(1, "text", [[*sentences(3), None, " ", *sentences(4)]])
    found = tag_rows(data, Rows(str(tiny_folder), sentences=True))
    assert found["k"].to_pylist() == list(range(9))
    assert found["doc"].to_pylist() == data["doc"].to_pylist()
    assert [i for i, x in enumerate(found["reject"].to_pylist()) if x] == [3, 4]
    assert found["claim"].to_pylist()[3:5] == [None, None]


def test_the_documents_of_a_partition_have_names_of_their_own(tiny_folder: Path) -> None:
    batches = [table(n).select(["text"]).to_batches()[0] for n in (2, 3)]
    with pytest.warns(UserWarning, match="no column 'doc'.* in each partition anew"):
        found = pa.Table.from_batches(list(tag_partition(batches, Rows(str(tiny_folder)))))
    assert found["doc"].to_pylist() == [f"row:{i}" for i in range(1, 6)]
    with pytest.raises(DataError, match="found a list, expected a pyarrow RecordBatch"):
        tag_rows([{"text": "Oil rose."}], Rows(str(tiny_folder)))


def test_one_worker_and_two_give_the_same_table(tmp_path: Path, tiny_folder: Path) -> None:
    pytest.importorskip("distributed")
    data = table(400).append_column("extra", [pa.array([f"é{i}" for i in range(400)])])
    pq.write_table(data, tmp_path / "in.parquet", row_group_size=50)
    rows = Rows(str(tiny_folder), sentences=True)
    tables = []
    for n in (1, 2):
        output = tmp_path / f"out{n}.parquet"
        done = predict_with_dask([str(tmp_path / "in.parquet")], str(output), rows, None, n)
        assert (done.sentences, done.rejected) == (400, 0)
        tables.append(pa.concat_tables(map(pq.read_table, sorted(output.glob("*.parquet")))))
    assert tables[0].equals(tables[1])
    assert tables[0]["text"].to_pylist() == sentences(400)
    with pytest.raises(OutputError, match="is there already"):
        predict_with_dask([str(tmp_path / "in.parquet")], str(tmp_path / "out1.parquet"), rows)


def test_dask_worker_killed_in_mid_run_costs_nothing(tmp_path: Path, tiny_folder: Path) -> None:
    distributed = pytest.importorskip("distributed")
    n = 20_000
    pq.write_table(table(n), tmp_path / "in.parquet", row_group_size=1_000)
    rows = Rows(str(tiny_folder), sentences=True)
    output = tmp_path / "out.parquet"
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:

        def kill_one() -> None:
            while len(list(output.glob("part-*.parquet"))) < 5:
                time.sleep(0.01)
            nanny = next(iter(cluster.workers.values()))
            killed.append(nanny.pid)
            os.kill(nanny.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        done = predict_with_dask(
            [str(tmp_path / "in.parquet")], str(output), rows, cluster.scheduler_address
        )
        killer.join()
    assert killed and (done.sentences, done.rejected) == (n, 0)
    found = pa.concat_tables(map(pq.read_table, sorted(output.glob("*.parquet"))))
    assert found["k"].to_pylist() == list(range(n))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "nonsense", ""])
def test_a_scheduler_that_is_not_there_is_named_at_once(
    tmp_path: Path, tiny_folder: Path, address: str, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("tagger.bulk.dask._SECONDS", 1)
    pq.write_table(table(3), tmp_path / "in.parquet")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        def reply() -> None:
            with silent.accept()[0] as caller:
                caller.sendall(answer)

        if answer:
            threading.Thread(target=reply, daemon=True).start()
        address = address.format(port=silent.getsockname()[1])
        start = time.monotonic()
        with pytest.raises(ConfigError, match="is no Dask scheduler that answers"):
            predict_with_dask(
                [str(tmp_path / "in.parquet")],
                str(tmp_path / "out"),
                Rows(str(tiny_folder), sentences=True),
                address,
            )
        assert time.monotonic() - start < 20


def test_a_cluster_without_workers_is_an_error_and_nothing_is_left(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("tagger.bulk.dask._SECONDS", 2)
    pq.write_table(table(30), tmp_path / "in.parquet")
    rows = Rows(str(tiny_folder), sentences=True)
    args = ([str(tmp_path / "in.parquet")], str(tmp_path / "out"), rows)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(OutputError, match="no worker for 2 s"),
    ):
        predict_with_dask(*args, cluster.scheduler_address)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    assert predict_with_dask(*args, resume=True).sentences == 30
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("moment", ["LocalCluster", "Client", "close"])
def test_a_signal_as_dask_starts_or_ends_leaves_nothing_half_made(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    distributed = pytest.importorskip("distributed")
    pq.write_table(table(3), tmp_path / "in.parquet")
    done = []

    def hit(now: str) -> None:
        if now == moment:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        done.append(now)

    class Made:
        def __init__(self, *args: object, **how: object) -> None:
            hit(type(self).__name__)

        def map(self, *args: object, **how: object) -> list[object]:
            raise OutputError("far enough")

        def close(self) -> None:
            hit("close")

    for name in ("LocalCluster", "Client"):
        monkeypatch.setattr(distributed, name, type(name, (Made,), {}))
    # As another thread does that takes what is sent to the process.
    monkeypatch.setattr(signal, "pthread_sigmask", lambda how, signs: set())
    with pytest.raises(KeyboardInterrupt):
        predict_with_dask(
            [str(tmp_path / "in.parquet")], str(tmp_path / "out"), Rows(str(tiny_folder))
        )
    made = ["LocalCluster"] if moment == "LocalCluster" else ["LocalCluster", "Client"]
    assert done == made + ["close"] * len(made)


def test_dask_rejects_have_the_shape_of_a_job_and_a_run_can_be_resumed(
    tmp_path: Path, tiny_folder: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    source, output = tmp_path / "in.parquet", tmp_path / "out"
    texts = [*sentences(8), None, "The talks may fail."]
    pq.write_table(pa.table({"text": texts}), source, row_group_size=5)
    rows = Rows(str(tiny_folder), sentences=True)
    args = ([str(source)], str(output), rows)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False
    ) as cluster:
        in_the_way = output / "_manifest.json.part"
        in_the_way.mkdir(parents=True)
        (output / "lock").touch()  # as a run that was killed at once leaves it
        with pytest.raises(OutputError, match="cannot be written"):
            predict_with_dask(*args, cluster.scheduler_address)
        in_the_way.rmdir()
        with pytest.raises(OutputError, match="go on with --resume"):
            predict_with_dask(*args, cluster.scheduler_address)
        (output / "part-000001.parquet").unlink()
        whole = predict_with_dask(*args, cluster.scheduler_address, resume=True)
        assert (whole.parts, whole.reused) == (2, 1)
        (reject,) = map(json.loads, (output / "_rejects.jsonl").read_text().splitlines())
        assert (reject["file"], reject["line"]) == (str(source), 9)
        assert "expected a string" in reject["reason"] and set(reject) >= {"raw"}
        assert (whole.rows, whole.sentences, whole.rejected) == (10, 9, 1)
    assert pq.read_table(output).num_rows == 9  # what else is there is hidden from readers
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    assert len(pandas.read_parquet(output)) == len(polars.read_parquet(output / "*.parquet")) == 9
    record = read_manifest(output)
    for name in ("manifest.json", "rejects.jsonl"):
        assert not is_output(tmp_path / f"_{name}", tmp_path)
        (output / f"_{name}").rename(output / name)  # as they were called before
    assert read_manifest(output) == record and record["rows"] == 10
    assert len(expand([str(output)], outputs=True)) == 2


def test_dask_tells_of_rows_of_several_sentences(tmp_path: Path, tiny_folder: Path) -> None:
    pytest.importorskip("distributed")
    texts = pa.array(["The talks may fail. Nobody knows why."] * 2 + ["The army left."])
    note = "2 of the first 3 rows with several sentences, tagged as one: leave out --sentences to "
    broken = pa.array([b"Oil \xff rose."], pa.binary()).view(pa.string())  # damaged: is rejected
    pq.write_table(pa.table({"text": pa.concat_arrays([texts, broken])}), tmp_path / "in.parquet")
    for one in (True, False):
        rows, output = Rows(str(tiny_folder), sentences=one), str(tmp_path / f"{one}")
        done = predict_with_dask([str(tmp_path / "in.parquet")], output, rows, None, 1)
        assert done.notes == (f"{note}cut them",) * one and done.rejected == 1


def test_spark_gives_the_same_table(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyspark_sql = pytest.importorskip("pyspark.sql")
    pytest.importorskip("pandas")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    pq.write_table(table(60), tmp_path / "in.parquet")
    rows = Rows(str(tiny_folder), sentences=True)
    expected = tag_rows(table(60), rows)
    spark = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    try:
        frame = spark.read.parquet(str(tmp_path / "in.parquet")).repartition(5)
        like = spark.createDataFrame(expected.to_pandas()[:1].assign(reject="")).drop("theme")
        fields = [f"`{f.name}` {f.dataType.simpleString()}" for f in like.schema]
        schema = ", ".join([*fields, "theme array<string>"])
        names = [f.name for f in like.schema] + ["theme"]

        def arrow(batches):  # type: ignore[no-untyped-def]
            for batch in tag_partition(batches, rows):
                yield batch.select(names)

        def pandas(frames):  # type: ignore[no-untyped-def]
            for found in tag_partition(frames, rows):
                yield found[names]

        for result in (frame.mapInArrow(arrow, schema), frame.mapInPandas(pandas, schema)):
            found = sorted((r["k"], r["claim"], r["p_speculation"]) for r in result.collect())
            columns = (expected[c].to_pylist() for c in ("k", "claim", "p_speculation"))
            assert found == sorted(zip(*columns, strict=True))
    finally:
        spark.stop()


def test_ray_gives_the_same_table(tiny_folder: Path) -> None:
    ray = pytest.importorskip("ray")
    rows = Rows(str(tiny_folder), sentences=True)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_arrow(table(60)).repartition(5)
        tagged = data.map_batches(lambda batch: tag_rows(batch, rows), batch_format="pyarrow")
        found = sorted((r["k"], r["claim"], r["p_speculation"]) for r in tagged.take_all())
    finally:
        ray.shutdown()
    expected = tag_rows(table(60), rows)
    columns = (expected[c].to_pylist() for c in ("k", "claim", "p_speculation"))
    assert found == sorted(zip(*columns, strict=True))
