"""What one reader would get of a port, told without a row of it."""

from __future__ import annotations

from dataclasses import dataclass

from platform_resources.access.model import Decision, Mask, PortPolicy
from platform_resources.access.relations.relation import GuardedRelation
from platform_resources.access.relations.rendering import ColumnType
from platform_resources.lake import Publication


@dataclass(frozen=True)
class ColumnView:
    """A column as one reader gets it; no masks: in clear."""

    name: str
    type: ColumnType
    masks: tuple[Mask, ...]


@dataclass(frozen=True)
class PortView:
    decision: Decision
    policy: PortPolicy
    publication: Publication
    columns: tuple[ColumnView, ...]
    hidden: tuple[str, ...]  # columns of the port that the grant leaves out
    filtered: bool  # whether rows are left out
    etag: str
    notice: str | None
    sunset: str | None


def describe(relation: GuardedRelation) -> PortView:
    masks = relation.decision.profile.columns
    return PortView(
        decision=relation.decision,
        policy=relation.policy,
        publication=relation.publication,
        columns=tuple(ColumnView(name, relation.types[name], masks[name]) for name in relation.schema.names),
        hidden=tuple(name for name in relation.policy.masks if name not in masks),
        filtered=bool(relation.decision.profile.filters),
        etag=relation.etag,
        notice=relation.notice,
        sunset=relation.sunset,
    )
