"""What the pages of access show: a request with all that who decides on it needs, and what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_resources.access.callers.names import team_consumer
from platform_resources.access.model import ReadingRole
from platform_resources.access.policy.decisions import profile_of
from platform_resources.access.requests.approvals import AccessRequest
from platform_resources.access.requests.offers import Offer, Offers
from platform_resources.governance import Council, Purpose
from platform_resources.serving.access_requests import GrantOut, RequestOut, grant_out, request_out
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
    """A request with its facts. `decides`: it waits for this reader; `own`: it may be withdrawn by this reader."""

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
    opened: Mapping[str, tuple[str, ...]]  # role -> masked columns that it opens, for one of its purposes at least
    longest_days: int
    consumers: tuple[str, ...]  # in whose name the reader may ask, itself first

    @property
    def days(self) -> int:
        return min(USUAL_DAYS, self.longest_days)


class AccessViews:
    """The pages of one reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._requests = reader.access.requests
        self._offers = Offers(reader.access.settings, reader.access.control)

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
            opened={role.name: self._openable(offer, role, allowed) for role in offer.policy.roles},
            longest_days=self._offers.longest_days(),
            consumers=(identity.id, *(team_consumer(team) for team in sorted(identity.teams))),
        )

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
        identity = self._reader.caller.identity
        names = (item.requested_by, item.consumer)
        return identity.id in names or any(self._offers.party(name).is_spoken_for_by(identity) for name in names)

    def _openable(self, offer: Offer, role: ReadingRole, purposes: Sequence[str]) -> tuple[str, ...]:
        """Columns that a role opens for one purpose at least."""
        fits = [name for name in purposes if role.purposes is None or name in role.purposes]
        names = {column.name for purpose in fits for column in self._opened(offer, role, purpose, None)}
        return tuple(name for name in offer.policy.masks if name in names)

    def _opened(
        self, offer: Offer, role: ReadingRole, purpose: str, columns: Sequence[str] | None
    ) -> tuple[Opened, ...]:
        """Masked columns that come in clear to who holds every clearance of the role, for a purpose."""
        profile = profile_of(offer.policy, role.clearances, columns, (), self._reader.caller, (purpose,))
        classes = {column.name: column.classification for column in offer.contract.table.columns}
        return tuple(
            Opened(name, classes.get(name))
            for name, masks in profile.columns.items()
            if not masks and offer.policy.masks[name]
        )


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
        named = " or ".join(item.waits_for) or "nobody: no approver is named"
        steps.append(Step(f"waits for {named}", None, "waits"))
    return tuple(steps)
