"""A tagged article as a person reads it on a terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.style import Style
from rich.text import Text

from tagger.cli.console import Console, Table, styled, tone
from tagger.cli.terminal import shown
from tagger.document import Document, Sentence, label_tuple
from tagger.errors import n_of
from tagger.explanation import EXACT, OCCLUSION
from tagger.markup import BREAK, name_of, percent
from tagger.predictor import Tagger
from tagger.schema import HEADING, OTHER, SENTENCE, Schema, numbered

_BAR_WIDTH = 30
_MARKS_AT_LEAST = 40
_METHODS = {EXACT: "", OCCLUSION: " (both readers)"}
_KEY = "marked: words that speak for an answer; thick: half as much as the strongest or more"
_KEY_REREAD = (
    "without more: exact parts of the first reader's score; (both readers): what both lose where "
    "the word is left out"
)


def show(documents: Iterable[Document], tagger: Tagger, explain: bool = False) -> None:
    """Print documents piece by piece with their tags, and the shares of each label.

    Headings are in bold, what is neither a sentence nor a heading is dim; neither is counted.
    Paragraphs are apart as in the text. With `explain` the words that speak for an answer are
    marked beneath.
    """
    console = Console()
    shares: Counter[tuple[str, str]] = Counter()
    n_sentences = n_review = n_others = 0
    for number, document in enumerate(documents):
        if document.name:
            console.rule(styled(document.name, "bold"), align="left", style="dim")
        elif number:
            console.print()
        at = 0
        for sentence in document.pieces:
            if at and BREAK.search(document.text[at : sentence.start]):
                console.print()
            at = sentence.end
            counts = sentence.kind == SENTENCE
            n_sentences += counts
            n_others += not counts
            n_review += counts and sentence.review
            if counts:
                answers = sentence.tags.labels.items()
                shares.update((task, label) for task, x in answers for label in label_tuple(x))
            style = {HEADING: "bold", OTHER: "dim"}.get(sentence.kind, "")
            if explain and sentence.kind != OTHER:
                evidence = tagger.evidence(sentence.text, sentence.tags)
                _print_marked(console, sentence.text, style, evidence, tagger)
            else:
                console.print(styled(sentence.text, style))
            if (tags := _tags(sentence, tagger.schema)) or counts:
                console.print(Text("    ").append_text(tags))
    _show_shares(console, tagger.schema, shares, n_sentences, n_review)
    if n_others:
        line = f"{n_of(n_others, 'other piece')} (headings, notices, ...) not counted"
        console.print(line, style="dim")
    if explain and n_sentences:
        console.print(_KEY, style="dim")
        if tagger.model.second is not None:
            console.print(_KEY_REREAD, style="dim")


def _tags(sentence: Sentence, schema: Schema) -> Text:
    """Return the answers in the colours of their labels; each label also says its name."""
    number, tags = numbered(schema), Text()
    for task in schema.tasks:
        for label in label_tuple(sentence.tags.labels[task.name]):
            said, style = name_of(label), tone(number[task.name, label])
            if not task.multilabel:
                said += f" {sentence.tags.probabilities[task.name][label]:.0%}"
                style = f"bold {style}"
            tags.append(styled(f"  {said}" if tags else said, style))
    if sentence.review:
        tags.append("  " if tags else "").append("needs review", style="bold underline")
    if sentence.kind == OTHER:
        tags.append(sentence.what or OTHER, style="dim")
    return tags


def _print_marked(
    console: Console, text: str, style: str, evidence: Sequence[dict[str, Any]], tagger: Tagger
) -> None:
    """Print a sentence with a line of marks beneath for each answer that words of it speak for."""
    # A character may take several to be shown: marks go by the places of what is shown.
    parts = [shown(" " if c.isspace() else c, console.encoding) for c in text]
    places = [0]
    for part in parts:
        places.append(places[-1] + len(part))
    rows = dict.fromkeys((e["label"], e["method"]) for e in evidence)
    marked = Text("".join(parts))
    for row in rows:
        own = [e for e in evidence if (e["label"], e["method"]) == row]
        most = max(e["adds"] for e in own)
        for e in sorted(own, key=lambda e: float(e["adds"])):
            meta = {"row": row, "strong": 2 * e["adds"] >= most}
            marked.stylize(Style(meta=meta), places[e["start"]], places[e["end"]])
    names = {row: f"{name_of(row[0])}{_METHODS[row[1]]}" for row in rows}
    number = {label: i for (_, label), i in numbered(tagger.schema).items()}
    # As wide for every sentence, so that the names stand in one column.
    reread = len(_METHODS[OCCLUSION]) if tagger.model.second is not None else 0
    margin = max(map(len, number)) + reread + 2
    width = max(console.width - margin, min(console.width, _MARKS_AT_LEAST))
    for line in marked.wrap(console, width):
        line.rstrip()
        console.print(Text(line.plain, style=style))
        for row, name in names.items():
            under = _marks(line, row, console.encoding)
            if under.strip():
                gap = " " * (width + 1 - len(under))
                line_of_marks = styled(f"{under}{gap}{name}", tone(number[row[0]]))
                console.print(line_of_marks, no_wrap=True, overflow="crop")


def _marks(line: Text, row: tuple[str, str], encoding: str) -> str:
    """Return the marks of one answer under a line, as wide as what they stand under."""
    thin, thick = ("▔", "▀") if encoding.startswith("utf") else ("-", "=")
    marks = [" "] * len(line.plain)
    for span in line.spans:
        meta = span.style.meta if isinstance(span.style, Style) else {}
        if meta.get("row") == row:
            size = min(span.end, len(marks)) - span.start
            marks[span.start : span.start + size] = [thick if meta["strong"] else thin] * size
    return "".join(
        mark * Text(c).cell_len for mark, c in zip(marks, line.plain, strict=True)
    ).rstrip()


def _show_shares(
    console: Console, schema: Schema, shares: Counter[tuple[str, str]], n: int, n_review: int
) -> None:
    if not n:
        console.print("no sentence")
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    block = "#" if console.options.ascii_only else "█"
    number = numbered(schema)
    room = console.width - max(len(name_of(label)) for _, label in number) - 11
    for (task, label), i in number.items():
        share = shares[task, label] / n
        bar = block * round(share * max(1, min(room, _BAR_WIDTH)))
        table.add_row(name_of(label), f"{percent(share):3} %", styled(bar, tone(i)))
    console.rule(style="dim")
    console.print(f"{n_of(n, 'sentence')}, {n_review:,} to review", style="bold")
    console.print(table)
