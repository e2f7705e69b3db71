"""A contract of the working tree, audited on the data as it stands. Nothing is written, nothing is built."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import duckdb

from platform_resources.contracts import (
    ColumnTypeError,
    Contract,
    Domain,
    OutputPort,
    Product,
    canonical_type,
)
from platform_resources.contracts.score_weights import PROPERTY
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    MeshSettings,
    PortAddress,
    Publication,
    connect,
    current_snapshot,
    lake_exists,
    latest_publication,
    pin,
    qualified,
)
from platform_resources.pipeline.gate import weights_for
from platform_resources.pipeline.proofs import stands
from platform_resources.quality import Audit, Check, CheckResult, Plan, compile_checks, evaluate, plan_for
from platform_resources.quality.carried import Carried, Unproven
from platform_resources.quality.checks import column_of
from platform_resources.quality.columns import Delivered, schema_faults
from platform_resources.quality.evaluate import describe

_Found = TypeVar("_Found")


class NotBuiltError(Exception):
    """There is no table yet."""

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} is not built yet")


@dataclass(frozen=True)
class DryAudit:
    """What an audit finds in the table as it stands.

    `pending`: columns that the contract changed and the next build has to bring, with what is to come. Checks that need
    them (`waiting`) are no part of the audit.
    """

    audit: Audit
    pending: Mapping[str, str]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """Both contracts of a port on the same rows; None for what could not be audited, and why."""

    after: DryAudit | None
    before: Audit | None
    last: Publication | None
    not_built: str | None = None


def try_port(
    settings: MeshSettings, domain: Domain, product: Product, port: OutputPort, before: Contract | None, now: datetime
) -> Trial:
    """Audit the port's contract, and the one that it had `before`, at one snapshot of the lake.

    The age of the data is judged as of the latest publication: a preview at night shall not score worse by that.
    """
    table = table_of(port)
    if not lake_exists(settings, domain.name):
        return Trial(None, None, None, f"{table} is not built yet: the domain {domain.name} has no lake")
    with _placed(settings, domain, product, port, now) as (place, last):
        if before is None:
            after, old = place.dry(port, None), None
        elif _asks_the_same(before, port.contract):
            after = place.dry(port, before)
            old = None if after is None else after.audit
        else:
            after, old = place.dry(port, before), place.audit(before, port)
    if after is None:
        return Trial(None, old, last, f"{table} is not built yet")
    return Trial(after, old, last)


def audit_port(
    settings: MeshSettings, domain: Domain, product: Product, port: OutputPort, now: datetime, full: bool = False
) -> Audit:
    """Audit the port's contract on its table as it stands now.

    Like a build, it builds on what the last publication proved; `full`: every row is read.

    Raises
    ------
    NotBuiltError
        when there is no such table yet.
    """

    def ask(place: _Place) -> Audit | None:
        return place.audit(port.contract, port, None if full else place.carried(port))

    return _asked(settings, domain, product, port, now, ask)


def plan_of_port(
    settings: MeshSettings, domain: Domain, product: Product, port: OutputPort, now: datetime, full: bool = False
) -> Plan:
    """How its audit would answer each rule, asked of nothing but what files know. Errors as of `audit_port`."""

    def ask(place: _Place) -> Plan | None:
        return place.plan(port.contract, None if full else place.carried(port))

    return _asked(settings, domain, product, port, now, ask)


def table_of(port: OutputPort) -> str:
    """The private table that a port is published from, as people write it."""
    return f"{port.address.partition('.')[0]}.{INTERNAL_SCHEMA}.{port.contract.table.physical_name}"


def _asked(
    settings: MeshSettings,
    domain: Domain,
    product: Product,
    port: OutputPort,
    now: datetime,
    ask: Callable[[_Place], _Found | None],
) -> _Found:
    """What is found on the port's table as of now; NotBuiltError when there is none."""
    found = None
    if lake_exists(settings, domain.name):
        with _placed(settings, domain, product, port, now) as (place, _):
            found = ask(replace(place, now=now))
    if found is None:
        raise NotBuiltError(table_of(port))
    return found


@contextmanager
def _placed(
    settings: MeshSettings, domain: Domain, product: Product, port: OutputPort, now: datetime
) -> Iterator[tuple[_Place, Publication | None]]:
    """The lake at one snapshot, as of the latest publication of the port, and that one."""
    inputs = [PortAddress.parse(item.address) for item in product.inputs]
    reads = {item.domain for item in inputs if lake_exists(settings, item.domain)} - {domain.name}
    with connect(settings, reads=[domain.name]) as con:
        snapshot = current_snapshot(con, domain.name)
        last = latest_publication(con, PortAddress.parse(port.address))
    with (
        pin(settings, domain.name, snapshot),
        connect(settings, reads=reads, at={domain.name: snapshot}) as con,
    ):
        moments = (last.published_at, last.data_as_of) if last else (now, None)
        yield _Place(con, domain, [str(item) for item in inputs], snapshot, last, *moments, settings), last


def asked_for(check: Check) -> tuple[object, ...]:
    """What a check asks for, without where it stands and how it is described."""
    asked = (check.kind, check.columns, check.operator, check.threshold, check.unit, check.severity, check.dimension)
    return (*asked, dict(check.arguments), " ".join((check.query or "").split()))


def _asks_the_same(before: Contract, after: Contract) -> bool:
    """Whether two contracts are audited alike: then one audit speaks for both (a large table takes seconds)."""
    sides = [
        (
            contract.table.physical_name,
            (contract.custom.get(PROPERTY), contract.custom.get("tier")),  # which decide what it weighs
            [(column.name, column.physical_type, column.logical_type) for column in contract.table.columns],
            [(check.name, check.weight, asked_for(check)) for check in compile_checks(contract)],
        )
        for contract in (before, after)
    ]
    return sides[0] == sides[1]


@dataclass(frozen=True)
class _Place:
    con: duckdb.DuckDBPyConnection
    domain: Domain
    inputs: list[str]
    snapshot: int
    last: Publication | None
    now: datetime
    data_as_of: datetime | None
    settings: MeshSettings

    def _table(self, contract: Contract) -> str:
        return qualified(self.domain.name, INTERNAL_SCHEMA, contract.table.physical_name)

    def _delivered(self, contract: Contract) -> Delivered | None:
        try:
            return describe(self.con, self._table(contract))
        except duckdb.CatalogException:
            return None

    def carried(self, port: OutputPort) -> Carried | Unproven:
        """What the last publication proved that still holds."""
        address = PortAddress.parse(port.address)
        standing = stands(self.con, self.settings, address, port.contract, self.inputs, self.last, self.snapshot)
        return standing.carried

    def plan(self, contract: Contract, carried: Carried | Unproven | None) -> Plan | None:
        if self._delivered(contract) is None:
            return None
        return plan_for(self.con, contract, self._table(contract), self.now, self.inputs, carried)

    def audit(self, contract: Contract, port: OutputPort, carried: Carried | Unproven | None = None) -> Audit | None:
        return None if self._delivered(contract) is None else self._evaluated(contract, port, carried)

    def _evaluated(self, contract: Contract, port: OutputPort, carried: Carried | Unproven | None = None) -> Audit:
        return evaluate(
            self.con,
            contract,
            self._table(contract),
            now=self.now,
            data_as_of=self.data_as_of,
            allowed_tables=self.inputs,
            other_columns=_columns_of_siblings(self.domain, port),
            weights=weights_for(self.settings, contract),
            carried=carried,
        )

    def dry(self, port: OutputPort, before: Contract | None) -> DryAudit | None:
        contract = port.contract
        delivered = self._delivered(contract)
        if delivered is None:
            return None
        audit = self._evaluated(contract, port)
        missing = {column.name for column in contract.table.columns if delivered.find(column.name) is None}
        known = {column.name for column in before.table.columns} if before else set()
        new = missing - known
        retyped = _retyped(contract, before, delivered)
        faulty = {name for name, _ in schema_faults(self.con, contract.table, delivered)}
        kept, waiting = [], []
        for result in audit.results:
            if result.check.kind == "schema" and not result.passed:
                waits = faulty <= new | retyped.keys()
            else:
                waits = _waits(result, new)
            (waiting if waits else kept).append(result)
        pending = dict.fromkeys(sorted(new), "new") | retyped
        names = tuple(result.name for result in waiting)
        return DryAudit(replace(audit, results=tuple(kept)), pending, names)


def _retyped(contract: Contract, before: Contract | None, delivered: Delivered) -> dict[str, str]:
    """Columns whose promised type was changed and that still stand in another one: "DOUBLE → DECIMAL(18,2)"."""
    found = {}
    for column in contract.table.columns:
        old = before.table.column(column.name) if before else None
        built = delivered.find(column.name)
        if built is None or (old is not None and old.physical_type == column.physical_type):
            continue
        try:
            promised = canonical_type(column.physical_type or "")
        except ColumnTypeError:
            continue
        if promised != built.type:
            found[column.name] = f"{built.type} → {promised}"
    return found


def _waits(result: CheckResult, new: Collection[str]) -> bool:
    """Whether a check can't be answered only because a column is not built yet."""
    check = result.check
    if set(map(column_of, check.columns)) & set(new):
        return check.kind != "extra_columns"  # it knows all columns and asks for none
    if result.evaluated or not check.query:
        return False
    return any(re.search(rf"\b{re.escape(name)}\b", check.query, re.IGNORECASE) for name in new)


def _columns_of_siblings(domain: Domain, port: OutputPort) -> set[str]:
    """What other ports promise from the same table: those columns are no surplus."""
    others: Iterable[OutputPort] = (other for other in domain.ports if other.address != port.address)
    tables = [other.contract.table for other in others]
    shared = [table for table in tables if table.physical_name == port.contract.table.physical_name]
    return {column.name for table in shared for column in table.columns}
