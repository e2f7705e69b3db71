"""Which columns of its ports a consumer's query may use: what is not among them is not shown to it."""

from __future__ import annotations

from typing import Any

from platform_resources.quality.sql_guard import tree_nodes


def columns_used(tree: dict[str, Any]) -> frozenset[str] | None:
    """Names that may be columns, in lower case; None when any column may be meant: `*`, column aliases, whole rows.

    Never too few: a query sees the columns that are told here and no others, so the audit log is right by construction.
    """
    names: set[str] = set()
    tables: set[str] = set()
    whole_rows: set[str] = set()  # a name that ends with a table's: `select o from crm.customer_360.v1 o` is a row
    ordered = _order_all(tree)
    for node in tree_nodes(tree):
        if id(node) in ordered:
            continue
        if node.get("class") in {"STAR", "POSITIONAL_REFERENCE"} or node.get("ref_type") == "NATURAL":
            return None
        if node.get("type") == "PIVOT":  # takes every column that it doesn't name into its groups
            return None
        if node.get("type") == "BASE_TABLE":
            if node["column_name_alias"]:
                return None
            tables.update({node["alias"].lower(), node["table_name"].lower()})
        if node.get("class") == "COLUMN_REF":
            names.update(part.lower() for part in node["column_names"])
            whole_rows.add(node["column_names"][-1].lower())
        names.update(name.lower() for name in node.get("using_columns", []) if isinstance(name, str))
    return None if whole_rows & (tables - {""}) else frozenset(names)


def _order_all(tree: dict[str, Any]) -> set[int]:
    """Stars that stand for the columns of an answer, not of a table: `order by all` of a SELECT."""
    modifiers = (modifier for node in tree_nodes(tree) for modifier in node.get("modifiers", []))
    ordered = (order["expression"] for modifier in modifiers for order in modifier.get("orders", []))
    particular = ("relation_name", "expr", "exclude_list", "qualified_exclude_list", "replace_list", "rename_list")
    return {id(e) for e in ordered if e.get("class") == "STAR" and not any(e.get(part) for part in particular)}
