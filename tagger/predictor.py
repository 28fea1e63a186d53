"""Tagger: text in, tagged documents out."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.arrow import Column
from tagger.document import Document, Evidence, Explanation, Sentence, Tags
from tagger.errors import DataError
from tagger.model.model import Model
from tagger.model.store import load_model
from tagger.schema import Schema
from tagger.table import TaggedTable, take
from tagger.text.segment import sentence_spans
from tagger.text.tokens import tokenize

SHIPPED_MODEL = "claims-en"
_BATCH_BYTES = 1 << 20
_MIN_TOKENS_TO_JUDGE_LANGUAGE = 20
_MIN_KNOWN_SHARE = 0.5


class Tagger:
    """Tags sentences with a model.

    Parameters
    ----------
    model : what to tag with; `Tagger.load` reads one from disk.

    Examples
    --------
    >>> from tagger import Tagger
    >>> tagger = Tagger.load()
    >>> document = tagger.tag("Two soldiers were killed on Monday. The talks may fail.")
    >>> [(s.text, s.claim) for s in document.sentences][1]
    ('The talks may fail.', 'speculation')
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Tagger":
        """Load the shipped model, or the one in the folder `path`.

        Raises
        ------
        ModelError : the folder is not a model, is damaged, or was made by another version.
        """
        return cls(load_model(shipped_model() if path is None else path))

    @property
    def schema(self) -> Schema:
        """The tasks that the model answers."""
        return self.model.schema

    def tag(self, text: str, name: str = "") -> Document:
        """Cut a text into sentences and tag each.

        Parameters
        ----------
        text : any text, of any length.
        name : what to call the document.
        """
        if not isinstance(text, str):
            raise DataError(f"text is a {type(text).__name__}, expected a string")
        spans = sentence_spans(text)
        sentences = [text[start:end] for start, end in spans]
        return Document(
            text,
            tuple(
                Sentence(sentence, start, end, tags)
                for sentence, (start, end), tags in zip(
                    sentences, spans, self.tag_sentences(sentences), strict=True
                )
            ),
            name,
        )

    def tag_sentences(self, sentences: Sequence[str]) -> list[Tags]:
        """Tag texts each of which is one sentence already."""
        rows: list[Tags] = []
        for batch in batches(sentences):
            rows += self._tags(self.model.probabilities(batch))
        return rows

    def tag_table(
        self,
        texts: Sequence[str],
        docs: Sequence[str] | None = None,
        extra: Mapping[str, Column] | None = None,
        sentences: bool = False,
        explain: bool = False,
        n: Sequence[int] | None = None,
    ) -> TaggedTable:
        """Tag many texts and return the sentences column by column.

        The same answers as `tag` and `tag_sentences` give, without an object for each
        sentence: this is what bulk work runs on.

        Parameters
        ----------
        texts : documents, or with `sentences` texts each of which is one sentence.
        docs : what to call each document; numbers from 0 where None.
        extra : other columns of the same length, repeated for each sentence.
        sentences : whether each text is one sentence already.
        explain : whether to add the words that moved each decision, which is slow.
        n : with `sentences`, the place of each in its document; 0 where None.

        Raises
        ------
        DataError : one string where a list of them is meant.
        """
        if isinstance(texts, (str, bytes)):
            raise DataError("found one string, expected a list of texts: put it in a list")
        docs = [str(i) for i in range(len(texts))] if docs is None else docs
        extra = dict(extra or {})
        row = np.arange(len(texts))
        if sentences:
            cut: Sequence[str] = texts
            start = np.zeros(len(texts), np.int64)
            places = start if n is None else np.array(n, np.int64)
            end = np.fromiter(map(len, texts), np.int64, len(texts))
        else:
            spans = [sentence_spans(text) for text in texts]
            counts = np.fromiter(map(len, spans), np.int64, len(spans))
            row = np.repeat(row, counts)
            places = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
            flat = [span for of_text in spans for span in of_text]
            start, end = np.array(flat, np.int64).reshape(-1, 2).T
            cut = [t[a:b] for t, of_text in zip(texts, spans, strict=True) for a, b in of_text]
            docs = take(list(docs), row)
            extra = {name: take(column, row) for name, column in extra.items()}
        probabilities = self.predict_proba(cut)
        labels, review = self._decide(probabilities)
        evidence = None
        if explain:
            tags = self._tags(probabilities)
            evidence = [
                self.evidence(Sentence(text, a, b, tag))
                for text, a, b, tag in zip(cut, start.tolist(), end.tolist(), tags, strict=True)
            ]
        return TaggedTable(
            self.schema,
            self.model.id,
            row,
            docs,
            places,
            start,
            end,
            cut,
            labels,
            {name: np.round(p, 6) for name, p in probabilities.items()},
            review,
            extra,
            evidence,
        )

    def _decide(
        self, probabilities: dict[str, npt.NDArray[np.float64]]
    ) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """Return by task what `Classifier.decide` gives, and which sentences need review."""
        decided = {}
        review = np.zeros(len(next(iter(probabilities.values()))), bool)
        for classifier in self.model.classifiers:
            p = probabilities[classifier.task.name]
            decided[classifier.task.name] = classifier.decide(p)
            review |= classifier.margins(p) < classifier.doubt
        return decided, review

    def _tags(self, probabilities: dict[str, npt.NDArray[np.float64]]) -> list[Tags]:
        decided, review = self._decide(probabilities)
        labels, by_label = {}, {}
        for classifier in self.model.classifiers:
            name = classifier.task.name
            labels[name] = classifier.labels(decided[name])
            by_label[name] = [
                dict(zip(classifier.task.labels, row, strict=True))
                for row in probabilities[name].tolist()
            ]
        return [
            Tags(
                {name: column[i] for name, column in labels.items()},
                {name: column[i] for name, column in by_label.items()},
                flag,
            )
            for i, flag in enumerate(review.tolist())
        ]

    def predict_proba(self, sentences: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Return by task the probability of each label.

        Parameters
        ----------
        sentences : texts each of which is one sentence.

        Returns
        -------
        Arrays of shape (n_sentences, n_labels), columns in the order of the task's
        labels. The rows of a single-label task sum to one.

        Raises
        ------
        DataError : one string where a list of them is meant.
        """
        parts = [self.model.probabilities(batch) for batch in batches(sentences)]
        parts = parts or [self.model.probabilities([])]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def predict(self, sentences: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """Return by task the labels of each sentence.

        Parameters
        ----------
        sentences : texts each of which is one sentence.

        Returns
        -------
        For a single-label task an array of labels, shape (n_sentences,); for a
        multi-label task an indicator matrix of 0 and 1, shape (n_sentences, n_labels).

        Raises
        ------
        DataError : one string where a list of them is meant.
        """
        decided, _ = self._decide(self.predict_proba(sentences))
        return {
            task.name: decided[task.name].astype(np.int64)
            if task.multilabel
            else np.array(task.labels)[decided[task.name]]
            for task in self.schema.tasks
        }

    def explain(self, sentence: str) -> Explanation:
        """Split the scores of a sentence into the contributions of its words and runs of words.

        The model is linear, so the split is exact: intercept and contributions sum
        to the scores, whose softmax (or sigmoid, for a multi-label task) the
        probabilities are.

        Parameters
        ----------
        sentence : a text that is one sentence.
        """
        if not isinstance(sentence, str):
            raise DataError(f"sentence is a {type(sentence).__name__}, expected a string")
        scorer = self.model.scorer
        spans, contributions = scorer.explain(sentence)
        total = scorer.intercept + contributions.sum(axis=0)
        return Explanation(
            self._by_label(scorer.intercept),
            tuple(
                Evidence(start, end, sentence[start:end], self._by_label(row))
                for (start, end), row in zip(spans, contributions, strict=True)
            ),
            self._by_label(total),
        )

    @property
    def columns(self) -> list[str]:
        """The columns of tagged output, in their order."""
        answers = self.schema.answer_columns
        return ["doc", "n", "start", "end", "text", *answers, "review", "model"]

    def evidence(self, sentence: Sentence, n: int = 5) -> list[dict[str, Any]]:
        """Return for each label that a sentence got the `n` parts that speak most for it."""
        explanation = self.explain(sentence.text)
        found = []
        for task, given in sentence.tags.labels.items():
            for label in (given,) if isinstance(given, str) else given:
                found += [
                    {
                        "label": label,
                        "text": e.text,
                        "start": sentence.start + e.start,
                        "end": sentence.start + e.end,
                        "adds": round(e.contributions[task][label], 4),
                    }
                    for e in explanation.strongest(task, label, n)
                ]
        return found

    def _by_label(self, outputs: npt.NDArray[np.float64]) -> dict[str, dict[str, float]]:
        values = iter(outputs.tolist())
        return {t.name: {label: next(values) for label in t.labels} for t in self.schema.tasks}

    def knows_language(self, text: str) -> bool:
        """Return whether a text looks like the language of the training data.

        False where fewer than half of its words stand in the model's vocabulary;
        a text of fewer than 20 words is always taken to be known.
        """
        featurizer = self.model.featurizer
        tokens = tokenize(text[:100_000], featurizer.settings.spoken)
        words = [word for word in tokens if word[0].isalpha()]
        known = featurizer.knows(words)
        return len(words) < _MIN_TOKENS_TO_JUDGE_LANGUAGE or known >= _MIN_KNOWN_SHARE * len(words)


def model_of(model: "Model | Tagger | str | Path | None") -> Model:
    """Return the model that is meant: one at hand, that of a folder, or for None the shipped one.

    Raises
    ------
    ModelError : the folder is not a model.
    """
    if isinstance(model, Model):
        return model
    return (model if isinstance(model, Tagger) else Tagger.load(model)).model


def shipped_model() -> Path:
    """Return the folder of the model that travels with the package."""
    package = Path(__file__).parent
    inside = package / "models" / SHIPPED_MODEL
    # In a checkout the models lie beside the package; in a wheel, inside it.
    return inside if inside.is_dir() else package.parent / "models" / SHIPPED_MODEL


def batches(sentences: Sequence[str], n_bytes: int = _BATCH_BYTES) -> Iterator[list[str]]:
    """Cut sentences into lists of about `n_bytes` characters, at least one sentence each."""
    if isinstance(sentences, (str, bytes)):
        raise DataError("found one string, expected a list of sentences: put it in a list")
    batch: list[str] = []
    size = 0
    for i, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise DataError(f"sentence {i} is a {type(sentence).__name__}, expected a string")
        batch.append(sentence)
        size += len(sentence)
        if size >= n_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
