"""The council's catalogues: who it is, SLA templates by tier, classifications, semantic types, purposes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platform_resources.contracts import ContractError, Document, Finding, canonical_type, errors
from platform_resources.contracts.column_types import ColumnTypeError
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.findings import shown
from platform_resources.contracts.names import NAME_RULE, is_email, is_name, split_address
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.patterns import PatternError, compile_pattern
from platform_resources.governance.council_files import checked_by_schema
from platform_resources.governance.model import Classification, Mandate, Purpose, SemanticType, Tier

_Read = TypeVar("_Read")
# Fields of catalogue entries that hold a length of time.
_DURATIONS = frozenset(
    ["freshness", "frequency", "latency", "retention", "longestRetention", "notice", "endOfSupportNotice"]
)


def read_mandate(folder: Path) -> tuple[Mandate, list[Finding]]:
    """`council.yaml`; without that file nobody is named, and anybody may approve."""
    mandate, findings = _read(folder / "council.yaml", "council", _check_mandate, _mandate)
    return mandate or Mandate(), findings


def read_tiers(folder: Path) -> tuple[dict[str, Tier], list[Finding]]:
    """`tiers.yaml`, by name."""
    tiers, findings = _read(folder / "tiers.yaml", "tier", _check_tiers, _tiers)
    return tiers or {}, findings


def read_classifications(folder: Path) -> tuple[dict[str, Classification], list[Finding]]:
    """`classifications.yaml`, by name, in rising secrecy."""
    found, findings = _read(folder / "classifications.yaml", "classification", _check_classifications, _classifications)
    return found or {}, findings


def read_purposes(folder: Path, classifications: Collection[str]) -> tuple[dict[str, Purpose], list[Finding]]:
    """`purposes.yaml`, by name. `classifications`: those that there are (none: theirs can't be read)."""

    def check(root: Node) -> Iterator[Finding]:
        return _check_purposes(root, classifications)

    found, findings = _read(folder / "purposes.yaml", "purpose", check, _purposes)
    return found or {}, findings


def read_semantic_types(folder: Path) -> tuple[dict[str, SemanticType], list[Finding]]:
    """`semantic_types.yaml`, by id."""
    found, findings = _read(folder / "semantic_types.yaml", "semantic_type", _check_types, _types)
    return found or {}, findings


def _read(
    path: Path, name: str, check: Callable[[Node], Iterator[Finding]], view: Callable[[Node], _Read]
) -> tuple[_Read | None, list[Finding]]:
    if not path.exists() and not path.is_symlink():
        return None, []
    try:
        document = Document.load(path)
    except ContractError as refused:
        return None, list(refused.findings)
    findings = checked_by_schema(document, Path(__file__).with_name(f"{name}.schema.json"), name.replace("_", " "))
    root = Node(document, document.data)
    if not errors(findings):
        findings += check(root)
    return (None if errors(findings) else view(root)), sorted(findings, key=lambda finding: finding.line)


def _check_mandate(root: Node) -> Iterator[Finding]:
    places = [root.at("owner")]
    places += [
        Node(root.document, address, ("approvers", index)) for index, address in enumerate(root.texts("approvers"))
    ]
    for place in places:
        if not is_email(place.value):
            yield place.finding(
                "owner-email", f"{shown(place.value)} is no e-mail address.", "Write the address of a person or group."
            )
    zone = root.text("timeZone")
    if zone is not None and not _is_zone(zone):
        yield root.at("timeZone").finding(
            "time-zone", f"{shown(zone)} is no time zone.", "Write its IANA name, such as Europe/Berlin, or UTC."
        )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last two: `../x`, `Europe`
        return False
    return True


def _mandate(root: Node) -> Mandate:
    return Mandate(
        root.text("name") or "",
        root.text("owner") or "",
        root.texts("approvers"),
        root.get("longestWaiverDays"),
        root.text("timeZone"),
        root.get("longestGrantDays") or 365,
        root.mapping("scoreWeights"),
        root.get("contractsMayWeigh") is not False,
    )


def _check_tiers(root: Node) -> Iterator[Finding]:
    tiers = root.at("tiers")
    for name in tiers.value:
        yield from _check_durations(tiers.at(name))


def _tiers(root: Node) -> dict[str, Tier]:
    return {name: Tier(name, fields) for name, fields in root.mapping("tiers").items()}


def _check_classifications(root: Node) -> Iterator[Finding]:
    yield from _check_unique(root, "classifications", "name")
    for node in root.items("classifications"):
        yield from _check_durations(node)


def _classifications(root: Node) -> dict[str, Classification]:
    entries = root.items("classifications")
    return {
        node.value["name"]: Classification(node.value["name"], rank, node.value) for rank, node in enumerate(entries)
    }


def _check_purposes(root: Node, classifications: Collection[str]) -> Iterator[Finding]:
    yield from _check_unique(root, "purposes", "name")
    for node in root.items("purposes"):
        if not is_name(node.value["name"]):
            message = f"{shown(node.value['name'])} can't name a purpose."
            yield node.at("name").finding("name", message, f"Use {NAME_RULE}.")
        for name in node.texts("classifications"):
            if classifications and name not in classifications:
                yield node.at("classifications").finding(
                    "unknown-classification",
                    f"There is no classification {shown(name)}.",
                    f"Write some of {', '.join(classifications)}.",
                )


def _purposes(root: Node) -> dict[str, Purpose]:
    return {
        node.value["name"]: Purpose(
            node.value["name"],
            node.text("title") or node.value["name"],
            node.text("description") or "",
            frozenset(node.texts("classifications")),
        )
        for node in root.items("purposes")
    }


def _check_durations(node: Node) -> Iterator[Finding]:
    for key in node.value:
        if key in _DURATIONS:
            try:
                parse_duration(node.get(key))
            except DurationError as bad:
                yield node.at(key).finding("duration", f"`{key}`: {bad}.", "Write ISO 8601, such as PT15M, P1D or P3Y.")


def _check_types(root: Node) -> Iterator[Finding]:
    yield from _check_unique(root, "types", "id")
    bearers: dict[str, str] = {}
    for node in root.items("types"):
        for index, name in enumerate(node.texts("names")):
            other = bearers.setdefault(name, node.value["id"])
            if other != node.value["id"]:
                yield Node(root.document, name, (*node.path, "names", index)).finding(
                    "type-names", f"The name {shown(name)} stands for {shown(other)} already.",
                    "A name has one meaning in the organisation: keep it with one of the types.",
                )  # fmt: skip
        try:
            canonical_type(node.value["physicalType"])
        except ColumnTypeError as bad:
            yield node.at("physicalType").finding("column-type", f"`physicalType`: {bad}.", "Write a type of DuckDB.")
        yield from _check_format(node)


def _check_format(node: Node) -> Iterator[Finding]:
    pattern = node.mapping("options").get("pattern")
    if isinstance(pattern, str):
        try:
            compile_pattern(pattern)
        except PatternError as bad:
            yield (
                node.at("options")
                .at("pattern")
                .finding("pattern", f"{shown(pattern)} can't be used: {bad}.", "Mend the pattern.")
            )
    reference = node.text("reference")
    if reference is not None:
        address, _, column = reference.rpartition(".")
        if split_address(address) is None or not column:
            yield node.at("reference").finding(
                "reference-form", f"{shown(reference)} names no column of a port.",
                "Write <domain>.<product>.v<major>.<column>, such as crm.customer_360.v1.household_id.",
            )  # fmt: skip


def _types(root: Node) -> dict[str, SemanticType]:
    return {
        node.value["id"]: SemanticType(
            id=node.value["id"],
            title=node.value["title"],
            names=node.texts("names"),
            logical_type=node.value["logicalType"],
            physical_type=node.value["physicalType"],
            options=node.mapping("options"),
            reference=node.text("reference"),
            fields=node.value,
        )
        for node in root.items("types")
    }


def _check_unique(root: Node, key: str, name: str) -> Iterator[Finding]:
    seen: dict[str, Node] = {}
    for node in root.items(key):
        first = seen.setdefault(node.value[name], node)
        if first.path != node.path:
            yield node.at(name).finding(
                "duplicate-id",
                f"{shown(node.value[name])} stands here a second time; the first is on line {first.origin.line}.",
                "Delete one, or rename it.",
            )
