"""Documents, their sentences and what readers decided, in one SQLite file.

Decisions are only ever added, undoing too, each in a transaction of its own. The journal is
a write-ahead log, and every commit waits for the disk (synchronous=FULL): what a reader was
told is stored is there after kill -9 and after a power cut.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagger.errors import ConfigError, DataError, OutputError
from tagger.schema import Schema

FORMAT = 1
_APPLICATION = 0x54414752  # TAGR, in the header of the file
ANSWER, SKIP, NOTE, UNDO = "answer", "skip", "note", "undo"

_TABLES = """
CREATE TABLE schema (tasks TEXT NOT NULL);
CREATE TABLE documents (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, title TEXT NOT NULL,
  text TEXT NOT NULL, headings TEXT NOT NULL, added TEXT NOT NULL, model TEXT NOT NULL,
  n INTEGER NOT NULL, doubtful INTEGER NOT NULL, shares TEXT NOT NULL);
CREATE TABLE sentences (
  id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents(id), n INTEGER NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL,
  text TEXT NOT NULL, tags TEXT NOT NULL, review INTEGER NOT NULL, closeness REAL NOT NULL,
  UNIQUE (document, n));
CREATE INDEX by_closeness ON sentences (closeness) WHERE kind = 'sentence';
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, reader TEXT NOT NULL,
  sentence INTEGER NOT NULL REFERENCES sentences(id), action TEXT NOT NULL,
  task TEXT NOT NULL, answer TEXT NOT NULL, note TEXT NOT NULL, undoes INTEGER UNIQUE);
CREATE INDEX by_sentence ON decisions (sentence, reader);
CREATE VIEW standing AS SELECT * FROM decisions d WHERE action != 'undo'
  AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.id);
CREATE TRIGGER kept BEFORE DELETE ON decisions
  BEGIN SELECT RAISE(ABORT, 'decisions are kept'); END;
CREATE TRIGGER unchanged BEFORE UPDATE ON decisions
  BEGIN SELECT RAISE(ABORT, 'decisions are kept'); END;
CREATE TABLE models (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, folder TEXT NOT NULL, hash TEXT NOT NULL,
  status TEXT NOT NULL, step TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE adoptions (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, model INTEGER NOT NULL, reader TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Draft:
    """A document to store: its text, its tagged pieces as columns, and what they sum to."""

    key: str
    name: str
    title: str
    text: str
    headings: Sequence[Sequence[int]]
    pieces: Sequence[Mapping[str, Any]]
    n: int
    doubtful: int
    shares: Sequence[float]


@dataclass
class Verdict:
    """What one reader made of one sentence.

    Parameters
    ----------
    answers : by task, the label, or a list of labels.
    skipped : the reason it was passed over for, None where it was not.
    note : what the reader noted.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    skipped: str | None = None
    note: str = ""

    @property
    def decided(self) -> bool:
        """Whether the reader is done with the sentence."""
        return bool(self.answers) or self.skipped is not None

    def add(self, row: sqlite3.Row) -> None:
        """Take a further decision into account."""
        if row["action"] == ANSWER:
            self.answers[row["task"]] = json.loads(row["answer"])
            self.skipped = None
        elif row["action"] == SKIP:
            self.skipped, self.answers = row["note"], {}
        elif row["action"] == NOTE:
            self.note = row["note"]


class Store:
    """The SQLite file of one project of readers.

    Parameters
    ----------
    path : the file; made where it is not there.
    schema : the tasks that are answered.

    Raises
    ------
    ConfigError : the file is no such store, or one of another schema or a later format.
    OutputError : the file cannot be written, here or later: the disk is full, or read-only.
    """

    def __init__(self, path: str | Path, schema: Schema) -> None:
        self.path = Path(path).resolve()  # through a link: versions lie beside the file itself
        self._lock = threading.RLock()
        with self._held():
            self._db = sqlite3.connect(path, timeout=30, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            self._db.isolation_level = None
            self._open(schema)

    def _open(self, schema: Schema) -> None:
        tasks = json.dumps(schema.to_dict(), sort_keys=True)
        owner, version, n_tables = (
            self.one(sql)[0]
            for sql in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_master",
            )
        )
        if n_tables and (owner != _APPLICATION or version > FORMAT):
            raise ConfigError(
                f"{self.path}: is no store of this version of tagger review: name another file"
            )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA foreign_keys=ON")
        with self.write() as db:
            if not self.one("SELECT count(*) FROM sqlite_master")[0]:
                for statement in _TABLES.split(";\n"):
                    # The body of a trigger holds a semicolon, but none at a line's end.
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA application_id={_APPLICATION}")
                db.execute(f"PRAGMA user_version={FORMAT}")
                db.execute("INSERT INTO schema VALUES (?)", (tasks,))
        known = Schema.from_dict(json.loads(self.one("SELECT tasks FROM schema")[0]))
        if _labels(known) != _labels(schema):
            raise ConfigError(
                f"{self.path}: its labels are {_labels(known)}, those of the model "
                f"{_labels(schema)}: name another --store, or the model it was made with"
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keep other threads out, and say in a reader's words what SQLite refuses."""
        try:
            with self._lock:
                yield
        except OverflowError:  # of a number with more than 64 bits
            raise DataError("a number is too large: expected one that the page shows") from None
        except sqlite3.DatabaseError as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
                raise  # a mistake of ours
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise ConfigError(f"{self.path}: not a store of tagger review: {error}") from None
            raise OutputError(
                f"{self.path}: the store cannot be used: {error}; nothing of this was stored: see "
                "that its disk has room and can be written, then do it again"
            ) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a transaction; inside another one, that one goes on."""
        with self._held():
            if self._db.in_transaction:  # of this thread, which alone holds the lock
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends it itself where the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._held():
            return self._db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """Return the first row of a query; None where there is none."""
        with self._held():
            return self._db.execute(sql, values).fetchone()

    # Documents

    def add(self, drafts: Iterable[Draft], model: str) -> list[int]:
        """Store documents; those that are there already keep what they have.

        Returns
        -------
        Their numbers.
        """
        numbers = []
        with self.write() as db:
            for d in drafts:
                found = self.one("SELECT id FROM documents WHERE key = ?", d.key)
                if found is None:
                    values = (d.key, d.name, d.title, d.text, json.dumps(d.headings), _now())
                    sums = (model, d.n, d.doubtful, json.dumps(d.shares))
                    marks = ",".join("?" * 10)
                    number = db.execute(
                        "INSERT INTO documents (key, name, title, text, headings, added, model, n,"
                        f" doubtful, shares) VALUES ({marks})",
                        (*values, *sums),
                    ).lastrowid
                    db.executemany(
                        "INSERT INTO sentences (document, n, start, end, kind, what, text, tags,"
                        f" review, closeness) VALUES ({number}, :n, :start, :end, :kind, :what,"
                        " :text, :tags, :review, :closeness)",
                        d.pieces,
                    )
                else:
                    number = found["id"]
                numbers.append(int(number or 0))
        return numbers

    def retag(self, number: int, draft: Draft, model: str) -> None:
        """Give the sentences of a document the answers of another model."""
        with self.write() as db:
            db.executemany(
                "UPDATE sentences SET tags = :tags, review = :review, closeness = :closeness"
                f" WHERE document = {number} AND n = :n",
                draft.pieces,
            )
            n = self.one("SELECT count(*) FROM sentences WHERE document=?", number)[0]
            assert len(draft.pieces) == n
            values = (model, draft.doubtful, json.dumps(draft.shares), number)
            db.execute("UPDATE documents SET model=?, doubtful=?, shares=? WHERE id=?", values)

    # Decisions

    def decide(self, reader: str, sentence: int, action: str, task: str = "",
               answer: Any = None, note: str = "") -> int:  # fmt: skip
        """Store what a reader decided of a sentence, and return the number of the decision."""
        with self.write() as db:
            row = (_now(), reader, sentence, action, task, json.dumps(answer), note)
            columns = "at, reader, sentence, action, task, answer, note"
            sql = f"INSERT INTO decisions ({columns}) VALUES (?,?,?,?,?,?,?)"
            return int(db.execute(sql, row).lastrowid or 0)

    def undo(self, reader: str, document: int | None = None) -> int | None:
        """Undo the last decision of a reader that stands, in a document or anywhere.

        Returns
        -------
        The number of its sentence, None where nothing stands.
        """
        with self.write() as db:
            row = self.one(
                "SELECT d.id, d.sentence FROM standing d JOIN sentences s ON s.id = d.sentence"
                " WHERE reader = ? AND (? IS NULL OR document = ?) ORDER BY d.id DESC LIMIT 1",
                *(reader, document, document),
            )
            if row is None:
                return None
            db.execute(
                "INSERT INTO decisions (at, reader, sentence, action, task, answer, note, undoes)"
                " VALUES (?, ?, ?, ?, '', 'null', '', ?)",
                (_now(), reader, row["sentence"], UNDO, row["id"]),
            )
            return int(row["sentence"])

    def verdicts(self, where: str = "1", *values: Any) -> dict[int, dict[str, Verdict]]:
        """Return by sentence and reader what stands, of the sentences `s` that fit a condition."""
        rows = self.all(
            "SELECT d.* FROM standing d JOIN sentences s ON s.id = d.sentence"
            f" WHERE {where} ORDER BY d.id",
            *values,
        )
        found: dict[int, dict[str, Verdict]] = {}
        for row in rows:
            by_reader = found.setdefault(row["sentence"], {})
            by_reader.setdefault(row["reader"], Verdict()).add(row)
        return found

    # Models

    def add_model(self, digest: str, status: str) -> int:
        """Store a version of the model, which has no folder yet."""
        with self.write() as db:
            sql = "INSERT INTO models (at, folder, hash, status, step, report)"
            row = (_now(), digest, status)
            return int(db.execute(f"{sql} VALUES (?,'',?,?,'','{{}}')", row).lastrowid or 0)

    def set_model(self, number: int, **values: str) -> None:
        """Write down how a version has come along."""
        assert values.keys() <= {"folder", "hash", "status", "step", "report"}
        with self.write() as db:
            columns = ", ".join(f"{name} = ?" for name in values)
            db.execute(f"UPDATE models SET {columns} WHERE id = ?", (*values.values(), number))

    def finished(self, number: int) -> Any:
        """Return a version that is trained."""
        row = self.one("SELECT * FROM models WHERE id = ? AND status = 'done'", number)
        if row is None:
            raise DataError(f"there is no finished version {number}")
        return row

    def adopt(self, number: int, reader: str) -> None:
        """Make a version the one that is used."""
        self.finished(number)
        with self.write() as db:
            sql = "INSERT INTO adoptions (at, model, reader) VALUES (?, ?, ?)"
            db.execute(sql, (_now(), number, reader))

    @property
    def adopted(self) -> Any:
        """The version that is used; None where there is none yet."""
        return self.one(
            "SELECT m.* FROM models m JOIN adoptions a ON a.model = m.id ORDER BY a.id DESC LIMIT 1"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _labels(schema: Schema) -> str:
    return "; ".join(f"{task.name}: {', '.join(task.labels)}" for task in schema.tasks)
