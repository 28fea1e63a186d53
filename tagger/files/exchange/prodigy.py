"""Prodigy: JSON Lines of textcat and choice, with the answers accept, reject and ignore."""

import json
from collections.abc import Mapping
from typing import Any

from tagger.files.exchange.items import LABEL, NO_ANSWER, REJECTED, SKIPPED, Answer, Item, texts
from tagger.files.exchange.spans import Span
from tagger.files.exchange.tasks import Tagged, meta, shown, shown_tasks

NAME = "Prodigy"
_OWN = {
    *("label", "answer", "accept", "options", "config", "spans", "tokens", "score", "priority"),
    *("_input_hash", "_task_hash", "_view_id", "_session_id", "_annotator_id", "_timestamp"),
    *("meta", "_is_binary", "_block_id"),
}
_LEFT_OUT = {"reject": REJECTED, "ignore": SKIPPED}


def recognize(record: Mapping[str, Any]) -> bool:
    """Return whether a record is a task, with an answer or without one."""
    if not isinstance(record.get("text"), str):
        return False
    answered = record.get("answer") in ("accept", "reject", "ignore")
    return (
        "_task_hash" in record
        or (answered and any(name in record for name in ("label", "accept", "options", "spans")))
        or (isinstance(record.get("options"), list) and isinstance(record.get("accept"), list))
    )


def item(record: Mapping[str, Any]) -> Item:
    """Return a task. Those of textcat that ask one label each of the same text are one."""
    others = {k: v for k, v in record.items() if k not in _OWN}
    if isinstance(inner := record.get("meta"), dict):
        others = {k: v for k, v in inner.items() if k not in _OWN} | others
    answer = record.get("answer")
    reader = str(record.get("_annotator_id") or record.get("_session_id") or "")
    by_hash = record.get("_input_hash")
    key = None if by_hash is None else (by_hash, record["text"])
    chooses = isinstance(record.get("options"), list) or isinstance(record.get("accept"), list)
    asked = str(record["label"]) if "label" in record and not chooses else ""
    if answer != "accept":
        why = _LEFT_OUT.get(str(answer), NO_ANSWER)
        return Item(others, left_out=why, key=key, asked=asked)
    several: frozenset[str] = frozenset()
    labels: dict[str, tuple[str, ...]] = {}
    if chooses:
        config = record.get("config")
        labels = {LABEL: texts(record.get("accept"))}
        if isinstance(config, dict) and config.get("choice_style") == "multiple":
            several = frozenset([LABEL]) if "tasks" not in record else several
    elif asked:
        labels = {LABEL: (asked,)}
    spans = tuple(
        Span(span["start"], span["end"], LABEL, str(span["label"]))
        for span in (() if labels else record.get("spans") or ())
        if isinstance(span, dict) and {"start", "end", "label"} <= set(span)
    )
    given = (Answer(labels, reader, spans),) if labels or spans else ()
    return Item(others, given, several=several, key=key, asked=asked)


def task(sentence: Tagged) -> dict[str, Any]:
    """Return a sentence as a choice among all labels, those of the model accepted beforehand."""
    tasks = shown_tasks(sentence)
    options = [{"id": label, "text": label} for labels in tasks.values() for label in labels]
    return {
        **{f"input_{k}" if k in _OWN else k: v for k, v in meta(sentence).items()},
        "text": sentence.text,
        "options": options,
        "accept": shown(sentence),
        "config": {"choice_style": "multiple"},
        "score": sentence.score,
        "model_version": sentence.model,
        "tasks": tasks,
        "meta": {"doc": sentence.doc, "n": sentence.n, "review": json.dumps(sentence.review)},
    }
