"""The OpenAPI document of the API, good enough to generate a client from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from platform_resources.serving.problems import PROBLEM_JSON, Problem, problem_responses

_ABOUT = """\
The products of the mesh: what they promise, how good they are, and their data as the caller may see it.

Every request but `/health` shows a token: `Authorization: Bearer <token>`. A reading of data needs a grant and declares
a purpose. Whatever is refused is answered as problem details (RFC 9457) with a stable `code` and what to do. A product
that the caller may not know of is answered exactly like one that does not exist.
"""
_TAGS = {
    "catalog": "Finding products, and judging them before depending on them.",
    "products": "What the mesh offers: promises, contracts, columns, quality, lineage, consumers, use.",
    "lineage": "Which column comes from which, and what a change would hit.",
    "data": "The rows of a port, as the caller may see them.",
    "sql": "Queries over ports, as the caller may see them.",
    "glossary": "What words mean, and how they stand to each other.",
    "access": "Asking for access, deciding on it, ending it.",
    "governance": "What the council has decided.",
    "identity": "Who one is, and one's tokens.",
    "audit": "What was read and decided.",
    "health": "Whether the server answers.",
}

_WAIT = {"Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}}}
_HEADERS = {
    "401": {"WWW-Authenticate": {"description": "Bearer.", "required": True, "schema": {"type": "string"}}},
    "429": _WAIT,
    "503": _WAIT,
}


def describe(app: FastAPI) -> None:
    """Have the app serve this document; it is made once, on first demand."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  (FastAPI's own way to extend the document)


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title="Data mesh",
        version=app.version,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": "/", "description": "This server."}],
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )
    _, problem = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    components = made.setdefault("components", {})
    components["schemas"] = dict(sorted((components.get("schemas", {}) | problem["$defs"]).items()))
    used = {tag for path in made["paths"].values() for operation in path.values() for tag in operation.get("tags", ())}
    made["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items() if name in used]
    for path in made["paths"].values():
        for operation in path.values():
            _complete(operation)
    return made


def _complete(operation: dict[str, Any]) -> None:
    """What the edge of the API may answer to any operation, and the headers that come with a refusal."""
    responses = operation["responses"]
    edge = [414, 431, *([413, 415] if "requestBody" in operation else [])]
    for status, answer in problem_responses(*edge).items():
        responses.setdefault(str(status), answer)
    for status, headers in _HEADERS.items():
        if status in responses and PROBLEM_JSON in responses[status].get("content", {}):
            responses[status] = {**responses[status], "headers": headers}
    operation["responses"] = dict(sorted(responses.items()))
