"""A curl line for an operation of an OpenAPI document, with the document's own examples as values."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode


def curl_of(document: dict[str, Any], operation: dict[str, Any], method: str, path: str) -> str:
    """`curl -H "Authorization: Bearer $TOKEN" "$MESH/api/v1/products"`: what must be sent, and nothing else."""
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(_example(document, parameter["schema"]))))
    asked = {p["name"]: _example(document, p["schema"]) for p in parameters if p["in"] == "query" and p.get("required")}
    parts = ["curl", *{"get": [], "head": ["-I"]}.get(method, ["-X", method.upper()])]
    if operation.get("security"):
        parts += ["-H", '"Authorization: Bearer $TOKEN"']
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = json.dumps(_example(document, schema), ensure_ascii=False)
        parts += ["-H", '"Content-Type: application/json"', "-d", shlex.quote(body)]
    query = f"?{urlencode(asked)}" if asked else ""
    return " ".join([*parts, f'"$MESH{path}{query}"'])


def _example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value of a schema: its example or default, else one made of what it requires."""
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("default", "const"):
        if schema.get(key) is not None:
            return schema[key]
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _example(document, choice)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {name: _example(document, schema["properties"][name]) for name in required}
    if schema.get("type") == "array":
        return [_example(document, schema["items"])]
    return {"integer": 1, "number": 1, "boolean": True}.get(schema.get("type", ""), "...")
