"""Whether a port may be used for a purpose, and which columns a reader would get in clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platform_resources.catalog.fitness.evidence import Evidence


@dataclass(frozen=True)
class RoleSight:
    """What the asker would get of a port in one of its roles, for one purpose."""

    role: str
    purpose: str
    held: bool  # by a grant that holds now
    clear: frozenset[str]
    masked: Mapping[str, str] = field(default_factory=dict)  # column -> what would lift its mask
    some_rows: bool = False


def purpose(name: str, roles: Mapping[str, frozenset[str] | None], sights: Sequence[RoleSight]) -> Evidence:
    """`roles`: those of the port, with the purposes for which each is open (None: every one)."""
    need = f"may be used for {name}"
    if not roles:
        return Evidence(need, "no", None, None, "its contract offers no role for reading")
    open_ = [role for role, purposes in roles.items() if purposes is None or name in purposes]
    held = next((s.role for s in sights if s.held and s.purpose == name), None)
    if not open_:
        others = sorted({p for purposes in roles.values() for p in purposes or ()})
        return Evidence(need, "no", None, None, f"its roles are for {', '.join(others) or 'no purpose'} only")
    promised = {"roles": open_}
    best = max((s for s in sights if s.purpose == name), key=lambda s: (s.held, len(s.clear)), default=None)
    if best is None:
        return Evidence(need, "unknown", promised, held, "which rows you might read for it can't be told")
    if not best.clear:
        return Evidence(need, "no", promised, held, "every column stays masked for it", "access")
    told = f"you hold {best.role} for it" if best.held else f"in the role {best.role}, for which you may ask"
    rest = f"; masked for you: {', '.join(sorted(best.masked))}" if best.masked else "; every column in clear"
    rows = "; some rows only" if best.some_rows else ""
    return Evidence(need, "yes", promised, held, told + rest + rows, None if best.held else "access")


def clear(name: str, exists: bool, sights: Sequence[RoleSight]) -> Evidence:
    """Whether the asker gets a column unmasked: by a grant that it holds, or in a role that it may ask for."""
    need = f"{name} unmasked"
    if not exists:
        return Evidence(need, "no", None, None, "it has no such column", "content")
    best = min((s for s in sights if name in s.clear), key=lambda s: not s.held, default=None)
    if best is not None:
        how = "now, by your grant" if best.held else "once you are granted it"
        rows = ", of some rows only" if best.some_rows else ""
        told = f"in clear in the role {best.role} for {best.purpose}, {how}{rows}"
        return Evidence(need, "yes", best.role, "clear" if best.held else None, told, None if best.held else "access")
    reasons = sorted({s.masked[name] for s in sights if name in s.masked})
    held = any(s.held for s in sights)
    if not sights:
        return Evidence(need, "no", None, None, "no role of it can be asked for by you for that", "access")
    told = f"masked for you: {'; '.join(reasons) or 'hidden'}"
    return Evidence(need, "no", None, "masked" if held else None, told, "access")
