"""How one reader reads one port: Python, SQL and HTTP to copy, with the columns that it gets and its own purpose. Pure.

No text holds a token: each takes it from `MESH_TOKEN`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlencode

import duckdb

from platform_resources.lake import quote_identifier

_SHOWN = 5  # columns in an example
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Example:
    """A way to read."""

    name: str
    text: str


def examples_of(port: str, columns: Sequence[str], purpose: str | None, root: str) -> tuple[Example, ...]:
    """For a port and the columns of it that the reader sees; `root` is the server's address, without a slash."""
    shown = tuple(columns[:_SHOWN])
    return (
        Example("Python", _python(port, shown, purpose, root)),
        Example("SQL, in the project's folder", _sql(port, shown, purpose)),
        Example("HTTP", _http(port, shown, purpose, root)),
        Example("SQL by HTTP", _http_sql(port, shown, purpose, root)),
    )


def _python(port: str, columns: Sequence[str], purpose: str | None, root: str) -> str:
    named = "[" + ", ".join(json.dumps(name) for name in columns) + "]"
    declared = f"\n    purpose={json.dumps(purpose)}," if purpose else ""
    return (
        "from platform_resources.client import Mesh\n\n"
        f"mesh = Mesh({json.dumps(root)})\n"
        f"rows = mesh.read(\n    {json.dumps(port)},\n    columns={named},\n    limit=10,{declared}\n)\n"
        "print(rows.pandas())\n"
    )


def _sql(port: str, columns: Sequence[str], purpose: str | None) -> str:
    declared = f" --purpose {shlex.quote(purpose)}" if purpose else ""
    return f"mesh query{declared} {shlex.quote(select(port, columns))}\n"


def _http(port: str, columns: Sequence[str], purpose: str | None, root: str) -> str:
    domain, product, version = port.split(".")
    path = f"{root}/api/v1/products/{quote(domain)}/{quote(product)}/{quote(version)}/data"
    asked = {"columns": ",".join(columns), "limit": "10"} | ({"purpose": purpose} if purpose else {})
    address = shlex.quote(f"{path}?{urlencode(asked, safe=',')}")
    return f'curl -H "Authorization: Bearer $MESH_TOKEN" \\\n  {address}\n'


def _http_sql(port: str, columns: Sequence[str], purpose: str | None, root: str) -> str:
    body = {"sql": select(port, columns)} | ({"purpose": purpose} if purpose else {})
    return (
        'curl -H "Authorization: Bearer $MESH_TOKEN" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))} \\\n  {shlex.quote(f'{root}/api/v1/sql')}\n"
    )


def select(port: str, columns: Sequence[str], limit: int = 10) -> str:
    """A SELECT over a port, its names quoted where they must be.

    >>> select("crm.customer_360.v1", ["household_id", "order"])
    'select household_id, "order" from crm.customer_360.v1 limit 10'
    """
    return f"select {', '.join(map(_name, columns))} from {'.'.join(map(_name, port.split('.')))} limit {limit}"


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _reserved() else quote_identifier(name)


@cache
def _reserved() -> frozenset[str]:
    """Words that DuckDB takes for its own where they are not quoted (10 ms, once)."""
    with duckdb.connect() as con:
        rows = con.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()
    return frozenset(name for (name,) in rows)
