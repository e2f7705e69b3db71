"""Fitness for a use: a consumer states needs, each product gets a verdict with its evidence."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from platform_resources.serving.answers import Answer, Asked, refusals
from platform_resources.serving.readers import CurrentReader

router = APIRouter(tags=["catalog"])

Verdict = Literal["yes", "no", "unknown"]


class Needs(Asked):
    """What a consumer needs; what it leaves out doesn't count."""

    ports: list[str] | None = Field(None, description="Only these ports or products; null: all.", max_length=100)
    q: str | None = Field(None, description="Only what a search for these words finds.", max_length=400)
    max_age: str | None = Field(None, description="Freshness: ISO 8601 duration.", examples=["PT30M"])
    min_score: float | None = Field(None, ge=0, le=100)
    dimensions: dict[str, float] | None = Field(
        None, description="Least score of a dimension, 0-100.", examples=[{"completeness": 98}]
    )
    min_availability: float | None = Field(None, ge=0, le=100, description="Percent, over the promised window.")
    terms: list[str] | None = Field(None, description="Has a column of each term.", examples=[["crm.household_id"]])
    columns: list[str] | None = Field(None, description="Has columns of these names.")
    history: str | None = Field(None, description="Data that reaches back so far: ISO 8601.", examples=["P1Y"])
    purpose: str | None = Field(
        None, description="May be used for this purpose of the council.", examples=["analytics"]
    )
    clear: list[str] | None = Field(None, description="Columns that the caller must get unmasked.")
    tier: list[str] | None = Field(None, description="One of these tiers.")


class Evidence(Answer):
    need: str = Field(description="In words.", examples=["no older than 30 minutes"])
    verdict: Verdict
    promised: Any | None = Field(description="What the contract says of it.")
    measured: Any | None = Field(description="What was measured.")
    says: str = Field(examples=["promised PT15M, 4 minutes old now"])


class Fit(Answer):
    port: str
    verdict: Verdict = Field(description="`no` when one need is not met; `unknown` when one can't be told.")
    readable: bool = Field(description="Whether the caller holds a grant now; asking for one is no need.")
    evidence: list[Evidence]


class FitnessAnswer(Answer):
    fits: list[Fit] = Field(description="Those that fit first.")


@router.post("/fitness", operation_id="check_fitness", summary="Does a product fit a use?", responses=refusals(422))
def check_fitness(reader: CurrentReader, needs: Needs) -> FitnessAnswer:
    """Yes or no for each product that the caller may know of, with the evidence."""
    raise NotImplementedError
