"""Sentences as annotated HTML: tinted and marked by their tags, with what lies behind them.

What comes from a text is escaped; nothing here runs a script. Pages, notebooks and the
page for reading share this look, and reports its palette.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from tagger.schema import HEADING, SENTENCE, Schema, numbered

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
BREAK = re.compile(r"\n\s*\n")
"""What parts paragraphs."""

PALETTE = (
    ("#004488", "#7aaede"),
    ("#8a6a00", "#e8c25a"),
    ("#a34560", "#e5809a"),
    ("#00786c", "#3fbfae"),
    ("#6f4fb0", "#b9a2ee"),
    ("#b85c1e", "#f0975a"),
    ("#4d4d4d", "#c0c0c0"),
    ("#2a9bd0", "#9ad9f5"),
)
"""Colours on white and on black. The first three follow the medium-contrast set of Paul Tol, which
people with colour-blindness tell apart and which differ in grey too. Labels are numbered
through all tasks, so that claims and themes never share one."""
MARKERS = "os^Dv<>P"
"""As many forms of points, by the names that Matplotlib gives them."""

Answer = tuple[int, str, float]
"""The number of a label among all of a schema, its name and its probability."""


def name_of(label: str) -> str:
    """Return a label as people read it."""
    return label.replace("_", " ")


def text_of(text: str) -> str:
    """Return text as HTML."""
    # A carriage return survives in HTML only as a reference.
    return escape(_CONTROL.sub("\ufffd", text)).replace("\r", "&#13;")


def attribute_of(text: str) -> str:
    """Return text as the value of an attribute between quotation marks."""
    return text_of(text).replace("\n", "&#10;")


@cache
def style() -> str:
    """Return the style rules of sentences, and the palette as custom properties."""
    rules = Path(__file__).parent / "resources" / "look.css"
    return f"{palette_rules()}\n{rules.read_text(encoding='utf-8')}"


def palette_rules() -> str:
    """Return the palette as custom properties ``--c1``, ``--c2``, ... for light and dark."""
    light, dark = (
        "".join(_property(i, pair[side]) for i, pair in enumerate(PALETTE, 1)) for side in (0, 1)
    )
    rules = f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
    numbers = range(1, len(PALETTE) + 1)
    classes = "".join(f".c{i}{{--hue:var(--c{i});--rgb:var(--r{i})}}" for i in numbers)
    return f"{rules}@media print{{:root{{{light}}}}}{classes}"


def _property(number: int, color: str) -> str:
    """Return a colour as it is, and as the three numbers that a tint is made of."""
    parts = ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return f"--c{number}:{color};--r{number}:{parts};"


def color_class(number: int) -> str:
    """Return the class that gives an element the colour of a label."""
    return f"c{number % len(PALETTE) + 1}"


@cache
def marks(labels: tuple[str, ...]) -> dict[str, str]:
    """Return for each label the shortest beginning that no other has; where long, its number."""
    found: dict[str, str] = {}
    for i, label in enumerate(labels, 1):
        name = name_of(label).strip()
        others = [name_of(other).strip().lower() for other in labels if other != label]
        sizes = range(1, len(name) + 1)
        own = (n for n in sizes if not any(o.startswith(name[:n].lower()) for o in others))
        n = next(own, len(name))
        found[label] = name[:n].capitalize() if n <= 9 else f"#{i}"
    return found


def answers_of(
    schema: Schema, chosen: Mapping[str, Iterable[tuple[str, float]]]
) -> tuple[Answer | None, list[Answer], tuple[str, ...]]:
    """Return the answer, the other labels and `among`, as `sentence_span` takes them.

    Parameters
    ----------
    chosen : by task, its labels that are given and their probabilities.
    """
    number, single = numbered(schema), schema.single
    answer, labels = None, []
    for task in schema.tasks:
        for label, p in chosen[task.name]:
            found = number[task.name, label], label, p
            if task is single:
                answer = found
            else:
                labels.append(found)
    return answer, labels, single.labels if single else ()


def sentence_span(
    text: str,
    answer: Answer | None,
    labels: Sequence[Answer],
    review: bool,
    evidence: Sequence[str] = (),
    kind: str = SENTENCE,
    what: str = "",
    among: tuple[str, ...] = (),
    attributes: str = ' tabindex="0"',
    decided: bool = False,
) -> str:
    """Return a sentence as a tinted and marked span, a heading in bold, what is neither in grey.

    Parameters
    ----------
    answer : the answer that gives tint and mark.
    labels : the other answers.
    review : whether an answer is too close to call.
    evidence : lines on what speaks for the answers.
    kind, what : one of `tagger.schema.KINDS`, and what a piece of the kind ``other`` is.
    among : the labels that the mark tells apart; that of the answer alone where empty.
    attributes : what else stands in the tag, as HTML.
    decided : whether a person gave the answers, so that no probability is shown.
    """
    css, why, shown = ["s"], [] if kind == SENTENCE else [what or kind], ""
    css += [kind] if kind != SENTENCE else []
    if answer is not None:
        k, label, p = answer
        css += [color_class(k), f"p{min(int(p * 10), 9)}"]
        why.append(f"{name_of(label)} {p:.0%}")
        sure = "✓" if decided else f"{100 * p:.0f}" + (" ?" if review else "")
        shown = f' data-mark="{attribute_of(marks(among or (label,))[label])} {sure}"'
    why += [f"{name_of(label)} {p:.0%}" for _, label, p in labels]
    css += ["review"] if review else []
    why += [*(["needs review"] if review else []), *evidence]
    if labels:
        names = ", ".join(name_of(label) for _, label, _ in labels)
        shown += f' data-labels="{attribute_of(names)}"'
    return (
        f'<span class="{" ".join(css)}"{attributes}{shown}>{text_of(text)}'
        f'<i class="why" data-why="{attribute_of(chr(10).join(why))}"></i></span>'
    )


def article(text: str, pieces: Iterable[tuple[str, int, int, str]]) -> str:
    """Return a text as paragraphs and headings with its pieces in their places.

    Parameters
    ----------
    text : the whole text.
    pieces : for each piece its HTML, start, end and kind.
    """
    return "".join(_blocks(text, pieces))


def _blocks(text: str, pieces: Iterable[tuple[str, int, int, str]]) -> Iterator[str]:
    at, tag = 0, ""
    for span, start, end, kind in pieces:
        gap = text[at:start]
        wanted = "h2" if kind == HEADING else "p"
        if tag and wanted == tag == "p" and not BREAK.search(gap):
            yield text_of(gap)
        else:
            # White space between blocks is not shown, but there: the text is kept whole.
            yield f"{f'</{tag}>' if tag else ''}{text_of(gap)}<{wanted}>"
        yield span
        at, tag = end, wanted
    yield f"{f'</{tag}>' if tag else ''}{text_of(text[at:])}"


def legend(schema: Schema) -> str:
    """Return what tints and marks of a schema mean."""
    single = schema.single
    if single is None:
        return ""
    number = numbered(schema)
    spans = (
        f'<span class="key {color_class(number[single.name, label])} p6" '
        f'data-mark="{attribute_of(marks(single.labels)[label])}">{text_of(name_of(label))}</span>'
        for label in single.labels
    )
    return (
        f'<p class="legend">{" ".join(spans)} <span class="how">The number is the probability in '
        "per cent, a stronger tint is surer; ? with a dotted line: needs review. Point at a "
        "sentence to see why.</span></p>"
    )


def percent(share: float) -> int:
    """Return a share in whole per cent, a half up, wherever shares of labels are shown.

    Equal shares look equal, so that those of a task may sum to 99 or 101.
    """
    return int(100 * share + 0.5 + 1e-9)  # a share may be a sum of fractions, just below a half


def share_bar(shares: Sequence[tuple[int, str, float]]) -> str:
    """Return shares of labels as a bar, each with its number among the labels and its name."""
    at, parts = 0.0, []
    for number, label, share in shares:
        parts.append(
            f'<rect class="{color_class(number)}" x="{at:.2f}" width="{100 * share:.2f}" '
            f'height="8"><title>{text_of(name_of(label))} {percent(share)}%</title></rect>'
        )
        at += 100 * share
    said = attribute_of(
        ", ".join(f"{name_of(label)} {percent(share)}%" for _, label, share in shares)
    )
    return (
        f'<svg class="bar" role="img" aria-label="{said}" viewBox="0 0 100 8" '
        f'preserveAspectRatio="none">{"".join(parts)}</svg>'
    )
