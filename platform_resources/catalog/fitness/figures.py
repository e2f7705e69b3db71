"""Needs that are figures: age, score, availability. Shares and scores are in percent."""

from __future__ import annotations

from datetime import timedelta

from platform_resources.catalog.fitness.evidence import Evidence, Verdict, floored, length, seconds

KEPT_ENOUGH = 0.99  # share of the last 30 days from which on a freshness counts as kept, though nobody promises it
PROBED_ENOUGH = 25.0  # percent of the window from which on probes show an availability that nobody promises


def freshness(most: timedelta, promised: timedelta | None, age: timedelta | None, share: float | None) -> Evidence:
    """`age`: of the served data now. `share` (0-1): of the last 30 days, in which the data was no older than `most`."""
    need = f"no older than {length(most)}"
    told = "promises no freshness" if promised is None else f"promises {length(promised)}"
    facts = (seconds(promised), seconds(age))
    covered = promised is not None and promised <= most
    if age is None:
        if promised is None:
            return Evidence(need, "unknown", *facts, f"{told}, and serves nothing yet whose age could be measured")
        return Evidence(need, "yes" if covered else "no", *facts, f"{told}; serves nothing yet")
    old = f"{length(age)} old now"
    if age > most:
        return Evidence(need, "no", *facts, f"{told}, {old}")
    if covered:
        return Evidence(need, "yes", *facts, f"{told}, {old}")
    if share is None:
        return Evidence(need, "unknown", *facts, f"{told}, {old}; its log is too short to tell whether it stays so")
    over = f"as fresh as that in {floored(100 * share)} % of the last 30 days"
    return Evidence(need, "yes" if share >= KEPT_ENOUGH else "no", *facts, f"{told}, {old}, {over}")


def score(least: float, asked_by_tier: float | None, measured: float | None, tier: str | None = None) -> Evidence:
    """The quality score of what is served; the council asks for a least score of each tier."""
    need = f"quality score of at least {least:g}"
    told = "" if asked_by_tier is None else f"the tier {tier} asks for {asked_by_tier:g}, "
    return _at_least(need, least, asked_by_tier, measured, f"{told}scores", "has no score yet: nothing is published")


def dimension(name: str, least: float, promised: float | None, measured: float | None) -> Evidence:
    """The score of one dimension of quality of what is served."""
    told = f"promises {promised:g} %, " if promised is not None else ""
    missing = f"no check of it tells its {name}; a rule with `dimension: {name}` in its contract would"
    return _at_least(f"{name} of at least {least:g} %", least, promised, measured, f"{told}measured", missing)


def _at_least(
    need: str, least: float, promised: float | None, measured: float | None, says: str, missing: str
) -> Evidence:
    if measured is not None:
        shown = floored(measured)
        return Evidence(need, "yes" if measured >= least else "no", promised, measured, f"{says} {shown}")
    if promised is None:
        return Evidence(need, "unknown", None, None, missing)
    verdict: Verdict = "yes" if promised >= least else "no"
    return Evidence(need, verdict, promised, None, f"promises {promised:g}, and nothing was measured yet")


def availability(
    least: float, promised: float | None, measured: float | None, coverage: float, window: timedelta
) -> Evidence:
    """`measured` is of the time that was probed, `coverage` the share of the promised window that was."""
    need = f"available in at least {least:g} % of the time"
    told = "promises no availability" if promised is None else f"promises {promised:g} %"
    covered = promised is not None and promised >= least
    if measured is None:
        if promised is None:
            return Evidence(need, "unknown", None, None, f"{told}, and was never probed (`mesh probe` does)")
        return Evidence(need, "yes" if covered else "no", promised, None, f"{told}; it was never probed")
    seen = f"{told}, was up in {floored(measured, 3)} % of the {floored(coverage, 1)} % of {length(window)} probed"
    if measured < least:
        return Evidence(need, "no", promised, measured, seen)
    if covered or coverage >= PROBED_ENOUGH:
        return Evidence(need, "yes", promised, measured, seen)
    verdict: Verdict = "unknown" if promised is None else "no"
    return Evidence(need, verdict, promised, measured, f"{seen}, which is too little to go by")
