"""The API's document: the stored copy is that of the code, and a client can be generated from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import Api

STORED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
COMMAND = "python -m platform_resources.serving.document"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(STORED.read_text())


def test_the_stored_document_is_that_of_the_code(reading_api: Api, document: dict[str, Any]) -> None:
    served = reading_api.get("anonymous", "/api/v1/openapi.json").json()
    assert served == document, f"the API changed; write its document anew: {COMMAND} > docs/openapi.json"


def test_the_command_writes_the_stored_document() -> None:
    made = subprocess.run([sys.executable, *COMMAND.split()[1:]], capture_output=True, text=True, check=True)
    assert made.stdout == STORED.read_text()
    assert made.stderr == ""


def test_every_operation_is_named_told_and_says_what_it_refuses_with(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in _operations(document)]
    assert len(names) == len(set(names))
    for where, operation in _operations(document):
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (where, parameter["name"])
        if operation.get("security"):
            assert {"401", "429", "503"} <= operation["responses"].keys(), where
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (where, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_the_page_needs_nothing_from_elsewhere(reading_api: Api, document: dict[str, Any]) -> None:
    page = reading_api.get("anonymous", "/api/v1/docs")
    assert page.status_code == 200
    assert "script" not in page.text
    assert "http" not in page.text
    for path in document["paths"]:
        assert path in page.text


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{m} {path}", operation) for path, methods in document["paths"].items() for m, operation in methods.items()
    ]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in _references(part)]
    return [found for part in value for found in _references(part)] if isinstance(value, list) else []
