"""Who may decide on one request, of the approvers that a contract names. Pure: identities are handed in.

Nobody decides on what is their own, services and agents never do, and of two approvals each is another person's. Who is
named and not known here yet, and members of a team, may come: a provider of identities tells of people when they sign
in. So a team decides unless each member of it would decide on its own request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from platform_resources.access.callers.names import canonical_id, is_like_a_product, team_of
from platform_resources.access.model import Identity, PortPolicy, ReadingRole
from platform_resources.access.requests.approvals import Levels
from platform_resources.access.requests.parties import Party

_APPROVALS = (("first", "firstLevelApprovers"), ("second", "secondLevelApprovers"))
Known = Callable[[str], Identity | None]  # disabled ones too


def decidable(levels: Levels, policy: PortPolicy, role: ReadingRole, parties: Sequence[Party], known: Known) -> Levels:
    """The levels with those alone who may decide on a request of `parties`: who asks, and who would read.

    `lacking` says which approval nobody is left for, and `remedy` who mends that.
    """
    if levels.lacking is not None:
        return replace(levels, remedy=_remedy(policy, role, len(levels.approvers)))
    may = [[name for name in named if _why_not(name, parties, known) is None] for named in levels.approvers]
    left = [  # who alone can give the other approval is kept for that one
        tuple(name for name in named if not any(_is_alone(name, other) for other in may if other is not named))
        for named in may
    ]
    found = replace(levels, approvers=tuple(left))
    empty = next((number for number, named in enumerate(left, 1) if not named), None)
    if empty is None:
        return found
    whys = {name: _why_not(name, parties, known) for name in levels.approvers[empty - 1]}
    told = "; ".join(f"{name} {why or 'has to give the other one'}" for name, why in whys.items())
    lacking = f"the role {role.name} of {policy.port} has nobody who may give its {_APPROVALS[empty - 1][0]} approval"
    return replace(found, lacking=f"{lacking}: {told}", remedy=_remedy(policy, role, empty))


def not_here_yet(names: Iterable[str], known: Known) -> str | None:
    """A notice when none of those whom a request waits for is known here; None when somebody may be."""
    waits = list(names)
    if not waits or any(team_of(name) is not None or known(canonical_id(name)) is not None for name in waits):
        return None
    named = " or ".join(waits)
    return f"nobody is known here as {named} yet: to decide takes an identity, by signing in or from an administrator"


def _why_not(name: str, parties: Sequence[Party], known: Known) -> str | None:
    """What keeps somebody from deciding; None when nothing does."""
    team, id_ = team_of(name), canonical_id(name)
    if team is not None:
        who = Identity("", "person", "", teams=frozenset({team}))  # any member
    else:
        who = known(id_) or Identity(id_, "person", id_)
    own = next((party.id for party in parties if party.is_spoken_for_by(who)), None)
    if own is not None:
        return "asks for it" if own == id_ else f"answers for {own}"
    if who.kind != "person" or who.disabled_at is not None or is_like_a_product(who.id):
        return "may not decide"
    return None


def _is_alone(name: str, others: Sequence[str]) -> bool:
    """Whether `others` are nobody but this one person."""
    return team_of(name) is None and {canonical_id(other) for other in others} == {canonical_id(name)}


def _remedy(policy: PortPolicy, role: ReadingRole, level: int) -> str:
    owners = f" ({', '.join(policy.owners)})" if policy.owners else ""
    field = _APPROVALS[level - 1][1]
    return f"an owner of {policy.port}{owners} names another approver in its contract, as {field} of {role.name}"
