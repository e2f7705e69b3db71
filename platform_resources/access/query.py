"""`mesh query`: read ports by SQL, and nothing but ports."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from platform_resources.access.masks import mask_key, mask_of, masked_columns, masked_projection
from platform_resources.contracts import ContractError, contract_of_text, load_contract
from platform_resources.contracts.lifecycle import replacement_of
from platform_resources.contracts.model import Contract, OutputPort, Table
from platform_resources.governance.endings import until
from platform_resources.lake import (
    InvalidNameError,
    LakeMissingError,
    MeshSettings,
    PortAddress,
    Publication,
    connect,
    latest_publication,
    publications,
    qualified,
    quote_identifier,
    retirement_of,
)
from platform_resources.lake.publications import promise_of
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import Grants, check_query, name_of, parse, tree_nodes

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
    notices: Mapping[str, str] = field(default_factory=dict)  # port -> that it is deprecated, and what to read instead


def query_ports(settings: MeshSettings, sql: str, clearances: frozenset[str] = frozenset()) -> QueryResult:
    """Answer a SELECT over ports (`crm.customer_360.v1`).

    The ports that the query names are copied, masked, into a DuckDB without lakes, files, settings or extensions, and
    the query runs there: filters, joins and errors can only ever see masked values.

    Raises
    ------
    QueryError
        when it is no single SELECT, or names anything but published ports.
    """
    ports, used = _ports(sql)
    consumer = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    try:
        publications, masked, notices = _copy_ports(settings, consumer, ports, used, clearances)
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
    return QueryResult(rows, publications, masked, notices)


def _ports(sql: str) -> tuple[frozenset[PortAddress], frozenset[str] | None]:
    """The ports that a query reads, and the names that may be columns (None: all), once the query is found harmless."""
    with duckdb.connect() as con:
        try:
            tree = parse(con, sql)
            # A bare name is a WITH part, or does not exist where the query runs.
            named = {name_of(node) for node in tree_nodes(tree) if node.get("type") == "BASE_TABLE"} - {("", "", "")}
            ports = frozenset(
                PortAddress.parse(".".join(part for part in name if part)) for name in named if any(name[:2])
            )
            check_query(con, sql, Grants(frozenset(port.key for port in ports)))
        except (NotEvaluableError, InvalidNameError) as error:
            raise QueryError(f"the query is refused: {error}") from None
    if not ports:
        raise QueryError("the query reads no port; name one, as in: select * from crm.customer_360.v1 limit 10")
    return ports, _column_names(tree)


def _column_names(tree: dict[str, Any]) -> frozenset[str] | None:
    """Names that may be columns, in lower case; None when any column may be meant: `*`, column aliases, whole rows."""
    names: set[str] = set()
    tables: set[str] = set()
    whole_rows: set[str] = set()  # names without a dot: `select o from crm.customer_360.v1 o` is a row
    for node in tree_nodes(tree):
        if node.get("class") in {"STAR", "POSITIONAL_REFERENCE"} or node.get("ref_type") == "NATURAL":
            return None
        if node.get("type") == "BASE_TABLE":
            if node["column_name_alias"]:
                return None
            tables.update({node["alias"].lower(), node["table_name"].lower()})
        if node.get("class") == "COLUMN_REF":
            names.update(part.lower() for part in node["column_names"])
            if len(node["column_names"]) == 1:
                whole_rows.add(node["column_names"][0].lower())
        names.update(name.lower() for name in node.get("using_columns", []) if isinstance(name, str))
    return None if whole_rows & tables else frozenset(names)


def _copy_ports(
    settings: MeshSettings,
    consumer: duckdb.DuckDBPyConnection,
    ports: frozenset[PortAddress],
    used: frozenset[str] | None,
    clearances: frozenset[str],
) -> tuple[dict[str, int], dict[str, tuple[str, ...]], dict[str, str]]:
    read: dict[str, int] = {}
    masked: dict[str, tuple[str, ...]] = {}
    notices: dict[str, str] = {}
    try:
        with connect(settings, reads={port.domain for port in ports}) as trusted:
            trusted.execute("BEGIN TRANSACTION READ ONLY")  # all ports, and their contracts, as of one moment
            for port in sorted(ports):
                publication = latest_publication(trusted, port)
                if publication is None:
                    retirement = retirement_of(trusted, port)
                    gone = retirement.told(str(port)) if retirement else f"{port} is not published"
                    raise QueryError(f"{gone}; `mesh status` lists what is published")
                contract = _contract_of_today(settings, port)
                table = _with_every_mask(trusted, port, publication, contract)
                projection = masked_projection(table, partial(mask_key, settings), clearances)
                wanted = {n: e for n, e in projection.items() if used is None or n.lower() in used} or projection
                selected = ", ".join(f"{expression} AS {quote_identifier(name)}" for name, expression in wanted.items())
                rows = trusted.execute(f"SELECT {selected} FROM {port.sql}").to_arrow_table()
                _create(consumer, port, rows)
                read[str(port)] = publication.number
                hidden = tuple(name for name in masked_columns(table, clearances) if name in wanted)
                if hidden:
                    masked[str(port)] = hidden
                if contract is not None and contract.status == "deprecated":
                    notices[str(port)] = _deprecated(port, contract)
    except LakeMissingError as error:
        raise QueryError(str(error)) from None
    return read, masked, notices


def _contract_of_today(settings: MeshSettings, port: PortAddress) -> Contract | None:
    """The contract as it stands in the domain's files; None when that can't be read, which loosens nothing."""
    with suppress(ContractError):
        return load_contract(settings.domains / port.domain / "products" / port.product / f"v{port.major}.odcs.yaml")
    return None


def _deprecated(port: PortAddress, contract: Contract) -> str:
    offered = OutputPort(port.product, port.major, str(port), contract)
    other = replacement_of(offered)
    return f"deprecated, {until(offered, None)}" + (f"; use {other}" if other else "")


def _with_every_mask(
    trusted: duckdb.DuckDBPyConnection, port: PortAddress, served: Publication, today: Contract | None
) -> Table:
    """The served table with the masks of its contract and of every later one (`today`: in the domain's files): the
    most restrictive wins.

    An earlier version that is served again (or still, because the one with the new mask was refused) must not show
    what was masked since.
    """
    log = publications(trusted, port.domain, port)
    origin = min(item.number for item in log if item.contract_sha256 == served.contract_sha256)
    later = {item.contract_sha256: item for item in log if item.number >= origin}
    tables = [
        contract_of_text(promise_of(trusted, port, item).document, f"{port}.odcs.yaml").table for item in later.values()
    ]
    if today is not None:
        tables.append(today.table)
    masks = {column.name: column for table in tables for column in table.columns if mask_of(column) is not None}
    own = contract_of_text(promise_of(trusted, port, served).document, f"{port}.odcs.yaml").table
    columns = tuple(
        column
        if mask_of(column) is not None or column.name not in masks
        else replace(column, custom={**column.custom, "mask": masks[column.name].custom["mask"]})
        for column in own.columns
    )
    return replace(own, columns=columns)


def _create(consumer: duckdb.DuckDBPyConnection, port: PortAddress, rows: pa.Table) -> None:
    consumer.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_identifier(port.domain)}")
    consumer.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(port.domain, port.product)}")
    consumer.register("_port", rows)
    consumer.execute(f"CREATE TABLE {port.sql} AS SELECT * FROM _port")
    consumer.unregister("_port")
