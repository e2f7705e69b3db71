"""The domains: who answers for what, and how their products do."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from platform_resources.catalog.state import PortState
from platform_resources.serving.glossary import list_terms
from platform_resources.serving.portal.pages import PortalReader, render
from platform_resources.serving.products import DomainSummary, ProductSummary, get_domain, list_domains, list_products
from platform_resources.serving.readers import Reader

router = APIRouter()

_MOST = 1_000  # products or terms on one page


@router.get("/domains")
def domains(request: Request, reader: PortalReader) -> Response:
    """Every domain, with what it offers."""
    found = list_domains(reader).domains
    states = {state.name: ports for state, ports in reader.domains()}
    scores = {name: _mean(ports) for name, ports in states.items()}
    return render(request, reader, "domains.html", domains=found, scores=scores)


@router.get("/domains/{domain}")
def domain_page(request: Request, reader: PortalReader, domain: str) -> Response:
    """One domain: its people, its products, its words."""
    found = get_domain(reader, domain)
    answer = Response()
    listed = list_products(request, answer, reader, domain=domain, limit=_MOST)
    terms = list_terms(request, answer, reader, domain=domain, limit=_MOST)
    inputs = _inputs(reader, domain)
    return render(
        request,
        reader,
        "domain.html",
        domain=found,
        products=listed.products,
        terms=terms.terms,
        reads=inputs,
        read_by=_read_by(reader, found, listed.products),
    )


def _mean(ports: list[PortState]) -> float | None:
    scores = [port.publication.score for port in ports if port.publication is not None]
    return sum(scores) / len(scores) if scores else None


def _inputs(reader: Reader, domain: str) -> list[str]:
    """Ports of other domains that its products read, as far as the reader sees both."""
    found = {
        item.address
        for state, ports in reader.domains()
        if state.name == domain
        for product in {port.product.address: port.product for port in ports}.values()
        for item in product.inputs
        if item.address.partition(".")[0] != domain and reader.sees_address(item.address)
    }
    return sorted(found)


def _read_by(reader: Reader, domain: DomainSummary, products: list[ProductSummary]) -> list[str]:
    """Products of other domains that read this one's, as far as the reader sees them."""
    own = {port.address for product in products for port in product.ports}
    found = {
        port.product.address
        for state, ports in reader.domains()
        if state.name != domain.name
        for port in ports
        if any(item.address in own for item in port.product.inputs)
    }
    return sorted(found)
