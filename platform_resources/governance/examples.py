"""A rule proves itself: its examples break it as they stand, and no more after what its remedy says was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from platform_resources.contracts import Contract, Document, Domain, Finding, OutputPort, Product
from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.lines import Lines
from platform_resources.contracts.product_view import product_view
from platform_resources.contracts.reading import KeyPath
from platform_resources.governance.model import Council, Rule
from platform_resources.governance.python_rules import PythonRuleError
from platform_resources.governance.rules import breaches, in_scope
from platform_resources.governance.subjects import Around, Subject, World, walk_rules, walk_tables

_NAME = "example"  # of whatever an example leaves unnamed


def check_examples(rule: Rule, council: Council) -> list[Finding]:
    """What is wrong with a rule's examples: there are none, `failing` is not found, or `mended` still is."""
    if not rule.examples:
        remedy = "Add `examples:` with at least one pair of `failing` and `mended`."
        return [_finding(rule, ("examples",), f"{rule.id} has no example that proves it.", remedy)]
    return [finding for index in range(len(rule.examples)) for finding in _check(rule, index, council)]


def check_all_examples(council: Council) -> list[Finding]:
    """What is wrong with the examples of every rule of the council."""
    return [finding for rule in council.rules for finding in check_examples(rule, council)]


def _check(rule: Rule, index: int, council: Council) -> Iterator[Finding]:
    world = World(council, rule.effective_from)
    for key, wanted in (("failing", 1), ("mended", 0)):
        path: KeyPath = ("examples", index, key)
        subject = example_subject(rule, rule.examples[index], key, world)
        if wanted and not _applies(rule, subject):
            remedy = "Add what the scope asks for to `within`, such as `contract: {customProperties: [...]}`."
            yield _finding(rule, path, "The example lies outside of the rule's scope.", remedy)
            return
        try:
            found = breaches(rule, subject) if _applies(rule, subject) else []
        except PythonRuleError as bad:
            yield _finding(rule, path, f"The rule fails on its own example: {bad}.", "Mend the Python file.")
            continue
        if wanted and not found:
            message = "The rule finds nothing wrong with the example that should break it."
            yield _finding(rule, path, message, "Mend `where`, `require` or the example.")
        if not wanted and found:
            message = f"The mended example still breaks the rule: {found[0].message}"
            yield _finding(rule, path, message, "Mend `require`, the remedy, or the example.")


def _applies(rule: Rule, subject: Subject) -> bool:
    around = subject.around
    holder = around.contract if rule.applies_to not in ("product", "input") else around.product
    status = (holder.status if holder is not None else "") or "active"
    domain = around.domain.name if around.domain is not None else _NAME
    return in_scope(rule, domain, status, around)


def example_subject(rule: Rule, example: Mapping[str, Any], key: str, world: World) -> Subject:
    """`failing` or `mended` as a subject, within what surrounds it."""
    data, within = dict(example[key]), example.get("within") or {}
    kind = rule.applies_to
    contract_data = {"status": "active", **(within.get("contract") or {})}
    product_data = {"status": "active", **(within.get("product") or {})}
    table_data = {"name": _NAME, **(within.get("table") or {})}
    match kind:
        case "product":
            product_data = data
        case "input":
            product_data["inputPorts"] = [data]
        case "contract":
            contract_data = data
        case "promise":
            others = [p for p in _list(contract_data.get("slaProperties")) if p.get("property") != data.get("property")]
            contract_data["slaProperties"] = [data, *others]
        case "table":
            contract_data["schema"] = [data]
        case "column":
            others = [c for c in _list(table_data.get("properties")) if c.get("name") != data.get("name")]
            contract_data["schema"] = [{**table_data, "properties": [data, *others]}]
        case "rule" if within.get("column"):
            column = {**within["column"], "quality": [data]}
            others = [c for c in _list(table_data.get("properties")) if c.get("name") != column.get("name")]
            contract_data["schema"] = [{**table_data, "properties": [column, *others]}]
        case "rule":
            contract_data["schema"] = [{**table_data, "quality": [data]}]
        case "publication" if "schema" not in contract_data:
            contract_data["schema"] = [table_data]
    around = _around(rule, world, contract_data, product_data, within)
    subject = _subject(rule, around, data)
    subject.suppose(within.get("facts") or {})
    return subject


def _around(
    rule: Rule, world: World, contract_data: dict[str, Any], product_data: dict[str, Any], within: Mapping[str, Any]
) -> Around:
    domain_data = within.get("domain") or {}
    name = domain_data.get("name") or contract_data.get("domain") or product_data.get("domain")
    name = str(name or next(iter(rule.scope.domains), _NAME))
    contract = contract_view(_document(rule, contract_data))
    product = product_view(_document(rule, product_data), name, _short_name(contract_data, product_data), {})
    if rule.applies_to not in ("product", "input"):
        address = f"{name}.{product.name}.v{_major(contract)}"
        return Around(world, _domain(rule, name, domain_data), _with_port(product, contract), contract, address)
    if within.get("contract"):
        product = _with_port(product, contract)
    return Around(world, _domain(rule, name, domain_data), product)


def _subject(rule: Rule, around: Around, data: dict[str, Any]) -> Subject:
    contract, product = around.contract_subject, around.product_subject
    assert product is not None  # (both were made from documents)
    if rule.applies_to == "product":
        return product
    if rule.applies_to == "input":
        return Subject("input", data, product.document, ("inputPorts", 0), around)
    assert contract is not None
    match rule.applies_to:
        case "contract":
            return contract
        case "table":
            return next(walk_tables(contract))
        case "column":
            return around.columns[0]
        case "rule":
            return next(walk_rules(contract, around.columns))
        case "promise":
            return Subject("promise", data, contract.document, ("slaProperties", 0), around)
        case _:
            return Subject("publication", data, contract.document, (), around)


def _document(rule: Rule, data: Mapping[str, Any]) -> Document:
    """A document that stands in no file of its own: whatever is found in it is found in the rule's."""
    return Document(rule.origin.file, b"", data, Lines(rule.origin.line, {}))


def _domain(rule: Rule, name: str, data: Mapping[str, Any]) -> Domain:
    return Domain(
        name=name, folder=Path(name), title=str(data.get("title", name)), purpose=str(data.get("purpose", "")),
        team_name=str(data.get("team", "")), owner=str(data.get("owner", "")), contact=data.get("contact"),
        products=(), sources=(), channel=data.get("channel"), document=_document(rule, {"name": name, **data}),
    )  # fmt: skip


def _with_port(product: Product, contract: Contract) -> Product:
    major = _major(contract)
    return replace(product, ports=(OutputPort(product.name, major, f"{product.address}.v{major}", contract),))


def _major(contract: Contract) -> int:
    head = contract.version.partition(".")[0]
    return int(head) if head.isdecimal() and int(head) > 0 else 1


def _short_name(contract_data: Mapping[str, Any], product_data: Mapping[str, Any]) -> str:
    name = product_data.get("name") or contract_data.get("dataProduct")
    return name if isinstance(name, str) else _NAME


def _list(value: Any) -> Iterable[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _finding(rule: Rule, path: KeyPath, message: str, remedy: str) -> Finding:
    line = rule.origin.line if rule.document is None else rule.document.line(path)
    return Finding(rule.origin.file, line, path_text(path), message, remedy, "error", "rule-example")
