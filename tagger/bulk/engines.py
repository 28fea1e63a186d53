"""The same work on a cluster engine: rows in, rows out.

`tag_rows` is a pure function from a batch of rows to a batch of rows: it needs
nothing but the path of a model, which each worker loads once, and a row's tags
depend on that row alone. So an engine may cut the work anywhere and do a piece
twice, and the answer stays the same. A row that cannot be tagged comes back as
one row without tags, with the reason in the column ``reject``.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tagger.arrow import describe, pyarrow
from tagger.bulk.job import Work, fingerprint, reject_line
from tagger.errors import ConfigError, DataError, OutputError
from tagger.files import parquet, tagged
from tagger.files.batches import BATCH_BYTES, Input, check_record_batch
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject
from tagger.predictor import Tagger, shipped_model

_TASK_ROWS = 50_000
_TRIM_BYTES = 128 << 20
_MMAP_BYTES = 32 << 20


@dataclass(frozen=True)
class Rows:
    """What the rows of a batch are. Plain values, so that it travels to any worker.

    Parameters
    ----------
    model : path of the model folder, the same on all workers; the shipped model if empty.
    sentences : whether each row is one sentence already.
    text_column, id_column : names of the columns with the text and the document.
    limit : the most bytes of one text.
    """

    model: str = ""
    sentences: bool = False
    text_column: str = "text"
    id_column: str = "doc"
    limit: int = MAX_DOCUMENT_BYTES

    @property
    def tagger(self) -> Tagger:
        """The model, loaded once a process."""
        return _load(self.model or str(shipped_model()))

    def given(self, source: str = "") -> Input:
        """Return the same as the readers have it."""
        return Input(
            (source,),
            None,
            self.sentences,
            self.text_column,
            self.id_column,
            None,
            self.limit,
            frozenset([*self.tagger.columns, "evidence", "reject"]),
        )


@lru_cache(maxsize=4)
def _load(path: str) -> Tagger:
    return Tagger.load(path)


def output_schema(schema: Any, rows: Rows) -> Any:
    """Return the Arrow schema of the output for an input with a given Arrow schema."""
    pa = pyarrow()
    empty = rows.tagger.tag_table([], [], {}, True)
    tags = empty.to_record_batch(_kinds(schema, rows)).schema
    return tags.append(pa.field("reject", pa.string()))


def _kinds(schema: Any, rows: Rows) -> dict[str, str]:
    given = rows.given()
    return {given.named(f.name): describe(f.type) for f in schema if given.passed_on(f.name)}


def tag_record_batch(batch: Any, rows: Rows, source: str = "", first: int = 1) -> Iterator[Any]:
    """Yield Arrow record batches of tagged sentences for one of texts.

    Parameters
    ----------
    batch : a pyarrow RecordBatch; it may be empty.
    rows : what its rows are.
    source, first : file and number of its first row, which name documents without an id.

    Raises
    ------
    DataError : the column with the texts is missing.
    """
    given = rows.given(source)
    schema = output_schema(batch.schema, rows)
    work = Work("parquet", rows.sentences, False, _kinds(batch.schema, rows))
    for start, stop in _slices(batch, rows):
        piece = batch.slice(start, stop - start)
        found, rejects = check_record_batch(given, piece, source, first + start)
        for whole in [found] if found is not None else []:
            for _, table in work.tables(rows.tagger, whole, rejects):
                yield _with_rejects(table.to_record_batch(work.kinds), schema)
        if rejects:
            yield _rejected(rejects, schema)


def _slices(batch: Any, rows: Rows) -> Iterator[tuple[int, int]]:
    """Cut a batch so that no piece has much more text than memory is meant to hold."""
    if rows.text_column not in batch.schema.names:
        names = ", ".join(batch.schema.names)
        raise DataError(f"no column {rows.text_column!r}, found {names}: name it as text_column")
    start = size = 0
    for i, text in enumerate(batch.column(rows.text_column)):
        size += len(text.as_buffer()) if text.is_valid and hasattr(text, "as_buffer") else 1
        if size >= BATCH_BYTES:
            yield start, i + 1
            start, size = i + 1, 0
    if start < len(batch):
        yield start, len(batch)


def _with_rejects(batch: Any, schema: Any) -> Any:
    pa = pyarrow()
    columns = [*batch.columns, pa.nulls(len(batch), pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _rejected(rejects: Sequence[Reject], schema: Any) -> Any:
    pa = pyarrow()
    reasons = [f"{r.reason} [{r.raw}]" for r in rejects for _ in range(r.n_rows)]
    columns = [
        pa.array(reasons) if field.name == "reject" else pa.nulls(len(reasons), field.type)
        for field in schema
    ]
    columns[0] = pa.array([r.where for r in rejects for _ in range(r.n_rows)], schema[0].type)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def tag_rows(data: Any, rows: Rows | None = None) -> Any:
    """Tag a batch of rows and return it as the kind that it came as.

    Parameters
    ----------
    data : a pyarrow RecordBatch or Table, or a pandas DataFrame; it may be empty.
    rows : what its rows are.
    """
    pa = pyarrow()
    rows = rows or Rows()
    if isinstance(data, pa.RecordBatch):
        table = pa.Table.from_batches([data])
    elif isinstance(data, pa.Table):
        table = data
    else:
        table = pa.Table.from_pandas(data, preserve_index=False)
    schema = output_schema(table.schema, rows)
    found: list[Any] = []
    first = 1
    for batch in table.to_batches():
        found += tag_record_batch(batch, rows, "row", first)
        first += len(batch)
    result = pa.Table.from_batches(found, schema)
    if isinstance(data, pa.RecordBatch):
        return result.combine_chunks().to_batches()[0] if len(result) else _empty(schema)
    return result if isinstance(data, pa.Table) else result.to_pandas()


def _empty(schema: Any) -> Any:
    pa = pyarrow()
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)


def tag_partition(batches: Iterable[Any], rows: Rows | None = None) -> Iterator[Any]:
    """Tag the batches of a partition one by one, as Spark's mapInArrow and mapInPandas want it."""
    for batch in batches:
        yield tag_rows(batch, rows)


# Dask


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
