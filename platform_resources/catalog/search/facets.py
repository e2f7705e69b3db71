"""How many hits have which value, counted by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from tantivy import Query, Schema, Searcher

from platform_resources.catalog.search.documents import FACETS, SCORE, STALE_AT
from platform_resources.catalog.search.queries import Filters, filtered, milliseconds

MOST_VALUES = 50
_LEAST_SCORES = (99, 95, 90, 80)
Counts = Mapping[str, list[tuple[str, int]]]


def facets_of(searcher: Searcher, schema: Schema, query: Query, filters: Filters, now: datetime, total: int) -> Counts:
    """By kind: values with how many hits have them, most first; each under all filters but those of its own kind.

    `total` is how many hits there are under all filters.
    Scores are told as `>=99`, ...; one product is in all that it reaches.
    """
    wanted = {name: {"terms": {"field": name, "size": 10_000}} for name in FACETS}
    wanted["score"] = {"range": {"field": SCORE, "ranges": _ranges([*reversed(_LEAST_SCORES)])}}
    wanted["freshness"] = {"range": {"field": STALE_AT, "ranges": _ranges([milliseconds(now)])}}
    chosen = filters.kinds
    told: dict[str, Any] = {}
    together = {name: aggregation for name, aggregation in wanted.items() if name not in chosen}
    for names in ([*together], *([name] for name in chosen)):
        under = filters if names == [*together] else filters.without(names[0])
        found = filtered(query, under, schema, now)
        answer = searcher.aggregate(found, {name: wanted[name] for name in names})
        for name in names:
            told[name] = answer[name]["buckets"]
        if "freshness" in names:
            told["hits"] = total if under is filters else searcher.search(found, 1).count
    counts = {name: _values(told[name], filters.values.get(name, ())) for name in FACETS}
    return {**counts, "score": _scores(told["score"]), "freshness": _freshness(told["freshness"], told["hits"])}


def _ranges(limits: list[int]) -> list[dict[str, int]]:
    """From minus infinity to the first limit, between limits, and from the last one on."""
    between = [{"from": low, "to": high} for low, high in pairwise(limits)]
    return [{"to": limits[0]}, *between, {"from": limits[-1]}]


def _values(buckets: list[dict[str, Any]], chosen: Any) -> list[tuple[str, int]]:
    counts = dict.fromkeys(chosen, 0) | {bucket["key"]: bucket["doc_count"] for bucket in buckets}
    return sorted(counts.items(), key=lambda item: (item[0] not in chosen, -item[1], item[0]))[:MOST_VALUES]


def _scores(buckets: list[dict[str, Any]]) -> list[tuple[str, int]]:
    from_ = {int(bucket["from"]): bucket["doc_count"] for bucket in buckets if "from" in bucket}
    reached = [(least, sum(count for start, count in from_.items() if start >= least)) for least in _LEAST_SCORES]
    return [(f">={least}", count) for least, count in reached if count]


def _freshness(buckets: list[dict[str, Any]], hits: int) -> list[tuple[str, int]]:
    late = next((bucket["doc_count"] for bucket in buckets if "from" not in bucket), 0)
    fresh = next((bucket["doc_count"] for bucket in buckets if "from" in bucket), 0)
    counts = (("fresh", fresh), ("late", late), ("unknown", hits - fresh - late))
    return [(state, count) for state, count in counts if count]
