"""A Dask cluster: Parquet files in, a folder of Parquet files out."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tagger.arrow import pyarrow
from tagger.bulk.arrow import Rows, output_schema, tag_record_batch
from tagger.bulk.store import fingerprint, reject_line
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import parquet, tagged
from tagger.files.rows import Reject

_TASK_ROWS = 50_000
_TRIM_BYTES = 128 << 20
_MMAP_BYTES = 32 << 20


@dataclass(frozen=True)
class _Range:
    """Rows of one row group of a file."""

    number: int
    path: str
    group: int
    start: int
    stop: int
    first: int


def _ranges(files: Sequence[str]) -> Iterator[_Range]:
    number = 0
    for path in files:
        if path == "-" or not path.lower().endswith(".parquet"):
            raise ConfigError(f"{path}: --engine dask reads Parquet files, convert it first")
        first = 1
        with open(path, "rb") as stream:
            metadata = parquet.open_file(stream, path).metadata
        for group in range(metadata.num_row_groups):
            n = metadata.row_group(group).num_rows
            for start in range(0, n, _TASK_ROWS):
                stop = min(start + _TASK_ROWS, n)
                yield _Range(number, path, group, start, stop, first + start)
                number += 1
            first += n


def tag_range(piece: _Range, output: str, rows: Rows) -> tuple[int, int]:
    """Tag some rows of a file into a file of its own; return sentences and rejected rows."""
    pa = pyarrow()
    target = Path(output) / f"part-{piece.number:06d}.parquet"
    n = n_rejected = at = 0
    rejects = b""
    with open(piece.path, "rb") as stream, tagged.atomic_write(target) as sink:
        file = parquet.open_file(stream, piece.path)
        schema = output_schema(file.schema_arrow, rows)
        tags = schema.remove(schema.get_field_index("reject"))
        with pa.parquet.ParquetWriter(sink, tags, compression="zstd") as writer:
            for batch in file.iter_batches(4096, row_groups=[piece.group]):
                low, high = max(piece.start - at, 0), min(piece.stop - at, len(batch))
                if low < high:
                    part = batch.slice(low, high - low)
                    for found in tag_record_batch(
                        part, rows, piece.path, piece.first + at + low - piece.start
                    ):
                        bad = found.filter(found.column("reject").is_valid())
                        for row in bad.to_pylist():
                            reject = Reject(row["reject"], "", row["doc"])
                            rejects += reject_line(reject)
                        n_rejected += len(bad)
                        good = found.filter(found.column("reject").is_null())
                        n += len(good)
                        writer.write_batch(good.select(tags.names))
                at += len(batch)
    if rejects:
        with tagged.atomic_write(target.with_suffix(".rejects.jsonl")) as sink:
            sink.write(rejects)
    return n, n_rejected


def predict_with_dask(
    files: Sequence[str],
    output: str,
    rows: Rows,
    scheduler: str | None = None,
    n_workers: int = 2,
) -> tuple[int, int]:
    """Tag Parquet files on a Dask cluster into a folder of Parquet files, in the same order.

    Workers read and write the files themselves, so all must see the same folders.
    A worker that dies is replaced, and its piece done again; a piece that goes on
    killing workers is rejected with the reason.

    Parameters
    ----------
    scheduler : address of the scheduler; a local cluster of `n_workers` where None.

    Returns
    -------
    Number of sentences written, and of rows rejected.

    Raises
    ------
    DataError : the extra cluster is not installed.
    OutputError : the output is there already.
    """
    try:
        import dask
        import distributed
    except ImportError:
        raise DataError(
            "--engine dask needs the extra cluster: pip install 'claim-tagger[cluster]'"
        ) from None
    # Untyped in distributed.
    local_cluster: Any = distributed.LocalCluster
    client_of: Any = distributed.Client
    as_completed: Any = distributed.as_completed
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: is there already, expected a new folder to write to")
    pieces = list(_ranges(files))
    target.mkdir(parents=True, exist_ok=True)
    cluster: Any = None
    if scheduler is None:
        # Dask's own settings fetch and return memory for every array, at twice the time.
        environment = "distributed.nanny.pre-spawn-environ"
        memory = {
            f"{environment}.MALLOC_TRIM_THRESHOLD_": _TRIM_BYTES,
            f"{environment}.MALLOC_MMAP_THRESHOLD_": _MMAP_BYTES,
        }
        with dask.config.set(memory):
            cluster = local_cluster(
                n_workers=n_workers, threads_per_worker=1, dashboard_address=None
            )
    n = n_rejected = 0
    try:
        with client_of(scheduler or cluster) as client:
            futures = client.map(
                tag_range, pieces, output=str(target.resolve()), rows=rows, pure=False
            )
            of = dict(zip((f.key for f in futures), pieces, strict=True))
            for future in as_completed(futures):
                error = future.exception()
                if error is None:
                    done, lost = future.result()
                else:
                    done, lost = 0, _give_up(of[future.key], error, target)
                n, n_rejected = n + done, n_rejected + lost
    finally:
        if cluster is not None:
            cluster.close()
    rejects = sorted(target.glob("part-*.rejects.jsonl"))
    if rejects:
        with tagged.atomic_write(target / "rejects.jsonl") as sink:
            for path in rejects:
                sink.write(path.read_bytes())
        for path in rejects:
            path.unlink()
    tagger = rows.tagger
    record = {
        "model": tagger.model.id,
        "options": {k: v for k, v in asdict(rows).items() if k != "model"},
        "inputs": fingerprint(files),
        "schema": tagger.schema.to_dict(),
        "sentences": n,
        "rejected": n_rejected,
        "out_of_fold": tagger.model.about.get("out_of_fold"),
    }
    with tagged.atomic_write(target / "manifest.json") as sink:
        sink.write((json.dumps(record, indent=2) + "\n").encode("ascii"))
    return n, n_rejected


def _give_up(piece: _Range, error: BaseException, target: Path) -> int:
    n = piece.stop - piece.start
    reason = f"rows {piece.first} to {piece.first + n - 1} cannot be tagged: {error}"
    path = target / f"part-{piece.number:06d}.rejects.jsonl"
    with tagged.atomic_write(path) as sink:
        sink.write(reject_line(Reject(" ".join(reason.split()), "", piece.path, piece.first, n)))
    return n
