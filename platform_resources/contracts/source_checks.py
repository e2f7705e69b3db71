"""Whether the sources that a column declares (`transformSourceObjects`) are there: its lineage follows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from platform_resources.contracts.findings import Finding, Severity, shown
from platform_resources.contracts.model import Contract, Domain, Product, SourceObject
from platform_resources.contracts.names import split_address

_OF_EVERY_FEED = frozenset({"_load_id", "_landed_at"})  # that ingestion adds to what was landed
_PARTS = 4  # <domain>.<product or "internal">.<major or table>.<column>; three name the dataset whole


def check_sources(
    contract: Contract, domain: Domain, product: Product, tables: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """Findings on the sources of a port's columns; `tables`: columns of the domain's ports, their tables and feeds.

    A source is a column of a declared input port or of a table of the own domain. What stands there in another form (a
    contract taken over from elsewhere) is told and not followed.
    """
    inputs = {item.address: item.columns for item in product.inputs}
    feeds = {source.table.name for source in domain.sources}
    for column in contract.table.columns:
        for source in column.sources:
            yield from _check(source, domain, inputs, feeds, tables)


def _check(
    source: SourceObject,
    domain: Domain,
    inputs: Mapping[str, tuple[str, ...] | None],
    feeds: Collection[str],
    tables: Mapping[str, Collection[str]],
) -> Iterator[Finding]:
    parts = source.name.split(".", _PARTS - 1)
    dataset, name = ".".join(parts[: _PARTS - 1]), parts[-1] if len(parts) == _PARTS else None
    if len(parts) < _PARTS - 1 or (parts[1] != "internal" and split_address(dataset) is None):
        what = f"The source {shown(source.name)} is no address, so lineage can't follow it."
        example = f"sales.bookings.v1.net_sales, {domain.name}.internal.customers.email"
        yield _finding(source, "source-form", what, f"Write <port or table>.<column>: {example}.", "warning")
    elif parts[1] == "internal":
        yield from _check_own(source, domain, parts[2], name, feeds, tables)
    elif dataset not in inputs:
        what = f"{shown(dataset)} is no declared input of this product."
        yield _finding(source, "source-input", what, _did_you_mean(dataset, inputs, "Add it to `inputPorts`."))
    elif name is not None and (listed := inputs[dataset]) is not None and name not in listed:
        what = f"{shown(name)} is not among the columns that this product reads of {dataset}."
        yield _finding(source, "source-column", what, _did_you_mean(name, listed, "Add it to `columns` of the input."))


def _check_own(
    source: SourceObject,
    domain: Domain,
    table: str,
    name: str | None,
    feeds: Collection[str],
    tables: Mapping[str, Collection[str]],
) -> Iterator[Finding]:
    """A private table that is neither a feed nor a port's is in no document: the build tells whether it is read."""
    owner = source.name.partition(".")[0]
    if owner != domain.name:
        what = f"{shown(source.name)} is a private table of {owner}, which nobody else can read."
        yield _finding(source, "source-private", what, f"Read a port of {owner}, and name its column.")
    elif table in tables and name is not None:
        known = {*tables[table], *(_OF_EVERY_FEED if table in feeds else ())}
        if name not in known:
            what = f"{shown(f'{owner}.internal.{table}')} has no column {shown(name)}."
            yield _finding(source, "source-column", what, _did_you_mean(name, known, "Mend the name."))


def _did_you_mean(name: str, known: Collection[str], otherwise: str) -> str:
    close = get_close_matches(name, list(known), 1, 0.6)
    return f"Did you mean `{close[0]}`?" if close else otherwise


def _finding(source: SourceObject, code: str, message: str, remedy: str, severity: Severity = "error") -> Finding:
    origin = source.origin
    return Finding(origin.file, origin.line, origin.path, message, remedy, severity, code)
