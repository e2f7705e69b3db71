"""What is wrong with policies in documents, where it takes DuckDB or the council to tell: row filters, purposes."""

from __future__ import annotations

from collections.abc import Iterator

from platform_resources.contracts import ColumnTypeError, Contract, Finding, Mesh, contract_column_types
from platform_resources.contracts.findings import printable, shown
from platform_resources.contracts.nodes import Node
from platform_resources.governance import Council
from platform_resources.quality.row_filters import RowFilterError, check_filter


def policy_findings(mesh: Mesh, council: Council) -> Iterator[Finding]:
    """Findings on the contracts of every port: a reader whose row filter can't be evaluated is denied."""
    for _, port in mesh.ports.values():
        if port.contract.document is not None:
            yield from _of_contract(port.contract, council)


def _of_contract(contract: Contract, council: Council) -> Iterator[Finding]:
    document = contract.document
    assert document is not None
    root = Node(document, document.data)
    try:
        types = contract_column_types(contract)
    except ColumnTypeError:
        return  # said at the type
    for holder in (*root.items("schema"), *root.items("roles")):
        for entry in holder.items("customProperties"):
            if entry.text("property") == "rowFilter":
                yield from _of_filter(entry.at("value"), types)
    for role in root.items("roles"):
        for entry in role.items("customProperties"):
            if entry.text("property") == "purposes":
                yield from _of_purposes(entry, council)


def _of_filter(value: Node, types: dict[str, str]) -> Iterator[Finding]:
    where = value.text("where")
    if where is None:
        return  # said where the contract is read
    try:
        check_filter(where, types)
    except RowFilterError as bad:
        yield value.at("where").finding(
            "row-filter-sql",
            f"The row filter can't be evaluated, so it denies everybody: {printable(str(bad)).rstrip('.')}.",
            "Write one condition over this port's columns and reader.<attribute>, such as "
            '"list_contains(reader.regions, region)".',
        )


def _of_purposes(entry: Node, council: Council) -> Iterator[Finding]:
    if not council.purposes:
        return
    for name in entry.texts("value"):
        if name not in council.purposes:
            yield entry.at("value").finding(
                "unknown-purpose",
                f"The council knows no purpose {shown(name)}, so nobody can declare it.",
                f"Write some of {', '.join(sorted(council.purposes))}, or propose it for governance/purposes.yaml.",
            )
