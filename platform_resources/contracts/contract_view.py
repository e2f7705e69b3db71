"""ODCS document → typed contract. Nothing is judged here; what is missing or has a wrong type is left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

from platform_resources.contracts.documents import Document
from platform_resources.contracts.elements import elements_within
from platform_resources.contracts.model import (
    Column,
    Contract,
    Dimension,
    QualityRule,
    Relationship,
    Severity,
    SlaProperty,
    SourceObject,
    Table,
)
from platform_resources.contracts.names import is_email
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.options import without_old_limits
from platform_resources.contracts.reference_rules import is_reference_rule

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
METRICS: dict[str, tuple[str, ...]] = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}  # -> the arguments that it knows
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
_TYPES = ("library", "sql", "text", "custom")
# How v3.0 named the metrics, under `rule`.
_OLD_METRICS = {
    "nullCheck": "nullValues",
    "countCheck": "rowCount",
    "duplicateCount": "duplicateValues",
    "duplicateCheck": "duplicateValues",
    "unique": "duplicateValues",
    "validValues": "invalidValues",
}


def contract_view(document: Document) -> Contract:
    """The typed view of an ODCS document."""
    root = Node(document, document.data)
    description = root.at("description")
    tables = tuple(_table(node) for node in root.items("schema"))
    if tables:
        document.keep_view(tables)
    team_name, owners = team_of(root)
    return Contract(
        id=root.text("id") or "",
        version=root.text("version") or "0.0.0",
        status=root.text("status") or "",
        file=document.path,
        table=None if tables else Table("", "", root.origin, ()),  # type: ignore[arg-type]  # None: the document's
        tables=None if tables else (),  # type: ignore[arg-type]
        api_version=root.text("apiVersion") or "",
        name=root.text("name"),
        domain=root.text("domain"),
        data_product=root.text("dataProduct"),
        purpose=description.text("purpose"),
        usage=description.text("usage"),
        limitations=description.text("limitations"),
        sla=tuple(_sla(node) for node in root.items("slaProperties")),
        team_name=team_name,
        owners=owners,
        tags=root.texts("tags"),
        servers=tuple(node.value for node in root.items("servers")),
        roles=tuple(node.value for node in root.items("roles")),
        glossary_links=_glossary_links(tables[0]) if tables else (),
        custom=root.custom(),
        sha256=document.sha256,
        document=document,
    )


def team_of(root: Node) -> tuple[str | None, tuple[str, ...]]:
    """Name and e-mail addresses of the team: of its owners where roles name some, else of all who have not left."""
    team = root.at("team")
    members = list(root.items("team")) or list(team.items("members"))  # v3.0 and ODPS v0.9: the list itself
    present = [m for m in members if m.text("dateOut") is None and is_email(m.text("username"))]
    owners = [m for m in present if "owner" in (m.text("role") or "").lower()]
    return team.text("name"), tuple(str(m.text("username")) for m in owners or present)


def _glossary_links(table: Table) -> tuple[str, ...]:
    """Interned: products of a domain link to the same terms."""
    links = (*table.terms, *(link for column in table.columns for link in column.terms))
    return tuple(sys.intern(link) for link in dict.fromkeys(links))


def _table(node: Node) -> Table:
    name = node.text("name") or ""
    columns = list(node.items("properties"))
    positions = _key_positions(columns)
    relationships = [_relationship(r, None) for r in node.items("relationships")]
    for column in columns:
        relationships += [_relationship(r, column.text("name")) for r in column.items("relationships")]
    return Table(
        name=name,
        physical_name=node.text("physicalName") or name,
        origin=node.origin,
        columns=tuple(_column(c, c.text("name") or "", at) for c, at in zip(columns, positions, strict=True)),
        quality=tuple(_rule(r, None) for r in node.items("quality")),
        relationships=tuple(relationships),
        description=node.text("description"),
        granularity=node.text("dataGranularityDescription"),
        terms=_terms(node),
        custom=node.custom(),
        members=tuple(member for column in columns for member in _members(column)),
    )


def _members(column: Node) -> Iterator[Column]:
    """What a column holds by its own type, in which an element has the type that it is delivered in."""
    for path, node, type_ in elements_within(column):
        if type_ is not None:
            yield replace(_column(node, path), physical_type=type_)


def _key_positions(columns: list[Node]) -> list[int | None]:
    """Position of each column in the primary key; those that say none follow in the order of the file."""
    written = [c.get("primaryKeyPosition") if c.flag("primaryKey") else None for c in columns]
    given = [p if isinstance(p, int) and not isinstance(p, bool) and p > 0 else None for p in written]
    following = max((p for p in given if p is not None), default=0)
    positions: list[int | None] = []
    for column, position in zip(columns, given, strict=True):
        if column.flag("primaryKey") and position is None:
            following += 1
            position = following
        positions.append(position)
    return positions


def _column(node: Node, name: str, position: int | None = None) -> Column:
    options = without_old_limits(node.mapping("logicalTypeOptions"))
    examples = node.get("examples")
    return Column(
        name=name,
        logical_type=node.text("logicalType"),
        physical_type=node.text("physicalType"),
        origin=node.origin,
        description=node.text("description"),
        business_name=node.text("businessName"),
        required=node.flag("required"),
        unique=node.flag("unique"),
        primary_key_position=position,
        options=options,
        enum=_enum(node, options),
        classification=node.text("classification"),
        critical=node.flag("criticalDataElement"),
        examples=tuple(examples) if isinstance(examples, list) else (),
        quality=tuple(_rule(r, name) for r in node.items("quality")),
        tags=node.texts("tags"),
        terms=_terms(node),
        custom=node.custom(),
        sources=tuple(_sources(node)),
        transform_logic=node.text("transformLogic"),
        transform_description=node.text("transformDescription"),
    )


def _sources(column: Node) -> Iterator[SourceObject]:
    key = "transformSourceObjects"
    listed = column.get(key)
    for index, value in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(value, str):
            yield SourceObject(value, column.document.origin((*column.path, key, index)))


def _terms(node: Node) -> tuple[str, ...]:
    """The links of a column or table into a glossary."""
    links = node.items("authoritativeDefinitions")
    return tuple(link.text("url") or "" for link in links if link.text("type") == "glossary")


def _enum(node: Node, options: dict[str, Any]) -> tuple[Any, ...] | None:
    if "enum" in node:
        return tuple(entry.get("value") for entry in node.items("enum"))
    values = options.get("enum")
    return tuple(values) if isinstance(values, list) else None


def _rule(node: Node, column: str | None) -> QualityRule:
    metric = node.text("metric") or node.text("rule")
    kind = node.text("type") or ("sql" if "query" in node and metric is None else "library")
    severity = node.text("severity")
    dimension = node.text("dimension")
    implementation = node.mapping("implementation")
    limits = node.at("implementation") if is_reference_rule(node.get("engine"), implementation) else node
    operator = next((key for key in OPERATORS if key in limits), None)
    threshold = None if operator is None else limits.get(operator)
    return QualityRule(
        name=node.text("name") or "",
        type=next((known for known in _TYPES if known == kind), "text"),
        origin=node.origin,
        column=column,
        metric=_OLD_METRICS.get(metric, metric) if metric else None,
        arguments=_arguments(node),
        query=node.text("query"),
        operator=operator,
        threshold=tuple(threshold) if isinstance(threshold, list) else threshold,
        unit="percent" if node.text("unit") == "percent" else "rows",
        severity=next((known for known in SEVERITIES if known == severity), "error"),
        dimension=next((known for known in DIMENSIONS if known == dimension), None),
        description=node.text("description"),
        business_impact=node.text("businessImpact"),
        custom=node.custom(),
        engine=node.text("engine"),
        implementation=implementation,
    )


def _arguments(rule: Node) -> dict[str, Any]:
    """Of a metric. In v3.0 the valid values stood beside the rule's name."""
    if "rule" in rule and "validValues" in rule:
        return {**rule.mapping("arguments"), "validValues": rule.get("validValues")}
    return rule.mapping("arguments")


def _relationship(node: Node, column: str | None) -> Relationship:
    targets = [split_reference(reference) for reference in references(node, "to")]
    sources = (column,) if column is not None else tuple(split_reference(r)[1] for r in references(node, "from"))
    return Relationship(
        from_columns=sources,
        to_table=targets[0][0] if targets else "",
        to_columns=tuple(target for _, target in targets),
        origin=node.origin,
        custom=node.custom(),
    )


def references(node: Node, key: str) -> tuple[str, ...]:
    """The references under `from` or `to`, which hold one or a list."""
    one = node.text(key)
    return node.texts(key) if one is None else (one,)


def split_reference(reference: str) -> tuple[str, str]:
    """Table (or port address) and column of `<table>.<column>`."""
    table, _, column = reference.rpartition(".")
    return table, column


def _sla(node: Node) -> SlaProperty:
    return SlaProperty(
        property=node.text("property") or "",
        value=node.get("value"),
        origin=node.origin,
        unit=node.text("unit"),
        element=node.text("element"),
        driver=node.text("driver"),
        custom=node.custom(),
    )
