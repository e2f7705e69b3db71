"""What may be asked of a port: a role, a purpose, columns, days, and words for people. What may not is refused."""

from __future__ import annotations

from collections.abc import Collection

from platform_resources.access.errors import BadRequestError
from platform_resources.access.model import ReadingRole
from platform_resources.access.requests.offers import Offer, Offers
from platform_resources.contracts.characters import hidden_character

_LONGEST_TEXT = 2000  # characters of a reason, a comment, a condition
_USUAL_DAYS = 90


def role_of(offer: Offer, name: str | None) -> ReadingRole:
    """The role of that name; of none the first one."""
    role = offer.policy.role(name)
    if role is None:
        offered = ", ".join(role.name for role in offer.policy.roles) or "none"
        raise BadRequestError(f"{offer.policy.port} offers no such role to read", f"Roles: {offered}.")
    return role


def purpose_for(offers: Offers, role: ReadingRole, purpose: str | None) -> str:
    """One of the council's purposes that the role is for."""
    known = offers.purposes() or tuple(role.purposes or ([purpose] if purpose else ()))
    allowed = [name for name in known if role.purposes is None or name in role.purposes]
    if purpose in allowed:
        return str(purpose)
    choice = f"Purposes: {', '.join(allowed) or 'none'}."
    if purpose is None:
        raise BadRequestError("a request says what the data are for", choice)
    if purpose in known:
        raise BadRequestError(f"the role {role.name} is not for {purpose}", choice)
    raise BadRequestError("the council knows no such purpose", choice)


def days_for(offers: Offers, days: int | None) -> int:
    """For how long; None: the usual days, or the council's longest."""
    longest = offers.longest_days()
    wanted = min(_USUAL_DAYS, longest) if days is None else days
    if not 1 <= wanted <= longest:
        raise BadRequestError(f"a grant lasts 1 to {longest} days", "Ask for fewer; it can be asked for again.")
    return wanted


def columns_of(offer: Offer, columns: Collection[str] | None) -> list[str] | None:
    """The columns asked for, in the contract's order."""
    if columns is None:
        return None
    known = [column.name for column in offer.contract.table.columns]
    if not columns or set(columns) - set(known):
        raise BadRequestError(f"these are no columns of {offer.policy.port}", f"Columns: {', '.join(known)}.")
    return [name for name in known if name in columns]


def words_of(text: str | None, what: str, *, needed: bool = False) -> str | None:
    """Words of people, trimmed."""
    words = (text or "").strip()
    if needed and not words:
        raise BadRequestError(f"a {what} is needed, in words", "The approvers read it.")
    if len(words) > _LONGEST_TEXT or hidden_character(words) is not None:
        raise BadRequestError(f"the {what} is too long, or no plain text", f"Up to {_LONGEST_TEXT} characters.")
    return words or None
