"""Identities, kept in the control database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from platform_resources.access.model import Identity
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import identities
from platform_resources.lake import utc_now


def identity_of_row(row: Mapping[str, Any]) -> Identity:
    attributes = {name: tuple(v) if isinstance(v, list) else v for name, v in row["attributes"].items()}
    return Identity(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        domain=row["domain"],
        clearances=frozenset(row["clearances"]),
        attributes=attributes,
        teams=frozenset(row["teams"]),
        purpose=row["purpose"],
        responsible=row["responsible"],
        administrator=row["administrator"],
    )


def find_identity(control: ControlDatabase, identity: str) -> Identity | None:
    """The identity of that id; None when there is none, or it is disabled."""
    with control.reading() as connection:
        row = connection.execute(select(identities).where(identities.c.id == identity)).mappings().one_or_none()
    return None if row is None or row["disabled_at"] is not None else identity_of_row(row)


def save_identity(control: ControlDatabase, identity: Identity, origin: str = "local") -> None:
    """Add an identity, or change it to this."""
    values = {
        "kind": identity.kind,
        "name": identity.name,
        "domain": identity.domain,
        "clearances": sorted(identity.clearances),
        "attributes": {k: list(v) if isinstance(v, tuple) else v for k, v in identity.attributes.items()},
        "teams": sorted(identity.teams),
        "purpose": identity.purpose,
        "responsible": identity.responsible,
        "administrator": identity.administrator,
        "origin": origin,
    }
    with control.writing() as connection:
        changed = connection.execute(identities.update().where(identities.c.id == identity.id).values(**values))
        if changed.rowcount == 0:
            connection.execute(identities.insert().values(id=identity.id, created_at=utc_now(), **values))
