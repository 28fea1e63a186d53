"""A Dask cluster: Parquet files in, a folder of Parquet files out.

A piece of work is a row group of a file, which its worker reads once, batch by
batch. The folder holds, until all is done, a manifest for each piece that stands,
so that a run that broke off goes on with the pieces that are missing.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tagger.arrow import pyarrow, sound_rows
from tagger.bulk.arrow import Rows, tag_slices, tags_schema
from tagger.bulk.parts import tell_of_paragraphs
from tagger.bulk.settings import Result
from tagger.bulk.store import JOB, PART_COUNTS, PartStore
from tagger.errors import ConfigError, DataError, OutputError, required
from tagger.files import parquet
from tagger.files.columns import ColumnFinder, tell_nobody
from tagger.files.remote import is_address
from tagger.files.rows import Places, Reject
from tagger.processes import undisturbed
from tagger.schema import SENTENCE
from tagger.targets import LOCK, atomic_write, check_free, locked, write

_BATCH_ROWS = 4096
_SAMPLE_ROWS = 256
_SECONDS = 30  # within which a scheduler answers
# Dask's own settings fetch and return memory for every array, at twice the time.
_MEMORY = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 128 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 << 20,
}


@dataclass(frozen=True)
class _Piece:
    """A row group of a file."""

    number: int
    path: str
    group: int
    first: int
    rows: int


def _pieces(files: Sequence[str], rows: Rows, say: Callable[[str], None]) -> list[_Piece]:
    pieces: list[_Piece] = []
    columns = ColumnFinder(rows.origin(say))
    for path in files:
        if is_address(path):
            raise ConfigError(f"{path}: --engine dask reads files, no addresses: fetch it first")
        if path == "-" or not path.lower().endswith(".parquet"):
            raise ConfigError(f"{path}: --engine dask reads Parquet files, convert it first")
        first = 1
        with open(path, "rb") as stream:
            file = parquet.open_file(stream, path)
            metadata = file.metadata
            columns.see(file.schema_arrow.names)
            columns.of(file.schema_arrow.names, path)
            if not metadata.num_rows:
                say(f"{path}: no row in it")
        for group in range(metadata.num_row_groups):
            n = metadata.row_group(group).num_rows
            pieces.append(_Piece(len(pieces), path, group, first, n))
            first += n
    columns.refuse()
    return pieces


def tag_piece(piece: _Piece, store: PartStore, rows: Rows) -> dict[str, Any]:
    """Tag a row group into a file of its own; return its manifest, written last."""
    pa = pyarrow()
    rejects: list[Reject] = []
    n, others, cut, first, places = 0, 0, 0, piece.first, Places()
    with open(piece.path, "rb") as stream, atomic_write(store.part(piece.number)) as sink:
        file = parquet.open_file(stream, piece.path)
        schema = tags_schema(file.schema_arrow, rows)
        with pa.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[piece.group]):
                for tables, lost, n_cut, _ in tag_slices(batch, rows, piece.path, first, places):
                    for table in tables:
                        found = table["kind"].to_pylist().count(SENTENCE)
                        n += found
                        others += len(table) - found
                        writer.write_batch(table)
                    rejects += lost
                    cut += n_cut
                first += len(batch)
    counts = {"rows": piece.rows, "sentences": n, "others": others, "cut": cut}
    return store.seal(piece.number, rejects, **counts)


def predict_with_dask(
    files: Sequence[str],
    output: str,
    rows: Rows,
    scheduler: str | None = None,
    n_workers: int = 2,
    resume: bool = False,
    say: Callable[[str], None] = tell_nobody,
) -> Result:
    """Tag Parquet files on a Dask cluster into a folder of Parquet files, in the same order.

    Workers read and write the files themselves, so all must see the same folders.
    A worker that dies is replaced, and its piece done again; a piece that goes on
    killing workers is rejected with the reason. The sentences of a document are
    counted within a row group.

    Parameters
    ----------
    scheduler : address of the scheduler; a local cluster of `n_workers` where None.
    resume : whether to go on with an unfinished run of the same output.
    say : is told in sentences what was guessed.

    Raises
    ------
    DataError : the extra cluster is not installed, or an input cannot be read.
    OutputError : the output is there already, or another run is writing it.
    ConfigError : a run cannot be resumed, because input, model or options changed.
    """
    _distributed()
    target = Path(output)
    if not any((target / name).exists() for name in (JOB, LOCK)):  # unfinished
        check_free([target])
    notes: list[str] = []

    def note(message: str) -> None:
        notes.append(message)
        say(message)

    options = {k: v for k, v in asdict(rows).items() if k != "model"}
    store = PartStore(target, "parquet", rows.tagger.model.id, options, files)
    pieces, sample = _pieces(files, rows, note), _first_texts(files, rows)
    tell_of_paragraphs(rows.tagger, rows.origin(note), sample)
    target.mkdir(parents=True, exist_ok=True)
    with locked(target):
        store.begin(resume)
        done = {p.number: m for p in pieces if (m := store.load(p.number, p.rows)) is not None}
        reused = len(done)
        if missing := [piece for piece in pieces if piece.number not in done]:
            done.update(_on_cluster(missing, store, rows, scheduler, n_workers))
        store.check_unchanged()
        result = Result(
            **{name: sum(m[name] for m in done.values()) for name in PART_COUNTS},
            parts=len(done),
            reused=reused,
            knows_language=rows.tagger.knows_language("\n".join(sample)),
            notes=tuple(notes),
        )
        _finish(store, len(pieces), result, rows)
    return result


def _distributed() -> Any:
    return required("distributed", "cluster", "--engine dask needs the extra cluster", DataError)


def _on_cluster(
    pieces: list[_Piece], store: PartStore, rows: Rows, scheduler: str | None, n_workers: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each piece and its manifest, as they are done."""
    distributed = _distributed()
    if scheduler is not None:
        _require(scheduler)
    place = _local_cluster(n_workers) if scheduler is None else nullcontext(scheduler)
    # What Dask logs on its way down says less than the errors here.
    quiet = distributed.utils.silence_logging_cmgr(logging.CRITICAL)
    with quiet, place as cluster, _whole(lambda: distributed.Client(cluster)) as client:
        shared = copy(store)
        shared.folder = store.folder.resolve()  # workers may be in another one
        futures = client.map(tag_piece, pieces, store=shared, rows=rows, pure=False)
        of = dict(zip((f.key for f in futures), pieces, strict=True))
        for future in _completed(client, futures):
            piece = of[future.key]
            if future.cancelled():
                raise OutputError(
                    f"{store.folder}: the Dask scheduler was lost: start it again, and go on with "
                    "--resume"
                )
            if error := future.exception():
                yield piece.number, _lose(piece, error, store, rows)
            # Its worker may be gone meanwhile.
            elif manifest := store.load(piece.number, piece.rows):
                yield piece.number, manifest
            else:
                raise OutputError(
                    f"{store.part(piece.number)}: a worker wrote it, and it is not here: workers "
                    "must see the same folders"
                )


def _completed(client: Any, futures: Sequence[Any]) -> Iterator[Any]:
    """Yield futures as they are done; raise where for a while no worker has been there."""
    waiting = _distributed().as_completed(futures)
    alive = time.monotonic()
    while not waiting.is_empty():
        done = waiting.next_batch(block=False)
        yield from done
        if done:
            alive = time.monotonic()
        elif time.monotonic() - alive > _SECONDS:
            if not client.scheduler_info()["workers"]:
                raise OutputError(
                    f"the Dask scheduler has had no worker for {_SECONDS} s: start some, and go on "
                    "with --resume"
                )
            alive = time.monotonic()
        else:
            time.sleep(0.02)


@contextmanager
def _local_cluster(n_workers: int) -> Iterator[Any]:
    """Have workers on this machine, deaf to what ends this process and gone with it."""
    import dask

    def make() -> Any:
        with dask.config.set({**_MEMORY, "temporary-directory": scratch}):
            return _distributed().LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,  # else workers tell of a scheduler that ends first
            )

    with TemporaryDirectory(prefix="tagger-") as scratch, _whole(make) as cluster:
        yield cluster


@contextmanager
def _whole(make: Callable[[], Any]) -> Iterator[Any]:
    """Have what is made and closed whole, whatever signal comes: Dask leaves halves running."""
    made = None
    try:
        with undisturbed():
            made = make()
        yield made
    finally:
        if made is not None:
            with undisturbed():
                made.close()


def _require(scheduler: str) -> None:
    """Raise a ConfigError where no scheduler answers at an address."""
    import asyncio

    distributed = _distributed()

    async def knock() -> None:
        how = distributed.Security().get_connection_args("client")
        comm = await distributed.comm.connect(scheduler, timeout=_SECONDS, **how)
        await comm.close()

    try:
        asyncio.run(asyncio.wait_for(knock(), _SECONDS))
    except Exception as error:  # whatever another server's answer looks like to Dask
        why = str(error) or f"no answer in {_SECONDS} s"
        raise ConfigError(
            f"{scheduler!r} is no Dask scheduler that answers ({why}): start one (dask scheduler) "
            "and give its address, tcp://host:8786, or leave out --scheduler for local workers"
        ) from None


def _lose(piece: _Piece, error: BaseException, store: PartStore, rows: Rows) -> dict[str, Any]:
    """Reject the rows of a piece that cannot be tagged; its file is empty."""
    last = piece.first + piece.rows - 1
    reason = " ".join(f"rows {piece.first} to {last} cannot be tagged: {error}".split())
    with open(piece.path, "rb") as stream:
        schema = tags_schema(parquet.open_file(stream, piece.path).schema_arrow, rows)
    write(store.part(piece.number), parquet.empty(schema))
    reject = Reject(reason, "", piece.path, piece.first, piece.rows)
    return store.seal(piece.number, [reject], rows=piece.rows)


def _first_texts(files: Sequence[str], rows: Rows) -> list[str]:
    for path in files:
        with open(path, "rb") as stream:
            file = parquet.open_file(stream, path)
            own = ColumnFinder(rows.origin()).of(file.schema_arrow.names, path)
            if own is None:
                continue
            for batch in file.iter_batches(_SAMPLE_ROWS, columns=[own.text_column]):
                texts = sound_rows(batch)[0].column(0)
                return [str(text or "") for text in texts.to_pylist()]
    return []


def _finish(store: PartStore, n: int, result: Result, rows: Rows) -> None:
    """Gather the rejects and the counts, and remove what only an unfinished run needs."""
    if result.rejected:
        with atomic_write(store.folder / "_rejects.jsonl") as sink:
            for number in range(n):
                sink.write(store.rejects(number).read_bytes())
    write(store.folder / "_manifest.json", store.record(rows.tagger, result))
    for number in range(n):
        store.rejects(number).unlink(missing_ok=True)
        store.manifest(number).unlink(missing_ok=True)
    for name in (JOB, LOCK):
        (store.folder / name).unlink(missing_ok=True)
