"""What a reader gets of a port in each way that is open to it: by its grants now, and in the roles it may ask for."""

from __future__ import annotations

from collections.abc import Iterable

from platform_resources.access.errors import DeniedError
from platform_resources.access.model import Mask, PortPolicy, Profile, ReadingRole
from platform_resources.access.policy.decisions import decide, profile_of
from platform_resources.catalog.fitness import RoleSight
from platform_resources.lake import utc_now
from platform_resources.serving.readers import Reader


def role_sights(reader: Reader, policy: PortPolicy, purposes: Iterable[str]) -> list[RoleSight]:
    """For each purpose what the reader's grants show, and what each role of the port would.

    A role whose row filter compares with an attribute that the reader doesn't have shows nothing and is left out.
    """
    found = []
    for purpose in purposes:
        try:
            decision = decide(reader.caller, policy, reader.grants, purpose, utc_now())
            role = policy.role(decision.role)
            found.append(_sight(reader, policy, role, decision.profile, purpose, held=decision.grant is not None))
        except DeniedError:
            pass
        for role in policy.roles:
            if role.purposes is None or purpose in role.purposes:
                clearances = reader.caller.identity.clearances & role.clearances
                filters = (*policy.row_filters, *role.row_filters)
                try:
                    profile = profile_of(policy, clearances, None, filters, reader.caller, (purpose,))
                except DeniedError:
                    continue
                found.append(_sight(reader, policy, role, profile, purpose, held=False))
    return found


def purposes_for(reader: Reader, policy: PortPolicy, purpose: str | None) -> list[str]:
    """The purposes that count: the one that was said, else those that the reader may declare."""
    if purpose is not None:
        return [purpose]
    own = reader.caller.purpose or reader.caller.identity.purpose
    granted = sorted({grant.purpose for grant in reader.grants if grant.is_on(policy.port)})
    return list(dict.fromkeys([*([own] if own else []), *granted, *sorted(policy.purposes or {})]))


def _sight(
    reader: Reader, policy: PortPolicy, role: ReadingRole | None, profile: Profile, purpose: str, *, held: bool
) -> RoleSight:
    lifts = frozenset() if role is None else role.clearances
    return RoleSight(
        role="" if role is None else role.name,
        purpose=purpose,
        held=held,
        clear=frozenset(name for name, masks in profile.columns.items() if not masks),
        masked={
            name: _why(reader, policy, name, masks, purpose, lifts) for name, masks in profile.columns.items() if masks
        },
        some_rows=bool(profile.filters),
    )


def _why(
    reader: Reader, policy: PortPolicy, column: str, masks: Iterable[Mask], purpose: str, lifts: frozenset[str]
) -> str:
    """What keeps a mask on a column."""
    admitted = (policy.purposes or {}).get(purpose, frozenset())
    closed = sorted(policy.classifications.get(column, frozenset()) - admitted)
    if policy.purposes is not None and closed:
        return f"{purpose} opens no {' and '.join(closed)} column"
    asked = sorted({mask.clearance for mask in masks if mask.clearance is not None})
    if not asked:
        return "nobody gets it in clear"
    lacking = [name for name in asked if name not in reader.caller.identity.clearances]
    if lacking:
        return f"it needs the clearance {', '.join(lacking)}, which you don't hold"
    unlifted = [name for name in asked if name not in lifts]
    if unlifted:
        return f"only a role with the clearance {', '.join(unlifted)} opens it"
    return "your grant was not approved with its clearance"
