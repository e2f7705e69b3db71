"""May this caller read this port, for this purpose, and what of it. Pure: policy, grants and the moment are handed in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime

from platform_resources.access.errors import DeniedError, PurposeMissingError
from platform_resources.access.model import Caller, Decision, Grant, Mask, PortPolicy, Profile, RowFilter


def decide(
    caller: Caller,
    policy: PortPolicy,
    grants: Iterable[Grant],
    purpose: str | None,
    now: datetime,
    purposes: Collection[str] | None = None,
) -> Decision:
    """The right to read a port.

    `grants` are those of the caller (its own and its teams'); `purposes` those that the council knows (None: any).

    Raises
    ------
    DeniedError
        when no grant holds, or the credential doesn't reach the port.
    PurposeMissingError
        when neither the read nor the credential nor the identity declares a purpose.
    """
    held = [grant for grant in grants if grant.is_on(policy.port) and grant.holds(now)]
    if not held:
        raise DeniedError(
            f"{caller.identity.id} has no grant on {policy.port}",
            f"Ask for access: mesh access request {policy.port} --purpose ...",
        )
    declared = purpose or caller.purpose or caller.identity.purpose
    if declared is None:
        raise PurposeMissingError("a read needs a purpose", "Declare one of: " + ", ".join(g.purpose for g in held))
    fitting = [grant for grant in held if grant.purpose == declared]
    if not fitting:
        raise DeniedError(
            f"the grant on {policy.port} is for another purpose than {declared}",
            "Declare one of: " + ", ".join(sorted({grant.purpose for grant in held})),
        )
    grant = fitting[0]
    role = policy.role(grant.role)
    if role is None:
        raise DeniedError(f"{policy.port} offers no role {grant.role} any more", "Ask for access in another role.")
    clearances = caller.identity.clearances & (grant.clearances | role.clearances)
    filters = (*policy.row_filters, *role.row_filters)
    profile = profile_of(policy, clearances, grant.columns, filters, caller)
    return Decision(caller, policy.port, declared, role.name, grant.id, profile)


def profile_of(
    policy: PortPolicy,
    clearances: Collection[str],
    columns: Collection[str] | None,
    filters: Iterable[RowFilter],
    caller: Caller,
) -> Profile:
    visible: dict[str, tuple[Mask, ...]] = {
        name: tuple(mask for mask in masks if mask.clearance is None or mask.clearance not in clearances)
        for name, masks in policy.masks.items()
        if columns is None or name in columns
    }
    bound = tuple(f.where for f in filters if f.clearance is None or f.clearance not in clearances)
    text = json.dumps([[n, [[m.strategy, dict(m.options)] for m in ms]] for n, ms in visible.items()], sort_keys=True)
    digest = hashlib.sha256("\n".join([text, *bound]).encode()).hexdigest()[:16]
    return Profile(visible, bound, digest)
