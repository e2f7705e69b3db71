"""Field paths of rule files: `description`, `custom.mask.strategy`, `sla.freshness.value`, `$contract.status`.

Null and missing are the same to a reader of a contract, so both are None here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from platform_resources.contracts import Document, DurationError, parse_duration
from platform_resources.contracts.findings import shown
from platform_resources.contracts.reading import KeyPath
from platform_resources.governance.facts import FACTS, Need
from platform_resources.governance.model import Council
from platform_resources.governance.model import Subject as Kind
from platform_resources.governance.subjects import Subject

Getter = Callable[[Subject], Any]

_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_MOST_STEPS = 8
ROOTS = ("domain", "product", "contract", "table", "classification", "tier", "type", "facts")
_WITHOUT_CONTRACT: tuple[Kind, ...] = ("product", "input")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENT = _words(
    "id name physicalType description businessName deprecated synonyms authoritativeDefinitions tags "
    "customProperties logicalType physicalName quality relationships properties"
)
# What the standards have keys for (tests/governance/test_fields.py compares them with their JSON schemas).
KNOWN_FIELDS: Mapping[str, frozenset[str]] = {
    "contract": _words(
        "version kind apiVersion id name tenant tags status servers dataProduct description domain context schema "
        "support price team roles slaDefaultElement slaProperties authoritativeDefinitions customProperties "
        "contractCreatedTs"
    ),
    "product": _words(
        "apiVersion kind id name version status domain tenant tags description inputPorts outputPorts "
        "managementPorts support team customProperties authoritativeDefinitions productCreatedTs"
    ),
    "domain": _words("name title purpose team owner contact channel customProperties"),
    "table": _ELEMENT | {"dataGranularityDescription", "context"},
    "column": _ELEMENT
    | _words(
        "primaryKey primaryKeyPosition logicalTypeOptions required unique semanticType partitioned "
        "partitionKeyPosition classification encryptedName transformSourceObjects transformLogic "
        "transformDescription examples enum criticalDataElement items map"
    ),
    "rule": _words(
        "id authoritativeDefinitions businessImpact customProperties description dimension method name schedule "
        "scheduler severity tags type unit metric rule arguments query engine implementation mustBe mustNotBe "
        "mustBeGreaterThan mustBeGreaterOrEqualTo mustBeLessThan mustBeLessOrEqualTo mustBeBetween "
        "mustNotBeBetween"
    ),
    "promise": _words(
        "id property value valueExt unit element driver description scheduler schedule customProperties "
        "authoritativeDefinitions"
    ),
    "input": _words("name version contractId tags customProperties authoritativeDefinitions"),
    "publication": _words("address score scores rows ageSeconds"),
}


class FieldError(ValueError):
    """A path that leads nowhere; the message says what is wrong, `remedy` what can be written."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True)
class FieldPath:
    """`root`: one of ROOTS, or "" for the subject itself. No steps: the entry of a list itself (written `.`)."""

    text: str
    root: str
    steps: tuple[str, ...]


def parse_field(text: str) -> FieldPath:
    """The path that `text` writes. Raises FieldError when it is none."""
    if text == ".":
        return FieldPath(text, "", ())
    parts = text.split(".")
    root = ""
    if text.startswith("$"):
        root, parts = parts[0][1:], parts[1:]
        if root not in ROOTS:
            raise FieldError(
                f"{shown('$' + root)} is no place where a field path can begin.",
                _near(root, ROOTS, "$") or f"Begin with {', '.join('$' + name for name in ROOTS)}, or with a field.",
            )
    if not parts or len(parts) > _MOST_STEPS or not all(_STEP.fullmatch(part) for part in parts):
        raise FieldError(
            f"{shown(text)} is no field path.", "Write keys joined by dots, such as `custom.mask.strategy`."
        )
    if parts[0] in ("custom", "sla") and len(parts) < 2:
        raise FieldError(f"{shown(text)} names no property.", f"Write `{parts[0]}.<property>`.")
    if root == "facts" and parts[0] not in FACTS:
        raise FieldError(
            f"There is no fact {shown(parts[0])}.", _near(parts[0], FACTS, "$facts.") or f"There are {_listed(FACTS)}."
        )
    return FieldPath(text, root, tuple(parts))


def check_field(field: FieldPath, kind: Kind, council: Council | None) -> None:
    """Raise FieldError when subjects of `kind` can't have the field. Without a council, its catalogues aren't asked."""
    if not field.steps:
        return
    first = field.steps[0]
    match field.root:
        case "facts" if kind not in FACTS[first].kinds:
            raise FieldError(
                f"The fact {shown(first)} is not known of a {kind}.", f"It is of: {_listed(FACTS[first].kinds)}."
            )
        case "table" if kind not in ("table", "column", "rule"):
            raise FieldError(f"A {kind} stands in no table.", "Leave `$table` out.")
        case "contract" if kind in _WITHOUT_CONTRACT:
            raise FieldError(f"A {kind} has no single contract.", "Apply the rule to `contract`.")
        case "type" if kind not in ("column", "rule"):
            raise FieldError(f"A {kind} has no semantic type.", "Apply the rule to `column`.")
        case "classification" | "tier" | "type" if council is not None:
            _check_catalogue(field.root, first, council)
        case "" | "domain" | "product" | "contract" | "table":
            known = KNOWN_FIELDS[field.root or kind]
            if first == "sla" and (field.root or kind) in ("product", "input", "domain", "table"):
                raise FieldError(f"A {field.root or kind} has no SLA.", "Apply the rule to `contract`.")
            if first not in known and first not in ("custom", "sla"):
                raise FieldError(
                    f"A {field.root or kind} has no field {shown(first)}.",
                    _near(first, (*known, "custom", "sla"), field.root and f"${field.root}.")
                    or "See the reference of the standard; what it can't say stands below `custom.`.",
                )


def needs_of(field: FieldPath) -> frozenset[Need]:
    """What must surround a subject for the field to be known: nothing, its domain, its product or the whole mesh."""
    match field.root:
        case "facts":
            return FACTS[field.steps[0]].needs
        case "domain":
            return frozenset(["domain"])
        case "product":
            return frozenset(["product"])
    return frozenset()


def _check_catalogue(root: str, key: str, council: Council) -> None:
    entries: Iterable[Mapping[str, Any]]
    match root:
        case "classification":
            entries = [entry.fields for entry in council.classifications.values()]
        case "tier":
            entries = [entry.fields for entry in council.tiers.values()]
        case _:
            entries = [entry.fields for entry in council.semantic_types.values()]
    known = {key for entry in entries for key in entry} | {"name"}
    if len(known) > 1 and key not in known:
        what = {"classification": "classification", "tier": "tier", "type": "semantic type"}[root]
        raise FieldError(
            f"No {what} of the catalogue has a field {shown(key)}.",
            _near(key, known, f"${root}.") or f"It has {_listed(known)}.",
        )


def getter(field: FieldPath) -> Getter:
    """The function that looks the field up."""
    steps = field.steps
    if not steps:
        return lambda subject: subject.value
    first, rest = steps[0], steps[1:]
    match field.root:
        case "facts":
            return lambda subject: subject.fact(first)
        case "classification":
            return _within(lambda subject: subject.classification, steps)
        case "tier":
            return _within(lambda subject: subject.around.tier, steps)
        case "type":
            return _within(_type_fields, steps)
        case "":
            if first == "custom":
                return _step(_own_custom(rest[0]), rest[1:])
            if first == "sla":
                return _step(_own_sla(_contract_of, rest[0]), rest[1:])
            return _step(lambda subject: subject.data.get(first), rest)
    start = _STARTS[field.root]

    def elsewhere(subject: Subject) -> Any:
        there = start(subject)
        return None if there is None else own(there)

    own = getter(FieldPath(field.text, "", steps))
    return elsewhere


def place(field: FieldPath | None, subject: Subject) -> tuple[Document, KeyPath]:
    """Where the field stands, or should: document and key path. A computed field stands at the subject itself."""
    node = subject
    if field is None or not field.steps or field.root in ("classification", "tier", "type", "facts"):
        return subject.document, subject.path
    if field.root:
        node = _STARTS[field.root](subject) or subject
    if node.kind == "publication":
        return node.document, node.path
    first, rest = field.steps[0], field.steps[1:]
    if first == "sla":
        node = _contract_of(node) or node
    listed = {"custom": ("customProperties", "property"), "sla": ("slaProperties", "property")}.get(first)
    if listed is None:
        return node.document, (*node.path, *_reachable(node.data, field.steps))
    key, name = listed
    entries = node.data.get(key)
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and entry.get(name) == rest[0]:
            inner = ("value", *rest[1:]) if first == "custom" else rest[1:]
            return node.document, (*node.path, key, index, *_reachable(entry, inner))
    return node.document, (*node.path, key)


def _reachable(data: Any, steps: tuple[str, ...]) -> KeyPath:
    """The steps up to the first that leads into a list, or that isn't there."""
    path: KeyPath = ()
    for step in steps:
        if not isinstance(data, dict):
            break
        path = (*path, step)
        data = data.get(step)
    return path


def _type_fields(subject: Subject) -> Mapping[str, Any] | None:
    kind = subject.semantic_type
    return None if kind is None else kind.fields


def _contract_of(subject: Subject) -> Subject | None:
    return subject if subject.kind == "contract" else subject.around.contract_subject


_STARTS: Mapping[str, Callable[[Subject], Subject | None]] = {
    "domain": lambda subject: subject.around.domain_subject,
    "product": lambda subject: subject.around.product_subject,
    "contract": lambda subject: subject.around.contract_subject,
    "table": lambda subject: subject if subject.kind == "table" else subject.table,
}


def _own_custom(name: str) -> Getter:
    # Most columns have no custom property: the look into the node spares them the mapping.
    return lambda subject: subject.custom.get(name) if "customProperties" in subject.data else None


def _own_sla(contract_of: Callable[[Subject], Subject | None], name: str) -> Getter:
    def promise(subject: Subject) -> Any:
        contract = contract_of(subject)
        entries = None if contract is None else contract.data.get("slaProperties")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("property") == name:
                return _with_duration(entry)
        return None

    return promise


def _with_duration(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An SLA property, with `value: 15` and `unit: min` as the duration that they mean: PT15M."""
    if "unit" not in entry:
        return entry
    try:
        seconds = int(parse_duration(entry.get("value"), entry["unit"]).total_seconds())
    except (DurationError, AttributeError):  # percent, or no text at all
        return entry
    for length, before, unit in ((86_400, "P", "D"), (3_600, "PT", "H"), (60, "PT", "M"), (1, "PT", "S")):
        if seconds % length == 0:
            return {**entry, "value": f"{before}{seconds // length}{unit}"}
    return entry


def _within(start: Getter, steps: tuple[str, ...]) -> Getter:
    """Look up `steps` in the mapping that `start` gives."""
    first, rest = steps[0], steps[1:]

    def value(subject: Subject) -> Any:
        entry = start(subject)
        return None if entry is None else entry.get(first)

    return _step(value, rest)


def _step(start: Getter, steps: tuple[str, ...]) -> Getter:
    if not steps:
        return start

    def value(subject: Subject) -> Any:
        found = start(subject)
        for step in steps:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list):
                found = _of_entries(found, step)
            else:
                return None
        return found

    return value


def _of_entries(entries: list[Any], step: str) -> Any:
    """One entry by its number, or what every entry says under a key."""
    if step.isdecimal():
        return entries[int(step)] if int(step) < len(entries) else None
    values = [entry[step] for entry in entries if isinstance(entry, dict) and entry.get(step) is not None]
    return values or None


def _near(word: str, known: Iterable[str], before: str = "") -> str:
    close = get_close_matches(word, list(known), 1, 0.6)
    return f"Did you mean `{before}{close[0]}`?" if close else ""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
