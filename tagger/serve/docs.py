"""The OpenAPI description as one page of HTML that loads nothing."""

import json
from collections.abc import Iterator
from typing import Any

from tagger.markup import text_of

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { border-top: 1px solid #888; padding-top: 1rem }
h2 b { text-transform: uppercase; margin-right: .5em }
pre { overflow-x: auto; padding: .8em; border: 1px solid #888; border-radius: .4em }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { text-align: left; vertical-align: top; padding: .2em 1.2em .2em 0 }
"""


def page(description: dict[str, Any]) -> str:
    """Return a page that shows an OpenAPI description."""
    info, schemas = description["info"], description["components"]["schemas"]
    told = "".join(
        _operation(path, verb, operation)
        for path, operations in description["paths"].items()
        for verb, operation in operations.items()
    )
    named = "".join(
        f'<h2 id="{text_of(name)}">{text_of(name)}</h2>{"".join(_schema(schema))}'
        for name, schema in schemas.items()
    )
    title = text_of(f"{info['title']} {info['version']}")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><main><h1>{title}</h1>"
        f'<p>{text_of(info["description"])} <a href="/openapi.json">openapi.json</a></p>'
        f"{told}{named}</main></html>"
    )


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><b>{text_of(verb)}</b>{text_of(path)}</h2><p>{text_of(operation['summary'])}"]
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Takes {text_of(kind)}: {_kind(body['schema'])}")
        for example in body["examples"].values():
            value = json.dumps(example["value"])
            command = f"curl --json '{value}' http://127.0.0.1:8000{path}"
            parts.append(f"<pre>{text_of(command)}</pre>")
    parts.append("<table><tr><th>status<th>type<th>what it means")
    for status, answer in operation["responses"].items():
        kinds = "".join(
            f"{text_of(kind)}: {_kind(content['schema'])}"
            for kind, content in answer["content"].items()
        )
        parts.append(f"<tr><td>{status}<td>{kinds}<td>{text_of(answer['description'])}")
    return "".join([*parts, "</table>"])


def _schema(schema: dict[str, Any]) -> Iterator[str]:
    """Yield a table of the members of an object, of each where there are several kinds."""
    for kind in schema.get("oneOf", [schema]):
        yield "<table><tr><th>member<th>type<th>what it is"
        for name, member in kind.get("properties", {}).items():
            must = " (required)" if name in kind["required"] else ""
            told = text_of(member.get("description", ""))
            yield f"<tr><td>{text_of(name)}{must}<td>{_kind(member)}<td>{told}"
        yield "</table>"
        for name, member in kind.get("properties", {}).items():
            if member.get("items", {}).get("properties"):
                yield f"<p>Each of {text_of(name)}:"
                yield from _schema(member["items"])


def _kind(schema: dict[str, Any]) -> str:
    """Return a type in words, a link where it has a name."""
    if "$ref" in schema:
        name = text_of(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return text_of(", ".join(map(json.dumps, schema["enum"])))
    if "oneOf" in schema:
        return " or ".join(map(_kind, schema["oneOf"]))
    kinds = schema.get("type", "any")
    name = kinds if isinstance(kinds, str) else " or ".join(kinds)
    inner = f" of {_kind(schema['items'])}" if "items" in schema else ""
    most = schema.get("maxLength", schema.get("maxItems"))
    return text_of(name) + inner + (f", at most {most:,}" if most else "")
