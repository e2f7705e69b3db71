"""From what an OpenID provider says of a caller to an identity of the mesh."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from platform_resources.access.callers.identities import (
    active_identity,
    check_identity,
    get_identity,
    is_name,
    is_team,
    save_identity_in,
)
from platform_resources.access.callers.names import canonical_id, is_like_a_product
from platform_resources.access.callers.oidc_settings import OidcSettings
from platform_resources.access.errors import BadRequestError, UnauthenticatedError
from platform_resources.access.model import Caller, Identity
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog

# What somebody who signed in may use, as far as it has it.
SIGNED_IN_SCOPES = frozenset({"read", "request", "approve", "admin"})
_APART = "oidc|"
_MOST = 1_000  # values of a list claim
_LONGEST_LIFE = 366 * 86_400  # seconds


def identity_of_claims(claims: Mapping[str, Any], settings: OidcSettings) -> Identity:
    """Who verified claims speak of; it has no clearance, team or attribute that no mapped claim gives.

    Raises
    ------
    UnauthenticatedError
        when they name nobody, or one who can't be an identity here.
    """
    by_field = settings.claims
    who = _id_of_claims(claims, by_field.get("identity"))
    # A clearance or a team that can't be one here is left out, which only takes away; the rest must be right.
    clearances = {name for name in _texts(_claim(claims, by_field.get("clearances", ""))) if is_name(name)}
    teams = {name for name in _texts(_claim(claims, by_field.get("teams", ""))) if is_team(name)}
    attributes = {name: _attribute(_claim(claims, claim)) for name, claim in settings.attributes.items()}
    name = _text(_claim(claims, by_field.get("name", "name"))) or who
    said = Identity(
        id=who,
        kind=_text(_claim(claims, by_field.get("kind", ""))) or "person",  # type: ignore[arg-type]
        name="".join(c for c in name if c.isprintable())[:200] or who,
        domain=_text(_claim(claims, by_field.get("domain", ""))),
        clearances=frozenset(clearances),
        attributes={name: value for name, value in attributes.items() if value is not None},
        teams=frozenset(teams),
        purpose=_text(_claim(claims, by_field.get("purpose", ""))),
        origin="oidc",
    )
    try:
        check_identity(said)
    except BadRequestError as error:
        raise UnauthenticatedError(f"the token's claims make no identity: {error.message}", error.remedy) from None
    return said


def caller_of_claims(
    control: ControlDatabase, audit: AuditLog, claims: Mapping[str, Any], settings: OidcSettings
) -> Caller:
    """The caller behind verified claims. Its identity is kept, so that it can be granted to, listed and disabled.

    Raises
    ------
    UnauthenticatedError
        when it is disabled, can't be an identity, or is the name of one that was made here.
    """
    said = identity_of_claims(claims, settings)
    with control.reading() as connection:
        known = get_identity(connection, said.id)
        identity = None if known is None else active_identity(connection, said.id)
    if known is None or (known.origin == "oidc" and said != _as_said(known)):
        identity = _keep(control, audit, said)
    elif known.origin != "oidc" and not settings.local_identities:
        raise UnauthenticatedError(
            "the OpenID provider may not speak for this identity", "It was made here: it needs a token of the mesh."
        )
    if identity is None:
        raise UnauthenticatedError("the token is not valid", "Sign in again at the OpenID provider.")
    return Caller(identity, SIGNED_IN_SCOPES, None, "oidc", _expiry_of(claims))


def _as_said(known: Identity) -> Identity:
    """Without what only an administrator here says."""
    return replace(known, responsible=None, administrator=False, disabled_at=None)


def _keep(control: ControlDatabase, audit: AuditLog, said: Identity) -> Identity | None:
    with control.writing() as connection:
        known = get_identity(connection, said.id)
        if known is not None and known.origin != "oidc":
            return None  # made here meanwhile
        kept = said
        if known is not None:
            kept = replace(said, responsible=known.responsible, administrator=known.administrator)
        try:
            save_identity_in(connection, kept, "oidc", audit=audit, actor="oidc")
        except BadRequestError:
            return None  # whoever answers for it does so no more
        return active_identity(connection, said.id)


def _id_of_claims(claims: Mapping[str, Any], wanted: str | None) -> str:
    """The id of who claims speak of: of the mapped claim, else the e-mail address if it is proved, else `sub`.

    An address counts only with `email_verified: true`: no text, no number, not the lack of it. `sub` is whatever its
    provider likes, users of some choose it: one that looks like an address, or like a product, gets `oidc|` before it.

    Raises
    ------
    UnauthenticatedError
        when there is no such claim, or none that an id may be made of.
    """
    address = claims.get("email") if claims.get("email_verified") is True else None
    if wanted is None:
        wanted = "email" if isinstance(address, str) else "sub"
    who = address if wanted == "email" else _claim(claims, wanted)
    if not isinstance(who, str) or not who:
        raise UnauthenticatedError("the token names nobody", "The claim that names the identity is missing.")
    if not who.isascii():  # before anything is lowered: other letters have small forms that are ASCII
        raise UnauthenticatedError("the token names nobody", "The claim that names the identity is not plain ASCII.")
    if is_like_a_product(who) or who.startswith(_APART) or (wanted == "sub" and "@" in who):
        return _APART + who
    return canonical_id(who)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by its path: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or one text with spaces between (as `scope` has); anything else is nothing."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(item for item in value if isinstance(item, str))[:_MOST] if isinstance(value, list) else ()


def _attribute(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _expiry_of(claims: Mapping[str, Any]) -> datetime:
    """When verified claims end. A provider may write any number; none counts for longer than a year from now."""
    return datetime.fromtimestamp(min(int(claims["exp"]), int(time.time()) + _LONGEST_LIFE), UTC)
