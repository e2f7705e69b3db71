"""Contract -> checks: what is promised, as neutral values that an engine can evaluate. Pure; no DuckDB."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from platform_resources.contracts.model import Column, Contract, Dimension, Origin, QualityRule, Severity, Table
from platform_resources.contracts.options import INTEGER_FORMATS, TEXT_FORMATS
from platform_resources.contracts.reference_rules import ReferenceRuleError, is_reference_rule, reference_rule_of
from platform_resources.contracts.score_weights import usable_weight

Kind = Literal[
    "schema", "extra_columns", "required", "unique", "primary_key", "pattern", "format", "length", "range",
    "properties", "enum", "relationships", "completeness", "freshness",
    "null_values", "missing_values", "invalid_values", "duplicate_values", "row_count", "sql", "differing_values",
    "custom",
]  # fmt: skip

_DIMENSIONS: dict[Kind, Dimension] = {
    "schema": "conformity",
    "extra_columns": "conformity",
    "required": "completeness",
    "unique": "uniqueness",
    "primary_key": "uniqueness",
    "pattern": "conformity",
    "format": "conformity",
    "properties": "conformity",
    "length": "conformity",
    "range": "conformity",
    "enum": "conformity",
    "relationships": "consistency",
    "completeness": "completeness",
    "freshness": "timeliness",
    "null_values": "completeness",
    "missing_values": "completeness",
    "invalid_values": "conformity",
    "duplicate_values": "uniqueness",
    "row_count": "coverage",
    "sql": "accuracy",
    "differing_values": "accuracy",
    "custom": "conformity",
}
_TITLES: dict[Kind, str] = {
    "schema": "Every promised column is delivered in its promised type",
    "extra_columns": "Nothing but the promised columns is delivered",
    "required": "Columns that must have a value in every row",
    "unique": "Columns whose values must not repeat",
    "primary_key": "The primary key identifies one row",
    "pattern": "Columns whose texts must match a pattern",
    "format": "Columns whose texts or numbers have a format",
    "properties": "Columns whose objects have certain properties, or so many",
    "length": "Columns whose texts or lists have a minimum or maximum length",
    "range": "Columns whose values must lie within limits",
    "enum": "Columns whose values must be on a list",
    "relationships": "Foreign keys that must find their row",
    "completeness": "Share of rows that must have a value (SLA)",
    "freshness": "Age limit of the data (SLA)",
}
METRIC_KINDS: dict[str, Kind] = {
    "nullValues": "null_values",
    "missingValues": "missing_values",
    "invalidValues": "invalid_values",
    "duplicateValues": "duplicate_values",
    "rowCount": "row_count",
}
# Extra columns never reach a consumer (the port selects the contract's columns). Stale data must not block either:
# refusing it would leave consumers with data that is older still. All else blocks unless its rule says otherwise.
_DEFAULT_SEVERITY: dict[Kind, Severity] = {"extra_columns": "warning", "freshness": "warning", "custom": "warning"}
_SEVERITIES = ("error", "warning", "info")
_RANGE = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf")
_LENGTH = ("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "dimensions", "normalized")
_PROPERTIES = ("minProperties", "maxProperties", "required")
_FORMATS = {"string": TEXT_FORMATS, "integer": INTEGER_FORMATS}


class NotEvaluableError(Exception):
    """A check can't be evaluated on this data; the message says why and what to do."""


@dataclass(frozen=True)
class Check:
    """One promise that can be measured.

    `name` is unique in the contract, stable, and `[A-Za-z0-9_]+`; `group` is the name of the published check that it is
    part of. The measured value must satisfy `operator` (an ODCS key) against `threshold`, in `unit`.
    """

    name: str
    group: str
    kind: Kind
    origin: Origin
    dimension: Dimension
    severity: Severity = "error"
    columns: tuple[str, ...] = ()
    operator: str | None = "mustBe"
    threshold: Any = 0
    unit: str = "rows"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    query: str | None = None
    weight: float = 1.0  # within its dimension
    description: str | None = None

    @property
    def asks_items(self) -> str | None:
        """The list whose items it is asked of, such as `lines[]`; None when it is asked of rows."""
        if self.kind in ("differing_values", "custom"):
            return None
        return max((path for name in self.columns if (path := items_in(name)) is not None), key=len, default=None)


@dataclass(frozen=True)
class CheckGroup:
    """What is published as one check: an explicit rule, or all implicit promises of one kind."""

    name: str
    kind: Kind
    severity: Severity
    dimension: Dimension
    description: str
    checks: tuple[Check, ...]

    @property
    def blocking(self) -> bool:
        """A failure stops the publication."""
        return self.severity == "error"


def compile_checks(contract: Contract) -> tuple[Check, ...]:
    """Every measurable promise of the contract's table, in a stable order: implicit ones first, then rules, then SLAs.

    Rules of type `text` are documentation and make no check. A primary key makes one uniqueness check and a `required`
    check for each of its columns.
    """
    table = contract.table
    promised = _numbered([*_schema(table), *_columns(table), *_relationships(table), *_service_levels(contract)])
    return (*promised, *_rules(table, promised))


def check_groups(contract: Contract) -> tuple[CheckGroup, ...]:
    """The checks as they are published: a handful of kinds and the named rules instead of hundreds of columns."""
    return group_checks(compile_checks(contract))


def group_checks(checks: Iterable[Check]) -> tuple[CheckGroup, ...]:
    members: dict[str, list[Check]] = {}
    for check in checks:
        members.setdefault(check.group, []).append(check)
    return tuple(
        CheckGroup(name, of[0].kind, of[0].severity, of[0].dimension, _title(of[0]), tuple(of))
        for name, of in members.items()
    )


def items_in(path: str) -> str | None:
    """The innermost list that a path leads through: `lines[]` of `lines[].price`; None when there is none."""
    outer, brackets, _ = path.rpartition("[]")
    return outer + brackets if brackets else None


def is_inside(path: str) -> bool:
    """It names what a column holds, not a column."""
    return "." in path or "[" in path


def column_of(path: str) -> str:
    """The column that a path starts from."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def slug(text: str) -> str:
    """`text` as (part of) a check name; of `lines[].price` it is `lines_items_price`, for `lines.price` is another."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text.replace("[]", "_items")).strip("_") or "rule"


def _title(check: Check) -> str:
    return check.description or _TITLES.get(check.kind) or check.name.replace("_", " ")


def _implicit(kind: Kind, columns: tuple[str, ...], origin: Origin, **more: Any) -> Check:
    default = _DEFAULT_SEVERITY.get(kind, "error")
    severity = more.pop("severity", default)
    whole_table = kind in ("schema", "extra_columns", "primary_key")
    return Check(
        name=kind if whole_table else f"{kind}__{'__'.join(map(slug, columns)) or 'table'}",
        group=kind if severity == default else f"{kind}_{severity}",
        kind=kind,
        origin=origin,
        dimension=more.pop("dimension", _DIMENSIONS[kind]),
        severity=severity,
        columns=columns,
        **more,
    )


def _schema(table: Table) -> list[Check]:
    names = tuple(column.name for column in table.columns)
    return [_implicit("schema", names, table.origin), _implicit("extra_columns", names, table.origin)]


def _columns(table: Table) -> list[Check]:
    key, columns = table.primary_key, (*table.columns, *table.members)
    found = [
        *(_implicit("required", (c.name,), c.origin) for c in columns if c.required or c.name in key),
        *(_implicit("unique", (c.name,), c.origin) for c in columns if c.unique and key != (c.name,)),
    ]
    if key:
        first = table.column(key[0])
        found.append(_implicit("primary_key", key, first.origin if first else table.origin))
    for column in columns:
        found.extend(form_checks(column))
    return found


def form_checks(column: Column) -> list[Check]:
    """What `logicalTypeOptions` (or `enum`) of a column ask of each value."""
    options, names, found = column.options, (column.name,), []
    if options.get("pattern") is not None:
        found.append(_implicit("pattern", names, column.origin, arguments={"pattern": options["pattern"]}))
    if str(options.get("format")) in _FORMATS.get(column.logical_type or "", ()):
        found.append(_implicit("format", names, column.origin, arguments={"format": options["format"]}))
    if length := _chosen(options, _LENGTH):
        found.append(_implicit("length", names, column.origin, arguments=length))
    if limits := _chosen(options, _RANGE):
        found.append(_implicit("range", names, column.origin, arguments=limits))
    if properties := _chosen(options, _PROPERTIES):
        found.append(_implicit("properties", names, column.origin, arguments=properties))
    values = column.enum if column.enum is not None else options.get("enum")
    if values is not None:
        found.append(_implicit("enum", names, column.origin, arguments={"validValues": tuple(values)}))
    return found


def _chosen(options: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: options[key] for key in keys if options.get(key) is not None}


def _relationships(table: Table) -> list[Check]:
    found = []
    for relation in table.relationships:
        custom = relation.custom
        more: dict[str, Any] = {"severity": custom["severity"]} if custom.get("severity") in _SEVERITIES else {}
        arguments = {"table": relation.to_table, "columns": relation.to_columns}
        found.append(_implicit("relationships", relation.from_columns, relation.origin, arguments=arguments, **more))
    return found


def _service_levels(contract: Contract) -> list[Check]:
    found: list[Check] = []
    for promise in contract.sla:
        arguments = {"value": promise.value, "unit": promise.unit}
        elements = [(name,) for name in promise.columns] or [()]
        if promise.property == "freshness":
            more: dict[str, Any] = {"operator": "mustBeLessOrEqualTo", "threshold": promise.value, "unit": "age"}
            found.extend(_implicit("freshness", e, promise.origin, arguments=arguments, **more) for e in elements)
        elif promise.property == "completeness":
            more = {"operator": "mustBeGreaterOrEqualTo", "threshold": promise.value, "unit": "percent"}
            found.extend(_implicit("completeness", e, promise.origin, arguments=arguments, **more) for e in elements)
    return found


def _rules(table: Table, promised: list[Check]) -> list[Check]:
    """Explicit rules under their own names.

    A name that two rules share gets the column of each, so that the order in the file doesn't decide what a check is
    called.
    """
    rules = [rule for rule in table.rules if rule.type != "text"]
    inner = {member.name for member in table.members}
    shared = Counter(slug(rule.name) for rule in rules)
    taken = {name for check in promised for name in (check.name, check.group)}
    found = []
    for rule in rules:
        name = slug(rule.name)
        if shared[name] > 1 and rule.column:
            name = f"{name}__{slug(rule.column)}"
        if name in taken or name in _TITLES:
            name = f"{name}__rule"
        found.append(_explicit(rule, name, inner))
    return [replace(check, group=check.name) for check in _numbered(found, taken)]


def _explicit(rule: QualityRule, name: str, inner: Collection[str]) -> Check:
    """`inner`: the paths of what columns hold, which a key may name as it names columns."""
    kind: Kind = "custom"
    if rule.type == "sql":
        kind = "sql"
    elif rule.type == "library":
        kind = METRIC_KINDS.get(rule.metric or "", "custom")
    severity: Severity = rule.severity
    if rule.type == "custom" and is_reference_rule(rule.engine, rule.implementation):
        return _comparison(rule, name)
    if rule.type == "custom" and severity == "error":
        severity = "warning"  # a rule of another engine is never evaluated here: report it, don't block on it
    columns = (rule.column,) if rule.column else ()
    listed = rule.arguments.get("properties")
    if kind == "duplicate_values" and isinstance(listed, list | tuple):
        columns = tuple(item if item in inner else item.rpartition(".")[2] for item in map(str, listed))
    return Check(
        name=name,
        group=name,
        kind=kind,
        origin=rule.origin,
        dimension=rule.dimension or _DIMENSIONS[kind],
        severity=severity,
        columns=columns,
        operator=rule.operator,
        threshold=rule.threshold,
        unit=rule.unit,
        arguments={"metric": rule.metric, "engine": rule.engine} if kind == "custom" else rule.arguments,
        query=rule.query,
        weight=_weight(rule),
        description=rule.description,
    )


def _comparison(rule: QualityRule, name: str) -> Check:
    """A rule that holds rows against a reference. What is wrong with it is told where it is evaluated."""
    try:
        columns = reference_rule_of(rule.implementation).columns
    except ReferenceRuleError:
        columns = (rule.column,) if rule.column else ()
    return Check(
        name=name,
        group=name,
        kind="differing_values",
        origin=rule.origin,
        dimension=rule.dimension or _DIMENSIONS["differing_values"],
        severity=rule.severity,
        columns=columns,
        operator=rule.operator,
        threshold=rule.threshold,
        unit=rule.unit,
        arguments=rule.implementation,
        weight=_weight(rule),
        description=rule.description,
    )


def _weight(rule: QualityRule) -> float:
    weight = usable_weight(rule.custom.get("weight"))
    return 1.0 if weight is None else weight


def _numbered(checks: list[Check], taken: Iterable[str] = ()) -> list[Check]:
    """The same checks with a number after every name that came before."""
    seen = set(taken)
    found = []
    for check in checks:
        name, number = check.name, 1
        while name in seen:
            number += 1
            name = f"{check.name}_{number}"
        seen.add(name)
        found.append(replace(check, name=name))
    return found
