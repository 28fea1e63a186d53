"""Answers to labelled sentences: a model's, or those kept beside a report."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus, Example
from tagger.errors import DataError
from tagger.features.arrays import Floats, Ints
from tagger.model.classifier import decode, encode
from tagger.model.model import Model, cut_notes
from tagger.predictor import read_all
from tagger.schema import Schema

ANSWERS = "answers.jsonl"
DECIMALS = 6


@dataclass(frozen=True)
class Answers:
    """Answers to one task.

    Parameters
    ----------
    labels : as `tagger.model.classifier.Classifier.decide` gives them.
    probabilities : of each label, shape (n_sentences, n_labels); None where there are none.
    margins : how clear each answer is, shape (n_sentences,).
    """

    labels: npt.NDArray[Any]
    probabilities: Floats | None = None
    margins: Floats | None = None

    def take(self, indices: Ints) -> "Answers":
        """Return the answers to the sentences at `indices`."""
        return Answers(
            self.labels[indices],
            None if self.probabilities is None else self.probabilities[indices],
            None if self.margins is None else self.margins[indices],
        )


def read_by(model: Model, texts: Sequence[str]) -> tuple[dict[str, Answers], list[str]]:
    """Return by task what a model answers, and in a sentence what it could not read whole."""
    reading = read_all(model, texts)
    return decided(model, reading.probabilities), cut_notes(int(reading.cut.sum()))


def decided(model: Model, probabilities: Mapping[str, Floats]) -> dict[str, Answers]:
    """Return by task the answers that a model draws from probabilities."""
    pairs = [(c, probabilities[c.task.name]) for c in model.classifiers]
    return {c.task.name: Answers(c.decide(p), p, c.margins(p)) for c, p in pairs}


def read_answers(path: str | Path, schema: Schema) -> tuple[Corpus, dict[str, Answers]]:
    """Read the answers that `tagger evaluate` wrote beside a report."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    examples, answered, probabilities = [], [], []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            known = row["gold"]
            gold = {t.name: t.parse(known[t.name]) for t in schema.tasks if t.name in known}
            examples.append(Example(row["text"], gold, row["doc"], where=f"{path}:{number}"))
            answered.append({t.name: t.parse(row["answers"][t.name]) for t in schema.tasks})
            probabilities.append(
                {t.name: [row["p"][t.name][x] for x in t.labels] for t in schema.tasks}
            )
        except (ValueError, KeyError, TypeError, DataError) as error:
            raise DataError(f"{path}:{number}: not an answer of this report: {error}") from None
    if not examples:
        raise DataError(f"{path}: no answer in it")
    answers = {
        t.name: Answers(
            encode(t, [row[t.name] for row in answered]),
            np.array([row[t.name] for row in probabilities]),
        )
        for t in schema.tasks
    }
    return Corpus(schema, tuple(examples)), answers


def answer_rows(
    model: Model, examples: Sequence[Example], answers: Mapping[str, Answers]
) -> Iterator[str]:
    """Yield for each sentence a line of JSON: text, gold, a model's answers and probabilities."""
    said, shares = {}, {}
    for c in model.classifiers:
        name, own = c.task.name, answers[c.task.name]
        assert own.probabilities is not None
        said[name] = decode(c.task, own.labels)
        rows = ([round(p, DECIMALS) for p in row] for row in own.probabilities.tolist())
        shares[name] = [dict(zip(c.task.labels, row, strict=True)) for row in rows]
    for i, example in enumerate(examples):
        row = {
            "doc": example.doc,
            "text": example.text,
            "gold": example.labels,
            "answers": {name: labels[i] for name, labels in said.items()},
            "p": {name: by_label[i] for name, by_label in shares.items()},
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"
