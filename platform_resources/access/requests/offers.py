"""What ports offer to who asks for access: their roles, approvers and columns, by the documents of today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from platform_resources.access.callers.names import is_named
from platform_resources.access.errors import (
    PORTS_ARE_LISTED,
    ConflictError,
    RetiredPortError,
    UnavailableError,
    UnknownPortError,
)
from platform_resources.access.model import Caller, Identity, PortPolicy, ReadingRole
from platform_resources.access.policy.policies import policy_of
from platform_resources.access.policy.visibility import visible
from platform_resources.access.requests.approvals import (
    AccessRequest,
    Levels,
    levels_of,
    open_level,
    standing,
)
from platform_resources.access.requests.grants import grants_of
from platform_resources.access.requests.parties import Party, party_of
from platform_resources.contracts import Contract, Mesh, Product
from platform_resources.contracts.lifecycle import Lifecycle, lifecycle_of, replacement_of
from platform_resources.contracts.model import OutputPort
from platform_resources.contracts.names import split_address
from platform_resources.control import ControlDatabase
from platform_resources.governance import Council
from platform_resources.lake import MeshSettings
from platform_resources.pipeline import read_mesh


@dataclass(frozen=True)
class Offer:
    """A port as its contract offers it today."""

    policy: PortPolicy
    contract: Contract
    product: Product
    port: OutputPort

    @property
    def lifecycle(self) -> Lifecycle:
        return lifecycle_of(self.product, self.port)

    @property
    def deciders(self) -> tuple[str, ...]:
        """Addresses of everybody who approves some role of the port, and of its owners."""
        named = [name for role in self.policy.roles for name in (*role.first_approvers, *role.second_approvers)]
        return tuple(dict.fromkeys([*named, *self.policy.owners, *self.product.owners]))

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.policy.owners, *self.product.owners]))


class Offers:
    """Reads the documents anew whenever they changed: an approver who left the contract decides no more."""

    def __init__(self, settings: MeshSettings, control: ControlDatabase) -> None:
        self._settings = settings
        self._control = control

    def find(self, port: str) -> Offer | None:
        """What a port offers; None when there is no such port, or its documents can't be used."""
        mesh, council = self._documents()
        found = mesh.ports.get(port)
        if found is None:
            return None
        product, output = found
        policy = policy_of(port, [output.contract], council)
        return Offer(policy, output.contract, product, output)

    def of(self, port: str, caller: Caller | None = None) -> Offer:
        """What a port offers (to `caller`, who may not know that it exists).

        Raises
        ------
        UnknownPortError, RetiredPortError, ConflictError
            when it can't be asked for: there is none, or it is hidden; it has ended; it is a draft.
        UnavailableError
            when its documents can't be used now.
        """
        offer = self.find(port)
        if offer is None:
            if self._is_broken(port) and caller is None:
                raise UnavailableError(f"the documents of {port} can't be used now", "`mesh check` tells why.")
            raise _unknown(port, self._ports_of(port, caller))
        if caller is not None and not self._shows(caller, offer):
            raise _unknown(port)
        if offer.lifecycle == "retired":
            instead = self.find(replacement_of(offer.port) or "")
            shown = instead is not None and (caller is None or self._shows(caller, instead))
            other = instead.port.address if instead is not None and shown else None
            raise RetiredPortError(f"{port} was retired", f"Read {other} instead." if other else "")
        if offer.lifecycle == "proposed":
            raise _unknown(port)
        if offer.lifecycle == "draft":
            raise ConflictError(f"{port} is a draft and promises nothing yet", "Ask again once it is active.")
        return offer

    def levels(self, offer: Offer, role: ReadingRole, columns: Collection[str] | None) -> Levels:
        """Who approves a request in `role`, for `columns` (None: all)."""
        classifications = self._documents()[1].classifications
        return levels_of(offer.policy, role, offer.contract, classifications, columns)

    def decides(self, identity: Identity, port: str) -> bool:
        """Whether somebody approves access to a port, or owns it."""
        offer = self.find(port)
        return offer is not None and is_named(identity, offer.deciders)

    def owns(self, identity: Identity, port: str) -> bool:
        offer = self.find(port)
        return offer is not None and is_named(identity, offer.owners)

    def party(self, consumer: str) -> Party:
        return party_of(self._control, self._documents()[0], consumer)

    def purposes(self) -> Sequence[str]:
        """What data may be used for, by the council; empty when it has no catalogue: then for anything."""
        return tuple(self._documents()[1].purposes)

    def longest_days(self) -> int:
        return self._documents()[1].mandate.longest_grant_days

    def told(self, request: AccessRequest, approvers: Mapping[str, Identity]) -> AccessRequest:
        """A request with what today's documents say about it: whom it waits for, what stands in its way."""
        offer = self.find(request.port)
        role = None if offer is None else offer.policy.role(request.role)
        if offer is None or role is None:
            gone = f"{request.port} offers no role {request.role} any more" if offer else f"{request.port} is gone"
            return replace(request, notices=(gone,)) if request.state == "pending" else request
        levels = self.levels(offer, role, request.columns)
        if request.state != "pending":
            return replace(request, levels=len(levels.approvers))
        counted = standing(request.approvals, levels, approvers)
        level = open_level(levels, counted)
        void = [item.approver for item in request.approvals if item.level not in counted]
        notices = [] if levels.lacking is None else [levels.lacking]
        notices += [f"{name} is no approver any more: that approval doesn't count" for name in void]
        notices += self._clearance_notice(request, role)
        waits = levels.approvers[level - 1] if level else ()
        return replace(request, levels=len(levels.approvers), waits_for=waits, notices=tuple(notices))

    def _clearance_notice(self, request: AccessRequest, role: ReadingRole) -> list[str]:
        identity = self.party(request.consumer).identity
        missing = () if identity is None else sorted(role.clearances - identity.clearances)
        if not missing:
            return []
        return [f"{request.consumer} has no clearance {', '.join(missing)}: its columns stay masked without it"]

    def _shows(self, caller: Caller, offer: Offer) -> bool:
        if is_named(caller.identity, offer.deciders):
            return True
        return visible(caller, offer.product, grants_of(self._control, caller.identity))

    def _ports_of(self, product: str, caller: Caller | None) -> Sequence[str]:
        """Ports of a product, in whose place its own address was written, that can be asked for by `caller`."""
        named = [port for port, (of, _) in self._documents()[0].ports.items() if of.address == product]
        offers = [(port, self.find(port)) for port in named]
        return [
            port
            for port, offer in offers
            if offer is not None
            and offer.lifecycle in ("active", "deprecated")
            and (caller is None or self._shows(caller, offer))
        ]

    def _is_broken(self, port: str) -> bool:
        parts = split_address(port)
        mesh = self._documents()[0]
        if parts is None:
            return False
        loaded = mesh.usable.get(parts[0])
        return parts[0] in mesh.broken or (loaded is not None and parts[1] in loaded.blocked)

    def _documents(self) -> tuple[Mesh, Council]:
        return read_mesh(self._settings)


def _unknown(port: str, instead: Sequence[str] = ()) -> UnknownPortError:
    if instead:
        has = "the port" if len(instead) == 1 else "the ports"
        return UnknownPortError(f"{port} is no port", f"{port} has {has} {', '.join(instead)}.")
    return UnknownPortError(f"there is no port {port}", PORTS_ARE_LISTED)
