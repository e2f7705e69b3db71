"""A dbt model's columns, types and `meta` -> columns of a contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platform_resources.contracts.names import is_name
from platform_resources.self_service.dbt_nodes import mapping as mapping_of
from platform_resources.self_service.dbt_nodes import meta_of, texts
from platform_resources.self_service.fitting import Change, as_name
from platform_resources.self_service.fitting_contracts import Place
from platform_resources.self_service.foreign_types import duckdb_type, logical_type


def columns_of(
    node: Mapping[str, Any], delivered: Mapping[str, Any], dialect: str | None, place: Place, changes: list[Change]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The contract's columns; and dbt's name of each (in lower case) -> its name in the contract.

    `delivered` are the columns of the catalog, whose types count where the manifest says none. What is called otherwise
    in the contract is noted in `changes`.
    """
    types = {name.lower(): mapping_of(column).get("type") for name, column in delivered.items()}
    described = {str(name): mapping_of(column) for name, column in mapping_of(node.get("columns")).items()}
    lower = {name.lower() for name in described}
    described |= {name: {} for name in delivered if name.lower() not in lower}
    columns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for index, (written, column) in enumerate(described.items()):
        name = as_name(written)
        while name in names.values():
            name = f"{name[:60]}_2"
        names[written.lower()] = name
        at = ("schema", 0, "properties", index)
        if name != written:
            why = "names are lower-case letters, digits and underscores"
            changes.append(Change((*at, "name"), written, name, why))
        said = column.get("data_type") or types.get(written.lower())
        known = duckdb_type(said, dialect) if isinstance(said, str) else None
        if known is None:
            why = (
                f"{said} can't be promised by DuckDB" if said else "neither manifest nor catalog says a type: check it"
            )
            changes.append(Change((*at, "physicalType"), said, "VARCHAR", why))
        elif str(said).upper().replace(" ", "") != known.replace(" ", ""):
            changes.append(Change((*at, "physicalType"), said, known, "DuckDB's name of it"))
        columns.append(_column(name, written, known or "VARCHAR", column, place))
    return columns, names


def _column(name: str, written: str, kind: str, column: Mapping[str, Any], place: Place) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    if name != written.lower():
        made["businessName"] = written
    logical = logical_type(kind)
    made |= {"logicalType": logical, "physicalType": kind}
    if logical == "array":
        made["items"] = {"logicalType": logical_type(kind[: kind.rindex("[")])}
    if description := str(column.get("description") or "").strip():
        made["description"] = description
    if tags := texts(column.get("tags")) or texts(mapping_of(column.get("config")).get("tags")):
        made["tags"] = tags
    meta = meta_of(column)
    classification = meta.get("classification")
    known = place.classifications
    if isinstance(classification, str) and (classification in known if known else is_name(classification)):
        made["classification"] = meta.pop("classification")
    elif (not known or "personal" in known) and any(meta.get(key) is True for key in ("pii", "contains_pii", "is_pii")):
        made["classification"] = "personal"
    if meta:
        made["customProperties"] = [custom_property(key, value, place) for key, value in meta.items()]
    return made


def custom_property(key: str, value: Any, place: Place) -> dict[str, Any]:
    """An entry of `meta`. What the platform reads under that name must be in its form, or it gets another one."""
    fits = {
        "tier": lambda: isinstance(value, str) and (not place.tiers or value in place.tiers),
        "refresh": lambda: value == "on_update" or (isinstance(value, str) and len(value.split()) == 5),
        "scoreWeights": lambda: False,
        "mask": lambda: isinstance(value, dict) and isinstance(value.get("strategy"), str),
    }
    return {"property": key if fits.get(key, lambda: True)() else f"dbt_{key}", "value": value}
