"""What is tagged: tasks and their labels."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from unicodedata import normalize

from tagger.errors import ConfigError, DataError, did_you_mean, n_of

SENTENCE, HEADING, OTHER = KINDS = ("sentence", "heading", "other")
"""What a piece of a text is: only a sentence has an answer to every task."""


def answered_by(model: str, reread: bool) -> str:
    """Return which readers answered a row: of ``FIRST+SECOND`` both where it was reread."""
    return model if reread else model.partition("+")[0]


def is_apart(row: Mapping[str, Any]) -> bool:
    """Return whether a row of tagged output is a piece that is no sentence."""
    return row.get("kind") in (HEADING, OTHER) and "model" in row


MULTILABEL_SEPARATOR = "|"
OWN_COLUMNS = (
    *("doc", "n", "kind", "what", "start", "end", "text", "review", "model", "evidence", "reject"),
    *("readers",),
)
"""Columns of tagged output, or of labelled data, that are not answers to a task."""


@dataclass(frozen=True)
class Task:
    """One question asked of every sentence.

    Parameters
    ----------
    name : column of the data that holds the answer.
    labels : the legal answers, in the order of the columns of `predict_proba`.
    multilabel : whether a sentence may have any number of labels instead of exactly one.
    definitions : what each label means, by label.
    """

    name: str
    labels: tuple[str, ...]
    multilabel: bool = False
    definitions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = 1 if self.multilabel else 2
        if len(self.labels) < least:
            found = n_of(len(self.labels), "label")
            raise ConfigError(f"task {self.name!r} has {found}, expected at least {least}")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"task {self.name!r} lists a label twice: {', '.join(self.labels)}")
        for label in self.labels:
            if not label or MULTILABEL_SEPARATOR in label or label != label.strip():
                raise ConfigError(
                    f"task {self.name!r} has the label {label!r}; a label is not empty, has no "
                    f"{MULTILABEL_SEPARATOR!r} and no space around it"
                )
        for label in self.definitions:
            if label not in self.labels:
                raise ConfigError(
                    f"task {self.name!r} defines {label!r}: {did_you_mean(label, self.labels)}"
                )

    def parse(self, value: Any) -> str | tuple[str, ...]:
        """Return `value` as a legal answer.

        Parameters
        ----------
        value : a label; for a multi-label task a list of labels or one string with the
            labels joined by ``|`` (empty: none).

        Returns
        -------
        The label, or for a multi-label task a tuple of labels in the task's order.

        Raises
        ------
        DataError : a label that the task does not have, or a value of another type.
        """
        if not self.multilabel:
            if not isinstance(value, str):
                raise DataError(f"{self.name} is {value!r}, expected one label as a string")
            return self._check(value)
        if isinstance(value, str):
            value = [part for part in value.split(MULTILABEL_SEPARATOR) if part.strip()]
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise DataError(f"{self.name} is {value!r}, expected a list of labels")
        given = {self._check(v.strip()) for v in value}
        return tuple(label for label in self.labels if label in given)

    def _check(self, label: str) -> str:
        if label not in self.labels:
            # Letter and accent may stand apart on either side; for the reader they are the same.
            for own in self.labels:
                if normalize("NFC", own) == normalize("NFC", label):
                    return own
            raise DataError(f"{self.name} is {label!r}: {did_you_mean(label, self.labels)}")
        return label

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain JSON values."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "multilabel": self.multilabel,
            "definitions": dict(self.definitions),
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Task":
        """Build a task from what `to_dict` gave or a schema file holds.

        Raises
        ------
        ConfigError : a key is missing, unknown or of the wrong type.
        """
        known = {"name", "labels", "multilabel", "definitions"}
        for key in raw:
            if key not in known:
                raise ConfigError(f"a task has the key {key!r}: {did_you_mean(key, known)}")
        name, labels = raw.get("name"), raw.get("labels")
        multilabel, definitions = raw.get("multilabel", False), raw.get("definitions", {})
        if not isinstance(name, str) or not name:
            raise ConfigError(f"a task needs a name, found {name!r}")
        if not isinstance(labels, (list, tuple)) or not all(isinstance(v, str) for v in labels):
            raise ConfigError(f"task {name!r} needs a list of labels, found {labels!r}")
        if not isinstance(multilabel, bool):
            raise ConfigError(
                f"task {name!r}: multilabel is {multilabel!r}, expected true or false"
            )
        if not isinstance(definitions, dict) or not all(
            isinstance(v, str) for v in definitions.values()
        ):
            raise ConfigError(f"task {name!r}: definitions must map labels to sentences")
        return cls(name, tuple(labels), multilabel, dict(definitions))


@dataclass(frozen=True)
class Schema:
    """The tasks of one model."""

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ConfigError("a schema needs at least one task")
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ConfigError(f"a schema lists a task twice: {', '.join(names)}")
        columns = self.answer_columns
        for name in columns:
            if name in OWN_COLUMNS or columns.count(name) > 1:
                taken = "of tagged output" if name in OWN_COLUMNS else "of another answer"
                raise ConfigError(
                    f"the answers to {', '.join(names)} need a column {name!r}, which is one "
                    f"{taken}: give the task another name"
                )

    def __getitem__(self, name: str) -> Task:
        for task in self.tasks:
            if task.name == name:
                return task
        known = [task.name for task in self.tasks]
        raise ConfigError(f"there is no task {name!r}: {did_you_mean(name, known)}")

    @property
    def single(self) -> Task | None:
        """The first single-label task, whose answer gives a sentence tint and mark; or None."""
        return next((task for task in self.tasks if not task.multilabel), None)

    @property
    def n_labels(self) -> int:
        """How many labels all tasks have together."""
        return sum(len(task.labels) for task in self.tasks)

    @property
    def answer_columns(self) -> list[str]:
        """The columns of the answers in tagged output: each task and its probabilities."""
        return [c for task in self.tasks for c in (task.name, *self.probability_columns(task))]

    def output_columns(self, extra: Iterable[str] = (), explain: bool = False) -> list[str]:
        """Return the columns of tagged output in their order, with others of the input rows."""
        begun = ["doc", "n", "kind", "what", *extra, "start", "end", "text", *self.answer_columns]
        return [*begun, "review", "model", *(["evidence"] if explain else [])]

    def probability_columns(self, task: Task) -> list[str]:
        """Return the columns of a task's probabilities in tagged output.

        ``p_LABEL``, or ``p_TASK_LABEL`` for a label that two tasks share.
        """
        shared = Counter(label for other in self.tasks for label in other.labels)
        return [
            f"p_{label}" if shared[label] == 1 else f"p_{task.name}_{label}"
            for label in task.labels
        ]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the tasks as plain JSON values."""
        return [task.to_dict() for task in self.tasks]

    @classmethod
    def from_dict(cls, raw: Any) -> "Schema":
        """Build a schema from what `to_dict` gave or a schema file holds."""
        if not isinstance(raw, list) or not all(isinstance(task, dict) for task in raw):
            raise ConfigError(f"a schema is a list of tasks, found {type(raw).__name__}")
        return cls(tuple(Task.from_dict(task) for task in raw))


def numbered(schema: Schema) -> dict[tuple[str, str], int]:
    """Return by task and label its number among all labels of a schema."""
    pairs = [(task.name, label) for task in schema.tasks for label in task.labels]
    return {pair: number for number, pair in enumerate(pairs)}


def outputs_of(schema: Schema) -> list[tuple[Task, slice]]:
    """Return each task with the places of its labels among all of the schema."""
    ends = accumulate(len(task.labels) for task in schema.tasks)
    return [(t, slice(end - len(t.labels), end)) for t, end in zip(schema.tasks, ends, strict=True)]


CLAIM = Task(
    "claim",
    ("reported_fact", "interpretation", "speculation"),
    definitions={
        "reported_fact": "an event, state of affairs, figure, statement, decision or plan "
        "presented as so: the record up to now could settle it without a judgement call",
        "interpretation": "what something means, why it is so, how good, bad, big or wise it "
        "is; an opinion, explanation, verdict or demand in the speaker's own voice",
        "speculation": "what may be, may have been or will come: possibility, prediction, "
        "suspicion, hypothesis, condition, rumour, fear or risk",
    },
)
THEME = Task(
    "theme",
    ("military", "diplomatic", "economic"),
    multilabel=True,
    definitions={
        "military": "armed forces, weapons, fighting, war, armed groups, terrorism, defence "
        "policy, arms programmes, military aid, peacekeeping",
        "diplomatic": "relations between states or with international organisations: talks, "
        "treaties, visits, envoys, recognition, alliances, sanctions, disputes, mediation",
        "economic": "trade, money, markets, companies and their business, prices, jobs, "
        "budgets, taxes, aid and loans, energy and goods, economic policy, sanctions",
    },
)
CLAIMS = Schema((CLAIM, THEME))
