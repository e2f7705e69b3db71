"""Findings for machines: JSON for programs, SARIF 2.1.0 for code review, JUnit XML for CI. Pure: nothing is written.

Files are named relative to `base`, with `/`, so that a report reads the same on every machine.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from platform_resources.contracts.findings import Finding, printable, relative_file, render_findings

Titles = Mapping[str, tuple[str, str]]  # code -> (title, help)

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_ROOT = "%SRCROOT%"
_INDEX = re.compile(r"\[\d+\]")
_LINE = re.compile(r"\bline \d+")


def findings_as_json(findings: Iterable[Finding], base: Path | None = None) -> list[dict[str, Any]]:
    """One mapping a finding: file, line, path, message, remedy, severity, code."""
    return [{**finding.as_dict(), "file": relative_file(finding.file, base)} for finding in findings]


def findings_as_sarif(
    findings: Sequence[Finding], base: Path | None = None, titles: Titles | None = None
) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run; every code that occurs is a rule of it.

    `titles`: title and help of codes that have some (the council's rules: title and reason); the others are titled by
    their code and helped by the remedy of their first finding. A result's fingerprint is made of code, file, field and
    message without their line numbers and indexes: lines and entries added above leave it as it is.
    """
    titles = titles or {}
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.code, finding)
    indexes = {code: index for index, code in enumerate(first)}
    seen: Counter[str] = Counter()
    results = []
    for finding in findings:
        fingerprint = _fingerprint(finding, base)
        seen[fingerprint] += 1
        results.append(
            {
                "ruleId": finding.code,
                "ruleIndex": indexes[finding.code],
                "level": _LEVELS[finding.severity],
                "message": {"text": printable(f"{finding.message} {finding.remedy}")},
                "locations": [_location(finding, base)],
                "partialFingerprints": {"meshFinding/v1": f"{fingerprint}:{seen[fingerprint]}"},
            }
        )
    rules = [_rule(code, finding, titles.get(code)) for code, finding in first.items()]
    run = {
        "tool": {"driver": {"name": "mesh", "rules": rules}},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder of the project."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def findings_as_junit(findings: Sequence[Finding], checked: Sequence[Path], base: Path | None = None) -> str:
    """JUnit XML: one test case a document; it fails when it has findings of severity error. Others are its output.

    `checked`: the documents that were looked at, also those without findings.
    """
    by_file: dict[str, list[Finding]] = {relative_file(file, base): [] for file in checked}
    for finding in findings:
        by_file.setdefault(relative_file(finding.file, base), []).append(finding)
    failed = sum(any(finding.severity == "error" for finding in found) for found in by_file.values())
    counts = {"tests": str(len(by_file)), "failures": str(failed), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "mesh check", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "documents", **counts, "skipped": "0", "time": "0"})
    for file, found in by_file.items():
        folder = file.rpartition("/")[0].replace("/", ".") or "documents"
        names = {"classname": printable(folder), "name": printable(file), "file": printable(file), "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", names)
        failing = [finding for finding in found if finding.severity == "error"]
        others = [finding for finding in found if finding.severity != "error"]
        if failing:
            message = failing[0].message if len(failing) == 1 else f"{len(failing)} errors; {failing[0].message}"
            failure = ElementTree.SubElement(case, "failure", {"message": printable(message), "type": failing[0].code})
            failure.text = render_findings(failing, base)
        if others:
            ElementTree.SubElement(case, "system-out").text = render_findings(others, base)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _fingerprint(finding: Finding, base: Path | None) -> str:
    stable = (
        finding.code,
        relative_file(finding.file, base),
        _INDEX.sub("[]", finding.path),
        _LINE.sub("line", finding.message),
    )
    return hashlib.sha256("\0".join(stable).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _location(finding: Finding, base: Path | None) -> dict[str, Any]:
    name = relative_file(finding.file, base)
    file: dict[str, Any] = {"uri": quote(name), "uriBaseId": _ROOT}
    if Path(name).is_absolute():  # it lies elsewhere than the project
        file = {"uri": Path(name).as_uri()}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": file, "region": {"startLine": finding.line}}}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(finding.path), "kind": "member"}]
    return location


def _rule(code: str, finding: Finding, title: tuple[str, str] | None) -> dict[str, Any]:
    words, help_text = title or (code.replace("-", " ").capitalize(), finding.remedy)
    return {
        "id": code,
        "shortDescription": {"text": printable(words)},
        "help": {"text": printable(help_text)},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
    }
