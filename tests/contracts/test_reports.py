"""Reports of findings are read by machines: each keeps to its format, and tells the same on every machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from platform_resources.contracts import (
    Finding,
    Severity,
    findings_as_json,
    findings_as_junit,
    findings_as_sarif,
    load_domain_partially,
    render_findings,
)

BASE = Path("/work")
FILE = BASE / "domains" / "crm" / "v1.odcs.yaml"

# What SARIF 2.1.0 asks of the parts that are used, and no more: its own schema is 3,000 lines.
_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "additionalProperties": False,
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {
                                "name": {"type": "string"},
                                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
                            },
                            "additionalProperties": False,
                        }
                    },
                },
                "originalUriBaseIds": {"type": "object"},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
            "additionalProperties": False,
        },
        "rule": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "shortDescription": _TEXT,
                "help": _TEXT,
                "defaultConfiguration": {"type": "object", "properties": {"level": _LEVEL}},
            },
            "additionalProperties": False,
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "level", "locations", "partialFingerprints"],
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": _LEVEL,
                "message": _TEXT,
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                "locations": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "type": "object",
                                "required": ["artifactLocation", "region"],
                                "properties": {
                                    "artifactLocation": {
                                        "type": "object",
                                        "required": ["uri"],
                                        "properties": {
                                            "uri": {"type": "string", "pattern": r"^[A-Za-z0-9._~:/%@!$&'()*+,;=-]+$"},
                                            "uriBaseId": {"const": "%SRCROOT%"},
                                        },
                                        "additionalProperties": False,
                                    },
                                    "region": {
                                        "type": "object",
                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                        "additionalProperties": False,
                                    },
                                },
                            },
                            "logicalLocations": {"type": "array"},
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        },
    },
}


def finding(line: int = 3, path: str = "status", code: str = "status", severity: Severity = "error") -> Finding:
    return Finding(FILE, line, path, f"`status` is `on`; the first is on line {line}.", "Mend it.", severity, code)


def results(log: dict[str, Any]) -> list[dict[str, Any]]:
    Draft202012Validator(SARIF).validate(log)
    return list(log["runs"][0]["results"])


def fingerprints(log: dict[str, Any]) -> Iterator[str]:
    return (result["partialFingerprints"]["meshFinding/v1"] for result in results(log))


def test_json_names_files_relative_to_the_project() -> None:
    (record,) = findings_as_json([finding()], BASE)
    assert record["file"] == "domains/crm/v1.odcs.yaml"
    assert record.keys() == {"file", "line", "path", "message", "remedy", "severity", "code"}
    assert json.loads(json.dumps(record)) == record
    (elsewhere,) = findings_as_json([finding()], Path("/other"))
    assert elsewhere["file"] == str(FILE)


def test_sarif_lists_each_rule_once_with_help_and_each_result_with_its_place() -> None:
    found = [finding(), finding(9), finding(5, "name", "name", "warning"), finding(6, "", "newer-standard", "info")]
    log = findings_as_sarif(found, BASE, {"status": ("Known states", "So that everybody knows what to expect.")})
    made = results(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["status", "name", "newer-standard"]
    assert rules[0]["shortDescription"]["text"] == "Known states"
    assert rules[0]["help"]["text"] == "So that everybody knows what to expect."
    assert rules[2]["shortDescription"]["text"] == "Newer standard"
    assert rules[2]["help"]["text"] == "Mend it."
    assert [result["level"] for result in made] == ["error", "error", "warning", "note"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in made)
    assert made[0]["message"]["text"].endswith("Mend it.")
    place = made[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "domains/crm/v1.odcs.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3}
    assert made[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "status"


def test_sarif_without_findings_is_a_log_too() -> None:
    assert results(findings_as_sarif([], BASE)) == []


def test_sarif_names_files_as_uris() -> None:
    odd = Finding(BASE / "domains" / "a b" / "ü%.yaml", 1, "", "Odd.", "Rename it.", "error", "name")
    outside = Finding(Path("/else where/x.yaml"), 1, "", "Odd.", "Move it.", "error", "name")
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in results(findings_as_sarif([odd, outside], BASE))
    ]
    assert uris == ["domains/a%20b/%C3%BC%25.yaml", "file:///else%20where/x.yaml"]


def test_fingerprints_survive_lines_and_entries_added_above() -> None:
    before = [finding(10, "schema[0].properties[3].logicalType"), finding(20, "status", "name")]
    after = [finding(14, "schema[0].properties[4].logicalType"), finding(24, "status", "name")]
    assert list(fingerprints(findings_as_sarif(before, BASE))) == list(fingerprints(findings_as_sarif(after, BASE)))


def test_fingerprints_of_findings_that_read_alike_differ() -> None:
    alike = [finding(10, "schema[0].properties[3]"), finding(11, "schema[0].properties[4]")]
    assert len(set(fingerprints(findings_as_sarif(alike, BASE)))) == 2


def test_fingerprints_of_a_real_contract_survive_a_comment_at_its_top(domain_folder: Path, contract_file: Path) -> None:
    text = contract_file.read_text().replace("varchar(254)", "varchar(254").replace("status: active", "status: on")
    contract_file.write_text(text)
    before = load_domain_partially(domain_folder)[1]
    contract_file.write_text("# who wrote it\n# and when\n" + text)
    after = load_domain_partially(domain_folder)[1]
    assert before
    assert [f.line for f in before] != [f.line for f in after]
    assert set(fingerprints(findings_as_sarif(before, domain_folder))) == set(
        fingerprints(findings_as_sarif(after, domain_folder))
    )


def test_junit_has_a_case_for_every_document_and_fails_those_with_errors() -> None:
    sound = BASE / "domains" / "crm" / "domain.yaml"
    found = [finding(), finding(9), finding(12, "name", "name", "warning")]
    root = ElementTree.fromstring(findings_as_junit(found, [sound, FILE], BASE))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    first, second = root.iter("testcase")
    assert (first.get("name"), list(first)) == ("domains/crm/domain.yaml", [])
    failure = second.find("failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("2 errors")
    assert failure.text == render_findings(found[:2], BASE)
    assert second.findtext("system-out") == render_findings(found[2:], BASE)


def test_junit_passes_a_document_that_is_only_warned_about() -> None:
    root = ElementTree.fromstring(findings_as_junit([finding(severity="warning")], [FILE], BASE))
    assert (root.get("tests"), root.get("failures")) == ("1", "0")


@pytest.mark.parametrize("hostile", ["\x1b[31m]]>", "<b>&amp;</b>", "\x00\ufffe\ud800", "‮gnp", 'a"\n\r\t'])
def test_text_of_a_document_can_not_break_a_report(hostile: str) -> None:
    bad = Finding(FILE, 1, hostile, hostile, hostile, "error", "name")
    (case,) = ElementTree.fromstring(findings_as_junit([bad], [FILE], BASE)).iter("testcase")
    assert len(case) == 1
    (result,) = results(findings_as_sarif([bad], BASE))
    assert result["message"]["text"].isprintable()
    assert json.loads(json.dumps(findings_as_json([bad], BASE)))[0]["message"] == hostile
