"""Argilla: records as JSON, and rows as its datasets have them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tagger.files.exchange.items import NO_ANSWER, SKIPPED, Answer, Item, text_of, texts
from tagger.files.exchange.spans import Span
from tagger.files.exchange.tasks import Tagged, meta

NAME = "Argilla"
_RESPONSES, _SUGGESTION = ".responses", ".suggestion"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:./\s-]")
_CAVEAT = "no response has its status here: drafts and discarded ones are taken too"
Given = tuple[str, str, str, Any]


def recognize(record: Mapping[str, Any]) -> bool:
    """Return whether a record is one of Argilla, nested or as a row of a dataset."""
    if isinstance(record.get("fields"), dict):
        return any(isinstance(record.get(name), dict) for name in ("responses", "suggestions"))
    return any(name.endswith((f"{_RESPONSES}.users", f"{_SUGGESTION}.agent")) for name in record)


def item(record: Mapping[str, Any]) -> Item:
    """Return a record with its submitted responses; suggestions are left aside."""
    nested = isinstance(record.get("fields"), dict)
    data, given, n_torn = (*_nested(record), 0) if nested else _flat(record)
    data.setdefault("id", record.get("id"))
    by_reader: dict[str, dict[str, Any]] = {}
    discarded = False
    for question, reader, status, value in given:
        discarded = discarded or status == "discarded"
        if status in ("submitted", ""):
            by_reader.setdefault(reader, {})[question] = value
    answers = [_answer(reader, values, text_of(data)) for reader, values in by_reader.items()]
    several = {
        name
        for values in by_reader.values()
        for name, value in values.items()
        if isinstance(value, list)
    }
    own = tuple(answer for answer, _ in answers)
    why = SKIPPED if discarded else NO_ANSWER
    caveat = _CAVEAT if any(not status for _, _, status, _ in given) else ""
    n_other = sum(n for _, n in answers)
    return Item(data, own, why, frozenset(several), n_other=n_other, caveat=caveat, n_torn=n_torn)


def _nested(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[Given]]:
    metadata = record.get("metadata")
    data = {**(metadata if isinstance(metadata, dict) else {}), **record["fields"]}
    given: list[Given] = []
    for question, responses in (record.get("responses") or {}).items():
        for response in responses or ():
            reader, status = str(response.get("user_id") or ""), str(response.get("status") or "")
            given.append((question, reader, status, response.get("value")))
    return data, given


def _flat(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[Given], int]:
    """Return the columns, what each annotator said, and how many answers have none."""
    data: dict[str, Any] = {}
    given: list[Given] = []
    n_torn = 0
    for name, value in record.items():
        if name.endswith(_RESPONSES):
            values = _list(value)
            # A column that is not there at all is of an export without it.
            users, states = (
                list(map(str, _list(record[column]))) if column in record else [""] * len(values)
                for column in (f"{name}.users", f"{name}.status")
            )
            question = name.removesuffix(_RESPONSES)
            rows = list(zip(users, states, values, strict=False))
            n_torn += len(values) - len(rows)
            given += [(question, user, state, answer) for user, state, answer in rows]
        elif not (_RESPONSES in name or _SUGGESTION in name or name in ("status", "_server_id")):
            data[name] = value
    return data, given, n_torn


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _answer(reader: str, values: Mapping[str, Any], text: str) -> tuple[Answer, int]:
    labels: dict[str, tuple[str, ...]] = {}
    spans: list[Span] = []
    n_other = 0
    for question, value in values.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for found in value:
                if text and {"start", "end", "label"} <= set(found):
                    spans.append(Span(found["start"], found["end"], question, str(found["label"])))
                else:
                    n_other += 1
        elif isinstance(value, (str, list, int)):
            labels[question] = texts(value)
        else:
            n_other += 1
    return Answer(labels, reader, tuple(spans)), n_other


def task(sentence: Tagged) -> dict[str, Any]:
    """Return a sentence as a record with the model's answers as suggestions.

    Argilla's server refuses a list without a label, one score for several labels, and some
    characters in the name of an agent.
    """
    suggestions = {
        name: {
            "value": labels if name in sentence.several else labels[0],
            "score": sentence.shares[name] if name in sentence.several else sentence.scores[name],
            "agent": _NOT_IN_NAMES.sub("-", sentence.model),
        }
        for name, labels in sentence.answers.items()
        if labels
    }
    return {
        "id": f"{sentence.doc}:{sentence.n}",
        "fields": {"text": sentence.text},
        "metadata": {name: _scalar(value) for name, value in meta(sentence).items()},
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


def _scalar(value: Any) -> Any:
    """Return a value as one that metadata may have."""
    if isinstance(value, (str, float)) or type(value) is int:
        return value
    return json.dumps(value, ensure_ascii=False)
