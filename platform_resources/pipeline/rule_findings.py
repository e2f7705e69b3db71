"""What is wrong with the SQL of rules, said before anything is built: it takes DuckDB to tell what a query does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb

from platform_resources.contracts import Contract, Finding, Mesh
from platform_resources.contracts.findings import printable
from platform_resources.contracts.names import split_address
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.rule_checks import rules_of
from platform_resources.lake import INTERNAL_SCHEMA, qualified
from platform_resources.quality.checks import Check, NotEvaluableError, compile_checks
from platform_resources.quality.sql_guard import (
    Grants,
    NotGrantedError,
    check_query,
    grants_for,
    rule_query,
    table_node,
)


def rule_findings(mesh: Mesh, files: Collection[Path]) -> Iterator[Finding]:
    """Findings on the SQL rules of the ports whose contracts are among `files`."""
    with duckdb.connect(config={"threads": 1}) as con:
        for product, port in mesh.ports.values():
            if port.contract.file in files:
                yield from _of_contract(con, product.domain, port.contract, [item.address for item in product.inputs])


def _of_contract(
    con: duckdb.DuckDBPyConnection, domain: str, contract: Contract, inputs: Collection[str]
) -> Iterator[Finding]:
    asked = [check for check in compile_checks(contract) if check.kind == "sql"]
    if not asked or contract.document is None:
        return
    table = qualified(domain, INTERNAL_SCHEMA, contract.table.physical_name)
    grants = grants_for(table_node(con, table), domain, inputs, INTERNAL_SCHEMA)
    nodes = {rule.origin: node for node, rule in rules_of(Node(contract.document, contract.document.data), contract)}
    for check in asked:
        if (found := _of_rule(con, check, table, grants, nodes[check.origin].at("query"))) is not None:
            yield found


def _of_rule(con: duckdb.DuckDBPyConnection, check: Check, table: str, grants: Grants, query: Node) -> Finding | None:
    try:
        check_query(con, rule_query(check, table), grants)
    except NotGrantedError as bad:
        remedy = f"Read {grants.named}."
        if split_address(bad.table):
            remedy = f"Add {bad.table} to `inputPorts` of the product: only declared inputs can be read."
        return query.finding("rule-sql", f"The query can't run: {printable(str(bad))}.", remedy)
    except NotEvaluableError as bad:
        message, remedy = f"The query can't run: {printable(str(bad)).rstrip('.')}.", "Write one SELECT over {table}."
        return query.finding("rule-sql", message, remedy)
    return None
