"""What every tool is asked: the rules of the contracts as plain values, read from a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One rule. `name` is `table.check`; `operator` is an ODCS key that what is measured, in `unit`, must satisfy."""

    name: str
    table: str
    kind: str
    columns: tuple[str, ...]
    arguments: Mapping[str, Any]
    operator: str
    threshold: Any
    unit: str
    query: str | None

    @property
    def column(self) -> str:
        return self.columns[0]


@dataclass(frozen=True)
class Task:
    """Rules, the promised type of each column by table, and the day that counts as today (ISO 8601)."""

    types: Mapping[str, Mapping[str, str]]
    today: str
    rules: tuple[Rule, ...]

    def of(self, table: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.table == table]

    def required(self, table: str) -> set[str]:
        """Columns of a table that must have a value in every row."""
        return {rule.column for rule in self.of(table) if rule.kind == "required"}


def write_task(task: Task, path: Path) -> None:
    path.write_text(json.dumps(asdict(task), indent=1), encoding="utf-8")


def read_task(path: Path) -> Task:
    data = json.loads(path.read_text(encoding="utf-8"))
    rules = (Rule(**{**rule, "columns": tuple(rule["columns"])}) for rule in data["rules"])
    return Task(data["types"], data["today"], tuple(rules))


def files_of(data: Path, table: str) -> str:
    """The Parquet files of a table, as a pattern that DuckDB, Polars and others take."""
    return str(data / table / "*.parquet")


def tell(asked: Iterable[str], failed: Iterable[str]) -> None:
    """Print, as the last line, which rules were evaluated and which of them don't hold."""
    print("\n" + json.dumps({"asked": sorted(set(asked)), "failed": sorted(set(failed))}), flush=True)
