"""Whether a decision still stands: its credential, identity, grant or ownership, and what the policy says by now.

A decision is made once, reading under it may go on for hours: in a stream, a notebook, a session of an agent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from platform_resources.access.callers.identities import active_identity
from platform_resources.access.errors import AccessError, DeniedError
from platform_resources.access.model import Caller, Decision, Identity, PortPolicy
from platform_resources.access.policy.decisions import decide
from platform_resources.access.requests.grants import grants_of
from platform_resources.control import ControlDatabase
from platform_resources.control.database import ControlError
from platform_resources.control.tables import tokens
from platform_resources.lake import utc_now

LOOK_AGAIN_SECONDS = 0.5  # after which whoever reads is asked for again: 1 ms


def ended_meanwhile(port: object) -> DeniedError:
    """What a reader is told whose decision stands no more."""
    return DeniedError(f"the right to read {port} ended or changed meanwhile", "Open it again, or ask for access.")


def still_stands(control: ControlDatabase, decision: Decision, policy: Callable[[], PortPolicy]) -> bool:
    """Whether the caller would be shown the same now, by the same grant or as an owner. What can't be told is no.

    `policy` tells the policy of the publication by the contracts of this moment.
    """
    try:
        now = utc_now()
        identity = _identity(control, decision.caller, now)
        if identity is None:
            return False
        grants = [grant for grant in grants_of(control, identity) if grant.id == decision.grant]
        caller = replace(decision.caller, identity=identity)
        again = decide(caller, policy(), grants, decision.purpose, now)
    except (AccessError, ControlError):
        return False
    return (again.grant, again.profile.digest) == (decision.grant, decision.profile.digest)


def _identity(control: ControlDatabase, caller: Caller, now: datetime) -> Identity | None:
    """Who calls, as the control database says at `now`; None when the credential or the identity holds no more."""
    if caller.expires_at is not None and caller.expires_at <= now:
        return None
    with control.reading() as connection:
        if not _is_valid(connection, caller.credential, now):
            return None
        return active_identity(connection, caller.identity.id)


def _is_valid(connection: Connection, credential: str, now: datetime) -> bool:
    """A token of the mesh can be revoked; a JWT ends at its time, and with the identity."""
    if not credential or credential.startswith("oidc"):
        return True
    query = select(tokens.c.id).where(
        tokens.c.id == credential, tokens.c.revoked_at.is_(None), tokens.c.expires_at > now
    )
    return connection.execute(query).first() is not None
