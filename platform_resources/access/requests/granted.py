"""Grants that are held: who sees them, who ends them before their day, which are due for a look."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from platform_resources.access.errors import BadRequestError, ConflictError, DeniedError, UnknownRequestError
from platform_resources.access.model import Caller, Grant
from platform_resources.access.requests.grants import grant_of_row
from platform_resources.access.requests.narrowing import concerning
from platform_resources.access.requests.offers import Offers
from platform_resources.contracts.characters import hidden_character
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import grants
from platform_resources.lake import utc_now


class Granted:
    """The grants of the control database, as far as a caller is concerned with them."""

    def __init__(self, offers: Offers, control: ControlDatabase, audit: AuditLog) -> None:
        self._offers = offers
        self._control = control
        self._audit = audit

    def list(self, caller: Caller, port: str | None = None, *, ended: bool = False) -> tuple[Grant, ...]:
        """Grants of the caller, of those it speaks for, and on ports that it decides over; with `ended`, past ones too.

        Administrators see all.
        """
        query = select(grants).order_by(grants.c.port, grants.c.consumer, grants.c.id)
        if port is not None:
            query = query.where(grants.c.port.in_((port, "*")))
        if not caller.may("admin"):
            parties = (self._control, self._offers, caller.identity)
            query = query.where(concerning(*parties, grants.c.port, grants.c.consumer))
        with self._control.reading() as connection:
            found = [grant_of_row(row) for row in connection.execute(query).mappings()]
        now = utc_now()
        return tuple(grant for grant in found if (ended or grant.holds(now)) and self._sees(caller, grant))

    def due_for_review(self, caller: Caller, now: datetime | None = None) -> tuple[Grant, ...]:
        """Grants in force whose day of review has come: is the purpose still there, are the conditions kept?"""
        today = now or utc_now()
        held = self.list(caller)
        due = [grant for grant in held if grant.review_at is not None and grant.review_at <= today]
        return tuple(sorted(due, key=lambda grant: grant.review_at or today))

    def revoke(self, caller: Caller, grant: int, reason: str) -> Grant:
        """End a grant now, in every process: each decision reads the grants anew.

        By an approver or owner of its port, an administrator, or who speaks for the consumer.

        Raises
        ------
        UnknownRequestError, DeniedError, BadRequestError, ConflictError
            when there is no such grant, it is not the caller's to end, no reason is given, or it has ended.
        """
        words = reason.strip()
        if not words or len(words) > 2000 or hidden_character(words) is not None:
            raise BadRequestError("a reason is needed, in words", "The consumer reads it.")
        with self._control.writing() as connection:
            held = _grant_in(connection, grant)
            if held is None or not self._sees(caller, held):
                raise UnknownRequestError(f"there is no grant {grant}", "mesh access grants tells yours.")
            if not self._may_end(caller, held):
                raise DeniedError(
                    f"this token may not revoke grant {grant}",
                    "It needs the scope `approve` for approvers, `request` for who holds it, `admin` for the platform.",
                )
            now = utc_now()
            ended = update(grants).where(grants.c.id == grant, grants.c.revoked_at.is_(None), grants.c.ends_at > now)
            values = {"revoked_at": now, "revoked_by": caller.identity.id, "revoked_because": words}
            if connection.execute(ended.values(**values)).rowcount == 0:
                how = "was revoked" if held.revoked_at else "ended"
                raise ConflictError(f"grant {grant} {how} already")
            facts = {"consumer": held.consumer, "credential": caller.credential}
            self._audit.append_in(connection, "grant-revoked", caller.identity.id, held.port, grant=grant, **facts)
            return _grant_in(connection, grant) or held

    def _sees(self, caller: Caller, grant: Grant) -> bool:
        return caller.may("admin") or self._is_held_by(caller, grant) or self._decides(caller, grant)

    def _may_end(self, caller: Caller, grant: Grant) -> bool:
        if caller.may("admin") or (caller.may("request") and self._is_held_by(caller, grant)):
            return True
        return caller.may("approve") and caller.identity.kind == "person" and self._decides(caller, grant)

    def _is_held_by(self, caller: Caller, grant: Grant) -> bool:
        return self._offers.party(grant.consumer).is_spoken_for_by(caller.identity)

    def _decides(self, caller: Caller, grant: Grant) -> bool:
        return self._offers.decides(caller.identity, grant.port)


def _grant_in(connection: Connection, grant: int) -> Grant | None:
    row = connection.execute(select(grants).where(grants.c.id == grant)).mappings().one_or_none()
    return None if row is None else grant_of_row(row)
