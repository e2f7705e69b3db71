"""Rows of requests and approvals <-> values; every function works inside the transaction that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from platform_resources.access.requests.approvals import AccessRequest, Approval, RequestState
from platform_resources.control.tables import access_requests, approvals, grants


def requests_in(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[AccessRequest, ...]:
    """Requests with their approvals, oldest first."""
    rows = (
        connection.execute(select(access_requests).where(*conditions).order_by(access_requests.c.id)).mappings().all()
    )
    return _with_approvals(connection, rows)


def request_in(connection: Connection, request: int, *, for_update: bool = False) -> AccessRequest | None:
    """One request; `for_update` keeps other writers off its row until the transaction ends."""
    query = select(access_requests).where(access_requests.c.id == request)
    rows = connection.execute(query.with_for_update() if for_update else query).mappings().all()
    return next(iter(_with_approvals(connection, rows)), None)


def _with_approvals(connection: Connection, rows: Any) -> tuple[AccessRequest, ...]:
    numbers = [row["id"] for row in rows]
    given: dict[int, list[Approval]] = {}
    made: dict[int, int] = {}
    for start in range(0, len(numbers), 500):  # SQLite takes 32,766 parameters; PostgreSQL 65,535
        some = numbers[start : start + 500]
        query = select(approvals).where(approvals.c.request.in_(some)).order_by(approvals.c.request, approvals.c.level)
        for row in connection.execute(query).mappings():
            given.setdefault(row["request"], []).append(_approval(row))
        by_request = select(grants.c.request, grants.c.id).where(grants.c.request.in_(some))
        made |= {row.request: row.id for row in connection.execute(by_request)}
    return tuple(_request(row, tuple(given.get(row["id"], ())), made.get(row["id"])) for row in rows)


def _request(row: Mapping[str, Any], given: tuple[Approval, ...], grant: int | None) -> AccessRequest:
    return AccessRequest(
        id=row["id"],
        consumer=row["consumer"],
        port=row["port"],
        role=row["role"],
        purpose=row["purpose"],
        reason=row["reason"],
        days=row["days"],
        columns=None if row["columns"] is None else tuple(row["columns"]),
        state=row["state"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        approvals=given,
        grant=grant,
    )


def _approval(row: Mapping[str, Any]) -> Approval:
    names = ("level", "approver", "decision", "at", "comment", "conditions")
    return Approval(**{name: row[name] for name in names})


def approvals_in(connection: Connection, request: int) -> tuple[Approval, ...]:
    query = select(approvals).where(approvals.c.request == request).order_by(approvals.c.level)
    return tuple(_approval(row) for row in connection.execute(query).mappings())


def add_request(connection: Connection, values: Mapping[str, Any]) -> int:
    """Store a pending request; returns its id."""
    done = connection.execute(insert(access_requests).values(state="pending", **values))
    return done.inserted_primary_key[0]


def add_approval(
    connection: Connection,
    request: int,
    level: int,
    approver: str,
    decision: str,
    at: datetime,
    *,
    comment: str | None = None,
    conditions: str | None = None,
) -> None:
    """Store a decision; it takes the place of one at its level that doesn't count any more (the audit log has both)."""
    connection.execute(delete(approvals).where(approvals.c.request == request, approvals.c.level == level))
    connection.execute(
        insert(approvals).values(
            request=request,
            level=level,
            approver=approver,
            decision=decision,
            comment=comment,
            conditions=conditions,
            at=at,
        )
    )


def set_state(connection: Connection, request: int, state: RequestState, now: datetime) -> bool:
    """Decide a pending request; False when it is not pending (any more)."""
    pending = (access_requests.c.id == request, access_requests.c.state == "pending")
    return connection.execute(update(access_requests).where(*pending).values(state=state, decided_at=now)).rowcount == 1
