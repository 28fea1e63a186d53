"""The OpenAPI description: what the server takes and answers, with the model's own columns."""

from collections.abc import Sequence
from typing import Any

from tagger import __version__
from tagger.predictor import Tagger
from tagger.schema import KINDS
from tagger.serve import bodies, problems
from tagger.serve.settings import ServeSettings

_PROBLEMS = {
    400: "Not JSON, or not whole; or it names no host, or several.",
    408: "The body came too slowly.",
    413: "The body is too long.",
    415: "The body is not JSON in UTF-8.",
    421: "Sent to another host's name.",
    422: "JSON, but not what is described here.",
    429: "The queue is full: Retry-After says in how many seconds to send it again.",
    500: "A fault of the server.",
    503: "It took too long.",
}


def _list(items: Any, told: str = "") -> dict[str, Any]:
    return {"type": "array", "items": items, **({"description": told} if told else {})}


_TEXT, _FLAG, _NUMBER, _WHOLE = ({"type": t} for t in ("string", "boolean", "number", "integer"))
_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_MODEL = {**_TEXT, "description": "Hash of the model; of both readers FIRST+SECOND."}
_NOTES = _list(_TEXT, "What should be known of the answer.")
_EXAMPLES = {
    "tag": {"text": "Oil rose 2 percent on Monday. It may fall.", "doc": "wire-12"},
    "sentences": {"sentences": ["Oil rose 2 percent.", {"text": "It may fall.", "outlet": "a"}]},
    "documents": {"documents": ["Oil rose 2 percent. It may fall."]},
    "explain": {"sentence": "The sanctions could cripple oil exports."},
}
PATHS = {
    "/v1/tag": ("post", "Cut one article into sentences and other pieces, and tag each."),
    "/v1/predict": ("post", "Tag many sentences, or many documents."),
    "/v1/explain": ("post", "Split the scores of one sentence into those of its words."),
    "/health": ("get", "Say whether the server answers."),
    "/metrics": ("get", "Counts in Prometheus' text format, all workers together."),
    "/openapi.json": ("get", "This description."),
    "/docs": ("get", "This description as a page."),
}


def describe(tagger: Tagger, settings: ServeSettings) -> dict[str, Any]:
    """Return the OpenAPI description of a server.

    Parameters
    ----------
    tagger : what tags; its tasks name columns of the answers.
    settings : with the limits.
    """
    limits = (
        f"At most {settings.max_body_bytes:,} bytes a request, {settings.max_characters:,} "
        f"characters a text, {settings.max_rows:,} rows and {settings.timeout:g} seconds; "
        f"{settings.queue:,} requests wait in each worker, further ones get 429."
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tagger",
            "version": __version__,
            "description": "Tags the sentences of news. Answers are the rows of `tagger "
            f"predict`. {limits} Errors are problem details (RFC 9457).",
        },
        "paths": {path: {verb: _operation(path, told)} for path, (verb, told) in PATHS.items()},
        "components": {"schemas": _schemas(tagger, settings)},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(path: str, told: str) -> dict[str, Any]:
    name = path.rpartition("/")[2].partition(".")[0]
    operation: dict[str, Any] = {"operationId": name, "summary": told}
    content: dict[str, Any] = {bodies.JSON: {"schema": {"type": "object"}}}
    kinds = [400, 421, 500]
    if path.startswith("/v1/"):
        examples = ("sentences", "documents") if name == "predict" else (name,)
        body = {
            "schema": _ref(f"{name}-request"),
            "examples": {key: {"value": _EXAMPLES[key]} for key in examples},
        }
        operation["requestBody"] = {"required": True, "content": {bodies.JSON: body}}
        answers = {"predict": ("rows", "columns"), "explain": ("explanation",)}.get(name, ("rows",))
        content = {bodies.JSON: {"schema": {"oneOf": [_ref(answer) for answer in answers]}}}
        kinds = list(_PROBLEMS)
    elif name == "health":
        members = {"status": {"const": "ok"}, "model": _MODEL, "version": _TEXT}
        content = {bodies.JSON: {"schema": _object(members)}}
    elif name in ("metrics", "docs"):
        content = {"text/plain" if name == "metrics" else "text/html": {"schema": _TEXT}}
    operation["responses"] = {"200": {"description": "The answer.", "content": content}} | {
        str(status): {
            "description": _PROBLEMS[status],
            "content": {problems.MEDIA_TYPE: {"schema": _ref("problem")}},
            **({"headers": {"Retry-After": {"schema": _TEXT}}} if status == 429 else {}),
        }
        for status in kinds
    }
    return operation


def _object(members: dict[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    own = list(members) if required is None else list(required)
    return {"type": "object", "properties": members, "required": own}


def _schemas(tagger: Tagger, settings: ServeSettings) -> dict[str, Any]:
    by_label = {
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": _NUMBER},
    }
    span = {"start": _WHOLE, "end": _WHOLE, "text": _TEXT}
    part = _object({**span, "adds": {**by_label, "description": "To the score (log-odds)."}})
    labels = {task.name: _answer(task.labels, task.multilabel) for task in tagger.schema.tasks}
    explanation = {
        "model": _MODEL,
        "labels": _object(labels),
        "probabilities": by_label,
        "review": _FLAG,
        "scores": {**by_label, "description": "The intercept and all of evidence summed."},
        "intercept": by_label,
        "evidence": _list(part),
        "left_out": _list(part, "Of a second reader: what both lose where a word is left out."),
        "notes": _NOTES,
    }
    row = _row(tagger)
    columns = {name: _list(row["properties"][name]) for name in tagger.columns}
    told = ("title", "detail", "found", "expected", "remedy", "type")
    return {
        "tag-request": _body(bodies.TAG, settings),
        "predict-request": {
            "oneOf": [_body(f, settings) for f in (bodies.SENTENCES, bodies.DOCUMENTS)]
        },
        "explain-request": _body(bodies.EXPLAIN, settings),
        "rows": _object({"model": _MODEL, "notes": _NOTES, "rows": _list(row)}),
        "columns": _object({"model": _MODEL, "notes": _NOTES, "columns": _object(columns)}),
        "explanation": _object(explanation),
        "problem": _object({**dict.fromkeys(told, _TEXT), "status": _WHOLE}),
    }


def _body(fields: Sequence[bodies.Field], settings: ServeSettings) -> dict[str, Any]:
    text = {**_TEXT, "maxLength": settings.max_characters}
    row = _object({"text": text, "doc": {"type": ["string", "integer"]}}, ["text"])
    row |= {"maxProperties": bodies.MAX_COLUMNS, "description": "Other members are passed on."}
    items = {"oneOf": [text, row]}
    kinds: dict[type, dict[str, Any]] = {
        str: text,
        bool: _FLAG,
        list: {"type": "array", "maxItems": settings.max_rows, "items": items},
    }
    members = {
        f.name: {
            **kinds[f.kind],
            "description": f.what,
            **({} if f.default is None else {"default": f.default}),
        }
        for f in fields
    }
    required = [field.name for field in fields if field.default is None]
    return {**_object(members, required), "additionalProperties": False}


def _answer(labels: Sequence[str], multilabel: bool) -> dict[str, Any]:
    if multilabel:
        return {"type": ["array", "null"], "items": {"enum": list(labels)}}
    return {"enum": [*labels, None]}


def _row(tagger: Tagger) -> dict[str, Any]:
    part = {"label": _TEXT, "text": _TEXT, "start": _WHOLE, "end": _WHOLE, "adds": _NUMBER}
    kinds = {
        "doc": _TEXT,
        "n": _WHOLE,
        "kind": {"enum": list(KINDS)},
        "what": {**_TEXT, "description": "What a piece of the kind other is."},
        "start": _WHOLE,
        "end": _WHOLE,
        "text": _TEXT,
        "review": {**_FLAG, "description": "An answer is too close to call to be used unread."},
        "model": _MODEL,
    }
    for task in tagger.schema.tasks:
        told = {"description": "; ".join(f"{k}: {v}" for k, v in task.definitions.items())}
        kinds[task.name] = {**_answer(task.labels, task.multilabel), **told}
        kinds |= dict.fromkeys(tagger.schema.probability_columns(task), _SHARE)
    row = _object({name: kinds[name] for name in tagger.columns})
    evidence = _list(_object({**part, "method": _TEXT}), "Where explain is true.")
    row["properties"]["evidence"] = evidence
    return row
