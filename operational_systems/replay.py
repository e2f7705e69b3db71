"""One batch of all feeds: the history with the first, what fell due since the last with every later one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from operational_systems import crm, source_year
from operational_systems.books import open_books
from operational_systems.business_calendar import Interval, by_local_month, cycles, history_start, whole_second
from operational_systems.errors import ReplayError
from operational_systems.faults import Fault
from operational_systems.feeds import (
    CAMPAIGN_CONTACTS,
    CONTROL_TOTALS,
    COUPON_REDEMPTIONS,
    CUSTOMERS,
    FEEDS,
    PRODUCTS,
    RECEIPTS,
    STOCK_MOVEMENTS,
    STOCK_POLICIES,
    Feed,
)
from operational_systems.landing import Zone, land, land_faulty, release_late, repair
from operational_systems.state import State, batch_lock, load, save

_SPARE_DAYS = (1, 7, 30)
_EVENTS = {
    RECEIPTS: source_year.receipts,
    COUPON_REDEMPTIONS: source_year.coupon_redemptions,
    STOCK_MOVEMENTS: source_year.stock_movements,
}


@dataclass(frozen=True)
class Batch:
    """What landed. `rows` by feed address counts the right content, also of a file that a fault spoilt."""

    number: int
    interval: Interval
    rows: dict[str, int]
    files: list[Path]
    released: list[Path]
    fault: Fault | None = None


@dataclass
class Replay:
    """The replay of one home. Not safe to share between threads; a batch and a repair wait for each other.

    `take_order` is asked for a fault at the beginning of every batch that has none yet.
    """

    home: Path
    take_order: Callable[[], Fault | None] = field(default=lambda: None)

    @property
    def folder(self) -> Path:
        """Where the replay keeps what is its own."""
        return self.home / "operational_systems"

    def land_due(self, now: datetime, fault: Fault | None = None) -> list[Batch]:
        """Land everything that fell due before `now` (with zone; whole seconds count) as one batch; before it, finish
        a batch that was interrupted. Nothing when no second has passed. The fault hits the new batch.
        """
        until = whole_second(now)
        batches = []
        with batch_lock(self.folder):
            state = load(self.folder / "state.json")
            if state is not None and state.pending_until is not None:
                state, batch = self._land(state, anew=False)
                batches.append(batch)
            if state is None:
                _refuse_unknown_files(self.home)
                state = State(first_start=until)
            if state.last_extraction is None or state.last_extraction < until:
                fault = fault or self.take_order()
                state = state.begin(until, fault)
                save(self.folder / "state.json", state)
                state, batch = self._land(state, anew=True)
                batches.append(batch)
        return batches

    def repair(self) -> list[Path]:
        """Land the right content of every file that is late or landed wrong, under its own name."""
        with batch_lock(self.folder):
            return repair(Zone.of(self.home))

    def _land(self, state: State, anew: bool) -> tuple[State, Batch]:
        if state.pending_until is None:
            raise ValueError("no batch is pending")
        zone = Zone.of(self.home)
        first = state.last_extraction is None
        interval = Interval(state.last_extraction or history_start(state.first_start), state.pending_until)
        released = release_late(zone, before=interval.end)
        with source_year.connect() as connection:
            open_books(connection, self.folder / "books")
            pieces = by_local_month(interval) if first else [interval]
            _make_batch(connection, state.first_start, interval, pieces, first)
            rows, files = {}, []
            for feed, extracted_at, relation in _plan(interval.end, pieces, first):
                count = _count(connection, relation)
                rows[feed.address] = rows.get(feed.address, 0) + count
                if state.pending_fault and state.pending_fault.feed == feed and extracted_at == interval.end:
                    fault = state.pending_fault
                    spare = relation
                    if count == 0 and fault.needs_rows:
                        spare = _make_spare(connection, state.first_start, interval, feed)
                    path = land_faulty(connection, zone, fault, extracted_at, relation, spare, anew)
                elif feed.ticks or count:
                    path = land(connection, zone, feed, extracted_at, relation, anew)
                else:
                    path = None
                files += [path] if path else []
        done = state.finish()
        save(self.folder / "state.json", done)
        return done, Batch(done.batch, interval, rows, files, released, state.pending_fault)


def _refuse_unknown_files(home: Path) -> None:
    """The history would land beside the events of an earlier replay, and every one of them would count twice."""
    for feed in FEEDS.values():
        if any((home / "landing" / feed.address).glob("[!.]*")):
            raise ReplayError(
                f"{home / 'landing' / feed.address} holds files, but {home / 'operational_systems' / 'state.json'} that"
                " says how far they reach is gone. Put it back, or start afresh in an empty home (--home DIR)."
            )


def _plan(end: datetime, pieces: list[Interval], first: bool) -> list[tuple[Feed, datetime, str]]:
    """Feed, moment of extraction and relation of every file of a batch."""
    plan = [(RECEIPTS, piece.end, f"receipts_{index}") for index, piece in enumerate(pieces)]
    for feed in (CONTROL_TOTALS, COUPON_REDEMPTIONS, CUSTOMERS, STOCK_MOVEMENTS, CAMPAIGN_CONTACTS):
        plan.append((feed, end, feed.name))
    if first:
        plan += [(PRODUCTS, end, "products"), (STOCK_POLICIES, end, "stock_policies")]
    return plan


def _make_batch(
    connection: duckdb.DuckDBPyConnection,
    first_start: datetime,
    interval: Interval,
    pieces: list[Interval],
    first: bool,
) -> None:
    """Make the relations that `_plan` names."""
    _open(connection, first_start, interval)
    between = _between(interval)
    _make(connection, "batch_receipts", source_year.receipts(between))
    totals = []
    for index, piece in enumerate(pieces):
        start, end = (f"timestamp {source_year.quoted(moment)}" for moment in _between(piece))
        connection.execute(
            f"create or replace temp view receipts_{index} as from batch_receipts"
            f" where transaction_timestamp >= {start} and transaction_timestamp < {end}"
        )
        sums = ", ".join(
            f"coalesce(sum({name}), 0)::decimal(18, 2) as {name}"
            for name in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
        )
        totals.append(
            f"select {source_year.quoted(RECEIPTS.file_name(piece.end))} as batch, count(*) as lines,"
            f" count(distinct basket_id) as receipts, {sums}, {end} as extracted_at from receipts_{index}"
        )
    _make(connection, "control_totals", " union all ".join(totals))
    _make(connection, "coupon_redemptions", source_year.coupon_redemptions(between))
    _make(connection, "stock_movements", source_year.stock_movements(between))
    _make(connection, "campaign_contacts", source_year.campaign_contacts(between))
    numbers = crm.households(connection)
    if first:
        _make(connection, "products", source_year.products())
        crm.make_customers(connection, "customers", dict.fromkeys(numbers, interval.start), original=True)
    else:
        crm.make_customers(connection, "customers", crm.changes(numbers, interval), original=False)


def _make_spare(connection: duckdb.DuckDBPyConnection, first_start: datetime, interval: Interval, feed: Feed) -> str:
    """The last row before the interval, for a fault that an empty file could not show."""
    for days in _SPARE_DAYS:
        before = Interval(interval.start - timedelta(days=days), interval.start)
        _open(connection, first_start, before)
        if feed == CUSTOMERS:
            changed = crm.changes(crm.households(connection), before)
            crm.make_customers(connection, "spare_all", changed, original=False)
        else:
            _make(connection, "spare_all", _EVENTS[feed](_between(before)))
        if count := _count(connection, "spare_all"):
            _make(connection, "spare", f"from spare_all limit 1 offset {count - 1}")
            break
    return "spare"


def _open(connection: duckdb.DuckDBPyConnection, first_start: datetime, interval: Interval) -> None:
    source_year.open_cycles(connection, list(cycles(first_start, interval)), *_between(interval))


def _between(interval: Interval) -> tuple[str, str]:
    start, end = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for moment in (interval.start, interval.end))
    return start, end


def _make(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    connection.execute(f"create or replace temp table {name} as {select}")


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
