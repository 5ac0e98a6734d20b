"""`/docs`: the description of the API as a page that needs no script and nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from casework.permissions import Permission
from server.identity.declared import needs

ORDER = ("cases", "claims", "decisions", "notes", "tags", "stream", "telemetry", "detection", "audit")
"""Sections people look for first; the others follow by name, the demo's routes last."""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; color: #222; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
code, pre { font: 13px/1.5 ui-monospace, monospace; } table { margin: .6rem 0 1rem; }
summary { cursor: pointer; padding: .2rem 0; } details { border-bottom: 1px solid #eee; }
details > :not(summary) { margin-left: 1.2rem; } pre { background: #f5f5f5; padding: .6rem; overflow: auto; }
table { border-collapse: collapse; } td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
.method { display: inline-block; width: 4.2rem; font-weight: 600; } .dim { color: #666; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd; }
pre { background: #222; } details, h2 { border-color: #333; } a { color: #8ab4f8; } .dim { color: #999; } }
"""


def mount_docs(app: FastAPI) -> None:
    """Serve the page at /docs."""

    @app.get("/docs", include_in_schema=False)
    @needs(Permission.LOOK)
    async def docs() -> Response:
        return HTMLResponse(page(app.openapi()), headers=HEADERS)


def page(description: Mapping[str, Any]) -> str:
    """A description of an API as a page."""
    title = escape(f"{description['info']['title']} {description['info']['version']}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(description['info'].get('summary', ''))} "
        'The whole description, for programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{''.join(_sections(description['paths']))}</body></html>"
    )


def _sections(paths: Mapping[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    for tag in sorted(by_tag, key=_place):
        yield f"<h2>{escape(tag)}</h2>{''.join(by_tag[tag])}"


def _place(tag: str) -> tuple[int, str]:
    if tag == "demo":
        return len(ORDER) + 1, tag
    return (ORDER.index(tag) if tag in ORDER else len(ORDER)), tag


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = (
        f'<details><summary><span class="method">{escape(method.upper())}</span><code>{escape(path)}</code> ',
        f'<span class="dim">{escape(operation.get("summary", ""))}</span></summary>',
        f"<p>{_prose(operation['description'])}</p>" if operation.get("description") else "",
        *_roles(operation),
        *_parameters(operation.get("parameters", ())),
        *_body(operation.get("requestBody", {})),
        *_answers(operation["responses"]),
        "</details>",
    )
    return "".join(parts)


def _roles(operation: Mapping[str, Any]) -> Iterator[str]:
    roles = ", ".join(operation.get("x-roles", ())) or "anybody, without signing in"
    yield f'<p class="dim">For: {escape(roles)}.</p>'


def _parameters(parameters: Any) -> Iterator[str]:
    if parameters:
        yield _table(
            (
                f"<code>{escape(one['name'])}</code>",
                f'<span class="dim">{escape(one["in"])}</span>',
                _said(one),
            )
            for one in parameters
        )


def _said(parameter: Mapping[str, Any]) -> str:
    need = "" if parameter.get("required") else ' <span class="dim">optional</span>'
    return _prose(parameter.get("description", "")) + need


def _prose(text: str) -> str:
    """Text whose words in backticks are code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    for media, content in body.get("content", {}).items():
        yield f"<p>Body, <code>{escape(media)}</code>: {_shape(content.get('schema', {}))}</p>"
        if "example" in content:
            yield f"<pre>{escape(json.dumps(content['example'], indent=2))}</pre>"


def _answers(answers: Mapping[str, Any]) -> Iterator[str]:
    yield _table(
        (f"<code>{escape(status)}</code>", escape(_meaning(status, answer)), _shapes(answer))
        for status, answer in sorted(answers.items())
    )


def _meaning(status: str, answer: Mapping[str, Any]) -> str:
    text = str(answer.get("description", ""))
    return "" if status.startswith("2") and text == "Successful Response" else text


def _shapes(answer: Mapping[str, Any]) -> str:
    return ", ".join(_shape(content.get("schema", {})) for content in answer.get("content", {}).values())


def _shape(schema: Mapping[str, Any]) -> str:
    """The name of a shape, which /openapi.json spells out."""
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1] or str(schema.get("type", ""))
    return f'<code class="dim">{escape(name)}</code>' if name else ""


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
