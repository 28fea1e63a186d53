"""What tagging gives back: frozen values."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tagger.errors import DataError, did_you_mean
from tagger.markup import answers_of, article, legend, sentence_span, style
from tagger.schema import CLAIMS, HEADING, SENTENCE, Schema, answered_by

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
    left_out : where a second reader has read the sentence too, its words, each with what the
        log-odds of both readers together lose without it; these sum to nothing.
    """

    intercept: dict[str, dict[str, float]]
    evidence: tuple[Evidence, ...]
    scores: dict[str, dict[str, float]]
    left_out: tuple[Evidence, ...] = ()

    def strongest(self, task: str, label: str, n: int = 5) -> list[Evidence]:
        """Return the `n` parts that speak most for a label, the strongest first.

        Raises
        ------
        DataError : the model has no such task or label.
        """
        for name, known in ((task, self.scores), (label, self.scores.get(task, {}))):
            if name not in known:
                raise DataError(f"there is no answer {name!r}: {did_you_mean(name, known)}")
        return strongest(self.evidence, task, label, n)


def strongest(parts: Iterable[Evidence], task: str, label: str, n: int = 5) -> list[Evidence]:
    """Return the `n` parts that speak most for a label, the strongest first."""
    speaks_for = [e for e in parts if e.contributions[task][label] > 0]
    return sorted(speaks_for, key=lambda e: -e.contributions[task][label])[: max(n, 0)]


@dataclass(frozen=True)
class Tags:
    """The answers of a model for one sentence, or for a piece that is none.

    Parameters
    ----------
    labels : by task, the label, or for a multi-label task a tuple of labels; None where
        there is no answer.
    probabilities : by task, the probability of each label; empty where there is no answer.
    review : whether an answer is too close to call to be used unread, or two readers differ.
    reread : whether a second reader has read it too.
    cut : whether it was too long for the second reader, which has read its beginning.
    """

    labels: dict[str, Labels | None]
    probabilities: dict[str, dict[str, float]]
    review: bool
    reread: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document with its tags, or a piece that is no sentence.

    Parameters
    ----------
    text : the sentence without white space around it.
    start, end : character offsets in the document: ``document.text[start:end] == text``.
    tags : the answers of the model. A heading has none to single-label tasks, what is
        neither a sentence nor a heading has none at all.
    kind : one of `tagger.schema.KINDS`.
    what : what a piece of the kind ``other`` is, such as byline.
    """

    text: str
    start: int
    end: int
    tags: Tags
    kind: str = SENTENCE
    what: str = ""

    @property
    def claim(self) -> str:
        """The claim type, for a model that has the task ``claim``; empty where there is none."""
        return str(self._answer("claim") or "")

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes, for a model that has the task ``theme``."""
        return tuple(self._answer("theme") or ())

    @property
    def review(self) -> bool:
        """Whether an answer is too close to call to be used unread."""
        return self.tags.review

    def _answer(self, task: str) -> Labels | None:
        if task not in self.tags.labels:
            raise DataError(
                f"the model has no task {task!r}, it answers {', '.join(self.tags.labels)}: "
                "sentence.tags.labels holds its answers"
            )
        return self.tags.labels[task]


@dataclass(frozen=True)
class Document:
    """A text cut into tagged pieces.

    Parameters
    ----------
    text : the text as it was given.
    pieces : its sentences, headings and what is neither, in order; every character but
        white space is in one.
    name : what to call the document, such as a file name.
    extra : whatever else came with the document.
    schema : the tasks that were answered.
    model : short hash of the model.
    """

    text: str
    pieces: tuple[Sentence, ...]
    name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    schema: Schema = field(default=CLAIMS, repr=False)
    model: str = ""

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The pieces that are sentences."""
        return tuple(piece for piece in self.pieces if piece.kind == SENTENCE)

    @property
    def headings(self) -> tuple[Sentence, ...]:
        """The pieces that are headings."""
        return tuple(piece for piece in self.pieces if piece.kind == HEADING)

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain JSON values."""
        pieces = [asdict(s) | {"tags": _plain(asdict(s.tags))} for s in self.pieces]
        whole = {"name": self.name, "text": self.text, "model": self.model, "extra": self.extra}
        return whole | {"pieces": pieces}

    def to_rows(self) -> list[dict[str, Any]]:
        """Return its pieces as `tagger predict` writes them, one dict a piece."""
        rows = []
        for n, s in enumerate(self.pieces):
            row = {"doc": self.name, "n": n, "kind": s.kind, "what": s.what, **self.extra}
            row |= {"start": s.start, "end": s.end, "text": s.text}
            for task in self.schema.tasks:
                row[task.name] = _plain(s.tags.labels[task.name])
                p = s.tags.probabilities[task.name]
                names = zip(self.schema.probability_columns(task), task.labels, strict=True)
                row |= {name: round(p[label], 6) if p else None for name, label in names}
            model = answered_by(self.model, s.tags.reread)
            rows.append({**row, "review": s.review, "model": model})
        return rows

    def _repr_html_(self) -> str:
        """Show the text in a notebook, each sentence tinted and marked by its tags."""
        # Nested, so that in a notebook the rules do not reach what is not ours.
        rules = style().replace(":root", "&")
        colours = "color:var(--ink);background:var(--paper);padding:.5em 1em"
        body = article(self.text, self._spans())
        return (
            f"<style>.tagger-document{{{rules}{colours}}}</style>"
            f'<div class="tagger-document">{legend(self.schema)}'
            f'<div style="white-space: pre-wrap">{body}</div></div>'
        )

    def _spans(self) -> Iterator[tuple[str, int, int, str]]:
        """Yield each piece as HTML, with its start, end and kind."""
        for s in self.pieces:
            chosen = {
                name: [(label, s.tags.probabilities[name][label]) for label in label_tuple(given)]
                for name, given in s.tags.labels.items()
            }
            answer, labels, among = answers_of(self.schema, chosen)
            span = sentence_span(s.text, answer, labels, s.review, (), s.kind, s.what, among)
            yield span, s.start, s.end, s.kind


def label_tuple(answer: Labels | None) -> tuple[str, ...]:
    """Return the labels of an answer, one of them for a single-label task."""
    return (answer,) if isinstance(answer, str) else answer or ()


def answer_name(answer: Labels | None) -> str:
    """Return an answer as people read it: its labels, "none" where it has none."""
    return "|".join(label_tuple(answer)) or "none"


def _plain(value: Any) -> Any:
    """Return tuples as the lists that JSON has."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
