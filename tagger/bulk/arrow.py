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
from tagger.files.columns import Columns, Input, tell_nobody
from tagger.files.names import check_once
from tagger.files.rows import BATCH_BYTES, MAX_DOCUMENT_BYTES, Places, Reject
from tagger.predictor import Tagger, shipped_model, steps


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
        taken = frozenset([*self.tagger.columns, "evidence", "reject"])
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
        own = Columns(origin).of(schema.names, source)
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
    return (
        rows.tagger.tag_table([], [], {}, True)
        .to_record_batch(_kinds(schema, rows.found(schema, "row")))
        .schema
    )


def output_schema(schema: Any, rows: Rows) -> Any:
    """Return the same with the column of the reasons why a row could not be tagged."""
    pa = pyarrow()
    return tags_schema(schema, rows).append(pa.field("reject", pa.string()))


def _kinds(schema: Any, origin: Input) -> dict[str, str]:
    return {
        origin.named(f.name): describe(takeable(f.type)) for f in schema if origin.passed_on(f.name)
    }


def tag_record_batch(
    batch: Any, rows: Rows, source: str = "", first: int = 1, places: Places | None = None
) -> Iterator[Any]:
    """Yield Arrow record batches of tagged sentences, and of rejects, for one of texts."""
    pa, schema = pyarrow(), output_schema(batch.schema, rows)
    for pieces, rejects, n_cut in tag_slices(batch, rows, source, first, places or Places()):
        if n_cut:
            _warn("a second reader has read only the beginning of sentences that are too long")
        for piece in pieces:
            none = pa.nulls(len(piece), pa.string())
            yield pa.RecordBatch.from_arrays([*piece.columns, none], schema=schema)
        if rejects:
            yield _rejected(rejects, schema)


def tag_slices(
    batch: Any, rows: Rows, source: str, first: int, places: Places
) -> Iterator[tuple[list[Any], list[Reject], int]]:
    """Yield, for slices of a batch, record batches of tagged sentences, the rejects, and how many
    sentences were too long for a second reader.
    """
    origin = rows.found(batch.schema, source)
    kinds = _kinds(batch.schema, origin)
    work = Work("parquet", rows.sentences, False, kinds, keep_headings=rows.keep_headings)
    batch = as_takeable(batch)
    for start, stop in steps(_sizes(batch.column(origin.text_column)), BATCH_BYTES):
        piece = batch.slice(start, stop - start)
        whole, rejects = check_record_batch(origin, piece, source, first + start, places)
        pieces, n_cut = [], 0
        for _, table in () if whole is None else work.tables(rows.tagger, whole, rejects):
            pieces.append(table.to_record_batch(work.kinds))
            n_cut += table.n_cut
        yield pieces, rejects, n_cut


def _sizes(texts: Any) -> npt.NDArray[np.int64]:
    """Return how many bytes texts have, one for what is none, shape (n,)."""
    pa = pyarrow()
    try:
        sizes = pa.compute.binary_length(texts)
    except pa.ArrowNotImplementedError:
        return np.ones(len(texts), np.int64)
    return np.asarray(pa.compute.fill_null(sizes, 1), np.int64)


def _rejected(rejects: Sequence[Reject], schema: Any) -> Any:
    pa = pyarrow()
    reasons = [f"{r.reason} [{r.raw}]" for r in rejects for _ in range(r.n_rows)]
    columns = [pa.nulls(len(reasons), field.type) for field in schema]
    columns[0] = pa.array([r.where for r in rejects for _ in range(r.n_rows)], schema[0].type)
    columns[-1] = pa.array(reasons, pa.string())
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
    table = data
    if isinstance(data, pa.RecordBatch):
        table = pa.Table.from_batches([data])
    elif not isinstance(data, pa.Table):
        table = pa.Table.from_pandas(data, preserve_index=False)
    rows.found(table.schema, "row", _warn)
    schema = output_schema(table.schema, rows)
    batches: list[Any] = []
    first, places = 1, Places()
    for batch in table.to_batches():
        batches += tag_record_batch(batch, rows, "row", first, places)
        first += len(batch)
    result = pa.Table.from_batches(batches, schema)
    if isinstance(data, pa.RecordBatch):
        (whole,) = result.combine_chunks().to_batches() or [_rejected([], schema)]
        return whole
    return result if isinstance(data, pa.Table) else result.to_pandas()


def _warn(note: str) -> None:
    warnings.warn(note, UserWarning, stacklevel=2)  # Python shows each of them once a process


def tag_partition(batches: Iterable[Any], rows: Rows | None = None) -> Iterator[Any]:
    """Tag the batches of a partition one by one, as Spark's mapInArrow and mapInPandas want it."""
    for batch in batches:
        yield tag_rows(batch, rows)
