"""What the mesh needs of a contract beyond the standard: a profile under which promises can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from platform_resources.contracts.column_types import ColumnTypeError, agrees, canonical_type
from platform_resources.contracts.contract_view import references, split_reference
from platform_resources.contracts.findings import Finding, limited, shown
from platform_resources.contracts.model import Contract
from platform_resources.contracts.names import NAME_RULE, is_name, is_semantic_version, split_address
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.option_checks import check_options
from platform_resources.contracts.policy_checks import check_policies
from platform_resources.contracts.promise_checks import check_custom_properties, check_promises
from platform_resources.contracts.reference_rule_checks import check_reference_rules
from platform_resources.contracts.rule_checks import check_rules, unknown_column

Use = Literal["port", "source", "any"]  # the contract of an output port, of a landed feed, or of neither

STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
_NEW_IN_3_2 = {
    "schema": ("context", "deprecated", "synonyms"),
    "property": ("deprecated", "synonyms", "enum", "semanticType", "map"),
}


def check_contract(root: Node, contract: Contract, use: Use) -> list[Finding]:
    """Every finding of the profile, in the order of the file."""
    found = chain(
        _check_head(root, contract, use),
        _check_tables(root, use),
        *(_check_columns(table) for table in root.items("schema")),
        _check_relationships(root, contract),
        check_rules(root, contract),
        check_reference_rules(root, contract),
        check_promises(root, contract, use == "port"),
        check_custom_properties(root),
        check_policies(root),
        _check_standard(root),
    )
    return limited(found)


def _check_head(root: Node, contract: Contract, use: Use) -> Iterator[Finding]:
    version = root.text("version")
    if version is not None and not is_semantic_version(version):
        yield root.at("version").finding(
            "version-form", f"`version` is {shown(version)}.", "Write major.minor.patch, for example 1.0.0."
        )
    if root.text("id") == "":
        yield root.at("id").finding("id-empty", "`id` is empty.", "Give the contract an id that never changes.")
    status = root.text("status")
    if status is None and "status" not in root:
        yield root.at("status").finding("missing-key", "`status` is missing.", f"Add one of {', '.join(STATUSES)}.")
    elif status is not None and status not in STATUSES:
        yield root.at("status").finding(
            "status", f"`status` is {shown(status)}.", f"Write one of {', '.join(STATUSES)}."
        )
    if use != "port":
        return
    if not contract.owners:
        yield root.at("team").finding(
            "owner-missing",
            "Nobody answers for this contract: the team has no member with an e-mail address.",
            "Add `team: {name: …, members: [{username: person@example.com, role: owner}]}`.",
        )
    if not contract.purpose:
        yield root.at("description").finding(
            "purpose-missing",
            "The contract doesn't say what its data is for.",
            "Add `description: {purpose: …}`.",
            "warning",
        )


def _check_tables(root: Node, use: Use) -> Iterator[Finding]:
    tables = list(root.items("schema"))
    if not tables:
        yield root.at("schema").finding("schema-missing", "The contract has no table.", "Add `schema:` with one table.")
    elif use != "any" and len(tables) > 1:
        yield tables[1].finding(
            "several-tables", "A port is one table; this is a second one.", "Give it a contract and a port of its own."
        )
    yield from _check_names(tables, "table")
    for table in tables:
        physical = table.text("physicalName")
        if use != "any" and physical is not None and not is_name(physical):
            yield table.at("physicalName").finding(
                "name", f"{shown(physical)} can't name a table of the lake.", f"Use {NAME_RULE}."
            )
        if "properties" not in table or not table.get("properties"):
            yield table.finding("columns-missing", "The table has no column.", "Add `properties:` with a `name` each.")


def _check_names(nodes: list[Node], what: str) -> Iterator[Finding]:
    first: dict[str, Node] = {}
    for node in nodes:
        name = node.text("name")
        if name is None:
            continue  # the schema says so
        if not is_name(name):
            yield node.at("name").finding("name", f"{shown(name)} can't name a {what}.", f"Use {NAME_RULE}.")
        elif name in first:
            line = first[name].at("name").line
            yield node.at("name").finding(
                "name-twice", f"The {what} {shown(name)} stands on line {line} already.", "Rename or delete one."
            )
        first.setdefault(name, node)


def _check_columns(table: Node) -> Iterator[Finding]:
    columns = list(table.items("properties"))
    yield from _check_names(columns, "column")
    keyed: dict[int, str] = {}
    for column in columns:
        yield from _check_type(column)
        yield from check_options(column)
        yield from _check_physical_name(column)
        classification = column.text("classification")
        if classification is not None and not is_name(classification):
            yield column.at("classification").finding(
                "classification-form",
                f"`classification` is {shown(classification)}, which can't name a classification.",
                f"Write a name of the council's catalogue, such as personal: {NAME_RULE}.",
            )
        position = column.get("primaryKeyPosition")
        if column.flag("primaryKey") and isinstance(position, int) and position > 0:
            if position in keyed:
                yield column.at("primaryKeyPosition").finding(
                    "key-position",
                    f"Position {position} of the primary key is taken by {shown(keyed[position])}.",
                    "Number the columns of the key 1, 2, 3 …",
                )
            keyed[position] = column.text("name") or ""


def _check_type(column: Node) -> Iterator[Finding]:
    written = column.text("physicalType")
    if written is None:
        if "physicalType" not in column:
            yield column.finding(
                "type-missing",
                f"The column {shown(column.text('name'))} has no `physicalType`.",
                "Add the type that DuckDB delivers, for example `physicalType: VARCHAR`.",
            )
        return
    try:
        canonical = canonical_type(written)
    except ColumnTypeError as bad:
        yield column.at("physicalType").finding(
            "type", f"{shown(written)} is no type: {bad}.", "Write a type of DuckDB, such as BIGINT or DECIMAL(18,2)."
        )
        return
    if "HUGEINT" in canonical:
        yield column.at("physicalType").finding(
            "type-rounds",
            f"A lake keeps {canonical[:60]} as DOUBLE, so whole numbers beyond 9,007,199,254,740,992 are rounded.",
            "Write `physicalType: DECIMAL(38,0)`, or BIGINT where that is large enough.",
            "warning",
        )
    logical = column.text("logicalType")
    if logical == "date" and str(column.document.data.get("apiVersion")).startswith("v3.0"):
        logical = "date" if canonical == "DATE" else "timestamp"  # v3.0 had one word for both
    if logical is not None and not agrees(logical, canonical):
        yield column.at("physicalType").finding(
            "type-conflict",
            f"A column that is logically a {logical} can't be stored as {canonical}.",
            "Mend `logicalType` or `physicalType`.",
        )


def _check_physical_name(column: Node) -> Iterator[Finding]:
    name, physical = column.text("name"), column.text("physicalName")
    if name is not None and physical is not None and physical != name:
        yield column.at("physicalName").finding(
            "physical-name",
            f"`physicalName` is {shown(physical)}, but a column is delivered and published as {shown(name)}.",
            "Delete it, or rename the column.",
            "warning",
        )


def _check_relationships(root: Node, contract: Contract) -> Iterator[Finding]:
    tables = {table.name: {column.name for column in table.columns} for table in contract.tables}
    for table in root.items("schema"):
        for relationship in table.items("relationships"):
            yield from _check_source(relationship, table.text("name") or "", tables)
            yield from _check_target(relationship, tables, len(references(relationship, "from")))
        for column in table.items("properties"):
            for relationship in column.items("relationships"):
                yield from _check_target(relationship, tables, 1)


def _check_source(relationship: Node, table: str, tables: dict[str, set[str]]) -> Iterator[Finding]:
    for reference in references(relationship, "from"):
        source, name = split_reference(reference)
        if source not in ("", table):
            yield relationship.at("from").finding(
                "reference-form",
                f"`from` names the table {shown(source)}, but this is {shown(table)}.",
                f"Write `{table[:63]}.<column>`, or move it to the table that it starts from.",
            )
        elif name not in tables.get(table, ()):
            yield unknown_column(relationship.at("from"), name, tables.get(table, set()))


def _check_target(relationship: Node, tables: dict[str, set[str]], width: int) -> Iterator[Finding]:
    targets = references(relationship, "to")
    node = relationship.at("to")
    if not targets:
        return  # the schema says so
    if any("/" in target or "#" in target for target in targets):
        yield node.finding(
            "reference-form",
            f"{shown(targets[0])} refers by path or to another file, which is never followed.",
            "Write `<table>.<column>` or `<domain>.<product>.v<major>.<column>`.",
        )
        return
    if len(targets) != width:
        yield node.finding("reference-form", f"{width} columns refer to {len(targets)}.", "Name as many on both sides.")
    if len({split_reference(target)[0] for target in targets}) > 1:
        yield node.finding(
            "reference-form", "`to` names columns of several tables.", "Write one relationship per table."
        )
    for target in targets:
        name, column = split_reference(target)
        if name in tables and column not in tables[name]:
            yield unknown_column(node, column, tables[name])
        elif not (is_name(name) or split_address(name)) or not is_name(column):
            yield node.finding(
                "reference-form",
                f"{shown(target)} names no column.",
                "Write `<table>.<column>` or `<domain>.<product>.v<major>.<column>`.",
            )


def _check_standard(root: Node) -> Iterator[Finding]:
    """Keys that are newer than the version of the standard that the document says it follows."""
    version = root.text("apiVersion") or ""
    if version.startswith("v3.2"):
        return
    for table in root.items("schema"):
        yield from _newer(table, _NEW_IN_3_2["schema"], version)
        holders = [table, *table.items("properties")]
        for column in holders[1:]:
            yield from _newer(column, _NEW_IN_3_2["property"], version)
        for relationship in chain.from_iterable(holder.items("relationships") for holder in holders):
            if any(reference.count(".") > 1 for reference in references(relationship, "to")):
                yield _newer_finding(relationship.at("to"), "A reference to another product's port", version)
    yield from _newer(root, ("context",), version)


def _newer(node: Node, keys: tuple[str, ...], version: str) -> Iterator[Finding]:
    for key in keys:
        if key in node:
            yield _newer_finding(node.at(key), f"`{key}`", version)


def _newer_finding(node: Node, what: str, version: str) -> Finding:
    return node.finding(
        "newer-standard",
        f"{what} came with ODCS v3.2.0, and this document says {version}.",
        "Other tools may refuse it; write `apiVersion: v3.2.0` if yours don't.",
        "info",
    )
