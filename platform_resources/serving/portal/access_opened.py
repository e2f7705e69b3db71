"""Which masked columns a role opens, and why a grant in it may open none. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from platform_resources.access import Caller
from platform_resources.access.model import PortPolicy, ReadingRole
from platform_resources.access.policy.decisions import profile_of

WHO_GIVES = "The platform's administrators give clearances; who approves a request doesn't."


@dataclass(frozen=True)
class Opening:
    """What a role opens to who holds its clearances, the same for each of some purposes."""

    purposes: tuple[str, ...]
    columns: tuple[str, ...]


def opened(
    policy: PortPolicy,
    clearances: Collection[str],
    purpose: str,
    caller: Caller,
    columns: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Columns with a mask that come in clear under `clearances` for a purpose, of `columns` (None: of all)."""
    profile = profile_of(policy, clearances, columns, (), caller, (purpose,))
    return tuple(name for name, masks in profile.columns.items() if not masks and policy.masks[name])


def openings(policy: PortPolicy, role: ReadingRole, purposes: Iterable[str], caller: Caller) -> tuple[Opening, ...]:
    """What a role opens for each purpose that it is for, the purposes that open the same together; the most first."""
    together: dict[tuple[str, ...], list[str]] = {}
    for purpose in purposes:
        if role.purposes is None or purpose in role.purposes:
            together.setdefault(opened(policy, role.clearances, purpose, caller), []).append(purpose)
    made = [Opening(tuple(names), columns) for columns, names in together.items()]
    return tuple(sorted(made, key=lambda opening: -len(opening.columns)))


def why_nothing(
    policy: PortPolicy,
    clearances: Collection[str],
    held: Collection[str] | None,
    purpose: str,
    caller: Caller,
    columns: Sequence[str] | None = None,
) -> str | None:
    """Why what was asked for or granted opens nothing that is masked; None when it does, or never said that it would.

    It is a sentence that begins small. `clearances` are those of the role or the grant, `held` those of who reads
    (None: of a team or a product, unknown).
    """
    if not clearances:
        return None
    named = ", ".join(sorted(clearances))
    if not opened(policy, clearances, purpose, caller, columns):
        return f"it opens nothing that is masked, with {named} or without: the purpose {purpose} doesn't allow it."
    lacking = ", ".join(sorted(set(clearances) - set(held if held is not None else clearances)))
    if not lacking or opened(policy, set(clearances) & set(held or ()), purpose, caller, columns):
        return None
    return f"it opens nothing that is masked: who reads holds no clearance {lacking}. {WHO_GIVES}"
