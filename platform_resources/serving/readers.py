"""Who asks for facts, and which products exist for it: a hidden one is answered like one that was never there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from platform_resources.access import Access, Caller, Grant
from platform_resources.access.callers.names import is_named
from platform_resources.access.errors import PORTS_ARE_LISTED, NotFoundError, NotPublishedError, UnknownPortError
from platform_resources.access.policy.visibility import visible
from platform_resources.access.requests.grants import grants_of
from platform_resources.catalog import DomainState, PortState
from platform_resources.catalog.view import CatalogView, Documents
from platform_resources.contracts import Product
from platform_resources.lake import PortAddress, Publication, utc_now
from platform_resources.serving.callers import CurrentCaller, TheAccess

_MAJOR = re.compile(r"[1-9][0-9]{0,3}")

Domain = Annotated[str, Path(description="Name of the domain.", max_length=63, examples=["crm"])]
ProductName = Annotated[
    str, Path(alias="product", description="Name of the product.", max_length=63, examples=["customer_360"])
]


def _plain_number(text: str) -> str:
    """One address for each port: not v01, v+1 or v1.0 too."""
    if not _MAJOR.fullmatch(text):
        raise PydanticCustomError("major", "Write the major version in digits: v1")
    return text


Major = Annotated[
    int,
    BeforeValidator(_plain_number),
    Path(alias="major", description="Major version of the port.", ge=1, le=9999, examples=[1]),
]


@dataclass(frozen=True)
class Reader:
    """One request's view of the mesh: the catalog as far as its caller may know of it."""

    caller: Caller
    access: Access
    view: CatalogView

    @cached_property
    def documents(self) -> Documents:
        """As the files stood when the request first asked: to look whether one changed costs a millisecond."""
        return self.view.documents

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Those of the caller and its teams that hold now."""
        now = utc_now()
        return tuple(g for g in grants_of(self.access.control, self.caller.identity) if g.holds(now))

    @property
    def administers(self) -> bool:
        return self.caller.may("admin")

    def owns(self, product: Product) -> bool:
        """Whether the caller answers for a product, or for its domain."""
        loaded = self.documents.mesh.usable.get(product.domain)
        owners = [*product.owners, *(owner for port in product.ports for owner in port.contract.owners)]
        return is_named(self.caller.identity, [*owners, *([] if loaded is None else [loaded.domain.owner])])

    def manages(self, product: Product) -> bool:
        """Whether it is told what only owners and administrators are: names of consumers, findings of the gate."""
        return self.administers or self.owns(product)

    def sees(self, product: Product) -> bool:
        if product.address not in self._seen:
            self._seen[product.address] = self.owns(product) or visible(self.caller, product, self.grants)
        return self._seen[product.address]

    @cached_property
    def _seen(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _products(self) -> dict[tuple[str, str], list[PortState]]:
        return {}

    def sees_address(self, address: str) -> bool:
        """The same by the address of a product or a port; one that the mesh doesn't know isn't seen.

        Documents and grants are all that is asked, and both are for every address: the time that an answer takes must
        not tell a hidden product from none.
        """
        self.grants  # noqa: B018  (asked for now, so that it is asked for in any case)
        domain, _, rest = address.partition(".")
        product = self.documents.products.get(f"{domain}.{rest.partition('.')[0]}")
        return product is not None and self.sees(product)

    def domains(self) -> Iterator[tuple[DomainState, list[PortState]]]:
        """Every domain with the ports that the caller may know of."""
        for state in self.view.domains():
            yield state, [port for port in state.ports if self.sees(port.product)]

    def product(self, domain: str, product: str) -> list[PortState]:
        """The ports of a product.

        Raises
        ------
        NotFoundError
            when there is no such product, or the caller may not know of it.
        """
        if not self.sees_address(f"{domain}.{product}"):  # before its state is looked at, which takes its time
            raise NotFoundError(f"there is no product {domain}.{product}", PORTS_ARE_LISTED)
        known = self._products.get((domain, product))  # a page asks a dozen times; each look is 1 ms or more
        ports = self.view.product(domain, product) if known is None else known
        self._products[domain, product] = ports
        ports = [port for port in ports if self.sees(port.product)]
        if not ports:
            raise NotFoundError(f"there is no product {domain}.{product}", PORTS_ARE_LISTED)
        return ports

    def logged(self, port: PortAddress, number: int) -> Publication:
        """A publication of a port that the caller may know of; NotPublishedError when its log has no such number."""
        log = self.access.guard.served.log(port)
        found = None if log is None else log.numbered(number)
        if found is None:
            raise NotPublishedError(f"{port} has no publication {number}", "Its log: .../publications")
        return found

    def port(self, address: PortAddress) -> PortState:
        """A port; UnknownPortError when there is none, or the caller may not know of it."""
        state = self.view.port(address) if self.sees_address(f"{address.domain}.{address.product}") else None
        if state is None or not self.sees(state.product):
            raise UnknownPortError(f"there is no port {address}", PORTS_ARE_LISTED)
        return state


def the_view(request: Request) -> CatalogView:
    return request.app.state.view


TheView = Annotated[CatalogView, Depends(the_view)]


def current_reader(caller: CurrentCaller, access: TheAccess, view: TheView) -> Reader:
    return Reader(caller, access, view)


CurrentReader = Annotated[Reader, Depends(current_reader)]


def asked_port(reader: CurrentReader, domain: Domain, product: ProductName, major: Major) -> PortState:
    return reader.port(PortAddress(domain, product, major))


AskedPort = Annotated[PortState, Depends(asked_port)]
