"""Names of those who may hold a grant, own a product or approve: each kind has a form that no other kind can have.

An identity goes by its id, a team by `team:<name>`, a product by `<domain>.<product>`. So nobody becomes an approver by
being put into a team that is called like one, or a holder of a product's grants by choosing its address as a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform_resources.access.model import Identity

_TEAM = "team:"
_PRODUCT = re.compile(r"[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}")


def canonical_id(name: str) -> str:
    """`name` as ids are kept: an e-mail address in small letters, as case tells no two people apart; others as is.

    Only ASCII is lowered: beyond it two letters may have one small form (K and the Kelvin sign).
    """
    return name.lower() if "@" in name and name.isascii() else name


def team_consumer(team: str) -> str:
    """A team as grants and contracts name it."""
    return f"{_TEAM}{team}"


def team_of(consumer: str) -> str | None:
    """The name of the team that a consumer is; None when it is none."""
    return consumer.removeprefix(_TEAM) if consumer.startswith(_TEAM) else None


def is_like_a_product(name: str) -> bool:
    """Whether it could be the address of a product."""
    return _PRODUCT.fullmatch(name) is not None


def held_by(identity: Identity) -> tuple[str, ...]:
    """The consumers whose grants are the identity's too: itself and its teams."""
    return (identity.id, *(team_consumer(team) for team in sorted(identity.teams)))


def is_named(identity: Identity, addresses: Iterable[str]) -> bool:
    """Whether one of the addresses, of owners or approvers, is the identity's own or that of a team of its."""
    own = frozenset(held_by(identity))
    return any(canonical_id(address) in own for address in addresses)
