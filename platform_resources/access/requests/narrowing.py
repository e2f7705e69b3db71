"""Which rows can concern somebody at all, said in SQL: what is decided row by row is decided on few of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, or_, select

from platform_resources.access.callers.names import held_by, is_like_a_product
from platform_resources.access.model import Identity
from platform_resources.access.requests.offers import Offers
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import identities


def concerning(
    control: ControlDatabase,
    offers: Offers,
    identity: Identity,
    port: Column[str],
    *parties: Column[str],
    among: Sequence[ColumnElement[bool]] = (),
) -> ColumnElement[bool]:
    """Rows on a port that the identity decides over, or that name it or somebody that it speaks for.

    `parties` are the columns of a table that name identities, teams and products. No row that meets the conditions
    `among` is missing that `Offers.decides` or `Party.is_spoken_for_by` would let through; who sees a row is theirs to
    say.
    """
    answers_for = select(identities.c.id).where(identities.c.responsible == identity.id)
    with control.reading() as connection:
        names = {*held_by(identity), *connection.execute(answers_for).scalars()}
        named = (select(column).where(*among).distinct() for column in parties)
        told = {name for query in named for name in connection.execute(query).scalars()}
    names |= {name for name in told if is_like_a_product(name) and offers.party(name).is_spoken_for_by(identity)}
    return or_(deciding(control, offers, identity, port, *among), *(column.in_(sorted(names)) for column in parties))


def deciding(
    control: ControlDatabase, offers: Offers, identity: Identity, port: Column[str], *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Rows on a port that the identity decides over; of the ports of rows that meet some conditions."""
    with control.reading() as connection:
        ports = connection.execute(select(port).where(*conditions).distinct()).scalars().all()
    return port.in_(sorted(name for name in ports if offers.decides(identity, name)))
