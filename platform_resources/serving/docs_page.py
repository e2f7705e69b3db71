"""The document for people: one page without scripts, fonts or anything else from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

router = APIRouter()

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h2{margin-top:2.5rem;border-bottom:1px solid #d5dbe3}summary{cursor:pointer;padding:.3rem 0}
code,b.m{font:13px ui-monospace,monospace}b.m{display:inline-block;width:4rem;color:#0b5cad}
td{padding:.15rem .8rem .15rem 0;vertical-align:top}details>div{padding-left:4.2rem}small{color:#5b6675}
"""


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """The operations of the document, by subject."""
    text = "".join(page_of(request.app.openapi()))
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return Response(text, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy})


def page_of(document: dict[str, Any]) -> Iterator[str]:
    """The page of an OpenAPI document, in pieces."""
    title = escape(document["info"]["title"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield f"<h1>{title}</h1><p>{escape(document['info'].get('description', ''))}</p>"
    yield '<p><a href="openapi.json">openapi.json</a> is for programs.</p>'
    operations = [
        (operation, method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in document.get("tags", ()):
        yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
        for operation, method, path in operations:
            if tag["name"] in operation.get("tags", ()):
                yield from _operation(operation, method, path)


def _operation(operation: dict[str, Any], method: str, path: str) -> Iterator[str]:
    summary = escape(operation.get("summary", ""))
    yield f'<details><summary><b class="m">{method.upper()}</b> <code>{escape(path)}</code> {summary}</summary><div>'
    yield f"<p>{escape(operation.get('description', ''))}</p><table>"
    for parameter in operation.get("parameters", ()):
        name, told = escape(parameter["name"]), escape(parameter.get("description", ""))
        yield f"<tr><td><code>{name}</code> <small>{parameter['in']}</small></td><td>{told}</td></tr>"
    yield "</table><table>"
    for status, answer in operation["responses"].items():
        forms = escape(", ".join(answer.get("content", {})))
        yield f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])} <small>{forms}</small></td></tr>"
    yield "</table></div></details>"
