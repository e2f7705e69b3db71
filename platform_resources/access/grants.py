"""Grants, kept in the control database: each decision reads them anew, so a revocation holds at once everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from platform_resources.access.model import Grant, Identity
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
    )


def grants_of(control: ControlDatabase, identity: Identity) -> tuple[Grant, ...]:
    """The grants of an identity and of its teams that were not revoked, oldest first."""
    consumers = [identity.id, *sorted(identity.teams)]
    query = select(grants).where(grants.c.consumer.in_(consumers), grants.c.revoked_at.is_(None)).order_by(grants.c.id)
    with control.reading() as connection:
        return tuple(grant_of_row(row) for row in connection.execute(query).mappings())


def add_grant(control: ControlDatabase, grant: Grant) -> int:
    """Store a grant (its `id` is not looked at); returns its id."""
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
    with control.writing() as connection:
        return connection.execute(grants.insert().values(**values)).inserted_primary_key[0]
