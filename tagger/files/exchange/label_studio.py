"""Label Studio: JSON, JSON-MIN and CSV."""

import json
from collections.abc import Mapping
from typing import Any

from tagger.files.exchange.items import NO_ANSWER, SKIPPED, Answer, Item, text_of, texts
from tagger.files.exchange.spans import Span
from tagger.files.exchange.tasks import Tagged, meta
from tagger.files.names import DOCUMENTS, TEXTS, usual
from tagger.schema import OWN_COLUMNS

NAME = "Label Studio"
_RESULTS = ("annotations", "completions", "predictions")
_SERVICE = {"annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
_AROUND = {*_RESULTS, "id", "data", "meta", "drafts", "file_upload", "project", "total_annotations"}
_LONGEST_LABEL = 200


def recognize(record: Mapping[str, Any]) -> bool:
    """Return whether a record is a task, or a row of a small export."""
    if isinstance(record.get("data"), dict):
        has_results = any(isinstance(record.get(name), list) for name in _RESULTS)
        return has_results or set(record) <= _AROUND
    return set(record) >= _SERVICE


def item(record: Mapping[str, Any]) -> Item:
    """Return a task; predictions are left aside."""
    if not isinstance(record.get("data"), dict):
        return _small(record)
    data = dict(record["data"])
    given = record.get("annotations", record.get("completions")) or []
    given = [annotation for annotation in given if isinstance(annotation, dict)]
    valid = [a for a in given if not (a.get("was_cancelled") or a.get("skipped"))]
    valid = [a for a in valid if a.get("ground_truth")] or valid
    answers = [_answer(annotation, text_of(data)) for annotation in valid]
    own, n_other = tuple(answer for answer, _ in answers), sum(n for _, n in answers)
    data.setdefault("id", record.get("id"))
    return Item(data, own, SKIPPED if given else NO_ANSWER, n_other=n_other)


def _answer(annotation: Mapping[str, Any], text: str) -> tuple[Answer, int]:
    labels: dict[str, tuple[str, ...]] = {}
    spans: list[Span] = []
    n_other = 0
    for result in annotation.get("result") or []:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict) or not isinstance(name := result.get("from_name"), str):
            n_other += 1
            continue
        kinds = [type(value.get("start")), type(value.get("end"))]
        if isinstance(chosen := value.get("choices"), list):
            labels[name] = tuple(dict.fromkeys((*labels.get(name, ()), *texts(chosen))))
        elif isinstance(chosen := value.get("labels"), list) and text and kinds == [int, int]:
            spans += [Span(value["start"], value["end"], name, x) for x in texts(chosen)]
        else:
            n_other += 1
    return Answer(labels, _reader(annotation.get("completed_by")), tuple(spans)), n_other


def _reader(by: Any) -> str:
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return "" if by is None else str(by)


def _small(record: Mapping[str, Any]) -> Item:
    """Return a row of JSON-MIN or CSV: one annotation, whose answers stand among the data."""
    own = {k: _plain(v) for k, v in record.items() if k not in _SERVICE and k != "agreement"}
    key = own.get("id")
    if record["annotation_id"] in (None, ""):
        return Item(own, left_out=NO_ANSWER)
    kept = {"id", *OWN_COLUMNS, *usual(own, TEXTS), *usual(own, DOCUMENTS)}
    labels = {
        name: texts(value)
        for name, value in own.items()
        if name not in kept
        and (isinstance(value, list) or (isinstance(value, str) and len(value) <= _LONGEST_LABEL))
    }
    lists = frozenset(name for name, value in own.items() if isinstance(value, list))
    answer = Answer(labels, _reader(record["annotator"]))
    data = {name: value for name, value in own.items() if name not in labels}
    return Item(data, (answer,), several=lists & set(labels), key=None if key is None else str(key))


def _plain(value: Any) -> Any:
    """Return several choices as a list: JSON-MIN has an object for them, CSV its text."""
    if isinstance(value, str) and value.startswith(('{"choices"', "[")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        return value["choices"]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return _plain(value[0])
    return value


def task(sentence: Tagged) -> dict[str, Any]:
    """Return a sentence as a task with the model's answers as a prediction."""
    result = [
        {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": labels}}
        for name, labels in sentence.answers.items()
        if labels
    ]
    prediction = {"model_version": sentence.model, "score": sentence.score, "result": result}
    return {"data": {"text": sentence.text, **meta(sentence)}, "predictions": [prediction]}
