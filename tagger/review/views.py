"""What the pages show: values for the templates, and sentences as HTML."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tagger.document import label_tuple, strongest
from tagger.errors import n_of
from tagger.markup import (
    answers_of,
    article,
    attribute_of,
    color_class,
    legend,
    name_of,
    percent,
    sentence_span,
    share_bar,
)
from tagger.predictor import Tagger
from tagger.review.keys import COMMANDS, keys_of, points_for
from tagger.review.store import Verdict
from tagger.schema import HEADING, OTHER, SENTENCE, Schema, Task, numbered

_WORDS = 5
_LEAST_SHOWN = 0.05  # less would be written +0.0


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tagger.review", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"name": name_of, "share": lambda x: f"{percent(x)}%"}
    environment.globals |= {
        "color_class": color_class,
        "commands": COMMANDS,
        "n_of": n_of,
        "label_keys": keys_of,
    }
    return environment


def render(template: str, **values: Any) -> str:
    """Return a template filled in; all that is not ours is escaped."""
    return _environment().get_template(template).render(**values)


def span(row: Any, verdict: Verdict, schema: Schema, swapped: bool = False) -> Markup:
    """Return a stored piece as the page shows it to a reader: their answers over the model's.

    Parameters
    ----------
    row : of the table of sentences.
    verdict : what the reader made of it.
    swapped : whether it takes the place of what stands on the page.
    """
    tags = json.loads(row["tags"])
    chosen = {}
    for task in schema.tasks:
        given = label_tuple(verdict.answers.get(task.name, tags["labels"].get(task.name)))
        p = dict(zip(task.labels, tags["p"].get(task.name, ()), strict=False))
        chosen[task.name] = [(label, p.get(label, 1.0)) for label in given]
    answer, labels, among = answers_of(schema, chosen)
    all_of = ([answer] if answer else []) + labels
    shown = [
        f'id="s{row["id"]}"',
        'tabindex="-1"',
        f'data-id="{row["id"]}"',
        f'data-is="{" ".join(str(k) for k, _, _ in all_of)}"',
        *(['hx-swap-oob="true"'] if swapped else []),
        *(['data-decided="skipped"'] if verdict.skipped is not None else []),
        *([f'data-note="{attribute_of(verdict.note)}"'] if verdict.note else []),
    ]
    review = bool(row["review"]) and not verdict.decided
    rest = " " + " ".join(shown)
    kind = row["kind"], row["what"]
    done = verdict.decided
    html = sentence_span(row["text"], answer, labels, review, (), *kind, among, rest, done)
    return Markup(html)


def body(text: str, rows: Iterable[Any], verdicts: Mapping[int, Verdict], schema: Schema) -> Markup:
    """Return a document as paragraphs and headings."""
    none = Verdict()
    spans = (
        (span(r, verdicts.get(r["id"], none), schema), r["start"], r["end"], r["kind"])
        for r in rows
    )
    return Markup(article(text, spans))


def bar_of(shares: Sequence[float], schema: Schema) -> Markup:
    """Return the shares of the first task of one label as a bar."""
    number = numbered(schema)
    single = schema.single or schema.tasks[0]
    numbers = [(number[single.name, label], label) for label in single.labels]
    return Markup(share_bar([(k, label, shares[k]) for k, label in numbers]))


def legend_of(schema: Schema) -> Markup:
    """Return what tints and marks mean."""
    return Markup(legend(schema))


def summary(row: Any, schema: Schema, model: str) -> str:
    """Return in plain words what a document is made of, to be copied."""
    shares, number = json.loads(row["shares"]), numbered(schema)
    lines = [f"{row['title'] or row['name']}: {n_of(row['n'], 'sentence')}"]
    for task in schema.tasks:
        parts = (f"{name_of(x)} {percent(shares[number[task.name, x]])}%" for x in task.labels)
        lines.append(f"{name_of(task.name)}: {', '.join(parts)}")
    lines.append(f"{n_of(row['doubtful'], 'sentence')} to review; tagger, model {model}")
    return "\n".join(lines)


def filters(schema: Schema) -> list[dict[str, Any]]:
    """Return the labels that can be filtered by."""
    return [
        {"number": number, "label": label, "task": task, "css": color_class(number)}
        for (task, label), number in numbered(schema).items()
    ]


def panel(
    row: Any, verdict: Verdict, others: Mapping[str, Verdict], tagger: Tagger, queue: bool = False
) -> str:
    """Return what stands beside a sentence: its answers, why, the keys and the codebook.

    Parameters
    ----------
    others : what other readers decided; shown only once this one has decided as well.
    """
    schema, tags = tagger.schema, json.loads(row["tags"])
    keys = {pair: key for key, pair in keys_of(schema).items()}
    asked = [task for task in schema.tasks if row["kind"] == SENTENCE or task.multilabel]
    tasks = [] if row["kind"] == OTHER else [_answers(t, tags, verdict, keys) for t in asked]
    seen = {k: r for k, r in others.items() if r.decided} if verdict.decided else {}
    why, pieces = _why(row, tags, tagger) if tags["p"] else ([], [(row["text"], False)])
    return render(
        "panel.html.j2",
        row=row,
        verdict=verdict,
        tasks=tasks,
        why=why,
        pieces=pieces,
        others={name: _said(r) for name, r in seen.items()},
        points=points_for(schema, row["text"]),
        queue=queue,
        heading=row["kind"] == HEADING,
    )


def _answers(task: Task, tags: Any, verdict: Verdict, keys: Any) -> dict[str, Any]:
    """Return the labels of a task with probability, key and who gave them."""
    model, mine = tags["labels"].get(task.name), verdict.answers.get(task.name)
    p = tags["p"].get(task.name, [0.0] * len(task.labels))
    shown = model if mine is None else mine
    labels = [
        {
            "label": label,
            "p": share,
            "key": keys.get((task.name, label), ""),
            "on": label in label_tuple(shown),
            "model": label in label_tuple(model),
            "meaning": task.definitions.get(label, ""),
        }
        for label, share in zip(task.labels, p, strict=True)
    ]
    return {"name": task.name, "labels": labels, "mine": mine is not None}


def _why(
    row: Any, tags: Any, tagger: Tagger
) -> tuple[list[dict[str, Any]], list[tuple[str, bool]]]:
    """Return by answer the words that speak for it, and the sentence cut at those of the first."""
    found: list[dict[str, Any]] = []
    ranges: list[tuple[int, int]] = []
    parts = tagger.explain(row["text"]).evidence
    for task in tagger.schema.tasks:
        if task.name not in tags["p"]:
            continue
        p = dict(zip(task.labels, tags["p"][task.name], strict=True))
        given = tags["labels"][task.name]
        wanted = list(label_tuple(given))
        if not task.multilabel:
            wanted.append(max((x for x in task.labels if x != given), key=p.__getitem__))
        for rank, label in enumerate(wanted):
            words = strongest(parts, task.name, label, _WORDS)
            runner_up = not task.multilabel and rank == 1
            adds: dict[str, float] = {}  # the same words may speak more than once
            for e in words:
                adds[e.text] = adds.get(e.text, 0.0) + e.contributions[task.name][label]
            by_weight = sorted(adds.items(), key=lambda pair: -pair[1])
            shown = [(text, a) for text, a in by_weight if a >= _LEAST_SHOWN]
            found.append({"label": label, "p": p[label], "runner_up": runner_up, "words": shown})
            if not ranges and not runner_up:
                ranges = [(e.start, e.end) for e in words]
    return found, _cut(row["text"], ranges)


def _cut(text: str, ranges: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Cut a text into stretches inside and outside of ranges."""
    inside = [any(a <= i < b for a, b in ranges) for i in range(len(text))]
    edges = [i for i in range(len(text)) if i == 0 or inside[i] != inside[i - 1]]
    return [(text[a:b], inside[a]) for a, b in zip(edges, [*edges[1:], len(text)], strict=True)]


def _said(verdict: Verdict) -> str:
    if verdict.skipped is not None:
        return f"skipped ({verdict.skipped})" if verdict.skipped else "skipped"
    parts = (
        name_of(a) if isinstance(a, str) else ", ".join(map(name_of, a)) or f"no {task}"
        for task, a in verdict.answers.items()
    )
    return "; ".join(parts)
