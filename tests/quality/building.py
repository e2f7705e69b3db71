"""Small contracts for the tests of quality, written as data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from platform_resources.contracts.model import Column, Contract, Origin, QualityRule, Relationship, SlaProperty, Table
from platform_resources.quality import Audit, CheckResult, evaluate

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HERE = Origin(Path("v1.odcs.yaml"), 1, "schema[0]")
TABLE = '"crm"."internal"."people"'


def column(name: str, physical_type: str | None = None, **more: Any) -> Column:
    return Column(name, more.pop("logical_type", None), physical_type, HERE, **more)


def library(name: str, metric: str, on: str | None = None, unit: str = "rows", **more: Any) -> QualityRule:
    """A library rule; its operator is a keyword: `library("few", "nullValues", "age", mustBeLessThan=3)`."""
    operator = next((key for key in more if key.startswith("must")), None)
    threshold = more.pop(operator) if operator else None
    return QualityRule(name, "library", HERE, on, metric, operator=operator, threshold=threshold, unit=unit, **more)


def sql(name: str, query: str, on: str | None = None, **more: Any) -> QualityRule:
    operator = next((key for key in more if key.startswith("must")), None)
    threshold = more.pop(operator) if operator else None
    return QualityRule(name, "sql", HERE, on, query=query, operator=operator, threshold=threshold, **more)


def relationship(columns: Sequence[str], to_table: str, to_columns: Sequence[str], **custom: Any) -> Relationship:
    return Relationship(tuple(columns), to_table, tuple(to_columns), HERE, custom)


def sla(name: str, value: Any, element: str | None = None, unit: str | None = None) -> SlaProperty:
    return SlaProperty(name, value, HERE, unit, element)


def contract(
    columns: Sequence[Column],
    rules: Sequence[QualityRule] = (),
    relationships: Sequence[Relationship] = (),
    service_levels: Sequence[SlaProperty] = (),
    **custom: Any,
) -> Contract:
    table = Table("people", "people", HERE, tuple(columns), tuple(rules), tuple(relationships))
    return Contract(
        "c-1",
        "1.0.0",
        "active",
        HERE.file,
        table,
        (table,),
        "v3.1.0",
        domain="crm",
        sla=tuple(service_levels),
        custom=custom,
    )


def database(select: str) -> duckdb.DuckDBPyConnection:
    """A database with the domain `crm`, whose table `people` holds the rows of `select`."""
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS crm; CREATE SCHEMA crm.internal")
    con.execute(f"CREATE TABLE crm.internal.people AS {select}")
    return con


def values(type_: str, *texts: str) -> str:
    """SELECT of one column `x` of this type."""
    rows = ", ".join(f"({text})" for text in texts)
    return f"SELECT CAST(x AS {type_}) AS x FROM (VALUES {rows}) AS v(x)"


def audit(con: duckdb.DuckDBPyConnection, promise: Contract, **more: Any) -> Audit:
    return evaluate(con, promise, TABLE, **{"now": NOW, **more})


def result(found: Audit, name: str) -> CheckResult:
    return next(r for r in found.results if r.name == name)


def judge(select: str, name: str, *columns: Column, **more: Any) -> CheckResult:
    """The result of the check `name` of a contract with these columns on the rows of `select`."""
    rules = more.pop("rules", ())
    with database(select) as con:
        return result(audit(con, contract(columns, rules), **more), name)


class Counting:
    """A connection that keeps what it was asked."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con, self.asked = con, []

    def execute(self, query: str, *more: Any) -> duckdb.DuckDBPyConnection:
        self.asked.append(query)
        return self._con.execute(query, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)
