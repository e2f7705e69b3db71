"""Facts → rows of the index: only what is different is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace

from platform_resources.catalog.index.derive import Rated, Reading, bound_columns, product_entry, term_entries
from platform_resources.catalog.index.entries import ProductEntry
from platform_resources.catalog.index.file import IndexFile, Writer
from platform_resources.catalog.index.records import as_json, product_of
from platform_resources.catalog.index.sources import LakeFacts, UsageFacts
from platform_resources.contracts import Mesh
from platform_resources.contracts.model import Domain, Product
from platform_resources.governance import Glossary


def take_domain(
    writer: Writer, domain: Domain, facts: LakeFacts, secrecy: Sequence[str], consumers: Mapping[str, int]
) -> None:
    """The products of a domain and the edges to their columns."""
    reading = {port: Reading(*counts) for port, *counts in writer.rows("SELECT port, readers, reads FROM reading")}
    rated = {product: Rated(*counts) for product, *counts in writer.rows("SELECT product, stars, ratings FROM rated")}
    for product in domain.products:
        mean = rated.get(product.address, Rated())
        entry = product_entry(product, facts.newest, secrecy, consumers, reading, mean)
        writer.put_product(entry.address, domain.name, as_json(entry))
    for product in domain.products:
        for port in product.ports:
            if port.address in facts.edges:
                found = facts.edges[port.address]
                writer.put_edges(port.address, product.address, found.made_of, map(astuple, found.edges))
    _drop_others(writer, domain.name, domain.products)


def take_no_domain(writer: Writer, name: str) -> None:
    """A domain that is gone, or whose descriptor can't be used."""
    _drop_others(writer, name, ())
    writer.execute("DELETE FROM domains WHERE name = ?", [name])


def _drop_others(writer: Writer, domain: str, kept: Sequence[Product]) -> None:
    """What is no product of the domain any more, and no port of a product."""
    products = {product.address for product in kept}
    ports = {port.address for product in kept for port in product.ports}
    known = writer.rows("SELECT address FROM products WHERE domain = ?", [domain])
    writer.drop_products(address for (address,) in known if address not in products)
    for port, product in writer.rows("SELECT port, product FROM lineages WHERE domain = ?", [domain]):
        if port not in ports:
            writer.drop_edges(port)
            writer.touch_product(product)


def take_terms(writer: Writer, glossary: Glossary, mesh: Mesh) -> None:
    """The terms of all domains, with the columns bound to them."""
    for entry in term_entries(glossary, bound_columns(mesh)):
        writer.put_term(entry.address, as_json(entry))
    known = writer.rows("SELECT address FROM terms")
    writer.drop_terms(address for (address,) in known if address not in glossary.terms)


def take_usage(writer: Writer, usage: UsageFacts) -> None:
    """Usage and ratings, into the entries of the products where they changed."""
    reading = {port: (item.readers, item.reads) for port, item in usage.reading.items()}
    rated = {product: (item.stars, item.ratings) for product, item in usage.rated.items()}
    known_reading = {port: tuple(counts) for port, *counts in writer.rows("SELECT port, readers, reads FROM reading")}
    known_rated = {name: tuple(counts) for name, *counts in writer.rows("SELECT product, stars, ratings FROM rated")}
    changed = {name for name in {*rated, *known_rated} if rated.get(name) != known_rated.get(name)}
    ports = {port for port in {*reading, *known_reading} if reading.get(port) != known_reading.get(port)}
    changed |= {port.rpartition(".")[0] for port in ports}
    if not changed:
        return
    writer.execute("DELETE FROM reading")
    writer.execute("DELETE FROM rated")
    for port, counts in reading.items():
        writer.execute("INSERT INTO reading VALUES (?, ?, ?)", [port, *counts])
    for product, counts in rated.items():
        writer.execute("INSERT INTO rated VALUES (?, ?, ?)", [product, *counts])
    for address in sorted(changed):
        kept = writer.rows("SELECT domain, entry FROM products WHERE address = ? AND entry IS NOT NULL", [address])
        for domain, text in kept:
            writer.put_product(address, domain, as_json(_used(product_of(text), usage)))


def _used(entry: ProductEntry, usage: UsageFacts) -> ProductEntry:
    rated = usage.rated.get(entry.address, Rated())
    ports = []
    for port in entry.ports:
        found = usage.reading.get(port.address, Reading())
        ports.append(replace(port, readers=found.readers, reads=found.reads))
    return replace(entry, stars=rated.stars, ratings=rated.ratings, ports=tuple(ports))


def note(writer: Writer, name: str, said: str, lake: str) -> None:
    """What the rows of a domain were made of."""
    writer.execute("INSERT OR REPLACE INTO domains VALUES (?, ?, ?)", [name, said, lake])


def made_of_ports(file: IndexFile, domain: str) -> dict[str, str]:
    """Address of a port -> what its edges were made of."""
    return dict(file.rows("SELECT port, made_of FROM lineages WHERE domain = ?", [domain]))
