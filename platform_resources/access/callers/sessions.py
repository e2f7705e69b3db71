"""Sessions of the portal: who signed in with a browser. The cookie has 256 random bits, the database their SHA-256.

A session is no credential of its own: it ends with the token that was shown for it, and with its identity. Both are
looked up at each request, so that a token that is revoked, or an identity that is disabled, ends it at once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from platform_resources.access.callers.identities import active_identity
from platform_resources.access.callers.oidc_identities import SIGNED_IN_SCOPES
from platform_resources.access.callers.tokens import Token, token_in
from platform_resources.access.errors import UnauthenticatedError
from platform_resources.access.model import Caller
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import sessions
from platform_resources.lake import utc_now

LONGEST = timedelta(hours=12)
MOST = 50  # sessions of one identity at a time; the oldest end first
BY_OIDC = "oidc"  # the credential of a caller who showed a JWT
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class NewSession:
    secret: str  # for the cookie; it can't be read again
    ends_at: datetime


def begin_session(control: ControlDatabase, audit: AuditLog, caller: Caller, how: str) -> NewSession:
    """A session for who has just proved who it is; `how` (token, oidc, persona) is on record.

    It lasts 12 hours at most, and never longer than the credential.
    """
    secret, now = secrets.token_urlsafe(32), utc_now()
    ends = now + LONGEST if caller.expires_at is None else min(now + LONGEST, caller.expires_at)
    with control.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
        own = select(sessions.c.digest).where(sessions.c.identity == caller.identity.id)
        known = connection.execute(own.order_by(sessions.c.created_at.desc())).scalars().all()
        connection.execute(delete(sessions).where(sessions.c.digest.in_(known[MOST - 1 :])))
        connection.execute(
            insert(sessions).values(
                digest=_digest(secret),
                identity=caller.identity.id,
                token=None if caller.credential == BY_OIDC else caller.credential,
                created_at=now,
                expires_at=ends,
            )
        )
        audit.append_in(connection, "signed-in", caller.identity.id, credential=caller.credential, how=how)
    return NewSession(secret, ends)


def caller_of_session(
    control: ControlDatabase, secret: str, *, oidc: bool, used: Callable[[Token], None] | None = None
) -> Caller:
    """Who is signed in, as the database says at this moment. `used` is told of the token behind it.

    `oidc`: whether there is an OpenID provider; sessions that it vouched for end when it is no longer configured.

    Raises
    ------
    UnauthenticatedError
        when there is no such session, or it or what it stands on has ended; they look alike.
    """
    refused = UnauthenticatedError("you are not signed in", "Sign in again.")
    if not _FORM.fullmatch(secret):
        raise refused
    now = utc_now()
    with control.reading() as connection:
        row = connection.execute(select(sessions).where(sessions.c.digest == _digest(secret))).mappings().one_or_none()
        if row is None or row["expires_at"] <= now:
            raise refused
        identity = active_identity(connection, row["identity"])
        token = _token(connection, row["token"])
    if identity is None:
        raise refused
    if row["token"] is None:
        if not oidc:
            raise refused
        return Caller(identity, SIGNED_IN_SCOPES, None, BY_OIDC, row["expires_at"])
    if token is None or token.identity != identity.id or token.state(now) != "valid":
        raise refused
    if used is not None:
        used(token)
    return Caller(identity, token.scopes, token.purpose, token.id, min(token.expires_at, row["expires_at"]))


def end_session(control: ControlDatabase, audit: AuditLog, secret: str) -> None:
    """Sign out; nothing happens when there is no such session."""
    with control.writing() as connection:
        here = sessions.c.digest == _digest(secret)
        identity = connection.execute(select(sessions.c.identity).where(here)).scalar_one_or_none()
        if identity is not None:
            connection.execute(delete(sessions).where(here))
            audit.append_in(connection, "signed-out", identity)


def _token(connection: Connection, public: str | None) -> Token | None:
    return None if public is None else token_in(connection, public)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
