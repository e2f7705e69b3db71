"""What consumers think of a product: one rating for each who reads it, in the control database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from platform_resources.access.callers.names import held_by
from platform_resources.access.model import Caller, Grant, Identity
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import identities, ratings, usage

LONGEST_COMMENT = 2000


@dataclass(frozen=True)
class Rating:
    """`stars` 1-5; `by` is the name of who rated."""

    product: str
    identity: str
    by: str
    stars: int
    comment: str | None
    at: datetime


def ratings_of(control: ControlDatabase, product: str) -> list[Rating]:
    """Newest first."""
    query = (
        select(ratings, identities.c.name)
        .join(identities, identities.c.id == ratings.c.identity, isouter=True)
        .where(ratings.c.product == product)
        .order_by(ratings.c.at.desc(), ratings.c.identity)
    )
    with control.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        Rating(r["product"], r["identity"], r["name"] or r["identity"], r["stars"], r["comment"], r["at"]) for r in rows
    ]


def average(found: Sequence[Rating]) -> float | None:
    """Mean of the stars, to two digits; None without any."""
    return round(sum(rating.stars for rating in found) / len(found), 2) if found else None


def has_used(control: ControlDatabase, identity: Identity, ports: Collection[str], grants: Collection[Grant]) -> bool:
    """Whether somebody may read one of these ports (`grants` are those that hold), or has ever read one."""
    if any(grant.is_on(port) for grant in grants for port in ports):
        return True
    read = select(usage.c.port).where(usage.c.port.in_(list(ports)), usage.c.consumer.in_(held_by(identity))).limit(1)
    with control.reading() as connection:
        return connection.execute(read).first() is not None


def rate(
    control: ControlDatabase,
    audit: AuditLog,
    caller: Caller,
    product: str,
    stars: int,
    comment: str | None,
    at: datetime,
) -> None:
    """Store a rating in the place of the caller's earlier one. Whether it may rate is for who calls this to ask.

    The audit log tells that it rated and how, not in which words: those can be replaced, its entries can't.
    """
    words = (comment or "").strip()[:LONGEST_COMMENT] or None
    identity = caller.identity.id
    row = {"product": product, "identity": identity, "stars": stars, "comment": words, "at": at}
    with control.writing() as connection:  # alone among writers: nobody adds a second one in between
        connection.execute(delete(ratings).where(ratings.c.product == product, ratings.c.identity == identity))
        connection.execute(insert(ratings).values(**row))
        facts = {"product": product, "stars": stars, "commented": words is not None, "credential": caller.credential}
        audit.append_in(connection, "rated", identity, None, **facts)
