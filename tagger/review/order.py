"""Which sentence to judge next: what teaches most comes first.

The least clear answers (uncertainty sampling: Lewis and Gale 1994), thinned so that they differ
from each other (maximal marginal relevance: Carbonell and Goldstein 1998), on TF-IDF rows.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.markup import name_of
from tagger.predictor import Tagger
from tagger.review.store import Store

_POOL = 600
_AHEAD = 30
_DIVERSITY = 0.5  # of what counts for a sentence, against how unclear it is


@dataclass(frozen=True)
class Next:
    """A sentence to judge, and why it is this one."""

    sentence: int
    reason: str


_OPEN = (
    "s.kind = 'sentence' AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.sentence = s.id"
    " AND d.reader = ? AND d.action IN ('answer', 'skip'))"
)
_OTHER = (
    "EXISTS (SELECT 1 FROM standing d WHERE d.sentence = s.id AND d.reader != ?"
    " AND d.action = 'answer')"
)


def remaining(store: Store, reader: str) -> dict[str, int]:
    """Count what a reader has not decided yet: all, those too close to call, second readings."""
    sql = f"SELECT count(*), coalesce(sum(review), 0) FROM sentences s WHERE {_OPEN}"
    n, doubtful = store.one(sql, reader)
    sql = f"SELECT count(*) FROM sentences s WHERE {_OTHER} AND {_OPEN}"
    return {"all": n, "doubtful": doubtful, "second": store.one(sql, reader, reader)[0]}


def second_readings(store: Store, reader: str) -> list[Next]:
    """Return sentences that another reader has decided, in the order of the documents."""
    sql = f"SELECT id FROM sentences s WHERE {_OTHER} AND {_OPEN} ORDER BY document, n LIMIT ?"
    rows = store.all(sql, reader, reader, _AHEAD)
    return [
        Next(row["id"], "another reader has decided it: a second, blind reading") for row in rows
    ]


def most_teaching(store: Store, tagger: Tagger, reader: str) -> list[Next]:
    """Return the sentences that teach most, the first first."""
    columns = "id, text, tags, closeness"
    sql = f"SELECT {columns} FROM sentences s WHERE {_OPEN} ORDER BY closeness LIMIT ?"
    rows = store.all(sql, reader, _POOL)
    if not rows:
        return []
    x = tagger.model.featurizer.transform([row["text"] for row in rows])
    norms = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    norms[norms == 0] = 1
    unclear = 1 / (1 + np.array([row["closeness"] for row in rows]))
    nearest = np.zeros(len(rows))
    chosen: list[Next] = []
    free = np.ones(len(rows), bool)
    for _ in range(min(_AHEAD, len(rows))):
        worth = np.where(free, (1 - _DIVERSITY) * unclear - _DIVERSITY * nearest, -np.inf)
        i = int(worth.argmax())
        chosen.append(Next(rows[i]["id"], _reason(rows[i], tagger, float(nearest[i]), i)))
        free[i] = False
        alike = np.asarray((x @ x[i].T).todense()).ravel() / (norms * norms[i])
        nearest = np.maximum(nearest, alike)
    return chosen


def _reason(row: Any, tagger: Tagger, nearest: float, rank: int) -> str:
    """Say why a sentence comes now."""
    p_of = {name: np.array(p) for name, p in json.loads(row["tags"])["p"].items()}
    closest = min(
        tagger.model.classifiers, key=lambda c: float(c.closeness(p_of[c.task.name][None])[0])
    )
    task, p = closest.task, p_of[closest.task.name]
    if task.multilabel:
        k = int(np.abs(p - closest.thresholds).argmin())
        line = closest.thresholds[k]
        what = f"{name_of(task.labels[k])} or not: {p[k]:.0%}, the line is at {line:.0%}"
    else:
        likeliest = np.argsort(-p / closest.thresholds)[:2]
        what = " or ".join(f"{name_of(task.labels[k])} {p[k]:.0%}" for k in likeliest)
    unlike = f"; unlike those before it (likeness {nearest:.2f})" if rank else ""
    close = "too close to call: " if row["closeness"] < 1 else "among the least clear: "
    return close + what + unlike


class Queue:
    """The next sentences of each reader, put in order anew once they are used up."""

    def __init__(self) -> None:
        self._ahead: dict[tuple[str, bool], tuple[str, list[Next]]] = {}

    def next(self, store: Store, tagger: Tagger, reader: str, second: bool) -> Next | None:
        """Return the next sentence that a reader has not decided; None where none is left."""
        model, ahead = self._ahead.get((reader, second), ("", []))
        if model != tagger.model.id:
            ahead = []
        for fresh in (False, True):
            if fresh and second:
                ahead = second_readings(store, reader)
            elif fresh:
                ahead = most_teaching(store, tagger, reader)
            while ahead:
                sql = f"SELECT 1 FROM sentences s WHERE s.id = ? AND {_OPEN}"
                if store.one(sql, ahead[0].sentence, reader):
                    self._ahead[reader, second] = tagger.model.id, ahead
                    return ahead[0]
                ahead = ahead[1:]
        return None
