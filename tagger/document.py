"""What tagging gives back: frozen values."""

from dataclasses import dataclass, field
from typing import Any

Labels = str | tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """A stretch of a sentence, and what it adds to the score of each label.

    Parameters
    ----------
    start, end : character offsets in the sentence.
    text : the stretch itself.
    contributions : by task and label, what it adds to the score (log-odds).
    """

    start: int
    end: int
    text: str
    contributions: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Explanation:
    """Why a sentence got its tags: its scores as a sum over its parts.

    Parameters
    ----------
    intercept : by task and label, the score of a sentence that says nothing.
    evidence : the parts of the sentence; words first, then runs of words.
    scores : by task and label, intercept and contributions summed.
    """

    intercept: dict[str, dict[str, float]]
    evidence: tuple[Evidence, ...]
    scores: dict[str, dict[str, float]]

    def strongest(self, task: str, label: str, n: int = 5) -> list[Evidence]:
        """Return the `n` parts that speak most for a label, the strongest first."""
        speaks_for = [e for e in self.evidence if e.contributions[task][label] > 0]
        return sorted(speaks_for, key=lambda e: -e.contributions[task][label])[:n]


@dataclass(frozen=True)
class Tags:
    """The answers of a model for one sentence.

    Parameters
    ----------
    labels : by task, the label, or for a multi-label task a tuple of labels.
    probabilities : by task, the probability of each label.
    review : whether an answer is too close to call to be used unread.
    """

    labels: dict[str, Labels]
    probabilities: dict[str, dict[str, float]]
    review: bool


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document with its tags.

    Parameters
    ----------
    text : the sentence without white space around it.
    start, end : character offsets in the document: ``document.text[start:end] == text``.
    tags : the answers of the model.
    """

    text: str
    start: int
    end: int
    tags: Tags

    @property
    def claim(self) -> str:
        """The claim type, for a model that has the task ``claim``."""
        return str(self.tags.labels["claim"])

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes, for a model that has the task ``theme``."""
        return tuple(self.tags.labels["theme"])

    @property
    def review(self) -> bool:
        """Whether an answer is too close to call to be used unread."""
        return self.tags.review


@dataclass(frozen=True)
class Document:
    """A text cut into tagged sentences.

    Parameters
    ----------
    text : the text as it was given.
    sentences : its sentences in order; every character but white space is in one.
    name : what to call the document, such as a file name.
    extra : whatever else came with the document.
    """

    text: str
    sentences: tuple[Sentence, ...]
    name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
