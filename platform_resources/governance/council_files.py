"""What the readers of the council's files share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from platform_resources.contracts import Document, Finding
from platform_resources.contracts.findings import shown
from platform_resources.contracts.nodes import Node


def checked_by_schema(document: Document, schema: Path, what: str) -> list[Finding]:
    """What the JSON schema finds wrong with a file of the council, in words for it: it is no document of a standard."""
    from platform_resources.contracts.schema_check import check_schema  # noqa: PLC0415  (imports jsonschema, 50 ms)

    found = []
    for finding in check_schema(document, schema):
        message = finding.message.replace("The standard knows no key", f"A {what} has no key")
        remedy = finding.remedy.replace(" What it can't say goes into `customProperties`.", "")
        remedy = remedy.replace("See the standard.", "See docs/rules.md.")
        found.append(replace(finding, message=message, remedy=remedy))
    return found


def read_day(node: Node, key: str) -> tuple[date | None, Iterable[Finding]]:
    """The ISO date under `key` (None where there is none), and a finding when it is no date."""
    text = node.text(key)
    if text is None:
        return None, ()
    try:
        if len(text) == 10:
            return date.fromisoformat(text), ()
    except ValueError:
        pass
    return None, [
        node.at(key).finding("date", f"`{key}` is {shown(text)}, which is no day.", "Write it as 2026-01-31.")
    ]
