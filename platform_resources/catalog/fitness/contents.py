"""Needs that are on what a port holds: terms, columns, tier; and whether it can be read at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from platform_resources.catalog.fitness.evidence import Evidence


@dataclass(frozen=True)
class TermWanted:
    """A term that somebody asks for, in its own words, and every term that means the same."""

    asked: str
    address: str
    same: frozenset[str] = frozenset()


def term(wanted: TermWanted, bound: Mapping[str, Sequence[str]], columns: Iterable[str]) -> Evidence:
    """`bound`: column -> the terms that it is bound to; `columns` are those that are served (or promised)."""
    need = f"has a column of {wanted.address}"
    if wanted.asked != wanted.address:
        need += f" (“{wanted.asked}” is a word for it)"
    there = set(columns)
    own = [name for name, terms in bound.items() if wanted.address in terms]
    alike = {
        name: next(t for t in terms if t in wanted.same)
        for name, terms in bound.items()
        if name not in own and wanted.same.intersection(terms)
    }
    held = [name for name in (*own, *alike) if name in there]
    promised = [*own, *alike] or None
    if held:
        told = [n if n in own else f"{n} (bound to {alike[n]}, which is the same as {wanted.address})" for n in held]
        return Evidence(need, "yes", promised, held, f"in {', '.join(told)}")
    if promised:
        named = f"{', '.join(promised)} is bound to it in its contract, and not served yet"
        return Evidence(need, "no", promised, None, named)
    return Evidence(need, "no", None, None, "none of its columns is bound to it", "content")


def column(name: str, promised: Iterable[str], served: Iterable[str] | None) -> Evidence:
    """`served` None: nothing is published, so the contract alone tells."""
    need, written = f"has the column {name}", list(promised)
    there = None if served is None else name in (served := list(served))
    facts = (name in written, there)
    if there or (there is None and name in written):
        return Evidence(need, "yes", *facts, "it has" if there else "its contract has it; nothing is published yet")
    if name in written:
        return Evidence(need, "no", *facts, "its contract has it, what is served does not yet")
    near = get_close_matches(name, written, 2, 0.6)
    told = f"it has {' and '.join(near)}, not that" if near else "it has no such column"
    return Evidence(need, "no", *facts, told, "content")


def tier(wanted: Sequence[str], is_: str | None) -> Evidence:
    need = f"of tier {' or '.join(wanted)}"
    return Evidence(need, "yes" if is_ in wanted else "no", is_, None, f"is {is_}" if is_ else "has no tier")


def there(lifecycle: str, published: bool, ended: str | None, notice: str | None) -> Evidence:
    """Whether it can be read at all. `ended`: since when a retired port is not served; `notice`: that it will end."""
    need = "can be read"
    if ended is not None or lifecycle == "retired":
        return Evidence(need, "no", lifecycle, "not served", ended or "it was retired", "content")
    if not published:
        return Evidence(
            need, "unknown", lifecycle, "not served", "nothing was published yet: only promises can be told"
        )
    return Evidence(need, "yes", lifecycle, "served", notice or f"it is {lifecycle} and served")
