"""What became different since the index was written: looked for cheaply, then derived again domain by domain."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from platform_resources.catalog.index.file import VERSION, IndexFile
from platform_resources.catalog.index.records import canonical
from platform_resources.catalog.index.sources import LakeFacts, UsageFacts, read_lake, read_usage
from platform_resources.catalog.index.takeover import (
    made_of_ports,
    note,
    take_domain,
    take_no_domain,
    take_terms,
    take_usage,
)
from platform_resources.contracts import UsableDomain
from platform_resources.control import ControlDatabase
from platform_resources.governance import by_secrecy
from platform_resources.governance.endings import still_reading
from platform_resources.lake import MeshSettings, catalog_stamp, server_stamps

if TYPE_CHECKING:
    from platform_resources.catalog.view import CatalogView, Documents

log = logging.getLogger("mesh.catalog")

TERMS = ""  # stands for the glossaries of all domains among the domains; no domain is named so
_SERVER_SECONDS = 1.0  # a catalog on a server is asked no more often whether it changed
_UNREADABLE_SECONDS = 10.0  # a lake that can't be read is tried again


@dataclass(frozen=True)
class State:
    """What the mesh looks like to one process: enough to tell whether the index is behind it."""

    documents: Documents
    lakes: Mapping[str, str]  # domain -> what changes with every commit of its lake
    said: Mapping[str, str]  # domain -> digest of what its documents say to the index
    consumers: Mapping[str, int]  # address of a port -> how many are registered
    revision: int  # of the index, when it held all of this

    def is_seen_by(self, other: State) -> bool:
        return self.documents is other.documents and self.lakes == other.lakes


class Renewal:
    """Looks for changes and writes them into the file. Not for several threads at once."""

    def __init__(self, settings: MeshSettings, view: CatalogView, control: ControlDatabase, file: IndexFile) -> None:
        self._settings, self._view, self._control, self._file = settings, view, control, file
        self._server: tuple[float, Mapping[str, str]] | None = None
        self._unreadable: dict[str, tuple[str, float]] = {}  # domain -> stamp of its lake, when to try again

    def renew(self, known: State | None, *, exact: bool, with_usage: bool) -> State:
        """Look, derive what changed, and return the state now.

        `exact`: documents are looked at however lately they were. `with_usage`: usage and ratings are read, too.
        """
        state = self._look(known, exact)
        if known is not None and not with_usage and state.is_seen_by(known) and self._revision() == known.revision:
            return known
        behind = self._behind(state)
        if not with_usage and not behind:
            return replace(state, revision=self._revision())
        with self._file.alone():
            if not self._file.usable():
                self._file.make()
                behind = True
            if with_usage:
                self._take(read_usage(self._control))
            if behind:
                state = self._look(state, True)
                self._catch_up(state)
            return replace(state, revision=self._file.revision)

    def _look(self, known: State | None, exact: bool) -> State:
        documents = self._view.current_documents() if exact else self._view.documents
        lakes = self._lakes(documents.mesh.usable)
        if known is not None and known.documents is documents:
            return replace(known, lakes=lakes)
        mesh = documents.mesh
        consumers = {
            port.address: found
            for product in mesh.products
            for port in product.ports
            if (found := len(still_reading(mesh, port.address)))
        }
        secrecy = by_secrecy(documents.council)
        said = {name: _digest(secrecy, *_said(loaded, consumers)) for name, loaded in mesh.usable.items()}
        said[TERMS] = _digest(*_said_of_terms(documents, said))
        return State(documents, lakes, said, consumers, 0)

    def _lakes(self, domains: Iterable[str]) -> Mapping[str, str]:
        stamps = {name: catalog_stamp(self._settings, name) for name in domains}
        if all(stamp is not None for stamp in stamps.values()):
            return {name: self._tried(name, repr(stamp)) for name, stamp in stamps.items()}
        if self._server is None or self._server[0] < time.monotonic():
            before = {} if self._server is None else self._server[1]
            found = server_stamps(self._settings, stamps)
            self._server = time.monotonic() + _SERVER_SECONDS, before if found is None else found
        return {name: self._tried(name, self._server[1].get(name, "")) for name in stamps}

    def _tried(self, name: str, stamp: str) -> str:
        """The stamp; of a lake that could not be read with it another one from time to time."""
        failed = self._unreadable.get(name)
        if failed is None or failed[0] != stamp or time.monotonic() < failed[1]:
            return stamp
        return f"{stamp} again"

    def _revision(self) -> int:
        try:
            return self._file.revision
        except sqlite3.DatabaseError:
            return 0

    def _behind(self, state: State) -> list[str]:
        """Domains whose entries are not those of `state`, gone ones too."""
        wanted = {name: (said, state.lakes.get(name, "")) for name, said in state.said.items()}
        if not self._file.usable():
            return list(wanted)
        kept = {name: (said, lake) for name, said, lake in self._file.rows("SELECT name, said, lake FROM domains")}
        return sorted(name for name in {*wanted, *kept} if wanted.get(name) != kept.get(name))

    def _catch_up(self, state: State) -> None:
        """Write down what changed; each domain in a transaction of its own."""
        documents = state.documents
        secrecy = by_secrecy(documents.council)
        for name in self._behind(state):
            loaded = documents.mesh.usable.get(name)
            facts = LakeFacts() if loaded is None else self._read_lake(loaded, state.lakes[name])
            with self._file.writing() as writer:
                if name == TERMS:
                    take_terms(writer, documents.glossary, documents.mesh)
                elif loaded is None:
                    take_no_domain(writer, name)
                    continue
                else:
                    take_domain(writer, loaded.domain, facts, secrecy, state.consumers)
                note(writer, name, state.said[name], state.lakes.get(name, ""))

    def _read_lake(self, loaded: UsableDomain, stamp: str) -> LakeFacts:
        facts = read_lake(self._settings, loaded.domain, made_of_ports(self._file, loaded.domain.name))
        if facts.readable:
            self._unreadable.pop(loaded.domain.name, None)
        else:
            plain = stamp.removesuffix(" again")
            self._unreadable[loaded.domain.name] = plain, time.monotonic() + _UNREADABLE_SECONDS
        return facts

    def _take(self, usage: UsageFacts) -> None:
        with self._file.writing() as writer:
            take_usage(writer, usage)


def _said(loaded: UsableDomain, consumers: Mapping[str, int]) -> Iterator[Any]:
    """What the documents of a domain say, by their digests."""
    domain = loaded.domain
    yield [source.sha256 for source in domain.sources]
    for product in domain.products:
        yield [
            None if product.document is None else product.document.sha256,
            [[port.address, port.contract.sha256, consumers.get(port.address, 0)] for port in product.ports],
        ]


def _said_of_terms(documents: Documents, said: Mapping[str, str]) -> Iterator[Any]:
    """What the glossaries say; with a contract, the columns that are bound to terms may change."""
    yield sorted(said.items())
    for address, term in sorted(documents.glossary.terms.items()):
        relations = [[item.type, item.term, item.note] for item in term.relations]
        yield [address, term.title, term.definition, term.formula, term.unit, term.synonyms, relations]


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256(str(VERSION).encode())
    for part in parts:
        digest.update(canonical(part).encode())
    return digest.hexdigest()
