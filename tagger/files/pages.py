"""Annotated pages: one HTML file a document, its sentences coloured by their tags.

A page holds no script and forbids any: what came from the input is escaped, and a
content security policy tells the browser to run nothing and fetch nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from tagger.markup import SPAN_STYLE, legend, name_of, sentence_span, text_of
from tagger.schema import Schema, Task
from tagger.table import TaggedTable

_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_STYLE = (
    """
:root { color-scheme: light }
body { font: 17px/1.9 Georgia, serif; max-width: 46rem; margin: 2.5rem auto 8rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere }
nav, .legend, .sum { font: 14px/1.6 system-ui, sans-serif; color: #444 }
.legend span { padding: .1em .5em; margin-right: .6em; border-radius: .2em }
article { white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 1.5rem }
table { border-collapse: collapse; font: 14px/1.6 system-ui, sans-serif; display: block;
  overflow-x: auto }
td, th { padding: .25em .5em .25em 0; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left; overflow-wrap: anywhere; min-width: 8rem }
th { font-size: 12px }
"""
    + SPAN_STYLE
)


@dataclass
class _Draft:
    """A page that is being put together.

    Parameters
    ----------
    doc : the document.
    title : its heading.
    body : its sentences as HTML.
    counts : by label, in how many sentences it is given.
    n : number of its sentences.
    """

    doc: str
    title: str
    body: str
    counts: dict[str, int] = field(default_factory=dict)
    n: int = 0


def to_drafts(table: TaggedTable, texts: Iterable[str] | None = None) -> bytes:
    """Return for each document of a table one line of JSON that `pages` makes a page of.

    Parameters
    ----------
    table : tagged sentences, with evidence.
    texts : the documents that the rows of the table come from; where None every
        sentence is a row of its own, and those of one document follow each other.
    """
    lines = []
    documents = None if texts is None else list(texts)
    spans = list(_spans(table))
    keys: Any = table.row.tolist() if documents is not None else table.doc
    start = 0
    for end in range(1, len(keys) + 1):
        if end < len(keys) and keys[end] == keys[start]:
            continue
        if documents is None:
            body = "\n".join(spans[start:end])
        else:
            body = _with_gaps(documents[keys[start]], table, spans, start, end)
        doc = table.doc[start]
        heading: Any = table.extra["title"][start] if "title" in table.extra else ""
        if hasattr(heading, "as_py"):  # from a Parquet file
            heading = heading.as_py()
        title = heading if isinstance(heading, str) and heading else doc
        draft = _Draft(doc, title, body, _counts(table, start, end), end - start)
        lines.append(json.dumps(draft.__dict__) + "\n")
        start = end
    return "".join(lines).encode("ascii")


def _with_gaps(text: str, table: TaggedTable, spans: list[str], start: int, end: int) -> str:
    """Return the sentences of a document with all that stands between them."""
    pieces, at = [], 0
    for i in range(start, end):
        pieces += [text_of(text[at : int(table.start[i])]), spans[i]]
        at = int(table.end[i])
    return "".join(pieces) + text_of(text[at:])


def _spans(table: TaggedTable) -> Iterator[str]:
    """Yield each sentence as a coloured span."""
    single = next((task for task in table.schema.tasks if not task.multilabel), None)
    others = [task for task in table.schema.tasks if task is not single]
    for i, text in enumerate(table.text):
        answer = None
        if single is not None:
            k = int(table.labels[single.name][i])
            answer = k, single.labels[k], float(table.probabilities[single.name][i, k])
        labels = [label for task in others for label in _given(task, table, i)]
        evidence = [
            f"  {name_of(e['label'])} {e['adds']:+.2f}  {' '.join(e['text'].split())}"
            for e in (table.evidence[i] if table.evidence is not None else ())
        ]
        yield sentence_span(text, answer, labels, bool(table.review[i]), evidence)


def _given(task: Task, table: TaggedTable, i: int) -> list[tuple[str, float]]:
    decided, p = table.labels[task.name][i], table.probabilities[task.name][i]
    chosen = np.flatnonzero(decided) if task.multilabel else [int(decided)]
    return [(task.labels[k], float(p[k])) for k in chosen]


def _counts(table: TaggedTable, start: int, end: int) -> dict[str, int]:
    counts = {}
    for task in table.schema.tasks:
        decided = table.labels[task.name][start:end]
        for k, label in enumerate(task.labels):
            yes = decided[:, k] if task.multilabel else decided == k
            counts[f"{task.name} {label}"] = int(yes.sum())
    return counts


def pages(lines: Iterable[bytes], schema: Schema, model: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each page, then those of the index.

    Parameters
    ----------
    lines : what `to_drafts` gave, in order; a document that goes on in the next line
        becomes one page.
    schema : the tasks of the model.
    model : short hash of the model.
    """
    used = {"index.html"}
    numbers: dict[str, int] = {}
    listed: list[tuple[str, _Draft]] = []
    for draft in _joined(lines):
        stem = _SLUG.sub("-", draft.doc)[-80:].strip("-.") or "document"
        name, number = f"{stem}.html", numbers.get(stem.lower(), 1)
        while name.lower() in used:
            number += 1
            name = f"{stem}-{number}.html"
        used.add(name.lower())
        # Where the search for a free name goes on: many documents may share a name.
        numbers[stem.lower()] = number
        body = (
            '<nav><a href="index.html">All documents</a></nav>'
            f"<h1>{text_of(draft.title)}</h1>{_legend(schema)}{_sum(draft)}"
            f"<article>{draft.body}</article>"
        )
        yield name, _page(draft.title, body, model)
        draft.body = ""
        listed.append((name, draft))
    yield "index.html", _index(listed, schema, model)


def _joined(lines: Iterable[bytes]) -> Iterator[_Draft]:
    last: _Draft | None = None
    for line in lines:
        draft = _Draft(**json.loads(line))
        if last is not None and last.doc == draft.doc:
            last.body += "\n" + draft.body
            last.n += draft.n
            last.counts = {k: v + draft.counts[k] for k, v in last.counts.items()}
            continue
        if last is not None:
            yield last
        last = draft
    if last is not None:
        yield last


def _legend(schema: Schema) -> str:
    single = next((task for task in schema.tasks if not task.multilabel), None)
    return legend(single.labels) if single else ""


def _sum(draft: _Draft) -> str:
    labels = {key.split(" ", 1)[1]: n for key, n in draft.counts.items()}
    shares = ", ".join(f"{text_of(name_of(x))} {n / draft.n:.0%}" for x, n in labels.items())
    return f'<p class="sum">{draft.n} sentences: {shares}</p>'


def _index(listed: list[tuple[str, _Draft]], schema: Schema, model: str) -> bytes:
    keys = [(f"{t.name} {label}", label) for t in schema.tasks for label in t.labels]
    head = "".join(f"<th>{text_of(name_of(label))}</th>" for _, label in keys)
    rows = "".join(
        f'<tr><td><a href="{escape(name)}">{text_of(draft.title)}</a></td><td>{draft.n}</td>'
        + "".join(f"<td>{draft.counts[key] / draft.n:.0%}</td>" for key, _ in keys)
        + "</tr>\n"
        for name, draft in listed
    )
    table = f"<table><tr><th>document</th><th>sentences</th>{head}</tr>\n{rows}</table>"
    return _page("Tagged documents", f"<h1>Tagged documents</h1>{table}", model)


def _page(title: str, body: str, model: str) -> bytes:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="tagger, model {escape(model)}">'
        f"<title>{text_of(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    ).encode()
