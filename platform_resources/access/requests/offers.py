"""What ports offer to who asks for access: their roles, approvers and columns, by the documents of today."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from platform_resources.access.callers.identities import find_identity, get_identity
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
from platform_resources.access.relations.served import ServedPorts
from platform_resources.access.requests.approvals import (
    AccessRequest,
    Approval,
    Levels,
    Told,
    levels_of,
    standing,
    waited_for,
)
from platform_resources.access.requests.deciders import decidable, not_here_yet
from platform_resources.access.requests.grants import grants_of
from platform_resources.access.requests.parties import Party, party_of
from platform_resources.contracts import Contract, Mesh, Product
from platform_resources.contracts.lifecycle import Lifecycle, lifecycle_of, replacement_of
from platform_resources.contracts.model import OutputPort
from platform_resources.contracts.names import split_address
from platform_resources.control import ControlDatabase
from platform_resources.governance import Council
from platform_resources.lake import MeshSettings, PortAddress, Retirement, retirement_in
from platform_resources.pipeline import read_mesh, recent_mesh


@dataclass(frozen=True)
class Offer:
    """A port as its contract offers it today."""

    policy: PortPolicy
    contract: Contract
    product: Product
    port: OutputPort

    @property
    def deciders(self) -> tuple[str, ...]:
        """Addresses of everybody who approves some role of the port, and of its owners."""
        named = [name for role in self.policy.roles for name in (*role.first_approvers, *role.second_approvers)]
        return tuple(dict.fromkeys([*named, *self.policy.owners, *self.product.owners]))

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.policy.owners, *self.product.owners]))


class Offers:
    """By the documents as `recent_mesh` has them, some seconds old in a big mesh: for lists. Decisions take `now`."""

    def __init__(
        self,
        settings: MeshSettings,
        control: ControlDatabase,
        served: ServedPorts,
        documents: tuple[Mesh, Council] | None = None,
    ) -> None:
        self._settings = settings
        self._control = control
        self._served = served
        self._read = documents

    def now(self) -> Offers:
        """The same by the documents as they stand, read once: who has left the contract decides no more.

        Looking at all files takes 0.4 s of 10,000 products, so call it before `writing`, not inside.
        """
        return Offers(self._settings, self._control, self._served, read_mesh(self._settings))

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
        ended = self._ended(offer)
        lifecycle = _lifecycle(offer, ended)
        if lifecycle == "retired":
            instead = (replacement_of(offer.port) if ended is None else ended.replaced_by) or ""
            raise RetiredPortError(
                f"{port} was retired", f"Read {instead} instead." if self._can_be_read(instead, caller) else ""
            )
        if lifecycle == "proposed":
            raise _unknown(port)
        if lifecycle == "draft":
            raise ConflictError(f"{port} is a draft and promises nothing yet", "Ask again once it is active.")
        return offer

    def levels(self, offer: Offer, role: ReadingRole, columns: Collection[str] | None, *parties: str) -> Levels:
        """Who may approve a request in `role`, for `columns` (None: all); `parties` ask for it and would read."""
        named = self._named(offer, role, columns)
        asking = [self.party(name) for name in dict.fromkeys(parties)]
        return decidable(named, offer.policy, role, asking, self._known)

    def decides(self, identity: Identity, port: str) -> bool:
        """Whether somebody approves access to a port, or owns it."""
        offer = self.find(port)
        return offer is not None and is_named(identity, offer.deciders)

    def owns(self, identity: Identity, port: str) -> bool:
        offer = self.find(port)
        return offer is not None and is_named(identity, offer.owners)

    def is_own(self, identity: Identity, request: AccessRequest) -> bool:
        """Whether it was made by, or is for, the identity or somebody that it answers for."""
        names = {request.requested_by, request.consumer}
        return identity.id in names or any(self.party(name).is_spoken_for_by(identity) for name in names)

    def party(self, consumer: str) -> Party:
        return party_of(self._control, self._documents()[0], consumer)

    def purposes(self) -> Sequence[str]:
        """What data may be used for, by the council; empty when it has no catalogue: then for anything."""
        return tuple(self._documents()[1].purposes)

    def longest_days(self) -> int:
        return self._documents()[1].mandate.longest_grant_days

    def told(self, request: AccessRequest) -> Told:
        """A request with what today's documents say about it: whom it waits for, what stands in its way."""
        offer = self.find(request.port)
        role = None if offer is None else offer.policy.role(request.role)
        if request.state != "pending":
            if offer is None or role is None:
                return Told(request)
            return Told(replace(request, levels=len(self._named(offer, role, request.columns).approvers)))
        if offer is None:
            return Told(replace(request, notices=(f"{request.port} is gone",)))
        if role is None:
            return Told(replace(request, notices=(f"{request.port} offers no role {request.role} any more",)))
        if _lifecycle(offer, self._ended(offer)) == "retired":
            return Told(replace(request, notices=(f"{request.port} was retired",)))
        levels = self.levels(offer, role, request.columns, request.consumer, request.requested_by)
        counted = self.counted(request, levels)
        waits = waited_for(levels, counted)
        void = [item.approver for item in request.approvals if item.level not in counted]
        notices = [levels.told, not_here_yet(waits, self._known)]
        notices += [f"{name} may not give that approval any more: it doesn't count" for name in void]
        notices += self._clearance_notice(request, role)
        told = tuple(notice for notice in notices if notice is not None)
        request = replace(request, levels=len(levels.approvers), waits_for=waits, notices=told)
        return Told(request, levels, counted)

    def counted(self, request: AccessRequest, levels: Levels) -> dict[int, Approval]:
        """Level -> the approval of a request that counts now. See `standing`."""
        found = (find_identity(self._control, approval.approver) for approval in request.approvals)
        return standing(request.approvals, levels, {who.id: who for who in found if who is not None})

    def _named(self, offer: Offer, role: ReadingRole, columns: Collection[str] | None) -> Levels:
        classifications = self._documents()[1].classifications
        return levels_of(offer.policy, role, offer.contract, classifications, columns)

    def _known(self, id_: str) -> Identity | None:
        return get_identity(self._control, id_)

    def _ended(self, offer: Offer) -> Retirement | None:
        """How a port was taken down, whatever its documents say; None too where its lake can't tell now."""
        try:
            log = self._served.log(PortAddress.parse(offer.port.address))
        except UnavailableError:
            return None
        return None if log is None else retirement_in(log.newest)

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
        return [port for port in named if self._can_be_read(port, caller)]

    def _can_be_read(self, port: str, caller: Caller | None) -> bool:
        """Whether there is such a port to ask for, as far as `caller` may know."""
        offer = self.find(port)
        if offer is None or not (caller is None or self._shows(caller, offer)):
            return False
        return _lifecycle(offer, self._ended(offer)) in ("active", "deprecated")

    def _is_broken(self, port: str) -> bool:
        parts = split_address(port)
        mesh = self._documents()[0]
        if parts is None:
            return False
        loaded = mesh.usable.get(parts[0])
        return parts[0] in mesh.broken or (loaded is not None and parts[1] in loaded.blocked)

    def _documents(self) -> tuple[Mesh, Council]:
        return recent_mesh(self._settings) if self._read is None else self._read


def _lifecycle(offer: Offer, ended: Retirement | None) -> Lifecycle:
    return lifecycle_of(offer.product, offer.port) if ended is None else "retired"


def _unknown(port: str, instead: Sequence[str] = ()) -> UnknownPortError:
    if instead:
        has = "the port" if len(instead) == 1 else "the ports"
        return UnknownPortError(f"{port} is no port", f"{port} has {has} {', '.join(instead)}.")
    return UnknownPortError(f"there is no port {port}", PORTS_ARE_LISTED)
