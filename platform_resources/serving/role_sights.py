"""What a reader gets of a port in each way that is open to it: by its grants now, and in the roles it may ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydantic import Field

from platform_resources.access.errors import AccessError, DeniedError
from platform_resources.access.model import Grant, Mask, PortPolicy, Profile, ReadingRole
from platform_resources.access.policy.decisions import decide, profile_of
from platform_resources.access.requests.offers import Offer
from platform_resources.catalog.fitness import RoleSight
from platform_resources.lake import utc_now
from platform_resources.serving.answers import Answer
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


class RoleThatOpens(Answer):
    """Ask for it with `request_access`: `port`, `role`, one of the purposes, and a reason."""

    role: str = Field(examples=["customer_360_gdpr_reader"])
    purposes: list[str] = Field(description="For which it opens what is needed, of those that were asked about.")
    shows: list[str] = Field(description="Columns needed unmasked that it shows in clear.", examples=[["email"]])
    lacking: list[str] = Field(
        description="Clearances that the caller would need beside it; administrators give them, no approver does.",
        examples=[["gdpr"]],
    )
    approvers: list[list[str]] = Field(
        description="Who may decide on a request of the caller, level by level; one of each level is enough."
    )
    undecided: str | None = Field(description="Why nobody may, and who mends that; null: somebody may.")
    some_rows: bool = Field(description="Whether it shows some rows only, by attributes of the reader.")
    held: bool = Field(description="Whether a grant in it of the caller opens what is needed, for one of `purposes`.")


def roles_that_open(
    reader: Reader, policy: PortPolicy, purposes: Sequence[str], columns: Collection[str]
) -> list[RoleThatOpens]:
    """The roles that show most of `columns` in clear, those that take least first; of none the plainest roles.

    A role whose row filter compares with an attribute that the reader doesn't have shows nothing and is left out. There
    are none of a port that can't be asked for: a draft, one that was retired.
    """
    try:
        offer = reader.access.requests.offers.of(policy.port, reader.caller)
    except AccessError:
        return []
    made = ((role, _opening(reader, offer, policy, role, purposes, columns)) for role in policy.roles)
    found = [(role, one) for role, one in made if one is not None and bool(one.shows) == bool(columns)]
    if not columns:  # whoever needs nothing unmasked needs no role that lifts masks
        least = min((len(role.clearances) for role, _ in found), default=0)
        return [one for role, one in found if len(role.clearances) == least]
    most = max((len(one.shows) for _, one in found), default=0)
    return sorted(
        (one for _, one in found if len(one.shows) == most),
        key=lambda one: (one.undecided is not None and not one.held, len(one.lacking), one.some_rows),
    )


def _opening(
    reader: Reader,
    offer: Offer,
    policy: PortPolicy,
    role: ReadingRole,
    purposes: Sequence[str],
    columns: Collection[str],
) -> RoleThatOpens | None:
    filters = (*policy.row_filters, *role.row_filters)
    fitting = [purpose for purpose in purposes if role.purposes is None or purpose in role.purposes]
    shown: dict[str, list[str]] = {}
    for purpose in fitting if columns else fitting[:1]:
        try:
            profile = profile_of(policy, role.clearances, None, filters, reader.caller, (purpose,))
        except DeniedError:
            return None
        shown[purpose] = [name for name in columns if profile.columns.get(name) == ()]
    if not shown:
        return None
    best = max(shown.values(), key=len)
    opened = [purpose for purpose in fitting if not columns or len(shown[purpose]) == len(best)]
    asked = {mask.clearance for name in best for mask in policy.masks[name]} if columns else role.clearances
    levels = reader.access.requests.offers.levels(
        offer, offer.policy.role(role.name) or role, None, reader.caller.identity.id
    )
    own = [grant for grant in reader.grants if grant.is_on(policy.port) and policy.role(grant.role) is role]
    return RoleThatOpens(
        role=role.name,
        purposes=opened,
        shows=best,
        lacking=sorted(name for name in asked if name and name not in reader.caller.identity.clearances),
        approvers=[list(level) for level in levels.approvers],
        undecided=levels.told,
        some_rows=bool(profile.filters),
        held=any(grant.purpose in opened and _shows(reader, policy, role, grant, best) for grant in own),
    )


def _shows(reader: Reader, policy: PortPolicy, role: ReadingRole, grant: Grant, columns: Collection[str]) -> bool:
    """Whether a grant in a role shows `columns` (of none: some column) in clear to who has every clearance."""
    lifted = role.clearances & grant.clearances
    profile = profile_of(policy, lifted, grant.columns, (), reader.caller, (grant.purpose,))
    clear = {name for name, masks in profile.columns.items() if not masks}
    return clear.issuperset(columns) if columns else bool(clear)


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
