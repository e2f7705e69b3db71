"""What only shows when the documents of a domain are seen side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.model import Contract, Domain, Origin, Product, Relationship, Severity, Table
from platform_resources.contracts.names import split_address
from platform_resources.contracts.reference_rules import ReferenceRuleError, is_reference_rule, reference_rule_of
from platform_resources.contracts.source_checks import check_sources


def check_together(domain: Domain, product_folders: Collection[str]) -> list[Finding]:
    """Findings on ids, table names, references and inputs within a domain.

    `product_folders` also names the products that could not be read: what refers to them is not blamed for it.
    """
    found = [*_check_ids(domain), *_check_table_names(domain)]
    unread = frozenset(product_folders) - {product.name for product in domain.products}
    own = {port.address: port.contract for port in domain.ports}
    tables = _columns_of_tables(domain)
    for product in domain.products:
        found += _check_inputs(product, domain, own, unread)
        for port in product.ports:
            found += _check_references(port.contract, domain, tables, unread, product)
            found += check_sources(port.contract, domain, product, tables)
    for source in domain.sources:
        found += _check_references(source, domain, tables, unread, None)
    return found


def _check_ids(domain: Domain) -> Iterator[Finding]:
    seen: dict[str, Contract] = {}
    ports = [port.contract for product in domain.products for port in product.ports]
    for contract in (*ports, *domain.sources):
        if contract.id in seen:
            line = contract.document.line(("id",)) if contract.document else 1
            yield _finding(
                Origin(contract.file, line, "id"),
                "id-twice",
                f"The id {shown(contract.id)} is used by {seen[contract.id].file} already.",
                "Give each contract an id of its own: access and history hang on it.",
            )
        seen.setdefault(contract.id, contract)


def _check_table_names(domain: Domain) -> Iterator[Finding]:
    """A feed and a product of one name would both be the table `<domain>.internal.<name>`."""
    names = {product.name for product in domain.products}
    for source in domain.sources:
        if source.table.name in names:
            yield _finding(
                source.table.origin,
                "name-clash",
                f"The feed {shown(source.table.name)} has the name of a product: both would be the same table.",
                "Rename the feed's table (and its file).",
            )


def _columns_of_tables(domain: Domain) -> dict[str, set[str]]:
    """The columns of every table that a relationship may name: ports, their tables, feeds."""
    tables: dict[str, set[str]] = {}
    offered = [(port.contract.table.physical_name, port.contract.table) for port in domain.ports]
    offered += [(port.address, port.contract.table) for port in domain.ports]
    for name, table in (*offered, *((source.table.name, source.table) for source in domain.sources)):
        tables.setdefault(name, set()).update(column.name for column in table.columns)
    return tables


def _check_inputs(
    product: Product, domain: Domain, own: Mapping[str, Contract], unread: Collection[str]
) -> Iterator[Finding]:
    """Inputs from other domains can't be looked up here: their folders belong to others."""
    for port in product.inputs:
        address = split_address(port.address)
        if address is None or address[0] != domain.name or address[1] in unread:
            continue
        contract = own.get(port.address)
        if contract is None:
            yield _finding(
                port.origin,
                "input-missing",
                f"This domain has no port {shown(port.address)}.",
                _did_you_mean(port.address, own),
            )
        elif contract.id != port.contract_id:
            yield _finding(
                port.origin,
                "contract-id",
                f"`contractId` is {shown(port.contract_id)}, but {port.address} keeps {shown(contract.id)}.",
                "Make them the same.",
            )


def _check_references(
    contract: Contract,
    domain: Domain,
    tables: Mapping[str, set[str]],
    unread: Collection[str],
    product: Product | None,
) -> Iterator[Finding]:
    own = {table.name for table in contract.tables}
    for table in contract.tables:
        for relationship in (*table.relationships, *_compared(table)):
            if relationship.to_table not in own:
                yield from _check_reference(relationship, domain, tables, unread, product)
        for compared in _compared(table) if product is not None else ():
            yield from _check_declared(compared, product)


def _check_declared(compared: Relationship, product: Product) -> Iterator[Finding]:
    """Columns that a rule reads of an input count as read only when the input says so: else nobody is asked."""
    said = next((port.columns for port in product.inputs if port.address == compared.to_table), None)
    for column in compared.to_columns if said is not None else ():
        if column not in said:
            yield _finding(
                compared.origin,
                "undeclared-column",
                f"The rule reads {shown(column)} of {compared.to_table}, which the product doesn't say.",
                f"Add it to `columns` of the input {compared.to_table}: consumers are asked by what they declare.",
                "warning",
            )


def _compared(table: Table) -> Iterator[Relationship]:
    """What rules compare with, as if foreign keys led there: the same may be named."""
    for rule in table.rules:
        if rule.type == "custom" and is_reference_rule(rule.engine, rule.implementation):
            try:
                asked = reference_rule_of(rule.implementation)
            except ReferenceRuleError:
                continue  # which `reference_rule_checks` tells
            yield Relationship((), asked.reference, asked.reference_columns, rule.origin)


def _check_reference(
    relationship: Relationship,
    domain: Domain,
    tables: Mapping[str, set[str]],
    unread: Collection[str],
    product: Product | None,
) -> Iterator[Finding]:
    target = relationship.to_table
    address = split_address(target)
    if target in unread or (address is not None and address[0] == domain.name and address[1] in unread):
        return
    if address is not None and address[0] != domain.name:
        inputs = () if product is None else tuple(port.address for port in product.inputs)
        if target not in inputs:
            remedy = "Add it to `inputPorts` of the product: only declared inputs can be read."
            yield _finding(relationship.origin, "reference-input", f"{shown(target)} is no declared input.", remedy)
        return
    columns = tables.get(target)
    if columns is None:
        yield _finding(
            relationship.origin,
            "reference-table",
            f"There is no table {shown(target)} in this domain.",
            _did_you_mean(target, tables),
        )
        return
    for column in relationship.to_columns:
        if column not in columns:
            yield _finding(
                relationship.origin,
                "unknown-column",
                f"{shown(target)} has no column {shown(column)}.",
                _did_you_mean(column, sorted(columns)),
            )


def _did_you_mean(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), 1, 0.6)
    return f"Did you mean `{close[0]}`?" if close else "Mend the name."


def _finding(origin: Origin, code: str, message: str, remedy: str, severity: Severity = "error") -> Finding:
    return Finding(origin.file, origin.line, origin.path, message, remedy, severity, code)
