"""Products, their ports, and the domains that answer for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from platform_resources.access.errors import NotFoundError
from platform_resources.catalog import DomainState, PortState, by_preference_now
from platform_resources.contracts.model import Product
from platform_resources.serving.answers import Answer, Limit, Page, link_next, page_of, paged, refusals
from platform_resources.serving.ports import Lifecycle, PortDetail, PortSummary, detail_of, summary_of
from platform_resources.serving.readers import AskedPort, CurrentReader, Domain, ProductName, Reader

router = APIRouter(tags=["products"])


class ProductSummary(Answer):
    address: str = Field(description="`<domain>.<product>`.", examples=["crm.customer_360"])
    domain: str
    name: str
    title: str | None
    purpose: str | None = Field(description="What it is for, in its owner's words.")
    owners: list[str] = Field(description="Who answers for it: e-mail addresses.")
    tags: list[str]
    ports: list[PortSummary] = Field(description="Its ports, the one to read first.")


class ProductPage(Page):
    products: list[ProductSummary]


class ProductDetail(ProductSummary):
    version: str | None = Field(description="Of the product's own document.", examples=["1.0.0"])
    status: str = Field(examples=["active"])
    usage: str | None
    limitations: str | None
    team: str | None
    support: list[dict[str, object]] = Field(description="Channels of support, as in ODPS.")
    inputs: list[str] = Field(description="Ports that it reads.", examples=[["sales.bookings.v1"]])


class DomainSummary(Answer):
    name: str = Field(examples=["crm"])
    title: str | None
    purpose: str | None
    team: str | None
    owner: str | None = Field(description="E-mail address of who answers for the domain.")
    contact: str | None
    channel: str | None
    products: list[str] = Field(description="Addresses of its products.", examples=[["crm.customer_360"]])
    usable: bool = Field(description="False when its documents or its lake can't be read now.")
    problems: list[str] | None = Field(description="What is wrong; for its owner and administrators, null for others.")


class DomainList(Answer):
    domains: list[DomainSummary]


@router.get("/products", operation_id="list_products", summary="What the mesh offers", responses=paged(422))
def list_products(
    request: Request,
    response: Response,
    reader: CurrentReader,
    domain: Annotated[str | None, Query(description="Only of this domain.", examples=["crm"])] = None,
    status: Annotated[Lifecycle | None, Query(description="Only with a port in this state.")] = None,
    tag: Annotated[str | None, Query(description="Only with this tag, on the product or one of its ports.")] = None,
    q: Annotated[
        str | None, Query(description="Only where name, title, purpose or a tag holds this, in any case.")
    ] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> ProductPage:
    """The products that the caller may know of, by address."""
    text = None if q is None else q.casefold()
    found = [
        (product, of)
        for state, ports in reader.domains()
        if domain in (None, state.name)
        for product, of in _by_product(ports)
        if _fits(product, of, status, tag, text)
    ]
    page, following = page_of(found, [product.address for product, _ in found], limit, cursor)
    link_next(request, response, following)
    return ProductPage(products=[_summary(reader, product, of) for product, of in page], next=following)


@router.get(
    "/products/{domain}/{product}", operation_id="get_product", summary="One product", responses=refusals(404, 422)
)
def get_product(reader: CurrentReader, domain: Domain, product: ProductName) -> ProductDetail:
    """A product with its ports."""
    ports = reader.product(domain, product)
    found = ports[0].product
    return ProductDetail(
        **_summary(reader, found, ports).model_dump(),
        version=found.version,
        status=found.status,
        usage=found.usage,
        limitations=found.limitations,
        team=found.team_name,
        support=[dict(entry) for entry in found.support],
        inputs=[item.address for item in found.inputs if reader.sees_address(item.address)],
    )


@router.get(
    "/products/{domain}/{product}/v{major}",
    operation_id="get_port",
    summary="One port",
    responses=refusals(404, 422),
)
def get_port(reader: CurrentReader, state: AskedPort) -> PortDetail:
    """What a port promises, what it serves now, how fresh and good it is, and how the caller may read it."""
    return detail_of(reader, state)


@router.get("/domains", operation_id="list_domains", summary="The domains", responses=refusals())
def list_domains(reader: CurrentReader) -> DomainList:
    """Every domain, with the products that the caller may know of."""
    return DomainList(domains=[_domain(reader, *found) for found in reader.domains()])


@router.get("/domains/{domain}", operation_id="get_domain", summary="One domain", responses=refusals(404, 422))
def get_domain(reader: CurrentReader, domain: Domain) -> DomainSummary:
    """One domain."""
    found = next((item for item in reader.domains() if item[0].name == domain), None)
    if found is None:
        raise NotFoundError(f"there is no domain {domain}", "GET /api/v1/domains lists those that there are.")
    return _domain(reader, *found)


def _domain(reader: Reader, state: DomainState, ports: list[PortState]) -> DomainSummary:
    domain = state.domain
    told = reader.administers or (domain is not None and reader.caller.identity.id == domain.owner)
    return DomainSummary(
        name=state.name,
        title=None if domain is None else domain.title,
        purpose=None if domain is None else domain.purpose,
        team=None if domain is None else domain.team_name,
        owner=None if domain is None else domain.owner,
        contact=None if domain is None else domain.contact,
        channel=None if domain is None else domain.channel,
        products=[product.address for product, _ in _by_product(ports)],
        usable=not state.problems,
        problems=list(state.problems) if told else None,
    )


def _by_product(ports: list[PortState]) -> list[tuple[Product, list[PortState]]]:
    found: dict[str, list[PortState]] = {}
    for state in ports:
        found.setdefault(state.product.address, []).append(state)
    return [(of[0].product, of) for _, of in sorted(found.items())]


def _summary(reader: Reader, product: Product, ports: list[PortState]) -> ProductSummary:
    return ProductSummary(
        address=product.address,
        domain=product.domain,
        name=product.name,
        title=product.title,
        purpose=product.purpose,
        owners=list(product.owners),
        tags=list(_tags(product)),
        ports=[summary_of(reader, state) for state in by_preference_now(ports)],
    )


def _tags(product: Product) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*product.tags, *(tag for port in product.ports for tag in port.contract.tags)]))


def _fits(product: Product, ports: list[PortState], status: str | None, tag: str | None, text: str | None) -> bool:
    if status is not None and all(state.lifecycle != status for state in ports):
        return False
    if tag is not None and tag not in _tags(product):
        return False
    if text is None:
        return True
    titles = [state.port.contract.name or "" for state in ports]
    parts = (product.address, product.title or "", product.purpose or "", *titles, *_tags(product))
    return any(text in part.casefold() for part in parts)
