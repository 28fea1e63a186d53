"""What readers decide is kept: all of it, in order, whatever happens."""

import json
import sqlite3
from pathlib import Path

import pytest

from tagger.errors import ConfigError, OutputError
from tagger.review.desk import Desk
from tagger.review.store import ANSWER, NOTE, SKIP, Store
from tagger.schema import CLAIMS, Schema, Task


def test_the_last_decision_that_stands_counts_and_undo_is_one_too(desk: Desk) -> None:
    store = desk.store
    store.decide("anna", 2, ANSWER, "claim", "speculation")
    store.decide("anna", 2, ANSWER, "claim", "interpretation")
    store.decide("anna", 2, NOTE, note="hm")
    assert store.verdicts()[2]["anna"].answers == {"claim": "interpretation"}
    assert [store.undo("anna") for _ in range(2)] == [2, 2]
    assert store.verdicts()[2]["anna"].answers == {"claim": "speculation"}
    store.decide("anna", 2, SKIP, note="unclear")
    reading = store.verdicts()[2]["anna"]
    assert reading.answers == {} and reading.skipped == "unclear" and reading.decided
    assert [store.undo("anna") for _ in range(3)] == [2, 2, None]
    assert store.one("SELECT count(*) FROM decisions")[0] == 8  # nothing was taken away


def test_undo_is_of_ones_own_and_of_the_document_at_hand(desk: Desk) -> None:
    store = desk.store
    store.decide("anna", 2, ANSWER, "claim", "speculation")
    store.decide("ben", 2, ANSWER, "claim", "reported_fact")
    other = store.one("SELECT id FROM sentences WHERE document = 2")["id"]
    store.decide("anna", other, ANSWER, "claim", "reported_fact")
    assert store.undo("anna", 1) == 2
    assert list(store.verdicts()[2]) == ["ben"]


def test_decisions_can_be_neither_changed_nor_removed(desk: Desk) -> None:
    desk.store.decide("anna", 2, ANSWER, "claim", "speculation")
    with sqlite3.connect(desk.store.path) as db:
        for sql in ("DELETE FROM decisions", "UPDATE decisions SET answer = 'null'"):
            with pytest.raises(sqlite3.IntegrityError, match="decisions are kept"):
                db.execute(sql)
    db.close()


def test_each_commit_waits_for_the_disk(desk: Desk) -> None:
    assert desk.store.one("PRAGMA journal_mode")[0] == "wal"
    assert desk.store.one("PRAGMA synchronous")[0] == 2  # FULL


def test_the_same_document_is_stored_once(desk: Desk) -> None:
    again = desk.add_texts(["A new one."] * 2, ["x"] * 2, [""] * 2, [()] * 2)
    assert again[0] == again[1]
    assert desk.store.one("SELECT count(*) FROM documents")[0] == 3


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look at", b""])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    if content:
        with pytest.raises(ConfigError, match="not a store of tagger review"):
            Store(path, CLAIMS)
        assert path.read_bytes() == content
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE mine (x)")
        db.close()
        with pytest.raises(ConfigError, match="no store of this version"):
            Store(path, CLAIMS)
    else:
        Store(path, CLAIMS).close()  # an empty file is a new store


def test_a_store_that_cannot_be_written_is_a_store_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match=r"unable to open database file; .* disk has room"):
        Store(tmp_path / "gone" / "x.sqlite", CLAIMS)
    desk.store.close()
    path, connect = desk.store.path, sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda _, **more: connect(f"{path.as_uri()}?mode=ro", uri=True, **more)
    )
    store = Store(path, CLAIMS)
    assert store.one("SELECT count(*) FROM documents")[0] == 2
    with pytest.raises(OutputError, match="readonly database; nothing of this was stored"):
        store.decide("anna", 2, ANSWER, "claim", "speculation")
    store.close()


def test_a_store_of_other_labels_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="name another --store"):
        Store(desk.store.path, Schema((Task("tone", ("glad", "sad")),)))


def test_corrections_are_training_data_with_the_readers_names(desk: Desk) -> None:
    store = desk.store
    for reader, claim in (("anna", "speculation"), ("ben", "interpretation")):
        store.decide(reader, 2, ANSWER, "claim", claim)
        store.decide(reader, 2, ANSWER, "theme", ["military"])
    store.decide("ben", 3, ANSWER, "claim", "speculation")
    store.decide("ben", 3, NOTE, note="clear")
    store.decide("anna", 3, SKIP, note="unclear")
    rows = json.loads(json.dumps(list(desk.training_rows())))
    assert rows[0] == {
        "doc": "grain", "n": 1, "text": "Two soldiers were killed on Monday, the army said.",
        "theme": ["military"], "reader": "anna|ben",
        "readers": {
            "anna": {"claim": "speculation", "theme": ["military"]},
            "ben": {"claim": "interpretation", "theme": ["military"]},
        },
    }  # fmt: skip
    assert (rows[1]["claim"], rows[1]["reader"], rows[1]["note"]) == ("speculation", "ben", "clear")
    from tagger.corpus.corpus import read_corpus

    assert len(read_corpus(rows, desk.schema)) == 2
