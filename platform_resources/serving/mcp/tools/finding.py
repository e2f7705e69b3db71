"""Finding products, and what they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from platform_resources.access.errors import BadQueryError
from platform_resources.serving.answers import Answer
from platform_resources.serving.entitlements import PortAccess
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.pages import MAX_BYTES, size_of
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor, Product, Purpose
from platform_resources.serving.mcp.tools.summaries import search_said
from platform_resources.serving.operation import AvailabilityOut, get_availability
from platform_resources.serving.ports import Lifecycle, PortDetail
from platform_resources.serving.product_metrics import Metric, get_metrics
from platform_resources.serving.products import ProductDetail, get_port
from platform_resources.serving.products import get_product as product_detail
from platform_resources.serving.schemas import PortSchema
from platform_resources.serving.schemas import get_schema as schema_of
from platform_resources.serving.search import FacetValue, Hit, SearchAnswer, TermFound
from platform_resources.serving.search import search_products as search

Words = Annotated[str, Field(min_length=1, max_length=200)]


class ProductAbout(Answer):
    product: ProductDetail
    port: PortDetail = Field(description="The port that was asked for, or the one to read first.")
    availability: AvailabilityOut = Field(description="Of that port: promised against measured.")
    metrics: list[Metric] = Field(description="How it does: reliability, integrity, impact, adoption, ratings.")


class ProductsFound(Answer):
    summary: str = Field(description="The answer as a sentence.")
    query: str
    total: int
    hits: list[Hit] = Field(description="Best first.")
    terms: list[TermFound] = Field(description="Terms of the glossary that the query names, best first.")
    related: list[TermFound] = Field(description="Other terms with words of it, where the best hit leaves some open.")
    did_you_mean: str | None = Field(description="A query that finds more, when this one looks misspelt.")
    facets: dict[str, list[FacetValue]] | None = Field(
        description="How many hits there are by domain, tier, status, classification, tag, owner, score, freshness; "
        "null without `detail`."
    )


def search_products(
    query: Annotated[
        str,
        Field(
            description="Words of the question, also begun or misspelt; empty lists every product.",
            max_length=400,
            examples=["customer lifetime value", "turnover", "weekly demand per store"],
        ),
    ] = "",
    domain: Annotated[list[Words] | None, Field(description="Only of these domains.", examples=[["crm"]])] = None,
    status: Annotated[list[Lifecycle] | None, Field(description="Only in these states of life.")] = None,
    tier: Annotated[list[Words] | None, Field(description="Only of these tiers.", examples=[["gold"]])] = None,
    classification: Annotated[
        list[Words] | None, Field(description="Only with these as the most secret class.", examples=[["personal"]])
    ] = None,
    tag: Annotated[list[Words] | None, Field(description="Only with one of these tags.")] = None,
    owner: Annotated[list[Words] | None, Field(description="Only of these owners (e-mail addresses).")] = None,
    min_score: Annotated[float | None, Field(description="Least quality score.", ge=0, le=100)] = None,
    freshness: Annotated[
        list[Literal["fresh", "late", "unknown"]] | None, Field(description="Only as fresh as promised, or not.")
    ] = None,
    limit: Annotated[int, Field(description="Hits at most.", ge=1, le=25)] = 8,
    detail: Annotated[bool, Field(description="Also counts by domain, tier, owner ...: `facets`.")] = False,
    cursor: Cursor = None,
) -> Found[ProductsFound]:
    """Find data products by what they are about. Start here, whenever no product address is known.

    Understands words, synonyms of the glossary ("turnover" finds finance.revenue), owners, columns and typing errors.
    Each hit says why it matched, how good and fresh it is and whether you may read it; `terms` are glossary terms that
    the words name. Next: get_product for the owner and the promises, get_schema for the columns, or check_fitness when
    there are needs to meet. Example: {"query": "customer lifetime value"}.
    """
    asked = (domain, tier, status, classification, tag, owner, min_score, freshness)
    found = search(reader(), query, *asked, limit, cursor)
    while size_of(found.model_dump(mode="json")) > MAX_BYTES * 3 // 4 and limit > 1:
        limit = max(1, limit // 2)
        found = search(reader(), query, *asked, limit, cursor)
    hints = () if found.hits else ("Nothing was found: use fewer or other words, or leave filters out.",)
    return Found(_products_found(found, detail), following=found.next, hints=hints)


def _products_found(found: SearchAnswer, detail: bool) -> ProductsFound:
    return ProductsFound(
        summary=search_said(found),
        query=found.query,
        total=found.total,
        hits=found.hits,
        terms=found.terms,
        related=found.related,
        did_you_mean=found.did_you_mean,
        facets=found.facets if detail else None,
    )


def get_product(product: Product) -> Found[ProductAbout]:
    """Everything to know about one product before depending on it.

    What it is for and what not, who owns it and how to reach them, its ports, the promises (freshness, completeness,
    availability) against what was measured, how old the data is now, whether a version is held back or the port ends,
    which roles are offered, who approves them, and whether you hold a grant. Use it after search_products.
    Next: get_schema for columns, get_quality for checks, request_access or query_product.
    Example: {"product": "crm.customer_lifetime_value"}.
    """
    me = reader()
    state = port_of(me, product)
    about = ProductAbout(
        product=product_detail(me, state.product.domain, state.product.name),
        port=for_agents(get_port(me, state)),
        availability=get_availability(me, state),
        metrics=get_metrics(me, state.product.domain, state.product.name).metrics,
    )
    hints = ["`port.address` is the address to read."]
    if about.port.access.ask is not None:
        hints.append("You have no grant: `port.access` tells the roles, who decides and how to ask.")
    if about.port.replaced_by is not None:
        hints.append("This port ends: `port.replaced_by` is what to read instead.")
    return Found(about, hints=tuple(hints))


def get_schema(
    product: Product,
    columns: Annotated[list[ColumnName] | None, Field(description="Only these columns, by name.")] = None,
    purpose: Purpose = None,
    cursor: Cursor = None,
) -> Found[PortSchema]:
    """The columns of a product: what each means, its type, its glossary terms, how secret it is, and how you get it.

    `masked` and `masks` say what hides a column from you and which clearance lifts it; `classification` is `personal`
    for personal data; `granularity` is what one row is. Use it before query_product, and to learn which columns are
    personal. Next: get_term for a term of a column. Example: {"product": "crm.customer_360"}.
    """
    me = reader()
    found = schema_of(me, port_of(me, product), purpose, None)
    if columns is not None:
        named = {column.name: column for column in found.columns}
        missing = [name for name in columns if name not in named]
        if missing:
            raise BadQueryError(f"{found.port} has no column {missing[0]!r}", f"Columns: {', '.join(named)}.")
        found = found.model_copy(update={"columns": [named[name] for name in dict.fromkeys(columns)]})
    hints = (
        "The columns with `masked` are masked for you, by their `masks`.",
        "get_product tells the roles that lift masks, request_access asks for one.",
    )
    masked = any(column.masked for column in found.columns)
    return Found(found, lists=("columns",), cursor=cursor, hints=hints if masked else ())


def for_agents(detail: PortDetail) -> PortDetail:
    """The same, with how to ask for access in words of this door."""
    access = detail.access
    if access.ask is None:
        return detail
    ask = f"request_access with product={detail.address}, a role of `roles`, a purpose and a reason."
    told: dict[str, Any] = {**access.model_dump(), "ask": ask}
    return detail.model_copy(update={"access": PortAccess(**told)})
