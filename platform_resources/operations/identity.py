"""Who probes: a service of the platform's own, made on first use, that may read every port for `operations`.

It has no clearance, so what it reads is masked. Its reads are audited like everybody's; usage leaves them out.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from platform_resources.access import Access, AccessError, Grant, Identity
from platform_resources.access.callers.identities import find_identity, save_identity
from platform_resources.access.callers.tokens import create_token
from platform_resources.access.model import EVERY_PORT
from platform_resources.access.relations.usage import PROBE_IDENTITY
from platform_resources.access.requests.grants import add_grant
from platform_resources.lake import utc_now

PURPOSE = "operations"
_ACTOR = "platform"
_TOKEN_LASTS = timedelta(days=90)
_RENEWED_BEFORE = timedelta(days=1)
_GRANT_LASTS = timedelta(days=3650)


def probe_token(access: Access) -> str:
    """The token of the probe identity; it lies in `$MESH_HOME/operations/probe.token`, for its owner alone.

    Identity and grant are made once: an administrator who disables the one or revokes the other ends the probes.
    """
    file = access.settings.home / "operations" / "probe.token"
    token = file.read_text().strip() if file.is_file() else ""
    if token and _holds(access, token):
        return token
    _make_identity(access)
    told = {"created_by": _ACTOR, "label": "availability probes", "audit": access.audit}
    token = create_token(access.control, PROBE_IDENTITY, lasts=_TOKEN_LASTS, **told)
    _keep(file, token)
    return token


def _holds(access: Access, token: str) -> bool:
    try:
        caller = access.authenticate(token)
    except AccessError:
        return False
    return caller.expires_at is None or caller.expires_at > utc_now() + _RENEWED_BEFORE


def _make_identity(access: Access) -> None:
    if find_identity(access.control, PROBE_IDENTITY) is not None:
        return
    who = Identity(PROBE_IDENTITY, "service", "Availability probe", purpose=PURPOSE)
    save_identity(access.control, who, audit=access.audit, actor=_ACTOR)
    now = utc_now()
    grant = Grant(0, PROBE_IDENTITY, EVERY_PORT, None, PURPOSE, now + _GRANT_LASTS, now, granted_by=(_ACTOR,))
    add_grant(access.control, grant)


def _keep(file: Path, token: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(token + "\n")
