"""Tokens: `mesh_<id>_<secret>`. The id is public, of the secret only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from platform_resources.access.errors import UnauthenticatedError
from platform_resources.access.identities import find_identity
from platform_resources.access.model import Caller
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import tokens
from platform_resources.lake import utc_now

_PREFIX = "mesh"


def create_token(
    control: ControlDatabase,
    identity: str,
    *,
    created_by: str,
    label: str = "",
    scopes: Collection[str] = ("read",),
    purpose: str | None = None,
    lasts: timedelta = timedelta(days=90),
) -> str:
    """A new token; it is told once and can't be read again."""
    public, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    now = utc_now()
    with control.writing() as connection:
        connection.execute(
            tokens.insert().values(
                id=public,
                identity=identity,
                digest=hashlib.sha256(secret.encode()).hexdigest(),
                label=label,
                scopes=sorted(scopes),
                purpose=purpose,
                created_at=now,
                created_by=created_by,
                expires_at=now + lasts,
            )
        )
    return f"{_PREFIX}_{public}_{secret}"


def authenticate_token(control: ControlDatabase, token: str) -> Caller:
    """Who shows this token.

    Raises
    ------
    UnauthenticatedError
        when it is unknown, expired or revoked, or its identity is disabled; they look alike.
    """
    refused = UnauthenticatedError("the token is not valid", "Ask for a new one: mesh token create")
    prefix, _, rest = token.partition("_")
    public, _, secret = rest.partition("_")
    if prefix != _PREFIX or not secret:
        raise refused
    with control.reading() as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == public)).mappings().one_or_none()
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if row is None or not hmac.compare_digest(row["digest"], digest):
        raise refused
    if row["revoked_at"] is not None or row["expires_at"] <= utc_now():
        raise refused
    identity = find_identity(control, row["identity"])
    if identity is None:
        raise refused
    return Caller(identity, frozenset(row["scopes"]), row["purpose"], public, row["expires_at"])
