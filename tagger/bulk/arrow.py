"""The same work on a cluster engine: rows in, rows out.

`tag_rows` is a pure function from a batch of rows to a batch of rows: it needs
nothing but the path of a model, which each worker loads once, and a row's tags
depend on that row alone. So an engine may cut the work anywhere and do a piece
twice, and the answer stays the same. Only `n`, the place of a row that is a
sentence in its document, is counted within the batch: cut where documents end.
A row that cannot be tagged comes back as one row without tags, with the reason in
the column ``reject``.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.arrow import as_takeable, describe, pyarrow, takeable
from tagger.bulk.parts import Work
from tagger.errors import DataError
from tagger.files.batches import check_record_batch
from tagger.files.columns import ColumnFinder, Input, tell_nobody
from tagger.files.names import check_once
from tagger.files.rows import BATCH_BYTES, MAX_DOCUMENT_BYTES, Places, Reject
from tagger.predictor import Tagger, shipped_model
from tagger.sequences import document_name, steps


@dataclass(frozen=True)
class Rows:
    """What the rows of a batch are. Plain values, so that it travels to any worker.

    Parameters
    ----------
    model : path of the model folder, the same on all workers; the shipped model if empty.
    sentences : whether each row is one sentence already.
    text_column, id_column : names of the columns with the text and the document, as in
        `tagger.files.columns.Input`; what is guessed is a UserWarning.
    limit : the most bytes of one text.
    keep_headings : whether headings are tagged like sentences.
    second_reader : as `Tagger.load` takes it.
    """

    model: str = ""
    sentences: bool = False
    text_column: str = "text"
    id_column: str = "doc"
    limit: int = MAX_DOCUMENT_BYTES
    keep_headings: bool = False
    second_reader: str | None = None

    @property
    def tagger(self) -> Tagger:
        """The model, loaded once a process."""
        return _load(self.model or str(shipped_model()), self.second_reader)

    def origin(self, say: Callable[[str], None] = tell_nobody) -> Input:
        """Return the same as the readers have it; `say` is told what is guessed."""
        taken = frozenset([*self.tagger.columns, "evidence", "reader", "reject"])
        return Input(
            (),
            sentences=self.sentences,
            text_column=self.text_column,
            id_column=self.id_column,
            limit=self.limit,
            taken=taken,
            say=say,
        )

    def found(self, schema: Any, source: str, say: Callable[[str], None] = tell_nobody) -> Input:
        """Return the same with the columns that an Arrow schema has.

        Raises
        ------
        DataError : none of them, or more than one, may hold the text.
        """
        check_once(schema.names, source)
        origin = self.origin(say)
        own = ColumnFinder(origin).of(schema.names, source)
        if own is None:
            found = ", ".join(schema.names)
            raise DataError(
                f"no column {self.text_column!r}, found {found}: name it as text_column"
            )
        return own


@lru_cache(maxsize=4)
def _load(path: str, second_reader: str | None) -> Tagger:
    return Tagger.load(path, second_reader)


def tags_schema(schema: Any, rows: Rows) -> Any:
    """Return the Arrow schema of the tags for an input with a given Arrow schema."""
    return _work(schema, rows, "row")[1].layout(rows.tagger).arrow()


def output_schema(schema: Any, rows: Rows) -> Any:
    """Return the same with the column of the reasons why a row could not be tagged."""
    pa = pyarrow()
    return tags_schema(schema, rows).append(pa.field("reject", pa.string()))


def _work(schema: Any, rows: Rows, source: str) -> tuple[Input, Work]:
    """Return what the columns of an Arrow schema hold, and how its rows are tagged."""
    origin = rows.found(schema, source)
    kinds = {
        origin.named(f.name): describe(takeable(f.type)) for f in schema if origin.passed_on(f.name)
    }
    return origin, Work("parquet", rows.sentences, False, kinds, keep_headings=rows.keep_headings)


def tag_record_batch(batch: Any, rows: Rows, first: int, places: Places) -> Iterator[Any]:
    """Yield Arrow record batches of tagged sentences, and of rejects, for one of texts."""
    pa, schema = pyarrow(), output_schema(batch.schema, rows)
    for pieces, rejects, n_cut, lines in tag_slices(batch, rows, "row", first, places):
        if n_cut:
            _warn("a second reader has read only the beginning of sentences that are too long")
        found = []
        for piece in pieces:
            none = pa.nulls(len(piece), pa.string())
            found.append(pa.RecordBatch.from_arrays([*piece.columns, none], schema=schema))
        if rejects:  # which stand where they stood
            found.append(_rejected(rejects, schema, rows, batch, first))
            order = np.argsort([*lines, *(r.line for r in rejects)], kind="stable")
            found = pa.Table.from_batches(found).take(order).to_batches()
        yield from found


def tag_slices(
    batch: Any, rows: Rows, source: str, first: int, places: Places
) -> Iterator[tuple[list[Any], list[Reject], int, list[int]]]:
    """Yield, for slices of a batch, record batches of tagged sentences, the rejects, how many
    sentences were too long for a second reader, and where there are rejects the row of each.
    """
    origin, work = _work(batch.schema, rows, source)
    batch = as_takeable(batch)
    for start, stop in steps(_sizes(batch.column(origin.text_column)), BATCH_BYTES):
        piece = batch.slice(start, stop - start)
        whole, rejects = check_record_batch(origin, piece, source, first + start, places)
        pieces, n_cut, rows_of = [], 0, []
        for fit, table in () if whole is None else work.tables(rows.tagger, whole, rejects):
            pieces.append(table.to_record_batch(work.kinds))
            n_cut += table.n_cut
            rows_of.append((fit.lines, table.row))
        yield pieces, rejects, n_cut, [x[i] for x, at in rows_of if rejects for i in at.tolist()]


def _sizes(texts: Any) -> npt.NDArray[np.int64]:
    """Return how many bytes texts have, one for what is none, shape (n,)."""
    pa = pyarrow()
    try:
        sizes = pa.compute.binary_length(texts)
    except pa.ArrowNotImplementedError:
        return np.ones(len(texts), np.int64)
    return np.asarray(pa.compute.fill_null(sizes, 1), np.int64)


def _rejected(rejects: Sequence[Reject], schema: Any, rows: Rows, batch: Any, first: int) -> Any:
    """Return rejected rows of a batch: their document, other columns and reasons."""
    pa, origin, batch = pyarrow(), rows.found(batch.schema, ""), as_takeable(batch)
    columns = {field.name: pa.nulls(len(rejects), field.type) for field in schema}
    # What is damaged is not looked at again.
    at = pa.array([r.line - first if r.raw else None for r in rejects], pa.int64())
    columns |= {
        origin.named(name): batch.column(name).take(at)
        for name in batch.schema.names
        if origin.passed_on(name)
    }
    docs = [r.where for r in rejects]
    if origin.id_column in batch.schema.names:
        docs = [*map(document_name, batch.column(origin.id_column).take(at).to_pylist(), docs)]
    columns["doc"] = pa.array(docs, pa.string())
    columns["reject"] = pa.array([f"{r.reason} [{r.raw}]" for r in rejects], pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)


def tag_rows(data: Any, rows: Rows | None = None) -> Any:
    """Tag a batch of rows and return it as the kind that it came as.

    Parameters
    ----------
    data : a pyarrow RecordBatch or Table, or a pandas DataFrame; it may be empty.
    rows : what its rows are.
    """
    (tagged,) = _tag_each([data], rows or Rows())
    return tagged


def _tag_each(tables: Iterable[Any], rows: Rows, parted: bool = False) -> Iterator[Any]:
    """Tag tables whose rows follow each other, in a partition where there are several."""
    first, places = 1, Places()
    for data in tables:
        table = _table(data)
        found = rows.found(table.schema, "row", _warn)
        if parted and first == 1 and found.id_column not in table.schema.names:
            _warn(
                f"no column {rows.id_column!r}: documents are numbered in each partition anew, "
                "so that those of several have the same names: name one as id_column"
            )
        yield _tag(data, table, rows, first, places)
        first += len(table)


def _table(data: Any) -> Any:
    pa = pyarrow()
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "iloc"):
        return pa.Table.from_pandas(data, preserve_index=False)
    raise DataError(
        f"found a {type(data).__name__}, expected a pyarrow RecordBatch or Table, or a pandas "
        "DataFrame (a polars one has to_arrow)"
    )


def _tag(data: Any, table: Any, rows: Rows, first: int, places: Places) -> Any:
    """Tag a table and return it as the kind that the data came as."""
    pa = pyarrow()
    schema = output_schema(table.schema, rows)
    batches: list[Any] = []
    for batch in table.to_batches():
        batches += tag_record_batch(batch, rows, first, places)
        first += len(batch)
    result = pa.Table.from_batches(batches, schema)
    if isinstance(data, pa.RecordBatch):
        (whole,) = result.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema)]
        return whole
    return result if isinstance(data, pa.Table) else result.to_pandas()


def _warn(note: str) -> None:
    warnings.warn(note, UserWarning, stacklevel=2)  # Python shows each of them once a process


def tag_partition(batches: Iterable[Any], rows: Rows | None = None) -> Iterator[Any]:
    """Tag the batches of a partition one by one, as Spark's mapInArrow and mapInPandas want it.

    Documents of rows without an id are numbered in each partition anew, which is a UserWarning.
    """
    return _tag_each(batches, rows or Rows(), parted=True)
