"""The document for people: one page without scripts, fonts or anything else from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

from platform_resources.serving.docs_examples import curl_of

router = APIRouter()

_STYLE = """
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
a{color:#0b5cad}nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
h2{margin:2.5rem 0 0;padding-bottom:.2rem;border-bottom:1px solid #d5dbe3}h2+p{margin-top:.4rem;color:#4d5968}
code,pre,b.m{font:13px/1.5 ui-monospace,monospace}code{background:#eff2f6;border-radius:3px;padding:.05rem .25rem}
code,td,p{overflow-wrap:anywhere}summary code{background:none;padding:0}
summary code::before{content:"▸";margin-right:.4rem;color:#5b6675}details[open] summary code::before{content:"▾"}
pre{background:#1c2430;color:#e8edf3;padding:.6rem .8rem;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
details{border-bottom:1px solid #eff2f6}details[open]{padding-bottom:.6rem}
summary{cursor:pointer;padding:.4rem 0;list-style:none;display:grid;grid-template-columns:4.2rem 1fr;gap:0 .5rem}
summary::-webkit-details-marker{display:none}summary:hover{background:#f6f8fa}summary>span{grid-column:2;color:#4d5968}
b.m{text-align:center;border-radius:3px;color:#fff;align-self:start}
.get{background:#0b5cad}.post{background:#1a7340}.delete{background:#a52a2a}.put,.patch{background:#8a5a00}
details>div{padding-left:4.7rem}table{border-collapse:collapse;margin:.6rem 0}
td{padding:.15rem .8rem .15rem 0;vertical-align:top}td:first-child{min-width:3rem}small{color:#5b6675}
@media(max-width:40rem){body{margin:1rem auto}details>div{padding-left:0}summary{grid-template-columns:3.6rem 1fr}}
"""
_NAMES = {"MESH": "the address of this server", "TOKEN": "your token"}
_CODE = re.compile(r"`([^`]+)`")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """The operations of the document, by subject."""
    text = "".join(page_of(request.app.openapi()))
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return Response(text, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy})


def page_of(document: dict[str, Any]) -> Iterator[str]:
    """The page of an OpenAPI document, in pieces."""
    title = escape(document["info"]["title"])
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
    for paragraph in document["info"].get("description", "").split("\n\n"):
        yield f"<p>{_inline(paragraph)}</p>"
    told = ", ".join(f"<code>${name}</code> is {meaning}" for name, meaning in _NAMES.items())
    yield f'<p>In the examples {told}. <a href="openapi.json">openapi.json</a> is for programs.</p><nav>'
    operations = [
        (operation, method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = document.get("tags", ())
    yield from (f'<a href="#{escape(tag["name"])}">{escape(tag["name"])}</a>' for tag in tags)
    yield "</nav>"
    for tag in tags:
        name = escape(tag["name"])
        yield f'<h2 id="{name}">{name}</h2><p>{_inline(tag["description"])}</p>'
        for operation, method, path in operations:
            if tag["name"] in operation.get("tags", ()):
                yield from _operation(document, operation, method, path)


def _operation(document: dict[str, Any], operation: dict[str, Any], method: str, path: str) -> Iterator[str]:
    summary = _inline(operation.get("summary", ""))
    yield f'<details><summary><b class="m {escape(method)}">{escape(method.upper())}</b><code>{escape(path)}</code>'
    yield f"<span>{summary}</span></summary><div><p>{_inline(operation.get('description', ''))}</p>"
    yield f"<pre>{escape(curl_of(document, operation, method, path))}</pre>"
    if parameters := operation.get("parameters"):
        yield "<table>"
        for parameter in parameters:
            name, told = escape(parameter["name"]), _inline(parameter.get("description", ""))
            yield f"<tr><td><code>{name}</code> <small>{parameter['in']}</small></td><td>{told}</td></tr>"
        yield "</table>"
    yield "<table>"
    for status, answer in operation["responses"].items():
        forms = escape(", ".join(answer.get("content", {})))
        yield f"<tr><td>{escape(status)}</td><td>{_inline(answer['description'])} <small>{forms}</small></td></tr>"
    yield "</table></div></details>"


def _inline(text: str) -> str:
    """HTML of a text in which `code` stands between backticks; the only markup that descriptions use."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
