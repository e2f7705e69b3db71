"""Nodes of dbt's manifest, read tolerantly: what has the wrong type counts as not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from platform_resources.contracts.names import RESERVED_NAMES
from platform_resources.self_service.fitting import as_name


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def access_of(node: Mapping[str, Any]) -> str:
    return str(node.get("access") or mapping(node.get("config")).get("access") or "protected")


def label_of(node: Mapping[str, Any]) -> str:
    version = node.get("version")
    return f"{node.get('name')}.v{version}" if version is not None else str(node.get("name"))


def product_name(node: Mapping[str, Any]) -> str:
    return as_name(str(node.get("name")), RESERVED_NAMES)


def major_of_model(node: Mapping[str, Any]) -> int | None:
    """The port's major of a model's version; 1 for a model without versions."""
    version = node.get("version")
    if version is None:
        return 1
    match = re.fullmatch(r"v?([1-9][0-9]{0,3})(?:\.0)?", str(version))
    return None if match is None else int(match[1])


def meta_of(node: Mapping[str, Any]) -> dict[str, Any]:
    return mapping(node.get("meta")) | mapping(mapping(node.get("config")).get("meta"))


def freshness_limit(source: Mapping[str, Any]) -> tuple[int, str] | None:
    """The limit of a source's freshness, (minutes, ISO 8601): where it errs, else where it warns."""
    freshness = mapping(source.get("freshness"))
    units = {"minute": (1, "PT{}M"), "hour": (60, "PT{}H"), "day": (1440, "P{}D")}
    for key in ("error_after", "warn_after"):
        limit = mapping(freshness.get(key))
        count, unit = limit.get("count"), units.get(str(limit.get("period")))
        if isinstance(count, int) and count > 0 and unit is not None:
            return count * unit[0], unit[1].format(count)
    return None


def roles_of(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    grants = mapping(mapping(node.get("config")).get("grants"))
    return [
        {"role": role, "access": str(privilege)}
        for privilege, holders in grants.items()
        for role in (texts(holders) or ([holders] if isinstance(holders, str) else []))
    ]
