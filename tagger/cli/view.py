"""A tagged article as a person reads it on a terminal."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from tagger.cli.console import Console, styled
from tagger.document import Document, label_tuple
from tagger.errors import n_of
from tagger.explanation import EXACT, OCCLUSION
from tagger.predictor import Tagger
from tagger.schema import HEADING, OTHER, SENTENCE

_COLORS = ("green", "yellow", "magenta", "cyan", "blue", "red")
_BAR_WIDTH = 30
_METHODS = {
    EXACT: "first reader: exact parts of its score",
    OCCLUSION: "both readers: what they lose without the word",
}


def show(documents: Iterable[Document], tagger: Tagger, explain: bool = False) -> None:
    """Print documents piece by piece with their tags, and the shares of each label.

    Headings are in bold, what is neither a sentence nor a heading is dim; neither is counted.
    """
    console = Console()
    shares: Counter[tuple[str, str]] = Counter()
    n_sentences = n_review = n_others = 0
    for document in documents:
        if document.name:
            console.rule(styled(document.name, "bold"), align="left", style="dim")
        for sentence in document.pieces:
            counts = sentence.kind == SENTENCE
            n_sentences += counts
            n_others += not counts
            n_review += sentence.review
            tags, styles = Text(), []
            for task in tagger.schema.tasks:
                answer = sentence.tags.labels[task.name]
                for label in label_tuple(answer):
                    shares[task.name, label] += counts
                    p = sentence.tags.probabilities[task.name][label]
                    style = _COLORS[task.labels.index(label) % len(_COLORS)]
                    styles.append(style)
                    if task.multilabel:
                        tags.append(styled(f" {label}", "cyan"))
                    else:
                        share = f"{label.replace('_', ' ')} {p:.0%}"
                        tags.append(styled(share, f"bold {style}"))
            if sentence.review:
                tags.append("  needs review", style="bold red")
            style = {HEADING: "bold", OTHER: "dim"}.get(sentence.kind, "")
            if sentence.kind == OTHER:
                tags.append(sentence.what or OTHER, style="dim")
            console.print(styled(sentence.text, style or (styles[0] if styles else "")))
            if tags or counts:
                console.print(Text("    ").append_text(tags))
            if explain and sentence.kind != OTHER:
                _show_evidence(console, tagger.evidence(sentence.text, sentence.tags))
    _show_shares(console, tagger, shares, n_sentences, n_review)
    if n_others:
        line = f"{n_of(n_others, 'other piece')} (headings, notices, ...) not counted"
        console.print(line, style="dim")


def _show_evidence(console: Console, evidence: Sequence[Mapping[str, Any]]) -> None:
    methods = {item["method"] for item in evidence}
    for method in _METHODS:
        if len(methods) > 1:
            console.print(styled(f"      {_METHODS[method]}", "dim italic"))
        for item in (item for item in evidence if item["method"] == method):
            words = " ".join(item["text"].split())
            line = f"      {item['label']:<16} {item['adds']:+.2f}  {words}"
            console.print(styled(line, "dim"))


def _show_shares(
    console: Console,
    tagger: Tagger,
    shares: Counter[tuple[str, str]],
    n_sentences: int,
    n_review: int,
) -> None:
    if not n_sentences:
        console.print("no sentence")
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    block = "#" if console.options.ascii_only else "█"
    for task in tagger.schema.tasks:
        for i, label in enumerate(task.labels):
            share = shares[task.name, label] / n_sentences
            color = "cyan" if task.multilabel else _COLORS[i % len(_COLORS)]
            bar = styled(block * round(share * _BAR_WIDTH), color)
            table.add_row(label.replace("_", " "), f"{share:4.0%}", bar)
    console.rule(style="dim")
    console.print(f"{n_of(n_sentences, 'sentence')}, {n_review:,} to review", style="bold")
    console.print(table)
