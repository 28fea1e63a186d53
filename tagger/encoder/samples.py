"""Labelled sentences as what an encoder learns from: token numbers and targets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.document import Labels
from tagger.features.arrays import Floats, Ints
from tagger.schema import Schema, outputs_of

_POOL = 50


@dataclass(frozen=True)
class Samples:
    """What an encoder is trained on.

    Parameters
    ----------
    tokens : of each sentence, token numbers.
    targets : by sentence and output the probability that is wished, shape (n, n_outputs).
    known : whether the task of an output was annotated, of the same shape.
    """

    tokens: tuple[tuple[int, ...], ...]
    targets: Floats
    known: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, indices: Ints) -> "Samples":
        """Return the samples at `indices`, which may repeat."""
        tokens = tuple(self.tokens[i] for i in indices.tolist())
        return Samples(tokens, self.targets[indices], self.known[indices])


def samples_of(
    schema: Schema, texts: Sequence[str], labels: Sequence[Mapping[str, Labels]], tokenizer: Any
) -> Samples:
    """Turn labelled sentences into samples; a label is a target of 1, every other label of 0.

    Parameters
    ----------
    schema : the tasks.
    texts, labels : sentences, and of each its labels by task; a task may be missing.
    tokenizer : a `tokenizers.Tokenizer` that truncates and does not pad.
    """
    targets = np.zeros((len(texts), schema.n_labels))
    known = np.zeros(targets.shape, bool)
    for task, part in outputs_of(schema):
        place = {label: part.start + i for i, label in enumerate(task.labels)}
        for row, answers in enumerate(labels):
            if task.name in answers:
                answer = answers[task.name]
                given = answer if isinstance(answer, tuple) else (answer,)
                known[row, part] = True
                targets[row, [place[label] for label in given]] = 1
    encoded = tokenizer.encode_batch(list(texts))
    return Samples(tuple(tuple(e.ids) for e in encoded), targets, known)


def shuffled_batches(
    lengths: Sequence[int], size: int, random: np.random.Generator
) -> Iterator[Ints]:
    """Yield the numbers of all sentences in batches of about equal length, in random order."""
    order = random.permutation(len(lengths))
    by_length = np.asarray(lengths)
    found: list[Ints] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(by_length[pool], kind="stable")]
        found += [pool[i : i + size] for i in range(0, len(pool), size)]
    for i in random.permutation(len(found)):
        yield found[i]


def padded(tokens: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return token numbers filled up to the longest with 0, and which are no filling."""
    longest = max(map(len, tokens))
    ids = np.zeros((len(tokens), longest), np.int64)
    mask = np.zeros((len(tokens), longest), np.int64)
    for row, sentence in enumerate(tokens):
        ids[row, : len(sentence)] = sentence
        mask[row, : len(sentence)] = 1
    return ids, mask
