"""`mesh query`: read ports by SQL, and nothing but ports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from platform_resources.access.masks import mask_key, masked_columns, masked_projection
from platform_resources.contracts import contract_of_text
from platform_resources.lake import (
    InvalidNameError,
    LakeMissingError,
    MeshSettings,
    PortAddress,
    connect,
    latest_publication,
    qualified,
    quote_identifier,
)
from platform_resources.lake.publications import promise_of

if TYPE_CHECKING:
    import pyarrow as pa

_MEMORY_LIMIT = "4GB"


class QueryError(ValueError):
    """A query that can't be answered; the message says what to change."""


@dataclass(frozen=True)
class QueryResult:
    rows: pa.Table
    publications: Mapping[str, int]  # port -> number of the publication that was read
    masked: Mapping[str, tuple[str, ...]]  # port -> columns that were masked


def query_ports(settings: MeshSettings, sql: str, clearances: frozenset[str] = frozenset()) -> QueryResult:
    """Answer a SELECT over ports (`crm.customer_360.v1`).

    The ports that the query names are copied, masked, into a DuckDB without lakes, files, settings or extensions, and
    the query runs there: filters, joins and errors can only ever see masked values.

    Raises
    ------
    QueryError
        when it is no single SELECT, or names anything but published ports.
    """
    tree = _parse(sql)
    ports = _ports(tree)
    used = _column_names(tree)
    consumer = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    try:
        publications, masked = _copy_ports(settings, consumer, ports, used, clearances)
        for statement in (
            "SET TimeZone = 'UTC'",
            f"SET memory_limit = '{_MEMORY_LIMIT}'",
            "SET enable_external_access = false",
            "SET python_enable_replacements = false",
            "SET lock_configuration = true",
        ):
            consumer.execute(statement)
        rows = consumer.execute(sql).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    finally:
        consumer.close()
    return QueryResult(rows, publications, masked)


def _parse(sql: str) -> dict[str, Any]:
    """DuckDB's own parse tree of a single SELECT."""
    with duckdb.connect() as con:
        tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    if tree.get("error"):
        reason = tree.get("error_message", "it can't be parsed")
        if tree.get("error_type") == "not implemented":
            reason = "only SELECT is allowed: ports are read, never written"
        raise QueryError(f"the query is refused: {reason}")
    if len(tree["statements"]) != 1:
        raise QueryError("the query is refused: write one statement")
    return tree["statements"][0]["node"]


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _ports(tree: dict[str, Any]) -> set[PortAddress]:
    """Every port that the query reads; anything else it reads from is refused by name."""
    # CTE names come as the keys of a map; a name that is no CTE fails later in the closed DuckDB, where nothing else is.
    ports = set()
    for node in _walk(tree):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = node.get("function", {}).get("function_name", "table function")
            if name not in {"unnest", "range", "generate_series"}:
                raise QueryError(f"the query is refused: {name}() is not a port; read <domain>.<product>.v<major>")
        if kind in {"SHOW_REF", "COLUMN_DATA", "DELIM_GET"}:
            raise QueryError("the query is refused: SHOW, DESCRIBE and the like; `mesh show` tells a port's schema")
        if kind == "BASE_TABLE":
            parts = [node.get("catalog_name", ""), node.get("schema_name", ""), node.get("table_name", "")]
            if not parts[0] and not parts[1]:
                continue  # a CTE; anything else of that name does not exist where the query runs
            try:
                ports.add(PortAddress.parse(".".join(part for part in parts if part)))
            except InvalidNameError as error:
                raise QueryError(f"the query is refused: {error}") from None
    if not ports:
        raise QueryError("the query reads no port; name one, as in: select * from crm.customer_360.v1 limit 10")
    return ports


def _column_names(tree: dict[str, Any]) -> frozenset[str] | None:
    """Names that may be columns; None when the query has a `*`."""
    names: set[str] = set()
    for node in _walk(tree):
        if node.get("class") == "STAR" or node.get("type") == "STAR":
            return None
        if node.get("class") == "COLUMN_REF":
            names.update(part.lower() for part in node.get("column_names", []))
        names.update(name.lower() for name in node.get("using_columns", []) if isinstance(name, str))
        if node.get("ref_type") == "NATURAL" or "NATURAL" in str(node.get("join_ref_type", "")):
            return None
    return frozenset(names)


def _copy_ports(
    settings: MeshSettings,
    consumer: duckdb.DuckDBPyConnection,
    ports: set[PortAddress],
    used: frozenset[str] | None,
    clearances: frozenset[str],
) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    publications: dict[str, int] = {}
    masked: dict[str, tuple[str, ...]] = {}
    try:
        with connect(settings, reads={port.domain for port in ports}) as trusted:
            for port in sorted(ports):
                publication = latest_publication(trusted, port)
                if publication is None:
                    raise QueryError(f"{port} is not published; `mesh status` lists what is")
                document = promise_of(trusted, port, publication).document
                table = contract_of_text(document, f"{port}.odcs.yaml").table
                projection = masked_projection(table, mask_key(settings), clearances)
                wanted = {n: e for n, e in projection.items() if used is None or n.lower() in used} or projection
                selected = ", ".join(f"{expression} AS {quote_identifier(name)}" for name, expression in wanted.items())
                rows = trusted.execute(f"SELECT {selected} FROM {port.sql}").to_arrow_table()
                _create(consumer, port, rows)
                publications[str(port)] = publication.number
                hidden = tuple(name for name in masked_columns(table, clearances) if name in wanted)
                if hidden:
                    masked[str(port)] = hidden
    except LakeMissingError as error:
        raise QueryError(str(error)) from None
    return publications, masked


def _create(consumer: duckdb.DuckDBPyConnection, port: PortAddress, rows: pa.Table) -> None:
    consumer.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_identifier(port.domain)}")
    consumer.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(port.domain, port.product)}")
    consumer.register("_port", rows)
    consumer.execute(f"CREATE TABLE {port.sql} AS SELECT * FROM _port")
    consumer.unregister("_port")
