"""Consumers that are no single reader: teams, services, agents, products; and who speaks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from platform_resources.access.callers.identities import find_identity
from platform_resources.access.model import Identity
from platform_resources.contracts import Mesh, Product
from platform_resources.control import ControlDatabase


@dataclass(frozen=True)
class Party:
    """A consumer of grants: an identity, a product of the mesh, or a team (a name that members carry)."""

    id: str
    kind: Literal["person", "service", "agent", "product", "team"]
    identity: Identity | None = None
    product: Product | None = None

    def is_spoken_for_by(self, identity: Identity) -> bool:
        """Whether `identity` may ask in this party's name, and so may not decide on what it asks for."""
        if self.id == identity.id or self.id in identity.teams:
            return True
        if self.identity is not None:
            return self.identity.responsible == identity.id
        if self.product is not None:
            elsewhere = identity.domain not in (None, self.product.domain)
            return not elsewhere and identity.id in self.product.owners
        return False


def party_of(control: ControlDatabase, mesh: Mesh, consumer: str) -> Party:
    """Who is behind the name of a consumer. What is neither a product nor an identity is a team."""
    product = product_of(mesh, consumer)
    if product is not None:
        return Party(consumer, "product", product=product)
    identity = find_identity(control, consumer)
    if identity is not None:
        return Party(consumer, identity.kind, identity=identity)
    return Party(consumer, "team")


def product_of(mesh: Mesh, address: str) -> Product | None:
    """The product `<domain>.<product>`; None when its documents can't be used, or there is none."""
    loaded = mesh.usable.get(address.partition(".")[0])
    if loaded is None:
        return None
    return next((product for product in loaded.domain.products if product.address == address), None)
