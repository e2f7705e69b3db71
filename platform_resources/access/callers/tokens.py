"""Tokens: `mesh_<id>_<secret>`. The id is public, of the secret only its SHA-256 is kept.

256 random bits need no slow hash: argon2 would cost 250 ms a request and protect nothing that could be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from platform_resources.access.callers.identities import active_identity, get_identity
from platform_resources.access.callers.names import canonical_id
from platform_resources.access.callers.refusals import refusals_on_record
from platform_resources.access.callers.scopes import ScopeError, check_scopes, within
from platform_resources.access.errors import (
    BadRequestError,
    ConflictError,
    DeniedError,
    NotFoundError,
    UnauthenticatedError,
)
from platform_resources.access.model import Caller
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import tokens
from platform_resources.lake import utc_now

LONGEST = timedelta(days=366)
MOST_LIVE = 50  # tokens of one identity that hold at the same time
_FORM = re.compile(r"mesh_([0-9a-f]{10})_([A-Za-z0-9_-]{43})")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LONGEST_ID = 200  # characters of an identity that is asked for, in the audit log
_NO_DIGEST = "0" * 64  # compared with when there is no such token: the answer takes as long


@dataclass(frozen=True)
class Token:
    """What is known of a token; its secret is not."""

    id: str
    identity: str
    label: str
    scopes: frozenset[str]
    purpose: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None  # to the minute

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "valid"


def create_token(
    control: ControlDatabase,
    identity: str,
    *,
    created_by: str,
    label: str = "",
    scopes: Collection[str] = ("read",),
    purpose: str | None = None,
    lasts: timedelta = timedelta(days=90),
    not_after: datetime | None = None,
    parent: str | None = None,
    audit: AuditLog | None = None,
) -> str:
    """A new token; it is told once and can't be read again. It ends when `parent` (the id of a token) is revoked.

    Raises
    ------
    NotFoundError
        when there is no such identity.
    BadRequestError
        when a scope is unknown, or it would last no time or more than 366 days.
    ConflictError
        when the identity has as many as it may have at a time.
    """
    with control.writing() as connection:
        return create_token_in(
            connection,
            identity,
            created_by=created_by,
            label=label,
            scopes=scopes,
            purpose=purpose,
            lasts=lasts,
            not_after=not_after,
            parent=parent,
            audit=audit,
        )


def create_token_in(
    connection: Connection,
    identity: str,
    *,
    created_by: str,
    label: str = "",
    scopes: Collection[str] = ("read",),
    purpose: str | None = None,
    lasts: timedelta = timedelta(days=90),
    not_after: datetime | None = None,
    parent: str | None = None,
    audit: AuditLog | None = None,
) -> str:
    """The same inside a `writing` transaction."""
    try:
        checked = sorted(check_scopes(scopes))
    except ScopeError as error:
        raise BadRequestError(str(error)) from None
    if not timedelta(0) < lasts <= LONGEST:
        raise BadRequestError("a token lasts at least a moment and at most 366 days")
    if purpose is not None and not _PURPOSE.fullmatch(purpose):
        raise BadRequestError(f"{purpose!r} can't be a purpose", "Purposes are small letters, digits and _.")
    if len(label) > 200 or not label.isprintable():
        raise BadRequestError("a label has at most 200 printable characters")
    identity = canonical_id(identity)
    if get_identity(connection, identity) is None:
        raise _unknown(identity)
    public, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    now = utc_now()
    _check_number(connection, identity, now)
    ends = now + lasts if not_after is None else min(now + lasts, not_after)
    connection.execute(
        tokens.insert().values(
            id=public,
            identity=identity,
            digest=_digest(secret),
            label=label,
            scopes=checked,
            purpose=purpose,
            created_at=now,
            created_by=created_by,
            parent=parent,
            expires_at=ends,
        )
    )
    if audit is not None:
        facts = {"token": public, "identity": identity, "scopes": checked, "expires_at": ends, "parent": parent}
        audit.append_in(connection, "token-created", created_by, **facts)
    return f"mesh_{public}_{secret}"


def issue_token(
    control: ControlDatabase,
    audit: AuditLog,
    caller: Caller,
    identity: str | None = None,
    *,
    label: str = "",
    scopes: Collection[str] = ("read",),
    purpose: str | None = None,
    lasts: timedelta | None = None,
) -> str:
    """A token that `caller` asks for, for itself or for a service or an agent that it answers for.

    No token may more than the credential that makes it (in scopes, purpose and time). One that a token makes ends with
    it; one that is made in a session which an OpenID provider opened ends when that would, also after signing out.
    People make their own: an administrator makes tokens for services and agents only, and by a credential that may not
    read none that may. Nobody makes one that approves for another.

    Raises
    ------
    DeniedError
        when it is for somebody else, or wider than the caller's credential.
    """
    owner = caller.identity.id if identity is None else canonical_id(identity)
    with refusals_on_record(audit, caller, "create a token", identity=owner[:_LONGEST_ID]):
        if owner != caller.identity.id:
            _check_may_make_for(control, caller, owner, scopes)
        if not within(scopes, caller.scopes):
            raise DeniedError(
                "a token can't do more than the one that makes it", "This one has: " + ", ".join(sorted(caller.scopes))
            )
        if caller.purpose is not None and purpose not in (None, caller.purpose):
            raise DeniedError(f"the token that makes it is for {caller.purpose}", "Ask for the same purpose.")
    return create_token(
        control,
        owner,
        created_by=caller.identity.id,
        label=label,
        scopes=scopes,
        purpose=caller.purpose or purpose,
        lasts=timedelta(days=90) if lasts is None else lasts,
        not_after=caller.expires_at,
        parent=None if caller.credential == "oidc" else caller.credential,
        audit=audit,
    )


def _check_may_make_for(control: ControlDatabase, caller: Caller, owner: str, scopes: Collection[str]) -> None:
    """Whether `caller` makes tokens for `owner`. Who is known here is not told to those who may not."""
    found = get_identity(control, owner)
    is_person = found is None or found.kind == "person"
    answers = found is not None and found.responsible == caller.identity.id and caller.identity.kind == "person"
    if is_person or not (answers or caller.may("admin")):
        raise DeniedError(
            f"{caller.identity.id} may not make tokens for {owner}",
            "People make their own (mesh token create), or the operator of the database does at its command line; for "
            "a service or an agent who answers for it or an administrator does.",
        )
    if set(scopes) & {"approve", "admin"}:
        raise DeniedError("nobody makes a token that decides or administers for another", "People decide themselves.")


def list_tokens(control: ControlDatabase, identity: str | None = None) -> tuple[Token, ...]:
    """Tokens of one identity, or all; newest first."""
    query = select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id)
    if identity is not None:
        query = query.where(tokens.c.identity == canonical_id(identity))
    with control.reading() as connection:
        return tuple(_token_of_row(row) for row in connection.execute(query).mappings())


def token_in(connection: Connection, token: str) -> Token | None:
    """A token by its public id, within a transaction."""
    row = connection.execute(select(tokens).where(tokens.c.id == token)).mappings().one_or_none()
    return None if row is None else _token_of_row(row)


def revoke_token(
    control: ControlDatabase, audit: AuditLog, token: str, actor: str, *, owner: str | None = None
) -> tuple[str, ...]:
    """End a token (its public id) and those that were made with it, at once everywhere; returns the ids that ended.

    Raises
    ------
    NotFoundError
        when there is no such token, or it is not of `owner`: they look alike.
    """
    with control.writing() as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == token)).mappings().one_or_none()
        if row is None or owner not in (None, row["identity"]):
            raise NotFoundError(f"there is no token {token!r}", "`mesh token list` lists them by their public id.")
        family, found = {token}, {token}
        while found:
            children = connection.execute(select(tokens.c.id).where(tokens.c.parent.in_(found))).scalars()
            found = set(children) - family
            family |= found
        living = select(tokens.c.id).where(tokens.c.id.in_(family), tokens.c.revoked_at.is_(None))
        ended = sorted(connection.execute(living).scalars())
        if ended:
            connection.execute(tokens.update().where(tokens.c.id.in_(ended)).values(revoked_at=utc_now()))
            audit.append_in(connection, "token-revoked", actor, tokens=ended, identity=row["identity"])
        return tuple(ended)


def authenticate_token(control: ControlDatabase, token: str, used: Callable[[Token], None] | None = None) -> Caller:
    """Who shows this token, as the database says at this moment. `used` is told of one that holds.

    Raises
    ------
    UnauthenticatedError
        when it is unknown, expired or revoked, or its identity is disabled; they look alike.
    """
    refused = UnauthenticatedError("the token is not valid", "Ask for a new one: mesh token create")
    form = _FORM.fullmatch(token)
    if form is None:
        raise refused
    public, secret = form.groups()
    with control.reading() as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == public)).mappings().one_or_none()
        identity = active_identity(connection, "" if row is None else row["identity"])
    matches = hmac.compare_digest(_NO_DIGEST if row is None else row["digest"], _digest(secret))
    if row is None or not matches or identity is None:
        raise refused
    found = _token_of_row(row)
    if found.state(utc_now()) != "valid":
        raise refused
    if used is not None:
        used(found)
    return Caller(identity, found.scopes, found.purpose, found.id, found.expires_at)


def _check_number(connection: Connection, identity: str, now: datetime) -> None:
    live = (tokens.c.identity == identity, tokens.c.revoked_at.is_(None), tokens.c.expires_at > now)
    number = connection.execute(select(func.count()).select_from(tokens).where(*live)).scalar_one()
    if number >= MOST_LIVE:
        raise ConflictError(
            f"{identity} has {number} tokens that hold, and nobody may have more at a time",
            "End those that are not used: mesh token list, mesh token revoke.",
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _unknown(identity: str) -> NotFoundError:
    return NotFoundError(f"there is no identity {identity!r}", "`mesh identity list` lists them.")


def _token_of_row(row: Mapping[str, Any]) -> Token:
    return Token(
        id=row["id"],
        identity=row["identity"],
        label=row["label"],
        scopes=frozenset(row["scopes"]),
        purpose=row["purpose"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
