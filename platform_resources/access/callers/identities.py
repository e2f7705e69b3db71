"""Identities, kept in the control database: people, services, agents and products that may ask for data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from sqlalchemy import Connection, select

from platform_resources.access.callers.names import canonical_id, is_like_a_product
from platform_resources.access.errors import BadRequestError, NotFoundError
from platform_resources.access.model import Identity, IdentityKind
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import identities
from platform_resources.lake import utc_now

Origin = Literal["local", "oidc", "demo", "platform"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@|-]{0,199}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TEAM = re.compile(r"[A-Za-z0-9/][A-Za-z0-9 _/-]{0,189}")  # `team:<name>` is kept too, in 200 characters
_LONGEST_TEXT = 200
_MOST_VALUES = 1_000  # of one attribute; each becomes part of a filter
_WHOLE_NUMBERS = range(-(2**63), 2**63)  # that a row filter can compare with


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
        origin=row["origin"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )


def get_identity(control: ControlDatabase | Connection, identity: str) -> Identity | None:
    """The identity of that id as it is stored, disabled or not; None when there is none."""
    if isinstance(control, Connection):
        return _get(control, identity)
    with control.reading() as connection:
        return _get(connection, identity)


def find_identity(control: ControlDatabase, identity: str) -> Identity | None:
    """The identity of that id with what it may at this moment; None when there is none, or it may nothing.

    A service or an agent that somebody answers for holds at most that one's clearances, and nothing once that one is
    disabled or gone.
    """
    with control.reading() as connection:
        return active_identity(connection, identity)


def active_identity(connection: Connection, identity: str) -> Identity | None:
    """See `find_identity`; within a transaction."""
    found = _get(connection, identity)
    if found is None or found.disabled_at is not None:
        return None
    if found.responsible is None:
        return found
    answers = _get(connection, found.responsible)
    if answers is None or answers.disabled_at is not None:
        return None
    return replace(found, clearances=found.clearances & answers.clearances)


def list_identities(control: ControlDatabase) -> tuple[Identity, ...]:
    """All identities as they are stored, by id."""
    with control.reading() as connection:
        rows = connection.execute(select(identities).order_by(identities.c.id)).mappings()
        return tuple(identity_of_row(row) for row in rows)


def save_identity(
    control: ControlDatabase,
    identity: Identity,
    origin: Origin = "local",
    *,
    audit: AuditLog | None = None,
    actor: str = "",
) -> bool:
    """Add an identity, or change it to this; returns whether it is new. With `audit`, `actor` is on record for it.

    Raises
    ------
    BadRequestError
        when it can't be one: the message says which field, and what it should look like.
    """
    with control.writing() as connection:
        return save_identity_in(connection, identity, origin, audit=audit, actor=actor)


def save_identity_in(
    connection: Connection, identity: Identity, origin: Origin, *, audit: AuditLog | None = None, actor: str = ""
) -> bool:
    """The same inside a `writing` transaction."""
    answering = identity.responsible and canonical_id(identity.responsible)
    identity = replace(identity, id=canonical_id(identity.id), responsible=answering)
    check_identity(identity)
    if identity.responsible is not None:
        answers = _get(connection, identity.responsible)
        if answers is None or answers.disabled_at is not None or answers.kind != "person":
            raise BadRequestError(
                f"{identity.responsible} can't answer for {identity.id}", "Name a person that is known."
            )
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
    row = connection.execute(select(identities).where(identities.c.id == identity.id)).mappings().one_or_none()
    if row is None:
        connection.execute(identities.insert().values(id=identity.id, created_at=utc_now(), **values))
    else:
        connection.execute(identities.update().where(identities.c.id == identity.id).values(**values))
    changed = sorted(name for name, value in values.items() if row is not None and row[name] != value)
    if audit is not None and (row is None or changed):
        # What clearances and attributes are given is what an auditor asks for; names of people are not.
        told = {name: value for name, value in values.items() if name != "name" and (row is None or name in changed)}
        if "kind" in told:
            told["identity_kind"] = told.pop("kind")  # the entry has a kind of its own
        kind = "identity-added" if row is None else "identity-changed"
        audit.append_in(connection, kind, actor, identity=identity.id, **told)
    return row is None


def set_enabled(control: ControlDatabase, audit: AuditLog, identity: str, enabled: bool, actor: str) -> Identity:
    """Disable an identity, which ends everything it and its services do within a second, or enable it again.

    Raises
    ------
    NotFoundError
        when there is none of that id.
    """
    identity = canonical_id(identity)
    with control.writing() as connection:
        found = _get(connection, identity)
        if found is None:
            raise NotFoundError(f"there is no identity {identity!r}", "`mesh identity list` lists them.")
        if (found.disabled_at is None) == enabled:
            return found
        moment = None if enabled else utc_now()
        connection.execute(identities.update().where(identities.c.id == identity).values(disabled_at=moment))
        kind = "identity-enabled" if enabled else "identity-disabled"
        audit.append_in(connection, kind, actor, identity=identity)
        return replace(found, disabled_at=moment)


def check_identity(identity: Identity) -> None:
    """Whether it can be an identity: forms of id, names and values.

    Raises
    ------
    BadRequestError
        when not.
    """
    if not _ID.fullmatch(identity.id):
        raise BadRequestError(
            "an identity's id is an e-mail address or a name of letters, digits and . _ - + @ |, at most 200 long",
            "For example service-desk or ana.lind@retailer.example.",
        )
    if identity.kind != "product" and is_like_a_product(identity.id):
        raise BadRequestError(
            f"{identity.id} is the form of a product's address",
            "Take an e-mail address, or a name with - in place of the dot.",
        )
    if identity.kind not in get_args(IdentityKind):
        raise BadRequestError(f"{identity.kind!r} is no kind of identity", _one_of(get_args(IdentityKind)))
    if not 0 < len(identity.name) <= _LONGEST_TEXT or not identity.name.isprintable():
        raise BadRequestError(f"{identity.id} needs a name of at most 200 printable characters")
    if identity.responsible == identity.id:
        raise BadRequestError(f"{identity.id} can't answer for itself", "Name the person who does.")
    if identity.administrator and identity.kind != "person":
        raise BadRequestError(f"{identity.id} is no person: only people administer the platform")
    named = [("clearance", name) for name in identity.clearances] + [
        ("attribute", name) for name in identity.attributes
    ]
    named += [(what, name) for what, name in (("domain", identity.domain), ("purpose", identity.purpose)) if name]
    for what, name in named:
        if not isinstance(name, str) or not is_name(name):
            raise BadRequestError(
                f"{name!r} can't be a {what}", "Names are small letters, digits and _, as lifecycle_stage."
            )
    for team in identity.teams:
        if not is_team(team):
            raise BadRequestError(
                f"{team!r} can't be the name of a team",
                "Letters, digits, spaces and _ - /; no dots and no @, which are of products and people.",
            )
    for name, value in identity.attributes.items():
        if not _is_attribute(value):
            raise BadRequestError(
                f"the attribute {name} of {identity.id} can't be kept",
                "Write a text, a number, true or false, or a list of texts or of whole numbers.",
            )


def is_name(text: str) -> bool:
    """Whether it can be a clearance, an attribute, a domain or a purpose."""
    return _NAME.fullmatch(text) is not None


def is_team(text: str) -> bool:
    return _TEAM.fullmatch(text) is not None


def _is_attribute(value: Any) -> bool:
    if isinstance(value, list | tuple):
        alike = {type(item) for item in value} in ({str}, {int}, set())
        return alike and len(value) <= _MOST_VALUES and all(_is_attribute(item) for item in value)
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT and "\0" not in value
    return value in _WHOLE_NUMBERS if isinstance(value, int) else isinstance(value, float) and math.isfinite(value)


def _one_of(names: tuple[str, ...]) -> str:
    return f"One of: {', '.join(names)}."


def _get(connection: Connection, identity: str) -> Identity | None:
    known = canonical_id(identity)
    if not _ID.fullmatch(known):  # no text that a database would stumble over, as one with NUL
        return None
    row = connection.execute(select(identities).where(identities.c.id == known)).mappings().one_or_none()
    return None if row is None else identity_of_row(row)
