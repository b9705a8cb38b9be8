"""The description of the service as a page for people: nothing but HTML, made of the one for programs (OpenAPI)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ppt2v.language import Message, current, translated, words

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1a1a1a; }
h2 { margin-top: 2.5rem; }
summary { cursor: pointer; padding: .4rem 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: #f3f3f3; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ddd; }
.method { display: inline-block; min-width: 4.5rem; font-weight: bold; }
"""
_FIRST = """
curl {address}/jobs/text2video --json '{{"prompt": "a fox in the snow", "seed": 1}}' -H "Prefer: wait=60"
curl {address}/jobs/ID
curl {address}/jobs/ID/result -o fox.mp4
"""
_METHODS = ("post", "get", "delete")


def page(described: Mapping[str, Any], address: str) -> str:
    """The page.

    Args:
        described: the service, as OpenAPI.
        address: where it is reached, such as "http://localhost:8000".
    """
    about = described["info"]
    title = escape(f"{about['title']} {about['version']}")
    token = words(
        "Where the service asks for a token, each request brings it along, as the header {header}. For programs this "
        "is described at {file}.",
        header="<code>Authorization: Bearer TOKEN</code>",
        file="<a href=openapi.json>openapi.json</a>",
    )
    parts = [
        f"<!doctype html><html lang={current()}><meta charset=utf-8><title>{title}</title>",
        f'<meta name=viewport content="width=device-width, initial-scale=1"><style>{_STYLE}</style>',
        f"<h1>{title}</h1><p>{_said(about['summary'])} {_said('Ask for a video, see how far it is, fetch it:')}</p>",
        f"<pre>{escape(_FIRST.format(address=address).strip())}</pre><p>{token}</p><h2>{_said('Paths')}</h2>",
    ]
    for path, operations in described["paths"].items():
        for method in filter(operations.__contains__, _METHODS):
            parts += _operation(method, path, operations[method], described["components"]["schemas"])
    return "\n".join(parts)


def _said(english: str) -> str:
    return escape(translated(english))


def _operation(method: str, path: str, about: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><span class=method>{method.upper()}</span> <code>{escape(path)}</code><br>"
    yield f"{_said(about.get('description') or about['summary'])}</summary>"
    asked = ((one["name"], one["schema"], one) for one in about.get("parameters", []))
    yield from _table(words("It may be told"), asked)
    for kind, content in about.get("requestBody", {}).get("content", {}).items():
        body = _resolved(content["schema"], schemas)
        fields = ((name, field, field) for name, field in body.get("properties", {}).items())
        yield from _table(words("The body, {kind}", kind=kind), fields, body.get("required", []))
    answers = [f"{status} {translated(answer['description'])}" for status, answer in about["responses"].items()]
    yield f"<p>{escape(str(words('Answers: {answers}.', answers='; '.join(answers))))}</p></details>"


def _table(title: Message, rows: Iterator[tuple[str, Any, Any]], required: Sequence[str] = ()) -> Iterator[str]:
    """A table of names, valid values and what they are, where there are any."""
    cells = [(name, _rule(schema), _default(name, schema, required), _about(about)) for name, schema, about in rows]
    if not cells:
        return
    heads = "<th>".join(map(_said, ("name", "values", "default", "what it does")))
    yield f"<h3>{escape(str(title))}</h3><table><tr><th>{heads}"
    for name, *others in cells:
        yield f"<tr><td><code>{escape(name)}</code><td>{'<td>'.join(map(escape, others))}"
    yield "</table>"


def _about(field: Mapping[str, Any]) -> str:
    return translated(field.get("description", ""))


def _default(name: str, schema: Mapping[str, Any], required: Sequence[str]) -> str:
    if name in required:
        return translated("needed")
    return "" if schema.get("default") is None else str(schema["default"])


def _rule(schema: Mapping[str, Any]) -> str:
    """The valid values in words."""
    if "anyOf" in schema:
        return _rule(next(kind for kind in schema["anyOf"] if kind.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        each = _rule(schema["items"])
        if "maxItems" in schema:
            return str(words("a list of: {each}, at most {most}", each=each, most=schema["maxItems"]))
        return str(words("a list of: {each}", each=each))
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "maximum": "≤"}
    bounds = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    return " ".join([str(schema.get("const", schema.get("type", ""))), *bounds])


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    return schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
