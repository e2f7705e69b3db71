"""Requests for access: asked for by consumers, decided on by the approvers of the contract, ended by grants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from platform_resources.access.callers.refusals import refusals_on_record
from platform_resources.access.errors import ConflictError, DeniedError, UnknownRequestError
from platform_resources.access.model import Caller, Grant, Identity, ReadingRole
from platform_resources.access.relations.served import ServedPorts
from platform_resources.access.requests.approvals import (
    AccessRequest,
    RequestState,
    approving_level,
    denying_level,
    must_be_pending,
    open_level,
)
from platform_resources.access.requests.asked import columns_of, days_for, purpose_for, role_of, words_of
from platform_resources.access.requests.granted import Granted
from platform_resources.access.requests.grants import add_grant_in
from platform_resources.access.requests.offers import Offers
from platform_resources.access.requests.parties import Party
from platform_resources.access.requests.rows import (
    add_approval,
    add_request,
    approvals_in,
    request_in,
    requests_in,
    set_state,
)
from platform_resources.access.requests.seen import SeenRequests
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import access_requests
from platform_resources.lake import MeshSettings, utc_now


class AccessRequests:
    """Ask, decide, look. Each act is one transaction with its entry in the audit log."""

    def __init__(self, settings: MeshSettings, control: ControlDatabase, audit: AuditLog, served: ServedPorts) -> None:
        self._control = control
        self._audit = audit
        self.offers = Offers(settings, control, served)
        self._seen = SeenRequests(self.offers, control)
        self._granted = Granted(self.offers, control, audit)

    def request(
        self,
        caller: Caller,
        port: str,
        role: str | None = None,
        *,
        purpose: str | None = None,
        reason: str = "",
        days: int | None = None,
        columns: Collection[str] | None = None,
        consumer: str | None = None,
    ) -> AccessRequest:
        """Ask to read `port` in `role` (None: its first one), for `days` (None: 90, or the council's longest).

        `consumer` is who would read: oneself, a team that one belongs to (`team:<name>`), a service or agent that one
        is responsible for, or a product that one owns. `purpose` is one of the council's (None: the credential's or
        one's own).

        Raises
        ------
        AccessError
            when there is no such port, or this can't be asked, or is asked already.
        """
        with self._refusals(caller, "request access", port=port):
            _must(caller, "request")
            offer = self.offers.of(port, caller)
            chosen = role_of(offer, role)
            party = self._party(caller, consumer)
            asked = purpose or caller.purpose or caller.identity.purpose
            values = {
                "consumer": party.id,
                "port": port,
                "role": chosen.name,
                "purpose": purpose_for(self.offers, chosen, asked),
                "reason": words_of(reason, "reason", needed=True),
                "columns": columns_of(offer, columns),
                "days": days_for(self.offers, days),
                "requested_by": caller.identity.id,
                "requested_at": utc_now(),
            }
            levels = self.offers.levels(offer, chosen, values["columns"], party.id, caller.identity.id)
            if levels.lacking is not None:  # it would wait for ever
                raise ConflictError(levels.lacking, f"First {levels.remedy}.")
            same = [access_requests.c[name] == values[name] for name in ("consumer", "port", "role", "purpose")]
            with self._control.writing() as connection:
                pending = requests_in(connection, *same, access_requests.c.state == "pending")
                if pending:
                    raise ConflictError(
                        f"request {pending[0].id} asks for the same and is not decided yet",
                        "Wait for it, or withdraw it first.",
                        request=pending[0].id,
                    )
                number = add_request(connection, values)
                facts = {name: values[name] for name in ("consumer", "role", "purpose", "days", "columns")}
                self._append(connection, "request-made", caller, port, request=number, **facts)
            return self.get(caller, number)

    def get(self, caller: Caller, request: int) -> AccessRequest:
        """See `SeenRequests.get`."""
        return self._seen.get(caller, request)

    def list(
        self, caller: Caller, state: RequestState | None = None, port: str | None = None
    ) -> tuple[AccessRequest, ...]:
        """See `SeenRequests.list`."""
        return self._seen.list(caller, state, port)

    def inbox(self, caller: Caller) -> tuple[AccessRequest, ...]:
        """See `SeenRequests.inbox`."""
        return self._seen.inbox(caller)

    def approve(
        self, caller: Caller, request: int, comment: str | None = None, conditions: str | None = None
    ) -> AccessRequest:
        """Approve at the level that is open; the last approval makes the grant, from now on.

        `conditions`: what the consumer has to keep to, in words.

        Raises
        ------
        DeniedError
            when the caller is no approver, or it is (also) the caller's own request.
        ConflictError
            when it was decided or withdrawn already, or another approval has to be given first.
        """
        said = {"comment": words_of(comment, "comment"), "conditions": words_of(conditions, "conditions")}
        with self._refusals(caller, "approve", request=request):
            self._may_decide(caller, request, "approve")
            offers = self.offers.now()
            seen = SeenRequests(offers, self._control)
            asked = seen.undecided(caller, request)
            offer = offers.of(asked.port)  # reads the lake, which may take its time: no writer waits for that
            role = role_of(offer, asked.role)
            if offers.party(asked.consumer).kind == "unknown":
                raise ConflictError(f"nobody goes by the name {asked.consumer} now", "It can be denied, or asked anew.")
            levels = offers.levels(offer, role, asked.columns, asked.consumer, asked.requested_by)
            with self._control.writing() as connection:
                pending = _pending_in(connection, request)
                counted = offers.counted(pending, levels)
                level = approving_level(caller.identity, levels, counted, _named(pending))
                now = utc_now()
                add_approval(connection, request, level, caller.identity.id, "approve", now, **said)
                self._append(connection, "request-approved", caller, pending.port, request=request, level=level)
                if open_level(levels, {*counted, level}) is None:
                    self._grant(connection, caller, pending, role, [*counted, level], now)
            return seen.get(caller, request)

    def deny(self, caller: Caller, request: int, comment: str | None = None) -> AccessRequest:
        """Say no, for good; any approver of any level may, also of a port that has ended. Errors as in `approve`.

        Where the port offers the role no more an owner may.
        """
        said = words_of(comment, "comment")
        with self._refusals(caller, "deny", request=request):
            self._may_decide(caller, request, "deny")
            offers = self.offers.now()
            seen = SeenRequests(offers, self._control)
            asked = seen.undecided(caller, request)
            level, now = _denied_at(offers, caller.identity, asked), utc_now()
            with self._control.writing() as connection:
                self._decide(connection, request, "denied", now)
                add_approval(connection, request, level, caller.identity.id, "deny", now, comment=said)
                self._append(connection, "request-denied", caller, asked.port, request=request, level=level)
            return seen.get(caller, request)

    def withdraw(self, caller: Caller, request: int) -> AccessRequest:
        """Take back a request that is not decided yet: by who made it, or who speaks for the consumer.

        Raises
        ------
        DeniedError, ConflictError
            when it is not the caller's, or it was decided already.
        """
        with self._refusals(caller, "withdraw", request=request):
            _must(caller, "request")
            found = self.get(caller, request)
            if not self.offers.is_own(caller.identity, found):
                raise DeniedError(f"{_named(found)} is not yours to withdraw", "Approvers deny it instead.")
            with self._control.writing() as connection:
                self._decide(connection, request, "withdrawn", utc_now())
                self._append(connection, "request-withdrawn", caller, found.port, request=request)
            return self.get(caller, request)

    def grants(self, caller: Caller, port: str | None = None, *, ended: bool = False) -> tuple[Grant, ...]:
        """See `Granted.list`."""
        return self._granted.list(caller, port, ended=ended)

    def due_for_review(self, caller: Caller) -> tuple[Grant, ...]:
        """See `Granted.due_for_review`."""
        return self._granted.due_for_review(caller)

    def revoke(self, caller: Caller, grant: int, reason: str) -> Grant:
        """See `Granted.revoke`."""
        with self._refusals(caller, "revoke", grant=grant):
            return Granted(self.offers.now(), self._control, self._audit).revoke(caller, grant, reason)

    def _decide(self, connection: Connection, request: int, state: RequestState, now: datetime) -> None:
        if not set_state(connection, request, state, now):
            found = request_in(connection, request)
            raise ConflictError(f"request {request} was {found.state if found else 'decided'} already")

    def _grant(
        self,
        connection: Connection,
        caller: Caller,
        request: AccessRequest,
        role: ReadingRole,
        levels: Sequence[int],
        now: datetime,
    ) -> None:
        given = [item for item in approvals_in(connection, request.id) if item.level in levels]
        grant = Grant(
            *(0, request.consumer, request.port, role.name, request.purpose),
            ends_at=now + timedelta(days=request.days),
            starts_at=now,
            clearances=role.clearances,
            columns=None if request.columns is None else frozenset(request.columns),
            conditions="\n".join(item.conditions for item in given if item.conditions) or None,
            review_at=now + timedelta(days=request.days) / 2,
            granted_by=tuple(item.approver for item in given),
            request=request.id,
        )
        self._decide(connection, request.id, "approved", now)
        number = add_grant_in(connection, grant)
        facts = {"consumer": grant.consumer, "role": grant.role, "purpose": grant.purpose, "ends_at": grant.ends_at}
        self._append(connection, "grant-made", caller, grant.port, grant=number, request=request.id, **facts)

    def _may_decide(self, caller: Caller, request: int, act: str) -> None:
        if not caller.may("approve"):
            raise self._no_decider(caller, request, act)
        if caller.identity.kind != "person":
            raise DeniedError(f"{caller.identity.id} is no person; people decide on access")

    def _no_decider(self, caller: Caller, request: int, act: str) -> DeniedError:
        """Tells who decides, to those who see the request."""
        found = self._seen.find(caller, request)
        waits_for = () if found is None else found.waits_for
        who = f"Who does: {', '.join(waits_for)}" if waits_for else "An approver does"
        return DeniedError(
            f"{caller.identity.id} may not {act} by this token",
            f"{who}, by a token with the scope `approve`.",
            approvers=list(waits_for),
        )

    def _party(self, caller: Caller, consumer: str | None) -> Party:
        party = self.offers.party(consumer or caller.identity.id)
        if not party.is_spoken_for_by(caller.identity):
            raise DeniedError(
                f"you can't ask in the name of {party.id}",
                "Ask for yourself, a team of yours (team:<name>), a service or agent that you are responsible for, or "
                "a product of your domain that you own.",
            )
        return party

    def _refusals(self, caller: Caller, act: str, **facts: Any) -> AbstractContextManager[None]:
        return refusals_on_record(self._audit, caller, act, **facts)

    def _append(self, connection: Connection, kind: str, caller: Caller, port: str, **record: object) -> None:
        self._audit.append_in(connection, kind, caller.identity.id, port, credential=caller.credential, **record)


def _must(caller: Caller, action: str) -> None:
    if not caller.may(action):
        raise DeniedError(f"{caller.identity.id} may not {action} by this token", f"It needs the scope `{action}`.")


def _pending_in(connection: Connection, request: int) -> AccessRequest:
    """A request inside the transaction that decides on it: meanwhile somebody else may have."""
    found = request_in(connection, request, for_update=True)
    if found is None:
        raise UnknownRequestError(f"there is no request {request}")
    must_be_pending(found)
    return found


def _denied_at(offers: Offers, identity: Identity, request: AccessRequest) -> int:
    """The level at which `identity` says no; DeniedError when it may not."""
    offer = offers.find(request.port)
    role = None if offer is None else offer.policy.role(request.role)
    if offer is not None and role is not None:
        levels = offers.levels(offer, role, request.columns, request.consumer, request.requested_by)
        return denying_level(identity, levels, _named(request))
    if not offers.owns(identity, request.port):
        told = f"{identity.id} is no owner of {request.port}, which offers no role {request.role} any more"
        raise DeniedError(told, "An owner denies it.")
    return 1


def _named(request: AccessRequest) -> str:
    return f"request {request.id}"
