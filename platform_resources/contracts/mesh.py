"""Every domain's documents side by side: what rules over the whole organisation are judged on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TypeVar

from platform_resources.contracts.findings import ContractError, Finding
from platform_resources.contracts.loading import DOMAIN_FILE
from platform_resources.contracts.model import Domain, InputPort, OutputPort, Product
from platform_resources.contracts.usable import UsableDomain, load_usable_domain

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Mesh:
    """The domains of the organisation by name, as far as their documents can be used."""

    folder: Path  # `domains/`
    usable: Mapping[str, UsableDomain]
    broken: Mapping[str, tuple[Finding, ...]]  # domains whose descriptor can't be used, and why
    _derived: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    _deriving: RLock = field(default_factory=RLock, init=False, repr=False, compare=False)

    def derived(self, what: str, make: Callable[[], _Value]) -> _Value:
        """What other rooms make of all documents, made once for this mesh: 10,000 contracts take seconds to look at."""
        with self._deriving:  # who comes while another makes it waits for that
            if what not in self._derived:
                self._derived[what] = make()
            return self._derived[what]  # type: ignore[return-value]

    def __reduce__(self) -> tuple[type[Mesh], tuple[object, ...]]:
        """For another process: without what was derived."""
        return Mesh, (self.folder, self.usable, self.broken)

    @property
    def domains(self) -> Iterator[Domain]:
        return (loaded.domain for loaded in self.usable.values())

    @property
    def products(self) -> Iterator[Product]:
        return (product for domain in self.domains for product in domain.products)

    @cached_property
    def ports(self) -> Mapping[str, tuple[Product, OutputPort]]:
        """Address -> product and port."""
        return {port.address: (product, port) for product in self.products for port in product.ports}

    @cached_property
    def readers(self) -> Mapping[str, tuple[tuple[Product, InputPort], ...]]:
        """Address of a port -> the products that declare it as an input, and how."""
        found: dict[str, tuple[tuple[Product, InputPort], ...]] = {}
        for product in self.products:
            for item in product.inputs:
                found[item.address] = (*found.get(item.address, ()), (product, item))
        return found

    @property
    def findings(self) -> list[Finding]:
        """Everything found in the documents themselves."""
        return [
            *(finding for findings in self.broken.values() for finding in findings),
            *(finding for loaded in self.usable.values() for finding in loaded.findings),
        ]


def load_mesh(folder: Path, load: Callable[[Path], UsableDomain] = load_usable_domain) -> Mesh:
    """The documents of every domain below `folder` (`domains/`); a broken one is told as such and hides no other.

    `load` reads one domain's folder; it may hand out what was read before.
    """
    usable: dict[str, UsableDomain] = {}
    broken: dict[str, tuple[Finding, ...]] = {}
    with _without_collector():
        for descriptor in sorted(folder.glob(f"*/{DOMAIN_FILE}")):
            name = descriptor.parent.name
            try:
                usable[name] = load(descriptor.parent)
            except ContractError as refused:
                broken[name] = refused.findings
    return Mesh(folder, usable, broken)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Documents hold no cycles, and nothing of them is dropped: to walk all of them again and again costs 15 %."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
