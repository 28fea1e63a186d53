"""Why a sentence got its tags: the exact parts of a linear score, and words left out.

A linear score is a sum over the parts of a sentence, so that its split is exact. What a second
reader makes of a sentence is no sum: for that, words are left out one by one (Li, Monroe and
Jurafsky 2016, Understanding Neural Networks through Representation Erasure).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tagger.document import Evidence, Explanation, Tags, label_tuple, strongest
from tagger.features.arrays import Floats
from tagger.model.model import Model
from tagger.schema import Schema

MOST_READINGS = 64
"""The most often that one sentence is read to explain it; a longer one loses runs of words."""
EXACT, OCCLUSION = "exact", "occlusion"
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
_SURE = 1e-6


def explain(model: Model, sentence: str, reread: bool | None = None) -> Explanation:
    """Split the linear scores of a sentence; where it is reread, leave its words out as well.

    Parameters
    ----------
    model : with or without a second reader.
    sentence : a text that is one sentence.
    reread : whether the second reader has read it, where that is known already.
    """
    spans, contributions = model.scorer.explain(sentence)
    intercept = model.scorer.intercept
    evidence = _evidence(model.schema, sentence, spans, contributions)
    if reread is None:
        reread = bool(model.read([sentence]).reread[0])
    left_out = _occluded(model, sentence) if reread else ()
    parts = (intercept, intercept + contributions.sum(axis=0))
    base, total = (_by_label(model.schema, part) for part in parts)
    return Explanation(base, tuple(evidence), total, tuple(left_out))


def evidence_of(
    model: Model, text: str, tags: Tags, start: int = 0, n: int = 5
) -> list[dict[str, Any]]:
    """Return for each label that a sentence got the `n` parts that speak most for it.

    Parameters
    ----------
    model : what tagged it.
    text, tags : the sentence and its tags.
    start : its offset in the document.
    n : how many parts, by each method.
    """
    why = explain(model, text, tags.reread)
    return [
        {
            "label": label,
            "text": e.text,
            "start": start + e.start,
            "end": start + e.end,
            "adds": round(e.contributions[task][label], 4),
            "method": method,
        }
        for method, parts in ((EXACT, why.evidence), (OCCLUSION, why.left_out))
        for task, answer in tags.labels.items()
        for label in label_tuple(answer)
        for e in strongest(parts, task, label, n)
    ]


def _occluded(model: Model, sentence: str) -> Iterator[Evidence]:
    """Yield each word with what the log-odds of both readers lose where it is left out."""
    words = [match.span() for match in _WORD.finditer(sentence)]
    size = -(-len(words) // (MOST_READINGS - 1)) or 1
    runs = [words[i : i + size] for i in range(0, len(words), size)]
    spans = [(run[0][0], run[-1][1]) for run in runs]
    texts = [sentence, *(sentence[:a] + sentence[b:].lstrip() for a, b in spans)]
    assert model.second is not None
    first = model.split(model.scorer.decision_function(texts))
    # All of them are read twice, whatever the first reader makes of what is left.
    both = model.second.reread(texts, first, None).both
    p = np.hstack([both[task.name] for task in model.schema.tasks]).clip(_SURE, 1 - _SURE)
    odds = np.log(p / (1 - p))
    return _evidence(model.schema, sentence, spans, odds[0] - odds[1:])


def _evidence(
    schema: Schema, sentence: str, spans: Sequence[tuple[int, int]], rows: Floats
) -> Iterator[Evidence]:
    for (start, end), row in zip(spans, rows, strict=True):
        yield Evidence(start, end, sentence[start:end], _by_label(schema, row))


def _by_label(schema: Schema, outputs: Floats) -> dict[str, dict[str, float]]:
    values = iter(outputs.tolist())
    return {t.name: {label: next(values) for label in t.labels} for t in schema.tasks}
