"""Who asked for a port and was granted it: asked before it changes, whatever the documents say of consumers.

An entry that is deleted from `consumers.yaml` together with a breaking change silences nobody who holds a grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from platform_resources.governance import Holder, PublishedPort
from platform_resources.lake import MeshSettings, utc_now

_KINDS = ("person", "service", "agent")


def with_holders(settings: MeshSettings, published: Mapping[str, PublishedPort]) -> dict[str, PublishedPort]:
    """The same ports, each knowing how to tell who holds a grant on it. Nothing is read before somebody asks."""
    return {
        address: replace(port, holders=partial(holders_of, settings, address)) for address, port in published.items()
    }


def holders_of(settings: MeshSettings, port: str) -> tuple[Holder, ...]:
    """Consumers with a grant in force on `port` that approvers gave on their request; without products, which declare
    what they read.

    Raises
    ------
    ControlError
        when the control database can't be read: who would be asked is not known then.
    """
    from sqlalchemy import select  # noqa: PLC0415  (200 ms, and only a breaking change needs it)

    from platform_resources.control import ControlDatabase  # noqa: PLC0415
    from platform_resources.control.tables import grants, identities  # noqa: PLC0415

    control, now = ControlDatabase(settings), utc_now()
    if control.is_embedded and not (settings.home / "control.sqlite").is_file():
        return ()
    held = (
        select(
            *(grants.c.consumer, grants.c.columns, grants.c.purpose),
            *(identities.c.name, identities.c.kind, identities.c.responsible),
        )
        .select_from(grants.outerjoin(identities, identities.c.id == grants.c.consumer))
        .where(
            grants.c.port == port,
            grants.c.request.is_not(None),
            grants.c.revoked_at.is_(None),
            grants.c.starts_at <= now,
            grants.c.ends_at > now,
        )
        .order_by(grants.c.id)
    )
    try:
        with control.reading() as connection:
            rows = connection.execute(held).mappings().all()
    finally:
        control.close()
    found: dict[str, Holder] = {}
    for row in rows:
        who = row["consumer"]
        known = found.get(who)
        columns = None if row["columns"] is None else tuple(row["columns"])
        if known is not None:
            both = known.columns is not None and columns is not None
            columns = tuple(dict.fromkeys((*known.columns, *columns))) if both else None  # type: ignore[misc]
        kind = row["kind"] if row["kind"] in _KINDS else "team"
        contact = who if "@" in who else row["responsible"] or ""
        found[who] = Holder(who, row["name"] or who.removeprefix("team:"), kind, contact, columns, row["purpose"])
    return tuple(found.values())
