"""The task as a dbt project: dbt's own tests where there is one, SQL tests for the rest. Pure; JSON is YAML, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.quality.peers.rules import Rule, Task, files_of
from benchmarks.quality.peers.sql import broken_rows

PROJECT = "tpch"


def write_project(task: Task, data: Path, work: Path) -> None:
    for path, text in project_files(task, data).items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text, encoding="utf-8")


def project_files(task: Task, data: Path) -> dict[str, str]:
    """Path below the project -> text."""
    tables = {table: "{{ source('" + PROJECT + f"', '{table}') }}}}" for table in task.types}
    singular = {
        f"tests/{name_of_test(rule)}.sql": broken_rows(rule, task.types[rule.table], tables, task.today)
        for rule in task.rules
        if _generic(rule) is None
    }
    output = {"type": "duckdb", "path": ":memory:", "threads": 2}
    documents: Mapping[str, Any] = {
        "dbt_project.yml": {"name": PROJECT, "version": "1.0.0", "profile": PROJECT},
        "profiles.yml": {PROJECT: {"target": "memory", "outputs": {"memory": output}}},
        "models/sources.yml": {"version": 2, "sources": [_sources(task, data)]},
    }
    return singular | {path: json.dumps(document) for path, document in documents.items()}


def name_of_test(rule: Rule) -> str:
    return rule.name.replace(".", "__")


def _sources(task: Task, data: Path) -> dict[str, Any]:
    return {
        "name": PROJECT,
        "tables": [
            {
                "name": table,
                "config": {"meta": {"external_location": f"read_parquet('{files_of(data, table)}')"}},
                "columns": _columns(task, table),
            }
            for table in task.types
        ],
    }


def _columns(task: Task, table: str) -> list[dict[str, Any]]:
    found: dict[str, list[Any]] = {}
    for rule in task.of(table):
        if (test := _generic(rule)) is not None:
            kind, arguments = test
            found.setdefault(rule.column, []).append({kind: {"name": name_of_test(rule), "arguments": arguments}})
    return [{"name": column, "data_tests": tests} for column, tests in found.items()]


def _generic(rule: Rule) -> tuple[str, dict[str, Any]] | None:
    """The test of one column that dbt brings, if there is one."""
    if rule.kind == "required":
        return "not_null", {}
    if rule.kind == "primary_key" and len(rule.columns) == 1:
        return "unique", {}
    if rule.kind == "enum":
        return "accepted_values", {"values": rule.arguments["validValues"]}
    if rule.kind == "relationships":
        to = f"source('{PROJECT}', '{rule.arguments['table']}')"
        return "relationships", {"to": to, "field": rule.arguments["columns"][0]}
    return None
