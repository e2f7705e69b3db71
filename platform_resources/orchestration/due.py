"""What is due: which assets are older than what they are made from, and in which order domains must run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from platform_resources.orchestration.automation import BUSINESS_TIME_ZONE


@dataclass(frozen=True)
class Node:
    """What the decision needs to know of an asset that can be built."""

    key: tuple[str, ...]
    domain: str
    deps: frozenset[tuple[str, ...]]
    version: str | None  # of its code or contract
    refresh: str = "on_update"  # or a cron text


@dataclass(frozen=True)
class Built:
    """An asset's last materialization. Times in seconds since the epoch."""

    at: float
    version: str | None
    run: str = ""
    run_began: float | None = None  # None: as good as `at`

    def may_have_missed(self, other: Built) -> bool:
        """Whether `other`, which this was made from, was updated too late to be read for sure."""
        began = self.at if self.run_began is None else self.run_began
        return other.at > began and (other.run != self.run or not self.run)


def batches(nodes: Iterable[Node]) -> list[tuple[str, tuple[Node, ...]]]:
    """Nodes in an order in which each comes after what it reads, grouped in as few runs per domain as that allows.

    Raises
    ------
    ValueError
        when products read each other in a circle; the message names it.
    """
    waiting = {node.key: node for node in sorted(nodes, key=lambda node: node.key)}
    order: list[tuple[str, tuple[Node, ...]]] = []
    while waiting:
        best: list[Node] = []
        for domain in dict.fromkeys(node.domain for node in waiting.values()):
            ready = _ready(domain, waiting)
            if len(ready) > len(best):
                best = ready
        if not best:
            circle = ", ".join(".".join(key) for key in sorted(waiting))
            raise ValueError(f"these read each other in a circle, so none can be built first: {circle}")
        order.append((best[0].domain, tuple(best)))
        for node in best:
            del waiting[node.key]
    return order


def _ready(domain: str, waiting: Mapping[tuple[str, ...], Node]) -> list[Node]:
    """Nodes of a domain, dependencies first, that wait for nothing outside of the list."""
    ready: dict[tuple[str, ...], Node] = {}
    grew = True
    while grew:
        grew = False
        for key, node in waiting.items():
            free = node.domain == domain and key not in ready
            if free and all(dep in ready or dep not in waiting for dep in node.deps):
                ready[key] = node
                grew = True
    return list(ready.values())


def is_due(
    node: Node, built: Mapping[tuple[str, ...], Built], rebuilding: frozenset[tuple[str, ...]], now: datetime
) -> bool:
    """Whether a node should be built now.

    It was never built, its code or contract changed, its cron time came, or (when it follows its inputs) one of them
    was updated since its run began or is being built in the same run.
    """
    mine = built.get(node.key)
    if mine is None or (node.version is not None and node.version != mine.version):
        return True
    if node.refresh != "on_update":
        return next_tick(node.refresh, mine.at) <= now.timestamp()
    return any(dep in rebuilding or (dep in built and mine.may_have_missed(built[dep])) for dep in node.deps)


def next_tick(cron: str, after: float) -> float:
    """The first tick of a cron text (business time zone) after a moment, both in seconds since the epoch."""
    ticks = dg.TimeWindowPartitionsDefinition(
        start=datetime(2000, 1, 1), fmt="%Y-%m-%dT%H:%M:%S", cron_schedule=cron, timezone=BUSINESS_TIME_ZONE
    )
    moment = datetime.fromtimestamp(after).astimezone()
    window = ticks.get_next_partition_window(moment, respect_bounds=False)
    if window is None:
        return float("inf")
    # The window that starts at `after` itself comes back too: that tick is past.
    return (window.start if window.start.timestamp() > after else window.end).timestamp()


def due_nodes(
    nodes: Sequence[Node], built: Mapping[tuple[str, ...], Built], now: datetime, *, force: frozenset[tuple[str, ...]]
) -> list[Node]:
    """The nodes of a batch (dependencies first) to build now; those in `force` whatever their state.

    A node that reads something never built and not being built is left out: it can't run yet.
    """
    chosen: list[Node] = []
    keys: set[tuple[str, ...]] = set()
    for node in nodes:
        if any(dep not in built and dep not in keys for dep in node.deps):
            continue
        if node.key in force or is_due(node, built, frozenset(keys), now):
            chosen.append(node)
            keys.add(node.key)
    return chosen
