"""Data in which every rule is broken, so that a tool which is fast because it looks away is found out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.quality.peers.rules import Rule, Task, files_of
from benchmarks.quality.peers.sql import literal

SHAPE = ("schema", "extra_columns")  # broken in data of their own: some tools look no further then
_ROWS = "WHERE {key} <= 800"  # of the first columns of both tables: about 800 lines of 200 orders
# Rules in SQL, each with the update that breaks it.
_BY_HAND = {
    "lineitem.mean_discount": "UPDATE lineitem SET l_discount = 0.5 WHERE rowid % 2 = 0",
    "lineitem.received_after_shipped": "UPDATE lineitem SET l_receiptdate = l_shipdate WHERE rowid = 1",
}


def make_broken(task: Task, data: Path, folder: Path) -> dict[str, Path]:
    """Tables made of the first rows of `data`: `values` breaks all rules but those of the shape, `shape` those.

    Each is a folder with `<table>/*.parquet`, as `data` is.
    """
    made = {"values": folder / "values", "shape": folder / "shape"}
    with duckdb.connect() as con:
        for table, types in task.types.items():
            first = next(iter(types))
            rows = f"FROM read_parquet('{files_of(data, table)}') {_ROWS.format(key=first)} ORDER BY ALL"
            con.execute(f"CREATE TABLE {table} AS {rows}")
            _write(con, f"SELECT {_misshapen(types)}, 1 AS extra FROM {table}", made["shape"] / table)
            for statement in breaking(task.of(table), types, task.today):
                con.execute(statement)
            _write(con, f"FROM {table}", made["values"] / table)
    return made


def _write(con: duckdb.DuckDBPyConnection, rows: str, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    con.execute(f"COPY ({rows}) TO '{into}/rows.parquet' (FORMAT parquet)")


def _misshapen(types: dict[str, str] | Any) -> str:
    """All columns, the last number as floating point."""
    last = [name for name, sql_type in types.items() if sql_type.startswith("DECIMAL")][-1]
    return f"* REPLACE ({last}::DOUBLE AS {last})"


def breaking(rules: Iterable[Rule], types: dict[str, str] | Any, today: str) -> Iterator[str]:
    """Statements that break every rule of one table but its shape; the number of rows is too small already."""
    row = 10
    whole, single = [], []
    for rule in rules:
        if rule.kind in ("freshness", "completeness", "sql"):
            whole.append(_break_whole(rule, today))
        elif rule.kind == "primary_key":
            whole.append(f"INSERT INTO {rule.table} FROM {rule.table} WHERE rowid = 150")
        elif rule.kind not in (*SHAPE, "row_count"):
            row += 1
            bad = _bad_value(rule, types[rule.column])
            single.append(f"UPDATE {rule.table} SET {rule.column} = {bad} WHERE rowid = {row}")
    yield from whole
    yield from single


def _break_whole(rule: Rule, today: str) -> str:
    if rule.kind == "freshness":
        late = f"DATE '{today}' - {rule.threshold + 1}"
        return f"UPDATE {rule.table} SET {rule.column} = {late} WHERE {rule.column} > {late}"
    if rule.kind == "completeness":
        return f"UPDATE {rule.table} SET {rule.column} = NULL WHERE rowid % 20 = 0"
    return _BY_HAND[rule.name]


def _bad_value(rule: Rule, sql_type: str) -> str:
    """A value that breaks a rule of single values or a foreign key, as SQL."""
    if rule.kind == "required":
        return "NULL"
    if rule.kind == "length":
        return f"repeat('x', {rule.arguments['maxLength'] + 1})"
    if rule.kind == "range":
        key, value = next(iter(rule.arguments.items()))
        step = {"minimum": "- 1", "maximum": "+ 1"}.get(key, "")
        return f"{literal(value, sql_type)} {step}"
    return "-1" if rule.kind == "relationships" else "'?'"
