"""Consumers that are no single reader: teams, services, agents, products; and who speaks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from platform_resources.access.callers.identities import get_identity
from platform_resources.access.callers.names import canonical_id, held_by, is_named, team_of
from platform_resources.access.model import Identity
from platform_resources.contracts import Mesh, Product
from platform_resources.control import ControlDatabase


@dataclass(frozen=True)
class Party:
    """A consumer of grants: an identity (disabled or not), a product of the mesh, or a team that members carry.

    `unknown`: nobody goes by that name (any more), so nobody speaks for it and nothing is granted to it.
    """

    id: str
    kind: Literal["person", "service", "agent", "product", "team", "unknown"]
    identity: Identity | None = None
    product: Product | None = None

    def is_spoken_for_by(self, identity: Identity) -> bool:
        """Whether `identity` may ask in this party's name, and so may not decide on what it asks for."""
        if self.id in held_by(identity):
            return True
        if self.identity is not None:
            return self.identity.responsible == identity.id
        if self.product is not None:
            elsewhere = identity.domain not in (None, self.product.domain)
            return not elsewhere and is_named(identity, self.product.owners)
        return False


def party_of(control: ControlDatabase, mesh: Mesh, consumer: str) -> Party:
    """Who is behind the name of a consumer."""
    if team_of(consumer) is not None:
        return Party(consumer, "team")
    product = product_of(mesh, consumer)
    if product is not None:
        return Party(consumer, "product", product=product)
    # One who is disabled keeps who answers for it: that one still may not decide on what it asked for.
    identity = get_identity(control, consumer)
    if identity is not None:
        return Party(identity.id, identity.kind, identity=identity)
    return Party(canonical_id(consumer), "unknown")


def product_of(mesh: Mesh, address: str) -> Product | None:
    """The product `<domain>.<product>`; None when its documents can't be used, or there is none."""
    loaded = mesh.usable.get(address.partition(".")[0])
    if loaded is None:
        return None
    return next((product for product in loaded.domain.products if product.address == address), None)
