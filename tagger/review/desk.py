"""The model in use and the store together: documents in, tagged; decisions over tags; exports."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tagger.arrow import listed
from tagger.bulk.parts import Work
from tagger.document import label_tuple
from tagger.errors import ConfigError, DataError
from tagger.files.batches import input_of, read_batches
from tagger.files.rows import Batch, Reject
from tagger.files.writers import OUTPUT_FORMATS, writer_of
from tagger.model.classifier import decode, encode
from tagger.predictor import Tagger
from tagger.review.store import Draft, Store, Verdict
from tagger.schema import HEADING, SENTENCE, Schema, numbered
from tagger.sequences import text_list
from tagger.table import TaggedTable
from tagger.training.adapt import closeness

EXPORTS = tuple(name for name in OUTPUT_FORMATS if name != "excel")
_DOCUMENTS_AT_ONCE = 32


class Desk:
    """What a page of readers works on.

    Parameters
    ----------
    store : of documents and decisions.
    tagger : the model of the last version that was adopted.
    """

    def __init__(self, store: Store, tagger: Tagger) -> None:
        self.store = store
        self.tagger = tagger

    @property
    def schema(self) -> Schema:
        """The tasks that are answered."""
        return self.tagger.schema

    # Documents

    def add_files(
        self, paths: Sequence[str], hidden: str = ""
    ) -> Iterator[list[int] | Reject | str]:
        """Read, tag and store files of any kind.

        Parameters
        ----------
        paths : of the files.
        hidden : what names of documents lose at their beginning, such as a temporary folder.

        Yields
        ------
        The numbers of documents as they are stored, what cannot be read, and what was guessed.
        """
        notes: list[str] = []
        taken = [*self.tagger.columns, "evidence"]
        for item in read_batches(input_of(list(paths), taken=taken, say=notes.append)):
            yield from (notes.pop(0) for _ in range(len(notes)))
            if isinstance(item, Reject):
                yield item
                continue
            for start in range(0, len(item), _DOCUMENTS_AT_ONCE):
                yield self._add(item, start, start + _DOCUMENTS_AT_ONCE, hidden)
        yield from notes

    def _add(self, batch: Batch, start: int, stop: int, hidden: str) -> list[int]:
        texts = text_list(batch.texts[start:stop], "text")
        docs = [name.removeprefix(hidden) for name in text_list(batch.docs[start:stop], "doc")]
        named = listed(batch.extra.get("title", [""] * len(batch.texts)))
        titles = [t if isinstance(t, str) else "" for t in named[start:stop]]
        headings = batch.headings[start:stop] if batch.headings else [()] * len(texts)
        return self.add_texts(texts, docs, titles, headings)

    def add_texts(
        self,
        texts: Sequence[str],
        names: Sequence[str],
        titles: Sequence[str],
        headings: Sequence[Sequence[Any]],
    ) -> list[int]:
        """Tag and store texts, and return the numbers of their documents."""
        clean = [_storable(text) for text in texts]
        rows = zip(clean, map(_storable, names), map(_storable, titles), headings, strict=True)
        drafts = self._drafts([(t, n, title, [list(h) for h in hs]) for t, n, title, hs in rows])
        return self.store.add(drafts, self.tagger.model.id)

    def _drafts(self, documents: Sequence[tuple[str, str, str, list[list[int]]]]) -> list[Draft]:
        """Tag documents: text, name, title and the ranges that the layout names headings."""
        ranges: Any = [[tuple(h) for h in headings] for *_, headings in documents]
        table = self.tagger.tag_table([text for text, *_ in documents], headings=ranges)
        pieces: list[list[dict[str, Any]]] = [[] for _ in documents]
        columns = {name: getattr(table, name) for name in ("text", "kind", "what")}
        columns |= {name: getattr(table, name).tolist() for name in ("n", "start", "end", "review")}
        columns["closeness"] = closeness(self.tagger.model, table.probabilities).tolist()
        for i, row in enumerate(table.row.tolist()):
            piece = {name: column[i] for name, column in columns.items()}
            pieces[row].append(piece | {"tags": json.dumps(tags_at(table, i))})
        return [
            _draft(self.schema, *document, own)
            for document, own in zip(documents, pieces, strict=True)
        ]

    def use(self, tagger: Tagger) -> None:
        """Use another version, and give all documents its answers.

        It ends early where meanwhile yet another version is used.
        """
        self.tagger = tagger
        model = tagger.model.id
        sql = f"SELECT * FROM documents WHERE model != ? LIMIT {_DOCUMENTS_AT_ONCE}"
        while self.tagger is tagger and (rows := self.store.all(sql, model)):
            kept = [(r["text"], r["name"], r["title"], json.loads(r["headings"])) for r in rows]
            for row, draft in zip(rows, self._drafts(kept), strict=True):
                self.store.retag(row["id"], draft, model)

    # Exports

    def export(self, name: str, reader: str, document: int | None, folder: Path) -> Path:
        """Write documents, with what a reader has decided, as `tagger predict` writes them.

        A sentence that the reader has decided carries their answers, and their name in the
        column ``reader``; the probabilities stay those of the model.

        Returns
        -------
        The file in `folder`: for a format of many files a ZIP of them.
        """
        if name not in EXPORTS:
            raise ConfigError(f"there is no export {name!r}, expected one of {', '.join(EXPORTS)}")
        work = Work(name, False, False, {"title": "string", "reader": "string"})
        writer, layout = writer_of(name), work.layout(self.tagger)
        parts: list[tuple[Path, str]] = []
        at = 0
        sql = "SELECT * FROM documents WHERE id > ? AND (? IS NULL OR id = ?) ORDER BY id LIMIT 64"
        with tempfile.TemporaryDirectory(dir=folder) as place:
            while rows := self.store.all(sql, at, document, document):
                at = rows[-1]["id"]
                data = writer.pack(list(self._encoded(rows, reader, work)), layout)
                if not parts:
                    data = writer.header(layout) + data
                path = Path(place) / str(len(parts))
                path.write_bytes(data)
                parts.append((path, hashlib.sha256(data).hexdigest()))
            if not parts:
                raise DataError("there is no document to export")
            output = folder / f"tagged{'.' + writer.ending if writer.ending else ''}"
            writer.join(parts, output, layout)
        return Path(shutil.make_archive(str(output), "zip", output)) if writer.folder else output

    def _encoded(self, rows: Sequence[Any], reader: str, work: Work) -> Iterator[Any]:
        writer = writer_of(work.format)
        for row in rows:
            extra = {"title": [row["title"]]}
            headings: Any = [[tuple(h) for h in json.loads(row["headings"])]]
            table = self.tagger.tag_table(
                [row["text"]], [row["name"]], extra, explain=writer.explains, headings=headings
            )
            verdicts = self.store.verdicts("s.document = ? AND reader = ?", row["id"], reader)
            sql = "SELECT id, n FROM sentences WHERE document = ?"
            places = {r["id"]: r["n"] for r in self.store.all(sql, row["id"])}
            by_n = {places[k]: r[reader] for k, r in verdicts.items() if r[reader].answers}
            yield writer.encode(corrected(table, by_n, reader), work.kinds, [row["text"]])

    def training_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the sentences that readers have answered as labelled data in our format.

        Where readers differ in a task, it is left out of the row as not annotated; what each
        of them said stands in ``readers``, as `tagger evaluate` reads it.
        """
        rows = self.store.all(
            "SELECT DISTINCT s.id, s.n, s.text, d.name FROM sentences s JOIN documents d"
            " ON d.id = s.document JOIN decisions c ON c.sentence = s.id ORDER BY s.document, s.n"
        )
        verdicts = self.store.verdicts()
        for row in rows:
            answered = {k: r for k, r in verdicts.get(row["id"], {}).items() if r.answers}
            if not answered:
                continue
            record = {"doc": row["name"], "n": row["n"], "text": row["text"]}
            record |= agreed(answered)
            notes = "; ".join(r.note for r in answered.values() if r.note)
            record |= {"reader": "|".join(sorted(answered))} | ({"note": notes} if notes else {})
            yield record | {"readers": {k: r.answers for k, r in sorted(answered.items())}}


def tags_at(table: TaggedTable, i: int) -> dict[str, Any]:
    """Return the labels and probabilities of a row of a table as plain JSON values."""
    labels: dict[str, Any] = {}
    probabilities: dict[str, list[float]] = {}
    for task in table.schema.tasks:
        p = table.probabilities[task.name][i]
        if np.isnan(p[0]):
            continue
        probabilities[task.name] = p.tolist()
        labels[task.name] = decode(task, table.labels[task.name][i : i + 1])[0]
    return {"labels": labels, "p": probabilities}


def corrected(table: TaggedTable, by_n: Mapping[int, Verdict], reader: str) -> TaggedTable:
    """Return a table with the answers of a reader, by the place of their sentence."""
    labels = {name: decided.copy() for name, decided in table.labels.items()}
    review, names = table.review.copy(), [""] * len(table)
    for i, n in enumerate(table.n.tolist()):
        if n in by_n:
            review[i], names[i] = False, reader
            for name, answer in by_n[n].answers.items():
                task = table.schema[name]
                labels[name][i] = encode(task, [tuple(answer) if task.multilabel else answer])[0]
    return replace(table, labels=labels, review=review, extra={**table.extra, "reader": names})


def agreed(verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """Return by task the answer on which all who answered it agree."""
    by_task: dict[str, list[Any]] = {}
    for verdict in verdicts.values():
        for task, answer in verdict.answers.items():
            by_task.setdefault(task, []).append(answer)
    return {task: a[0] for task, a in by_task.items() if all(x == a[0] for x in a)}


def _draft(
    schema: Schema, text: str, name: str, title: str, headings: list[list[int]], pieces: list[Any]
) -> Draft:
    key = hashlib.sha256(json.dumps([name, title, text]).encode()).hexdigest()
    if not title and pieces and pieces[0]["kind"] == HEADING:
        title = " ".join(pieces[0]["text"].split())
    own = [piece for piece in pieces if piece["kind"] == SENTENCE]
    number = numbered(schema)
    n, shares = len(own) or 1, [0.0] * len(number)
    for piece in own:
        for task, answer in json.loads(piece["tags"])["labels"].items():
            for label in label_tuple(answer):
                shares[number[task, label]] += 1 / n
    doubtful = sum(piece["review"] for piece in own)
    return Draft(key, name, title, text, headings, pieces, len(own), doubtful, shares)


def _storable(text: str) -> str:
    """Return a text without what SQLite cannot hold; each such character stays one."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
