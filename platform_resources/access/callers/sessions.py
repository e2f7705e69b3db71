"""Sessions of the portal: who signed in with a browser. The cookie has 256 random bits, the database their SHA-256.

A session that began with a token is no credential of its own: it ends with that token. One that began at the OpenID
provider lasts a time of its own: the end of an ID token, often minutes away, is when its word may be taken no more, not
when somebody has to go (OpenID Connect Core 1.0, 2: `exp`; NIST SP 800-63C, 6: "Assertion lifetimes SHALL NOT be used
to limit the session at the RP"). Token, identity and grants are looked up at each request: one that is revoked or
disabled ends it at once.
"""

from __future__ import annotations

import hashlib
import math
import os
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
from platform_resources.lake import SettingError, utc_now

_USUAL_HOURS = 12.0
_MOST_HOURS = 24.0 * 7
MOST = 50  # sessions of one identity at a time; the oldest end first
BY_OIDC = "oidc"  # the credential of a caller who showed a JWT; how somebody signed in who came back from the provider
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class NewSession:
    secret: str  # for the cookie; it can't be read again
    ends_at: datetime


def longest_session() -> timedelta:
    """How long somebody stays signed in at most: `MESH_SESSION_HOURS`, else 12 hours.

    Raises
    ------
    SettingError
        when that is no number of hours above 0, up to a week.
    """
    text = os.environ.get("MESH_SESSION_HOURS", "").strip()
    try:
        hours = float(text or _USUAL_HOURS)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= _MOST_HOURS:
        raise SettingError(f"MESH_SESSION_HOURS={text!r} is no number of hours; write one as 8, at most 168")
    return timedelta(hours=hours)


def begin_session(
    control: ControlDatabase, audit: AuditLog, caller: Caller, how: str, longest: timedelta
) -> NewSession:
    """A session for who has just proved who it is; `how` (token, oidc, persona) is on record.

    It never lasts longer than a credential that was shown, a JWT that was pasted too: whoever came by one, which ends
    soon, would else be signed in for hours.
    """
    secret, now = secrets.token_urlsafe(32), utc_now()
    ends = now + longest
    if how != BY_OIDC and caller.expires_at is not None:
        ends = min(ends, caller.expires_at)
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
