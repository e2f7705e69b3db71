"""What is published, and by which contracts: the log of a port, kept in the process until its lake changes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import duckdb

from platform_resources.access.errors import UnavailableError
from platform_resources.access.relations.kept import Kept
from platform_resources.access.relations.lakes import LakeMissingError, WarmLakes
from platform_resources.contracts import Contract, ContractError, contract_of_text
from platform_resources.lake import (
    InvalidNameError,
    MeshSettings,
    PortAddress,
    Publication,
    PublicationError,
    catalog_stamp,
    lake_exists,
    promise_of,
    publications,
    quote_literal,
)

_PORTS, _CONTRACTS = 2000, 500  # kept
_ON_A_SERVER_SECONDS = 0.5  # for so long a log of a catalog on PostgreSQL is believed

_Stamp = tuple[object, ...]


@dataclass(frozen=True)
class PortLog:
    """The log of one port, newest first; `kept` are the snapshots of it that retention has left."""

    entries: tuple[Publication, ...]
    kept: frozenset[int]

    @property
    def newest(self) -> Publication:
        return self.entries[0]

    def numbered(self, number: int) -> Publication | None:
        return next((entry for entry in self.entries if entry.number == number), None)

    def origin(self, served: Publication) -> int:
        """Number of the first entry under the same contract: what was masked after it is masked in `served` too."""
        return min(entry.number for entry in self.entries if entry.contract_sha256 == served.contract_sha256)


class ServedPorts:
    """Logs and contracts of ports. Safe between threads; a change of the log is seen by the next call (PostgreSQL:
    after half a second).
    """

    def __init__(self, settings: MeshSettings, lakes: WarmLakes) -> None:
        self._settings = settings
        self._lakes = lakes
        self._logs: Kept[PortAddress, tuple[_Stamp, PortLog]] = Kept(_PORTS)
        self._contracts: Kept[tuple[PortAddress, str], Contract] = Kept(_CONTRACTS)
        self._reading = threading.Lock()

    def log(self, port: PortAddress) -> PortLog | None:
        """The log of a port; None when nothing of it was ever published, or its name can't be one.

        Raises
        ------
        UnavailableError
            when the lake can't be read.
        """
        try:
            if PortAddress.parse(str(port)) != port or not lake_exists(self._settings, port.domain):
                return None
        except InvalidNameError:
            return None
        stamp = self._stamp(port.domain)
        known = self._logs.get(port)
        if known is None or known[0] != stamp:
            with self._reading:  # of many threads that see a new publication one reads it
                known = self._logs.get(port)
                stamp = self._stamp(port.domain)
                if known is None or known[0] != stamp:
                    read = self._read(port, known[1] if known else None)
                    if read is None:
                        return None  # not kept: names that nobody published would push out those that count
                    known = stamp, read
                    self._logs.put(port, known)
        return known[1]

    def contracts(
        self, port: PortAddress, log: PortLog, served: Publication, today: Contract | None
    ) -> tuple[Contract, ...]:
        """The contract that `served` was held to, then every later one: a mask of any of them holds.

        `today`: the contract in the port's files, which is most often the published one, byte for byte; the lake is
        not asked for that again (40 ms).
        """
        origin = log.origin(served)
        later = {e.contract_sha256: e for e in reversed(log.entries) if e.number >= origin}
        later.pop(served.contract_sha256, None)
        return tuple(
            today if today is not None and today.sha256 == entry.contract_sha256 else self._contract(port, entry)
            for entry in (served, *later.values())
        )

    def _stamp(self, domain: str) -> _Stamp:
        stamp = catalog_stamp(self._settings, domain)
        return ("server", int(time.monotonic() / _ON_A_SERVER_SECONDS)) if stamp is None else stamp

    def _read(self, port: PortAddress, known: PortLog | None) -> PortLog | None:
        try:
            con = self._lakes.cursor(port.domain)
        except LakeMissingError:
            return None
        except duckdb.Error:
            raise _unreadable(port) from None
        try:
            entries = _entries(con, port, known)
            if known is not None and entries[-len(known.entries) :] != known.entries:
                # The log is append-only: this is another lake, restored in place of the one that was attached.
                con.close()
                self._lakes.reconnect(port.domain)
                con = self._lakes.cursor(port.domain)
                entries = _entries(con, port, None)
            if not entries:
                return None
            snapshots = sorted({entry.snapshot for entry in entries})
            kept = con.execute(  # no parameters: for the first one DuckDB imports pandas, 0.3 s of a small command
                f"SELECT snapshot_id FROM ducklake_snapshots({quote_literal(port.domain)}) "
                f"WHERE snapshot_id IN ({', '.join(map(str, snapshots))})"
            ).fetchall()
            return PortLog(entries, frozenset(row[0] for row in kept))
        except duckdb.Error:
            raise _unreadable(port) from None
        finally:
            con.close()

    def _contract(self, port: PortAddress, entry: Publication) -> Contract:
        key = (port, entry.contract_sha256)
        contract = self._contracts.get(key)
        if contract is None:
            con = self._lakes.cursor(port.domain)
            try:
                contract = contract_of_text(promise_of(con, port, entry).document, f"{port}.odcs.yaml")
            except (duckdb.Error, PublicationError, ContractError):
                raise _unreadable(port) from None
            finally:
                con.close()
            self._contracts.put(key, contract)
        return contract


def _entries(con: duckdb.DuckDBPyConnection, port: PortAddress, known: PortLog | None) -> tuple[Publication, ...]:
    """The log of a port, newest first; of a known one only the rows that were added are read."""
    if known is not None:
        added = publications(con, port.domain, port, above=known.newest.number - 1)
        if added and added[-1] == known.newest:
            return (*added[:-1], *known.entries)
    return tuple(publications(con, port.domain, port))


def _unreadable(port: PortAddress) -> UnavailableError:
    return UnavailableError(f"{port} can't be read now", "Try again; `mesh fsck` tells damage.")
