"""What the council has decided that a consumer needs to know: purposes and classes of secrecy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.readers import CurrentReader

router = APIRouter(prefix="/governance", tags=["governance"])


class PurposeOut(Answer):
    name: str = Field(description="As a reading or a request declares it.", examples=["analytics"])
    title: str
    description: str
    classifications: list[str] = Field(description="What may be read in clear for it, by those who are cleared.")


class Purposes(Answer):
    purposes: list[PurposeOut]


class ClassificationOut(Answer):
    name: str = Field(examples=["personal"])
    rank: int = Field(description="Rises with secrecy, from 0.")
    title: str | None
    description: str | None
    fields: dict[str, Any] = Field(
        description="What it demands.", examples=[{"mask": "required", "clearance": "gdpr", "approvals": 2}]
    )


class Classifications(Answer):
    classifications: list[ClassificationOut]


@router.get("/purposes", operation_id="list_purposes", summary="Purposes of reading", responses=refusals())
def list_purposes(reader: CurrentReader) -> Purposes:
    """What data may be read for. A reading without a purpose is refused."""
    found = reader.documents.council.purposes.values()
    return Purposes(
        purposes=[
            PurposeOut(
                name=item.name,
                title=item.title,
                description=item.description,
                classifications=sorted(item.classifications),
            )
            for item in found
        ]
    )


@router.get("/classifications", operation_id="list_classifications", summary="Classes of secrecy", responses=refusals())
def list_classifications(reader: CurrentReader) -> Classifications:
    """How secret columns can be, in rising secrecy, and what that demands."""
    found = sorted(reader.documents.council.classifications.values(), key=lambda c: c.rank)
    return Classifications(
        classifications=[
            ClassificationOut(
                name=c.name,
                rank=c.rank,
                title=c.fields.get("title"),
                description=c.fields.get("description"),
                fields=_rest(c.fields),
            )
            for c in found
        ]
    )


def _rest(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("name", "id", "title", "description")}
