"""Numbers -> JSON and Markdown; never computes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tagger.evaluation import TaskScore
from tagger.model import Model


def to_json(scores: Sequence[TaskScore], about: dict[str, Any]) -> str:
    """Return scores and what they are about as JSON."""
    return json.dumps({**about, "tasks": [asdict(s) for s in scores]}, indent=2) + "\n"


def to_markdown(scores: Sequence[TaskScore], about: dict[str, Any]) -> str:
    """Return scores and what they are about as Markdown."""
    lines = ["# Evaluation", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += _score_tables(scores)
    return "\n".join(lines) + "\n"


def model_card(model: Model, scores: Sequence[TaskScore]) -> str:
    """Return the card of a model: what it answers, what it learned from, how good it is."""
    data = model.about["data"]
    lines = [
        "# Model card",
        "",
        f"A linear model over TF-IDF features, trained by `tagger train` on {data['n_sentences']} "
        f"sentences of {data['n_documents']} documents (sha256 `{data['sha256']}`).",
        "",
        "## What it answers",
        "",
    ]
    for task in model.schema.tasks:
        kind = "any number of labels" if task.multilabel else "exactly one label"
        lines.append(f"**{task.name}** ({kind})")
        lines += [f"- `{x}`: {task.definitions.get(x, 'no definition given')}" for x in task.labels]
        lines.append("")
    lines += [
        "## How good it is",
        "",
        "Cross-validation by document on the training data: no sentence was judged by a model "
        "that had seen its document. Text of another kind gives lower figures.",
        *_score_tables(scores),
    ]
    return "\n".join(lines) + "\n"


def _score_tables(scores: Sequence[TaskScore]) -> list[str]:
    lines = []
    for s in scores:
        lines += ["", f"**{s.task}**: {s.n} sentences, exact match {s.exact_match:.3f}", ""]
        lines += [
            "| label | precision | recall | F1 | support |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {x.label} | {x.precision:.3f} | {x.recall:.3f} | {x.f1:.3f} | {x.support} |"
            for x in s.labels
        ]
        lines += [f"| macro | | | {s.macro_f1:.3f} | |"]
    return lines
