"""Annotated pages: one HTML file a document, its sentences tinted and marked by their tags.

A page holds no script and forbids any: what came from the input is escaped, and a
content security policy tells the browser to run nothing and fetch nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.errors import n_of
from tagger.markup import (
    answers_of,
    article,
    legend,
    name_of,
    percent,
    sentence_span,
    share_bar,
    style,
    text_of,
)
from tagger.schema import SENTENCE, Schema, Task, numbered
from tagger.table import TaggedTable

_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_INDEX = re.compile(r"index(-\d+)?", re.IGNORECASE)
_ROWS_OF_INDEX = 100  # so that a page of the index stays short
_RESOURCES = Path(__file__).parent.parent / "resources"


@dataclass
class _Draft:
    """A page that is being put together: of its `n` sentences how many have each label.

    `apart` counts the headings and other pieces that are no sentences.
    """

    doc: str
    title: str
    body: str
    counts: dict[str, int] = field(default_factory=dict)
    n: int = 0
    apart: int = 0


def to_drafts(table: TaggedTable, texts: Iterable[str] | None = None) -> bytes:
    """Return for each document of a table one line of JSON that `pages` makes a page of.

    The rows come from `texts`; where None every sentence is a row of its own, and
    those of one document follow each other.
    """
    lines = []
    documents = None if texts is None else list(texts)
    spans = list(_spans(table))
    keys: Any = table.row.tolist() if documents is not None else table.doc
    end = 0
    for key, group in groupby(keys):
        start, end = end, end + len(list(group))
        if documents is None:
            body = "\n".join(spans[start:end])
        else:
            at = zip(
                spans[start:end], table.start[start:end].tolist(), table.end[start:end].tolist(),
                table.kind[start:end], strict=True,
            )  # fmt: skip
            body = article(documents[key], at)
        doc = table.doc[start]
        heading: Any = table.extra["title"][start] if "title" in table.extra else ""
        if hasattr(heading, "as_py"):  # from a Parquet file
            heading = heading.as_py()
        title = heading if isinstance(heading, str) and heading else doc
        are = np.array([kind == SENTENCE for kind in table.kind[start:end]])
        n = int(are.sum())
        counts = _counts(table, start, end, are)
        draft = _Draft(doc, title, body, counts, n, end - start - n)
        lines.append(json.dumps(draft.__dict__) + "\n")
    return "".join(lines).encode("ascii")


def _spans(table: TaggedTable) -> Iterator[str]:
    """Yield each sentence as a span."""
    for i, text in enumerate(table.text):
        chosen = {task.name: _chosen(task, table, i) for task in table.schema.tasks}
        answer, labels, among = answers_of(table.schema, chosen)
        evidence = [
            f"  {name_of(e['label'])} {e['adds']:+.2f}  {' '.join(e['text'].split())}"
            for e in (table.evidence[i] if table.evidence is not None else ())
        ]
        review, kind, what = bool(table.review[i]), table.kind[i], table.what[i]
        yield sentence_span(text, answer, labels, review, evidence, kind, what, among)


def _chosen(task: Task, table: TaggedTable, i: int) -> list[tuple[str, float]]:
    decided, p = table.labels[task.name][i], table.probabilities[task.name][i]
    chosen = np.flatnonzero(decided) if task.multilabel else [int(decided)]
    return [(task.labels[k], float(p[k])) for k in chosen if k >= 0]


def _counts(table: TaggedTable, start: int, end: int, are: npt.NDArray[np.bool_]) -> dict[str, int]:
    """Count the labels of the rows that are sentences."""
    counts = {}
    for task in table.schema.tasks:
        decided = table.labels[task.name][start:end][are]
        for k, label in enumerate(task.labels):
            yes = decided[:, k] if task.multilabel else decided == k
            counts[f"{task.name} {label}"] = int(yes.sum())
    return counts


def pages(lines: Iterable[bytes], schema: Schema, model: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each page, then those of the pages of the index.

    Lines that follow each other and are of one document become one page.
    """
    key = legend(schema)
    used: set[str] = set()
    numbers: dict[str, int] = {}
    listed: list[tuple[str, _Draft]] = []
    for draft in _joined(lines):
        stem = _SLUG.sub("-", draft.doc)[-80:].strip("-.") or "document"
        stem = f"document-{stem}" if _INDEX.fullmatch(stem) else stem
        name, number = f"{stem}.html", numbers.get(stem.lower(), 1)
        while name.lower() in used:
            number += 1
            name = f"{stem}-{number}.html"
        used.add(name.lower())
        # Where the search for a free name goes on: many documents may share a name.
        numbers[stem.lower()] = number
        body = (
            '<nav><a href="index.html">All documents</a></nav>'
            f"<h1>{text_of(draft.title)}</h1>{_bar(draft, schema)}{_sum(draft, schema)}{key}"
            f"<article>{draft.body}</article>"
        )
        yield name, _page(draft.title, body, model)
        draft.body = ""
        listed.append((name, draft))
    n_pages = -(-len(listed) // _ROWS_OF_INDEX) or 1
    for page in range(n_pages):
        part = listed[page * _ROWS_OF_INDEX : (page + 1) * _ROWS_OF_INDEX]
        yield _index_name(page), _index(part, schema, model, page, n_pages)


def _index_name(page: int) -> str:
    return f"index-{page + 1}.html" if page else "index.html"


def _joined(lines: Iterable[bytes]) -> Iterator[_Draft]:
    drafts = (_Draft(**json.loads(line)) for line in lines)
    for _, same in groupby(drafts, lambda draft: draft.doc):
        whole, *rest = same
        whole.body = "\n".join([whole.body, *(draft.body for draft in rest)])
        for draft in rest:
            whole.n += draft.n
            whole.apart += draft.apart
            whole.counts = {k: n + draft.counts[k] for k, n in whole.counts.items()}
        yield whole


def _sum(draft: _Draft, schema: Schema) -> str:
    shares = ""
    for task in schema.tasks:
        own = ((name_of(x), _share(draft.counts[f"{task.name} {x}"], draft)) for x in task.labels)
        shares += f"; {name_of(task.name)}: {', '.join(map(' '.join, own))}"
    others = f"; {n_of(draft.apart, 'other piece')} (headings, notices, ...) not counted"
    apart = others if draft.apart else ""
    return f'<p class="sum">{n_of(draft.n, "sentence")}{text_of(shares)}{apart}</p>'


def _bar(draft: _Draft, schema: Schema) -> str:
    """Return the shares of the labels that give the tint as a bar."""
    single = schema.single
    if single is None or not draft.n:
        return ""
    number = numbered(schema)
    names = [(label, f"{single.name} {label}") for label in single.labels]
    return share_bar([(number[single.name, x], x, draft.counts[key] / draft.n) for x, key in names])


def _share(n: int, draft: _Draft) -> str:
    return f"{percent(n / draft.n)}%" if draft.n else "–"


def _index(
    listed: list[tuple[str, _Draft]], schema: Schema, model: str, page: int, n_pages: int
) -> bytes:
    keys = [(f"{t.name} {label}", label) for t in schema.tasks for label in t.labels]
    head = "".join(f"<th>{text_of(name_of(label))}</th>" for _, label in keys)
    rows = "".join(
        f'<tr><td><a href="{escape(name)}">{text_of(draft.title)}</a></td><td>{draft.n}</td>'
        + (f'<td class="bars">{_bar(draft, schema)}</td>' if schema.single else "")
        + "".join(f"<td>{_share(draft.counts[key], draft)}</td>" for key, _ in keys)
        + "</tr>\n"
        for name, draft in listed
    )
    bars = f'<th class="bars">{text_of(name_of(schema.single.name))}</th>' if schema.single else ""
    head = f"<tr><th>document</th><th>sentences</th>{bars}{head}</tr>"
    table = f'<div class="wide" tabindex="0"><table>{head}\n{rows}</table></div>'
    links = " ".join(
        f"<b>{i + 1}</b>" if i == page else f'<a href="{_index_name(i)}">{i + 1}</a>'
        for i in range(n_pages)
    )
    pager = f"<nav>Page {links}</nav>" if n_pages > 1 else ""
    return _page("Tagged documents", f"<h1>Tagged documents</h1>{pager}{table}{pager}", model)


def _page(title: str, body: str, model: str) -> bytes:
    values = {"title": text_of(title), "body": body, "model": escape(model), "style": style()}
    return _template().substitute(values).encode()


@cache
def _template() -> Template:
    return Template((_RESOURCES / "page.html").read_text(encoding="utf-8"))
