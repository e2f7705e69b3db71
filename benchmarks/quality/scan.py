"""The limit: a process that only reads the columns that the rules use, each value once, by the cheapest aggregate."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.quality.data import DOMAIN, contracts, lake_of, table_sql
from platform_resources.contracts import Contract
from platform_resources.lake import connect
from platform_resources.quality import compile_checks

_BY_SCHEMA = ("schema", "extra_columns")  # which name columns whose values nobody looks at


def columns_used(contract: Contract) -> list[str]:
    """Every column whose values a rule asks for; in SQL rules, by its name in the query."""
    checks = compile_checks(contract)
    named = {name for check in checks if check.kind not in _BY_SCHEMA for name in check.columns}
    queries = " ".join(check.query or "" for check in checks)
    return [column.name for column in contract.table.columns if column.name in named or column.name in queries]


def scan_query(contract: Contract) -> str:
    """Reads each value of the columns: the condition can't be answered from statistics, and no row fails it."""
    types = {column.name: column.physical_type for column in contract.table.columns}
    used = columns_used(contract)
    read = [f"max(strlen({name}))" if types[name] == "VARCHAR" else f"max({name})" for name in used]
    return f"SELECT {', '.join(read)} FROM {table_sql(contract.table.name)} WHERE {used[0]} % 2 >= 0"


def main(folder: str, scale: str) -> None:
    with connect(lake_of(Path(folder), int(scale)), reads=[DOMAIN]) as con:
        began = time.perf_counter()
        for contract in contracts().values():
            con.execute(scan_query(contract)).fetchall()
        print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
