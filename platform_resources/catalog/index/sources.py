"""What the index reads beside the documents: a lake's log and lineage, usage and ratings."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import duckdb
from sqlalchemy import func, select

from platform_resources.catalog.consumption import first_day
from platform_resources.catalog.index.derive import Rated, Reading
from platform_resources.catalog.index.records import canonical
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import ratings, usage
from platform_resources.lake import (
    MeshSettings,
    Publication,
    connect,
    lake_exists,
    newest_entries,
    retirement_in,
    utc_now,
)
from platform_resources.lineage import ColumnEdge, port_edges_of, recorded_edges

log = logging.getLogger("mesh.catalog")


@dataclass(frozen=True)
class PortEdges:
    """The edges to a port's columns, and what they were read from: the same again gives the same edges."""

    made_of: str
    edges: tuple[ColumnEdge, ...]


@dataclass(frozen=True)
class LakeFacts:
    """What a lake tells of its domain. `edges`: of the ports where something changed, by address."""

    newest: Mapping[str, Publication] = field(default_factory=dict)  # the last row of each port's log
    edges: Mapping[str, PortEdges] = field(default_factory=dict)
    readable: bool = True


@dataclass(frozen=True)
class UsageFacts:
    reading: Mapping[str, Reading]  # by the address of a port
    rated: Mapping[str, Rated]  # by the address of a product


def read_lake(settings: MeshSettings, domain: Domain, known: Mapping[str, str]) -> LakeFacts:
    """The facts of one lake; nothing is published of one that is not there, or can't be read now.

    `known`: address of a port -> what its edges were made of. The connection is made for this (100 ms) and closed: a
    warm one to each of fifty lakes would take 1.5 GB.
    """
    if not lake_exists(settings, domain.name):
        return LakeFacts({}, _edges(None, domain, {}, known))
    try:
        with connect(settings, reads=[domain.name]) as con:
            newest = newest_entries(con, domain.name)
            return LakeFacts(newest, _edges(con, domain, newest, known))
    except duckdb.Error as error:
        log.warning("the lake of %s can't be read: %s", domain.name, str(error).splitlines()[0])
        return LakeFacts({}, _edges(None, domain, {}, known), readable=False)


def read_usage(control: ControlDatabase) -> UsageFacts:
    """Who read what in the last 90 days, and what consumers think of products."""
    reads = (
        select(usage.c.port, func.count(usage.c.consumer.distinct()), func.sum(usage.c.reads))
        .where(usage.c.column == "", usage.c.day >= first_day(utc_now()))
        .group_by(usage.c.port)
    )
    rated = select(ratings.c.product, func.avg(ratings.c.stars), func.count()).group_by(ratings.c.product)
    with control.reading() as connection:
        return UsageFacts(
            {port: Reading(int(readers), int(count)) for port, readers, count in connection.execute(reads)},
            {product: Rated(round(float(mean), 4), int(count)) for product, mean, count in connection.execute(rated)},
        )


def _edges(
    con: duckdb.DuckDBPyConnection | None, domain: Domain, newest: Mapping[str, Publication], known: Mapping[str, str]
) -> dict[str, PortEdges]:
    feeds = [[source.table.name, source.sha256] for source in domain.sources]
    recorded = cache(lambda snapshot: recorded_edges(con, domain.name, snapshot))  # ports may be of one snapshot
    found = {}
    for product in domain.products:
        for port in product.ports:
            last = newest.get(port.address)
            served = None if last is None or retirement_in(last) is not None else last
            made_of = _made_of(product, port, served, feeds)
            if known.get(port.address) != made_of:
                known_there = {} if con is None or served is None else recorded(served.snapshot)
                edges = port_edges_of(domain, product, port, served, known_there)
                found[port.address] = PortEdges(made_of, edges)
    return found


def _made_of(product: Product, port: OutputPort, served: Publication | None, feeds: list[list[str]]) -> str:
    publication = None if served is None else [served.number, served.snapshot]
    document = None if product.document is None else product.document.sha256
    return hashlib.sha256(canonical([publication, document, port.contract.sha256, feeds]).encode()).hexdigest()
