"""Tagged sentences, one by one, as tasks for a labelling tool."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagger.arrow import ABSENT, listed
from tagger.files.tagged import plain, to_bytes
from tagger.schema import SENTENCE, Schema
from tagger.table import TaggedTable


@dataclass(frozen=True)
class Tagged:
    """A sentence that goes to a labelling tool.

    Parameters
    ----------
    answers : the model's labels by task.
    scores : by task, how probable its answer is; of several labels the least sure one.
    shares : by task, how probable each label of its answer is.
    several : the tasks that may have any number of labels.
    others : the other columns of its document.
    """

    text: str
    doc: str
    n: int
    start: int
    end: int
    answers: Mapping[str, list[str]]
    scores: Mapping[str, float]
    shares: Mapping[str, list[float]]
    several: frozenset[str]
    review: bool
    model: str
    schema: Schema
    others: Mapping[str, Any]

    @property
    def score(self) -> float:
        """How probable the least sure answer is."""
        return min(self.scores.values())


def meta(sentence: Tagged) -> dict[str, Any]:
    """Return what a sentence must keep so that it can come back, and its other columns."""
    names = ("doc", "n", "start", "end", "review")
    return {**sentence.others, **{name: getattr(sentence, name) for name in names}}


def shown_tasks(sentence: Tagged) -> dict[str, list[str]]:
    """Return by task its labels as a tool with one set of them shows them."""
    tasks = sentence.schema.tasks
    shared = Counter(label for task in tasks for label in task.labels)
    return {
        task.name: [x if shared[x] == 1 else f"{task.name}:{x}" for x in task.labels]
        for task in tasks
    }


def shown(sentence: Tagged) -> list[str]:
    """Return the labels of a sentence as such a tool shows them."""
    names = shown_tasks(sentence)
    return [
        names[task.name][task.labels.index(label)]
        for task in sentence.schema.tasks
        for label in sentence.answers[task.name]
    ]


def encode(
    table: TaggedTable,
    kinds: Mapping[str, str],
    documents: Sequence[str] | None,
    build: Callable[[Tagged], dict[str, Any]],
) -> bytes:
    """Return the sentences of a table as tasks, one JSON object a line; other pieces are none."""
    tasks = (json.dumps(build(s), ensure_ascii=False, default=plain) for s in _sentences(table))
    return to_bytes([f"{task}\n" for task in tasks])


def _sentences(table: TaggedTable) -> Iterator[Tagged]:
    columns = table.columns()
    tasks = table.schema.tasks
    extra = {name: listed(column) for name, column in table.extra.items()}
    several = frozenset(task.name for task in tasks if task.multilabel)
    for i, kind in enumerate(table.kind):
        if kind != SENTENCE:
            continue
        answers, scores, shares = {}, {}, {}
        for task in tasks:
            found = columns[task.name][i]
            answers[task.name] = found if task.multilabel else [found]
            p = table.probabilities[task.name][i].tolist()
            sure = [
                q if label in answers[task.name] else 1 - q
                for label, q in zip(task.labels, p, strict=True)
            ]
            whole = min(sure) if task.multilabel else max(p)
            scores[task.name] = round(whole, 6)
            shares[task.name] = [round(p[task.labels.index(x)], 6) for x in answers[task.name]]
        others = {name: column[i] for name, column in extra.items() if column[i] is not ABSENT}
        if table.evidence is not None:
            others["evidence"] = table.evidence[i]
        yield Tagged(
            text=table.text[i],
            doc=table.doc[i],
            n=int(table.n[i]),
            start=int(table.start[i]),
            end=int(table.end[i]),
            answers=answers,
            scores=scores,
            shares=shares,
            several=several,
            review=bool(table.review[i]),
            model=columns["model"][i],
            schema=table.schema,
            others=others,
        )
