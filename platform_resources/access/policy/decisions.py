"""May this caller read this port, for this purpose, and what of it. Pure: policy, grants and the moment are handed in.

A column is shown in clear when the reader's identity holds the clearance of every mask on it, its grant was approved
with them, its role still lifts them, and the declared purpose admits the column's classification. Everything restricts,
nothing opens: a grant never lifts a mask for somebody without the clearance, nor a clearance for somebody without the
grant, nor a role what was not approved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from platform_resources.access.callers.names import is_named
from platform_resources.access.errors import DeniedError, PurposeMissingError
from platform_resources.access.model import Caller, Decision, Grant, Mask, PortPolicy, Profile, ReadingRole, RowFilter
from platform_resources.access.policy.policies import HIDDEN
from platform_resources.access.policy.row_filters import RowFilterError, filter_for

_KEPT = 1_000  # profiles of one policy: a few for each role, and one for each reader where rows are filtered


@dataclass(frozen=True)
class _Right:
    """One way in which a caller may read a port: a grant in its role, or being an owner (`grant` None)."""

    role: ReadingRole
    grant: Grant | None
    purpose: str


def decide(
    caller: Caller,
    policy: PortPolicy,
    grants: Iterable[Grant],
    purpose: str | None,
    now: datetime,
) -> Decision:
    """The right to read a port.

    `grants` are those of the caller (its own and its teams'). Owners of the port read it in its first role without a
    grant, masked as that role is. Of several rights the widest counts, alone: what two of them open is never added up.

    Raises
    ------
    DeniedError
        when no grant holds, the credential doesn't reach the port, or a row filter can't be evaluated.
    PurposeMissingError
        when neither the read nor the credential nor the identity declares a purpose.
    """
    if not caller.may("read", policy.port):
        remedy = "Use a token with the scope read: mesh token create."
        raise DeniedError(f"this credential doesn't reach {policy.port}", remedy)
    held = [grant for grant in grants if grant.is_on(policy.port) and grant.holds(now)]
    owns = is_named(caller.identity, policy.owners)
    if not held and not owns:
        remedy = f"Ask for access: mesh access request {policy.port} --purpose ..."
        raise DeniedError(f"{caller.identity.id} has no grant on {policy.port}", remedy)
    declared = _declared(caller, policy, held, purpose)
    rights = _rights(policy, held, owns, declared)
    found = [(right, _profile(policy, right, caller)) for right in rights]
    right, profile = min(found, key=lambda pair: _narrowness(*pair))
    return Decision(caller, policy.port, declared, right.role.name, right.grant.id if right.grant else None, profile)


def _declared(caller: Caller, policy: PortPolicy, held: Iterable[Grant], purpose: str | None) -> str:
    declared = purpose or caller.purpose or caller.identity.purpose
    open_to = sorted({grant.purpose for grant in held} or (policy.purposes or {}))
    if declared is None:
        raise PurposeMissingError("a read needs a purpose", f"Declare one of: {', '.join(open_to)}.")
    if policy.purposes is not None and declared not in policy.purposes:
        known = ", ".join(sorted(policy.purposes))
        raise DeniedError("the council knows no such purpose as was declared", f"Declare one of: {known}.")
    return declared


def _rights(policy: PortPolicy, held: Collection[Grant], owns: bool, declared: str) -> list[_Right]:
    """Every right to read for the declared purpose; at least one.

    Raises
    ------
    DeniedError
        when there is none, with what would be one.
    """
    rights: list[_Right] = []
    remedies: set[str] = set()
    open_to: set[str] = set()
    for grant in held:
        role = policy.role(grant.role)
        if role is None:
            remedies.add(f"Ask for access in another role: {policy.port} offers {grant.role} no more.")
        elif grant.purpose != declared:
            open_to.add(grant.purpose)
        elif role.purposes is not None and declared not in role.purposes:
            remedies.add(f"Ask for access in another role: {role.name} is for {', '.join(sorted(role.purposes))}.")
        else:
            rights.append(_Right(role, grant, declared))
    base = policy.role(None)
    if owns and base is not None and (base.purposes is None or declared in base.purposes):
        rights.append(_Right(base, None, declared))
    if not rights:
        if owns and base is not None and base.purposes is not None:
            remedies.add(f"Owners read for {', '.join(sorted(base.purposes))}.")
        if open_to:
            of = "the grant" if len(open_to) == 1 else "one of the grants"
            remedies.add(f"Declare the purpose of {of}: {', '.join(sorted(open_to))}.")
        raise DeniedError(
            f"{policy.port} can't be read for {declared} by any grant of yours", " ".join(sorted(remedies))
        )
    return rights


def _profile(policy: PortPolicy, right: _Right, caller: Caller) -> Profile:
    grant, role = right.grant, right.role
    clearances = caller.identity.clearances & grant.clearances & role.clearances if grant else frozenset()
    columns = None if grant is None else grant.columns
    return profile_of(policy, clearances, columns, (*policy.row_filters, *role.row_filters), caller, (right.purpose,))


def _narrowness(right: _Right, profile: Profile) -> tuple[int, ...]:
    """Smaller is wider: most columns in clear, then most columns, fewest filters, the oldest grant, the owner last."""
    clear = sum(not masks for masks in profile.columns.values())
    grant = right.grant.id if right.grant is not None else 2**63
    return (-clear, -len(profile.columns), len(profile.filters), grant)


def profile_of(
    policy: PortPolicy,
    clearances: Collection[str],
    columns: Collection[str] | None,
    filters: Iterable[RowFilter],
    caller: Caller,
    purposes: Iterable[str] = (),
) -> Profile:
    """What is shown under `clearances` for `purposes` (for each of them), filters bound to the caller.

    Raises
    ------
    DeniedError
        when a row filter can't be evaluated.
    """
    lifted, admitted = frozenset(clearances), _admitted(policy, purposes)
    names = tuple(policy.masks)
    try:
        bound = tuple(
            filter_for(f.where, names, caller.identity)
            for f in filters
            if f.clearance is None or f.clearance not in lifted
        )
    except RowFilterError:
        remedy = "Its owner finds out why by `mesh check`."
        raise DeniedError(f"which rows of {policy.port} you may read can't be told", remedy) from None
    key = (lifted, admitted, None if columns is None else frozenset(columns), bound)
    known = policy.profiles.get(key)
    if known is None:
        if len(policy.profiles) >= _KEPT:
            policy.profiles.clear()
        known = policy.profiles[key] = _shown(policy, *key)
    return known


def _shown(
    policy: PortPolicy,
    lifted: frozenset[str],
    admitted: frozenset[str] | None,
    columns: frozenset[str] | None,
    bound: tuple[str, ...],
) -> Profile:
    visible = {
        name: _left(masks, lifted, admitted, policy.classifications.get(name, frozenset()))
        for name, masks in policy.masks.items()
        if columns is None or name in columns
    }
    told = [[name, [[m.strategy, dict(m.options)] for m in masks]] for name, masks in visible.items()]
    text = json.dumps([policy.key_id, told, bound], sort_keys=True, default=str)
    return Profile(visible, bound, hashlib.sha256(text.encode()).hexdigest()[:16])


def _admitted(policy: PortPolicy, purposes: Iterable[str]) -> frozenset[str] | None:
    """The classifications that may be read in clear; None when the council says nothing of purposes."""
    if policy.purposes is None:
        return None
    admitted: frozenset[str] | None = None
    for purpose in purposes:
        own = policy.purposes.get(purpose, frozenset())
        admitted = own if admitted is None else admitted & own
    return admitted or frozenset()


def _left(
    masks: tuple[Mask, ...], lifted: frozenset[str], admitted: frozenset[str] | None, classes: frozenset[str]
) -> tuple[Mask, ...]:
    """The masks that hold. Without a catalogue of purposes none is lifted; what no purpose admits has at least one."""
    if admitted is None:
        return masks
    if not classes <= admitted:
        return masks or (HIDDEN,)
    return tuple(mask for mask in masks if mask.clearance is None or mask.clearance not in lifted)
