"""What the pages of access show: a request with all that who decides on it needs, and what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_resources.access.callers.names import held_by, team_consumer
from platform_resources.access.model import ReadingRole
from platform_resources.access.requests.approvals import AccessRequest
from platform_resources.access.requests.offers import Offer
from platform_resources.governance import Council, Purpose
from platform_resources.serving.access_requests import GrantOut, RequestOut, grant_out, request_out
from platform_resources.serving.entitlements import GrantHeld
from platform_resources.serving.portal.access_opened import Opening, opened, openings, why_nothing
from platform_resources.serving.readers import Reader

USUAL_DAYS = 90


@dataclass(frozen=True)
class Who:
    """A consumer, as who decides has to know it. `clearances` are told to who decides only."""

    id: str
    name: str
    kind: str
    domain: str | None = None
    responsible: str | None = None
    clearances: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Opened:
    """A column with a mask that the role lifts, and how secret it is."""

    name: str
    classification: str | None


@dataclass(frozen=True)
class Step:
    """One thing that happened to a request, or that it waits for."""

    told: str
    at: datetime | None
    state: str  # "done", "no", "waits"
    comment: str | None = None
    conditions: str | None = None


@dataclass(frozen=True)
class RequestView:
    """A request with its facts. `decides`: it waits for this reader; `own`: it may be withdrawn by this reader.

    `nothing`: why it opens, or would open, nothing that is masked, where it names a clearance.
    """

    request: RequestOut
    who: Who
    role: str | None  # what the role is, by the contract
    purpose: Purpose | None
    opened: tuple[Opened, ...]
    columns: int | None  # of the port, in all; None when its documents can't be used
    owners: tuple[str, ...]
    steps: tuple[Step, ...]
    decides: bool
    own: bool
    ends: datetime | None
    nothing: str | None = None

    @property
    def level(self) -> int:
        """The approval that is open, from 1."""
        return 1 + sum(item.decision == "approve" for item in self.request.approvals)


@dataclass(frozen=True)
class Offered:
    """What may be asked for of a port."""

    port: str
    title: str | None
    roles: tuple[ReadingRole, ...]
    purposes: Mapping[str, Purpose | None]  # by name, those that some role is for
    columns: tuple[tuple[str, str | None], ...]  # name, classification
    opened: Mapping[str, tuple[Opening, ...]]  # by role, to who holds its clearances
    longest_days: int
    consumers: tuple[str, ...]  # in whose name the reader may ask, itself first
    held: frozenset[str]  # clearances of the reader
    undecided: Mapping[str, str]  # role -> why nobody may decide when the reader asks for itself

    @property
    def days(self) -> int:
        return min(USUAL_DAYS, self.longest_days)


class AccessViews:
    """The pages of one reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._requests = reader.access.requests
        self._offers = self._requests.offers

    @property
    def council(self) -> Council:
        return self._reader.documents.council

    def inbox(self) -> list[RequestView]:
        """What waits for the reader's decision, oldest first."""
        return [self.view(item, decides=True) for item in self._requests.inbox(self._reader.caller)]

    def request(self, number: int) -> RequestView:
        """One request; UnknownRequestError when it is none of the reader's business."""
        item = self._requests.get(self._reader.caller, number)
        waiting = item.state == "pending" and any(
            other.id == number for other in self._requests.inbox(self._reader.caller)
        )
        return self.view(item, decides=waiting)

    def requests(self) -> tuple[list[RequestOut], list[RequestOut]]:
        """(one's own, others' that one may see), newest first."""
        own, others = [], []
        for item in self._requests.list(self._reader.caller):
            (own if self._is_own(item) else others).append(request_out(item))
        return own, others

    def grants(self, port: str | None = None) -> tuple[list[GrantOut], list[GrantOut]]:
        """(those that one holds, those that one decides over), the one that ends first at the top."""
        own, others = [], []
        for grant in sorted(self._requests.grants(self._reader.caller, port), key=lambda item: item.ends_at):
            held = self._offers.party(grant.consumer).is_spoken_for_by(self._reader.caller.identity)
            (own if held else others).append(grant_out(grant))
        return own, others

    def offered(self, port: str) -> Offered:
        """What may be asked for; AccessError when there is no such port, or it can't be asked for."""
        offer = self._offers.of(port, self._reader.caller)
        known = self.council.purposes
        every = tuple(known) or tuple(name for role in offer.policy.roles for name in role.purposes or ())
        allowed = [n for n in every if any(r.purposes is None or n in r.purposes for r in offer.policy.roles)]
        identity = self._reader.caller.identity
        return Offered(
            port=port,
            title=offer.contract.name or offer.product.title,
            roles=offer.policy.roles,
            purposes={name: known.get(name) for name in dict.fromkeys(allowed)},
            columns=tuple((column.name, column.classification) for column in offer.contract.table.columns),
            opened={
                role.name: openings(offer.policy, role, allowed, self._reader.caller) for role in offer.policy.roles
            },
            longest_days=self._offers.longest_days(),
            consumers=(identity.id, *(team_consumer(team) for team in sorted(identity.teams))),
            held=identity.clearances,
            undecided={
                role.name: told
                for role in offer.policy.roles
                if (told := self._offers.levels(offer, role, None, identity.id).told) is not None
            },
        )

    def pending(self, port: str) -> list[RequestOut]:
        """One's own requests for a port that are not decided yet, newest first."""
        found = self._requests.list(self._reader.caller, "pending", port)
        return [request_out(item) for item in found if self._is_own(item)]

    def nothing(self, grants: Sequence[GrantHeld]) -> dict[int, str]:
        """Number of a grant -> why it opens nothing, of those that name a clearance and open nothing."""
        told = {}
        for grant in grants:
            offer = self._offers.find(grant.port)
            role = None if offer is None else offer.policy.role(grant.role)
            if offer is None or role is None:
                continue
            clearances = role.clearances & set(grant.clearances)
            party = self._offers.party(grant.consumer)
            own = grant.consumer in held_by(self._reader.caller.identity)
            reads = self._reader.caller.identity if own else party.identity
            why = why_nothing(
                offer.policy,
                clearances,
                None if reads is None else reads.clearances,
                grant.purpose,
                self._reader.caller,
                grant.columns,
            )
            if why is not None:
                told[grant.id] = why
        return told

    def view(self, item: AccessRequest, *, decides: bool) -> RequestView:
        offer = self._offers.find(item.port)
        role = None if offer is None else offer.policy.role(item.role)
        return RequestView(
            request=request_out(item),
            who=self._who(item.consumer, told=decides),
            role=None if role is None else role.description,
            purpose=self.council.purposes.get(item.purpose),
            opened=() if offer is None or role is None else self._opened(offer, role, item.purpose, item.columns),
            columns=None if offer is None else len(offer.contract.table.columns),
            owners=() if offer is None else offer.owners,
            steps=steps_of(item),
            decides=decides,
            own=item.state == "pending" and self._is_own(item),
            ends=None if item.decided_at is None else item.decided_at + timedelta(days=item.days),
            nothing=None if offer is None or role is None else self._nothing(item, offer, role),
        )

    def _who(self, consumer: str, *, told: bool) -> Who:
        party = self._offers.party(consumer)
        if party.identity is None:
            title = party.product.title if party.product is not None else None
            return Who(party.id, title or party.id, party.kind)
        found = party.identity
        clearances = tuple(sorted(found.clearances)) if told else None
        return Who(found.id, found.name, found.kind, found.domain, found.responsible, clearances)

    def _is_own(self, item: AccessRequest) -> bool:
        return self._offers.is_own(self._reader.caller.identity, item)

    def _nothing(self, item: AccessRequest, offer: Offer, role: ReadingRole) -> str | None:
        if item.state not in ("pending", "approved"):
            return None
        identity = self._offers.party(item.consumer).identity
        held = None if identity is None else identity.clearances
        return why_nothing(offer.policy, role.clearances, held, item.purpose, self._reader.caller, item.columns)

    def _opened(
        self, offer: Offer, role: ReadingRole, purpose: str, columns: Sequence[str] | None
    ) -> tuple[Opened, ...]:
        """Masked columns that come in clear to who holds every clearance of the role, for a purpose."""
        classes = {column.name: column.classification for column in offer.contract.table.columns}
        names = opened(offer.policy, role.clearances, purpose, self._reader.caller, columns)
        return tuple(Opened(name, classes.get(name)) for name in names)


def steps_of(item: AccessRequest) -> tuple[Step, ...]:
    """What happened to a request, oldest first, and what it waits for. Pure."""
    steps = [Step(f"asked for by {item.requested_by}", item.requested_at, "done")]
    for given in item.approvals:
        done = given.decision == "approve"
        word = "approved" if done else "denied"
        level = f" (level {given.level} of {item.levels})" if item.levels > 1 else ""
        steps.append(
            Step(
                f"{word} by {given.approver}{level}",
                given.at,
                "done" if done else "no",
                given.comment,
                given.conditions,
            )
        )
    if item.state == "withdrawn":
        steps.append(Step("withdrawn", item.decided_at, "no"))
    if item.state == "approved":
        steps.append(Step(f"granted for {item.days} days", item.decided_at, "done"))
    if item.state == "pending":
        named = " or ".join(item.waits_for) or "nobody who may decide"
        steps.append(Step(f"waits for {named}", None, "waits"))
    return tuple(steps)
