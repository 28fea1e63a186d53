"""doccano: JSON and JSON Lines, of text classification and of sequence labelling."""

from collections.abc import Mapping
from typing import Any

from tagger.files.exchange.items import LABEL, NO_ANSWER, Answer, Item, texts
from tagger.files.exchange.spans import Span
from tagger.files.exchange.tasks import Tagged, meta, shown, shown_tasks

NAME = "doccano"
_CAVEAT = (
    "pre-annotated examples of which doccano does not say who confirmed them: labels that nobody "
    "looked at are the model's own; export confirmed ones only"
)
_LISTS = ("label", "labels", "categories", "cats", "entities")


def recognize(record: Mapping[str, Any]) -> bool:
    """Return whether a record is an example: a number, a text, and a list of labels or spans.

    One that `task` made has no number before doccano gave it one.
    """
    return (
        (type(record.get("id")) is int or _is_ours(record))
        and isinstance(record.get("text", record.get("data")), str)
        and sum(isinstance(record.get(name), list) for name in _LISTS) > 0
        and not any(isinstance(record.get(name), str) for name in _LISTS)
    )


def item(record: Mapping[str, Any]) -> Item:
    """Return an example. Labels that nobody confirmed cannot be told from others."""
    others = {k: v for k, v in record.items() if k not in _LISTS and (k != "Comments" or v)}
    if "text" not in others:
        others["text"] = others.pop("data")
    labels: list[str] = []
    spans: list[Span] = []
    n_other = 0
    for name in _LISTS:
        for value in record.get(name) or ():
            if isinstance(value, str):
                labels.append(value)
            elif (span := _span(value)) is not None:
                spans.append(span)
            else:
                n_other += 1
    if not (labels or spans) or "id" not in record:
        return Item(others, left_out=NO_ANSWER, n_other=n_other)
    own = {LABEL: texts(labels)} if labels else {}
    caveat = _CAVEAT if _is_ours(record) else ""
    return Item(others, (Answer(own, spans=tuple(spans)),), n_other=n_other, caveat=caveat)


def _is_ours(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("tasks"), dict) and "model_version" in record


def _span(value: Any) -> Span | None:
    if isinstance(value, dict):
        value = [value.get(name) for name in ("start_offset", "end_offset", "label")]
    if isinstance(value, list) and [type(v) for v in value] == [int, int, str]:
        return Span(value[0], value[1], LABEL, value[2])
    return None


def task(sentence: Tagged) -> dict[str, Any]:
    """Return a sentence as an example with the model's answers as its labels."""
    return {
        **{f"input_{k}" if k in ("id", *_LISTS) else k: v for k, v in meta(sentence).items()},
        "text": sentence.text,
        "label": shown(sentence),
        "score": sentence.score,
        "model_version": sentence.model,
        "tasks": shown_tasks(sentence),
    }
