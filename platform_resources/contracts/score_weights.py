"""What each dimension weighs in a quality score, and who says so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROPERTY = "scoreWeights"  # custom property of a contract, and field of council.yaml and of a tier


@dataclass(frozen=True)
class ScoreWeights:
    """Weights by dimension; what is not named weighs 1. `said_by`: "contract", "tier gold", "council"."""

    values: Mapping[str, float] = field(default_factory=dict)
    said_by: Mapping[str, str] = field(default_factory=dict)

    def over(self, others: ScoreWeights) -> ScoreWeights:
        """These, and those of `others` where these name none."""
        return ScoreWeights({**others.values, **self.values}, {**others.said_by, **self.said_by})


def usable_weight(said: Any) -> float | None:
    """A number from 0 up, below 1e9; None for anything else."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 1e9:
        return None
    return float(said)


def weights_of(said: Any, who: str) -> ScoreWeights:
    """The usable part of what somebody says: numbers from 0 up."""
    if not isinstance(said, Mapping):
        return ScoreWeights()
    usable = ((str(dimension), usable_weight(weight)) for dimension, weight in said.items())
    values = {dimension: weight for dimension, weight in usable if weight is not None}
    return ScoreWeights(values, dict.fromkeys(values, who))
