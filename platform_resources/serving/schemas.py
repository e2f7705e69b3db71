"""The columns of a port: what they mean, how secret they are, and how this reader gets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field

from platform_resources.access.model import Mask
from platform_resources.catalog import PortState
from platform_resources.contracts import Column
from platform_resources.contracts.links import term_of_link
from platform_resources.governance import Term
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import Sight, contracts_of, policy_on, sight_of
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])


class MaskOut(Answer):
    strategy: str = Field(description="hash, partial, generalise, redact or null.", examples=["partial"])
    clearance: str | None = Field(description="Lifts it, where the grant says so too; null: nothing does.")
    options: dict[str, Any] = Field(examples=[{"format": "email"}])


class TermLink(Answer):
    term: str = Field(description="Address in the glossary.", examples=["crm.household_id"])
    title: str | None = Field(description="Null when the link leads nowhere.")
    definition: str | None


class ColumnOut(Answer):
    name: str
    title: str | None
    description: str | None
    type: str | None = Field(description="As DuckDB writes it.", examples=["DECIMAL(18,2)"])
    logical_type: str | None = Field(examples=["number"])
    nullable: bool = Field(description="Whether this reader may get nulls.")
    unique: bool
    key_position: int | None = Field(description="Place in the primary key, from 1.")
    classification: str | None = Field(examples=["personal"])
    critical: bool
    terms: list[TermLink]
    allowed: list[Any] | None = Field(description="All values that there can be, where the contract lists them.")
    examples: list[Any] = Field(description="Of the contract; never read from the data.")
    visible: bool = Field(description="False when the reader's grant leaves the column out.")
    masked: bool
    masks: list[MaskOut] = Field(description="What hides the values from this reader.")


class PortSchema(Answer):
    port: str
    contract_version: str = Field(description="Of the contract that is served.")
    description: str | None
    granularity: str | None = Field(description="What one row is.")
    role: str = Field(description="In which the reader is shown it here.")
    granted: bool = Field(description="False: shown as that role would get it, if it were granted.")
    some_rows: bool = Field(description="Whether the reader gets some of the rows only.")
    columns: list[ColumnOut]


@router.get(
    "/products/{domain}/{product}/v{major}/schema",
    operation_id="get_schema",
    summary="Columns, as the caller gets them",
    responses=refusals(404, 422),
)
def get_schema(
    reader: CurrentReader,
    state: AskedPort,
    purpose: Annotated[str | None, Query(description="Of the reading; wins over the header.", max_length=63)] = None,
    said: Annotated[str | None, Header(alias="Mesh-Purpose", description="Of the reading.", max_length=63)] = None,
) -> PortSchema:
    """Every column with its meaning, its type and the mask that the caller gets it with.

    Without a grant it is what the port's first role would show.
    """
    served = contracts_of(reader, state)[0]
    sight = sight_of(reader, policy_on(reader, state), purpose or said)
    return PortSchema(
        port=state.port.address,
        contract_version=served.version,
        description=served.table.description,
        granularity=served.table.granularity,
        role=sight.role,
        granted=sight.granted,
        some_rows=sight.some_rows,
        columns=[_column(reader, state, column, sight) for column in served.table.columns],
    )


def _column(reader: Reader, state: PortState, column: Column, sight: Sight) -> ColumnOut:
    masks = sight.columns.get(column.name, ())
    return ColumnOut(
        name=column.name,
        title=column.business_name,
        description=column.description,
        type=column.physical_type,
        logical_type=column.logical_type,
        nullable=not column.required or any(mask.strategy == "null" for mask in masks),
        unique=column.unique,
        key_position=column.primary_key_position,
        classification=column.classification,
        critical=column.critical,
        terms=_terms(column, state.product.domain, reader.documents.glossary.terms),
        allowed=None if column.enum is None else list(column.enum),
        examples=list(column.examples),
        visible=column.name in sight.columns,
        masked=bool(masks),
        masks=[_mask(mask) for mask in masks],
    )


def _mask(mask: Mask) -> MaskOut:
    return MaskOut(strategy=mask.strategy, clearance=mask.clearance, options=dict(mask.options))


def _terms(column: Column, domain: str, known: Mapping[str, Term]) -> list[TermLink]:
    addresses = [address for url in column.terms if (address := term_of_link(url, domain)) is not None]
    found = [(address, known.get(address)) for address in addresses]
    return [
        TermLink(
            term=address,
            title=None if term is None else term.title,
            definition=None if term is None else term.definition,
        )
        for address, term in found
    ]
