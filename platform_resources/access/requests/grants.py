"""Grants, kept in the control database: each decision reads them anew, so a revocation holds at once everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from platform_resources.access.callers.names import held_by
from platform_resources.access.model import EVERY_PORT, Grant, Identity
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import grants


def grant_of_row(row: Mapping[str, Any]) -> Grant:
    return Grant(
        id=row["id"],
        consumer=row["consumer"],
        port=row["port"],
        role=row["role"],
        purpose=row["purpose"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        clearances=frozenset(row["clearances"]),
        columns=None if row["columns"] is None else frozenset(row["columns"]),
        conditions=row["conditions"],
        review_at=row["review_at"],
        granted_by=tuple(row["granted_by"]),
        request=row["request"],
        revoked_at=row["revoked_at"],
        revoked_by=row["revoked_by"],
        revoked_because=row["revoked_because"],
    )


def grants_of(control: ControlDatabase, identity: Identity) -> tuple[Grant, ...]:
    """The grants of an identity and of its teams that were not revoked, oldest first."""
    query = (
        select(grants)
        .where(grants.c.consumer.in_(held_by(identity)), grants.c.revoked_at.is_(None))
        .order_by(grants.c.id)
    )
    with control.reading() as connection:
        return tuple(grant_of_row(row) for row in connection.execute(query).mappings())


def add_grant(control: ControlDatabase, grant: Grant) -> int:
    """Store a grant (its `id` is not looked at); returns its id."""
    with control.writing() as connection:
        return add_grant_in(connection, grant)


def add_grant_in(connection: Connection, grant: Grant) -> int:
    """The same inside a `writing` transaction."""
    values = {
        "consumer": grant.consumer,
        "port": grant.port,
        "role": grant.role,
        "clearances": sorted(grant.clearances),
        "purpose": grant.purpose,
        "columns": None if grant.columns is None else sorted(grant.columns),
        "conditions": grant.conditions,
        "starts_at": grant.starts_at,
        "ends_at": grant.ends_at,
        "review_at": grant.review_at,
        "granted_by": list(grant.granted_by),
        "request": grant.request,
    }
    return connection.execute(grants.insert().values(**values)).inserted_primary_key[0]


def grants_to(connection: Connection, consumer: str, port: str | None = None) -> tuple[Grant, ...]:
    """Every grant that one consumer ever had (on `port`, or on all), oldest first: ended and revoked ones too."""
    query = select(grants).where(grants.c.consumer == consumer).order_by(grants.c.id)
    if port is not None:
        query = query.where(grants.c.port.in_((port, EVERY_PORT)))
    return tuple(grant_of_row(row) for row in connection.execute(query).mappings())


def grants_on(control: ControlDatabase, *ports: str) -> tuple[Grant, ...]:
    """The grants on some ports that were not revoked, oldest first; those on every port are none of it."""
    query = select(grants).where(grants.c.port.in_(ports), grants.c.revoked_at.is_(None)).order_by(grants.c.id)
    with control.reading() as connection:
        return tuple(grant_of_row(row) for row in connection.execute(query).mappings())
