"""Sentences as annotated HTML: coloured by their tags, with what lies behind them.

What comes from a text is escaped; nothing here runs a script.
"""

import re
from collections.abc import Sequence
from html import escape

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

HUES = ("0,114,178", "230,159,0", "204,121,167", "0,158,115", "86,180,233", "213,94,0")
"""Six hues that people with colour-blindness tell apart (Okabe and Ito 2008)."""

SPAN_STYLE = """
.s { position: relative; padding: .12em 0; border-radius: .15em; cursor: help }
.s:focus { outline: 2px solid #333; outline-offset: 1px }
.s[data-labels]::after { content: attr(data-labels); font: 11px/1 system-ui, sans-serif;
  color: #333; background: #fff; border: 1px solid #bbb; border-radius: .7em; padding: .1em .5em;
  margin-left: .3em; vertical-align: .15em; display: inline-block; white-space: nowrap }
.s:hover::before, .s:focus::before { content: attr(data-why); position: absolute; z-index: 1;
  left: 0; top: calc(100% + .3em); width: max-content; max-width: 26rem; white-space: pre-wrap;
  font: 13px/1.5 system-ui, sans-serif; color: #fff; background: #222; border-radius: .4em;
  padding: .5em .8em }
.heading { font-weight: bold }
.other { color: #777 }
.review { border-bottom: 2px dotted #c00 }
.legend span { padding: .1em .5em; margin-right: .6em; border-radius: .2em }
"""


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


def sentence_span(
    text: str,
    answer: tuple[int, str, float] | None,
    labels: Sequence[tuple[str, float]],
    review: bool,
    evidence: Sequence[str] = (),
    kind: str = "sentence",
    what: str = "",
) -> str:
    """Return a sentence as a coloured span, a heading in bold, what is neither in grey.

    Parameters
    ----------
    answer : number, label and probability of the answer that gives the colour.
    labels : the other labels with their probabilities.
    review : whether an answer is too close to call.
    evidence : lines on what speaks for the answers.
    kind, what : one of `tagger.schema.KINDS`, and what a piece of the kind ``other`` is.
    """
    style, why = "", [] if kind == "sentence" else [what or kind]
    if answer is not None:
        k, label, p = answer
        style = f' style="background:rgba({HUES[k % len(HUES)]},{0.1 + 0.5 * p:.2f})"'
        why.append(f"{name_of(label)} {p:.0%}")
    why += [f"{name_of(label)} {p:.0%}" for label, p in labels]
    if review:
        why.append("needs review")
    why += evidence
    shown = attribute_of(", ".join(name_of(label) for label, _ in labels))
    marks = f' data-labels="{shown}"' if labels else ""
    css = "s" + (f" {kind}" if kind != "sentence" else "") + (" review" if review else "")
    return (
        f'<span class="{css}" tabindex="0"{style}{marks} '
        f'data-why="{attribute_of(chr(10).join(why))}">{text_of(text)}</span>'
    )


def legend(labels: Sequence[str]) -> str:
    """Return what the colours of some labels mean."""
    spans = (
        f'<span style="background:rgba({HUES[k % len(HUES)]},0.5)">{text_of(name_of(label))}</span>'
        for k, label in enumerate(labels)
    )
    return (
        f'<p class="legend">{"".join(spans)} stronger colour: surer; '
        "dotted line: needs review; point at a sentence to see why</p>"
    )
