"""The state of the mesh, kept in a process that is asked often: renewed when a document or a lake's catalog changed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import duckdb

from platform_resources.access.relations.lakes import WarmLakes
from platform_resources.catalog.index.store import CatalogIndex
from platform_resources.catalog.search import Search
from platform_resources.catalog.state import DomainState, PortState, aged, domain_names, domain_state
from platform_resources.contracts import Contract, Mesh, Product, contract_of_text
from platform_resources.control import ControlDatabase
from platform_resources.governance import Binding, Council, Glossary, bindings_by_term, load_glossary
from platform_resources.lake import (
    Entry,
    MeshSettings,
    PortAddress,
    Publication,
    catalog_stamp,
    promise_of,
    utc_now,
)
from platform_resources.pipeline import is_small, read_mesh, recent_mesh, settle

_LASTS_SECONDS = 10  # though nothing looks changed: days pass, and the catalog of a server has no stamp
# To judge a domain of 200 ports anew takes 250 ms. Of a mesh that is not small it is done in the background when only
# time passed (so much: waivers and deprecations end by the day) or other domains' documents changed, and awaited after
# the second of these.
_JUDGED_SECONDS, _TRUSTED_SECONDS = 300, 600
_KEPT_ANSWERS, _KEPT_PROMISES = 256, 256
_KEPT_LASTING = 20_000  # a few figures each

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Documents:
    """What the files of all domains and of the council say."""

    mesh: Mesh
    council: Council

    @cached_property
    def are_few(self) -> bool:
        return is_small(self.mesh)

    @cached_property
    def products(self) -> Mapping[str, Product]:
        """Address -> the product, of the documents that can be used."""
        return {product.address: product for product in self.mesh.products}

    @property
    def glossary(self) -> Glossary:
        return load_glossary(self.mesh)

    @property
    def bindings(self) -> Mapping[str, Sequence[Binding]]:
        """Term -> what is bound to it."""
        return bindings_by_term(self.mesh)


@dataclass(frozen=True)
class Promised:
    """A contract that was published: its text, byte for byte, and what it says (100 ms of parsing)."""

    document: str
    contract: Contract


@dataclass(frozen=True)
class _Kept:
    state: DomainState
    documents: Documents
    stamp: object
    at: float  # of the monotonic clock

    def is_of(self, documents: Documents, stamp: object) -> bool:
        lasts = _LASTS_SECONDS if documents.are_few or stamp is None else _JUDGED_SECONDS
        return self.documents is documents and self.stamp == stamp and time.monotonic() - self.at <= lasts

    def will_do(self, documents: Documents, stamp: object) -> bool:
        """Whether to judge the domain anew can wait: its own documents, the council's and its lake are as they were."""
        usable = documents.mesh.usable.get(self.state.name)
        return (
            not documents.are_few
            and stamp is not None
            and self.stamp == stamp
            and usable is not None
            and self.documents.mesh.usable.get(self.state.name) is usable
            and self.documents.council is documents.council
            and time.monotonic() - self.at <= _TRUSTED_SECONDS
        )


class CatalogView:
    """The state of every domain, each renewed on its own and by one thread at a time. Safe to share between threads.

    Whoever asks while a domain is renewed waits for that one only; a broken domain hides no other.
    """

    def __init__(
        self, settings: MeshSettings, lakes: WarmLakes | None = None, control: ControlDatabase | None = None
    ) -> None:
        """`lakes` and `control` are those of `Access`, where there is one; who made them closes them.

        Warm lakes take 30 MB for each domain.
        """
        self.settings = settings
        self._control = control
        self._own_control: ControlDatabase | None = None
        self._index: CatalogIndex | None = None
        self._search: Search | None = None
        self._judging = threading.Lock()  # one domain at a time in the background
        self._lakes = WarmLakes(settings) if lakes is None else lakes
        self._closes_lakes = lakes is None
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._documents: Documents | None = None
        self._answers: OrderedDict[object, Any] = OrderedDict()
        self._lasting: OrderedDict[object, Any] = OrderedDict()
        self._promises: OrderedDict[object, Promised] = OrderedDict()

    @property
    def index(self) -> CatalogIndex:
        """The index over the whole mesh; it opens nothing before it is asked."""
        with self._lock:
            if self._index is None:
                if self._control is None:
                    self._control = self._own_control = ControlDatabase(self.settings)
                self._index = CatalogIndex(self.settings, self, self._control)
            return self._index

    @property
    def search(self) -> Search:
        """Search over the index; it opens nothing before it is asked."""
        index = self.index
        with self._lock:
            if self._search is None:
                self._search = Search(self.settings.home / "catalog" / "search", index)
            return self._search

    @property
    def documents(self) -> Documents:
        """The documents as they stand in the files now; of a mesh that is not small, as of some seconds ago."""
        return self._of(*recent_mesh(self.settings))

    def current_documents(self) -> Documents:
        """The documents as they stand in the files now, however long the look takes."""
        return self._of(*read_mesh(self.settings))

    def _of(self, mesh: Mesh, council: Council) -> Documents:
        with self._lock:
            if self._documents is None or self._documents.mesh is not mesh:
                self._documents = Documents(mesh, council)
            return self._documents

    def domains(self) -> list[DomainState]:
        """Every domain, by name."""
        documents = self.documents
        return [self._domain(name, documents) for name in domain_names(self.settings)]

    def domain(self, name: str) -> DomainState | None:
        return self._domain(name, self.documents) if name in domain_names(self.settings) else None

    def ports(self) -> Iterator[PortState]:
        return (port for domain in self.domains() for port in domain.ports)

    def product(self, domain: str, product: str) -> list[PortState]:
        """The ports of a product; none when there is no such product."""
        state = self.domain(domain)
        return [] if state is None else [port for port in state.ports if port.product.name == product]

    def port(self, address: PortAddress) -> PortState | None:
        ports = self.product(address.domain, address.product)
        return next((state for state in ports if state.port.major == address.major), None)

    def told(
        self,
        port: PortAddress,
        what: Hashable,
        read: Callable[[duckdb.DuckDBPyConnection], _Value],
        *,
        lasting: bool = False,
    ) -> _Value:
        """What `read` tells of a port from its lake, kept under `what` until the lake changes.

        `lasting`: small, and never changes, as of one publication.

        Raises
        ------
        duckdb.Error
            when the lake can't be read.
        LakeMissingError
            when the domain has built nothing yet.
        """
        stamp = None if lasting else catalog_stamp(self.settings, port.domain)
        key = (port, stamp, what)
        kept, most = (self._lasting, _KEPT_LASTING) if lasting else (self._answers, _KEPT_ANSWERS)
        with self._lock:
            if (lasting or stamp is not None) and key in kept:
                kept.move_to_end(key)
                return kept[key]
        with self._connected(port.domain) as con:
            answer = read(con)
        with self._lock:
            _keep(kept, key, answer, most)
        return answer

    def promise(self, port: PortAddress, publication: Publication | Entry) -> Promised:
        """The contract that a publication was held to, kept: its digest says which it is. Errors as of `told`."""
        key = (port, publication.contract_sha256)
        with self._lock:
            if key in self._promises:
                self._promises.move_to_end(key)
                return self._promises[key]
        found = self._promised_today(port, publication.contract_sha256)
        if found is None:
            with self._connected(port.domain) as con:
                text = promise_of(con, port, publication).document
            found = Promised(text, contract_of_text(text, f"{port}.odcs.yaml"))
        with self._lock:
            _keep(self._promises, key, found, _KEPT_PROMISES)
        return found

    def _promised_today(self, port: PortAddress, sha256: str) -> Promised | None:
        """The contract in the port's files, where it is the published one, byte for byte."""
        offered = self.documents.mesh.ports.get(str(port))
        contract = None if offered is None else offered[1].contract
        if contract is None or contract.document is None or contract.sha256 != sha256:
            return None
        return Promised(contract.document.text, contract)

    def close(self) -> None:
        with self._judging:  # what goes on in the background
            pass
        if self._search is not None:
            self._search.close()
        if self._index is not None:
            self._index.close()
        if self._own_control is not None:
            self._own_control.close()
        if self._closes_lakes:
            self._lakes.close()

    def _connected(self, domain: str) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return closing(self._lakes.cursor(domain))

    def _domain(self, name: str, documents: Documents) -> DomainState:
        kept, stamp = self._kept.get(name), catalog_stamp(self.settings, name)
        if kept is not None and kept.will_do(documents, stamp):
            if not kept.is_of(documents, stamp) and self._judging.acquire(blocking=False):
                threading.Thread(target=self._judge_behind, args=(name, documents), name=name, daemon=True).start()
            return aged(kept.state, utc_now())
        return self._renewed(name, documents)

    def _judge_behind(self, name: str, documents: Documents) -> None:
        try:
            self._renewed(name, documents)
        finally:
            self._judging.release()

    def _renewed(self, name: str, documents: Documents) -> DomainState:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            kept, stamp = self._kept.get(name), catalog_stamp(self.settings, name)
            if kept is None or not kept.is_of(documents, stamp):
                read = documents.mesh, documents.council
                state = domain_state(self.settings, name, utc_now(), self._connected, read)
                kept = self._kept[name] = _Kept(state, documents, stamp, time.monotonic())
                if not documents.are_few:
                    settle()
            return kept.state


def _keep(kept: OrderedDict[object, _Value], key: object, value: _Value, most: int) -> None:
    """Add to what is kept, and let go of what was not asked for longest."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
