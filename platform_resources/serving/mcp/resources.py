"""Resources: products, contracts and terms by address, as far as the caller may know of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import INVALID_PARAMS, Resource

from platform_resources.access import AccessError
from platform_resources.lake import PortAddress
from platform_resources.serving.answers import page_of
from platform_resources.serving.contracts import contract_text
from platform_resources.serving.glossary import get_term
from platform_resources.serving.limits import Threads
from platform_resources.serving.mcp.quoting import NOTICE, visible
from platform_resources.serving.mcp.results import Found, code_of, told
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.finding import get_product
from platform_resources.serving.readers import Reader

if TYPE_CHECKING:
    from mcp.server import MCPServer

PAGE = 50
PRODUCT, CONTRACT, TERM = (
    "product://{domain}/{product}",
    "contract://{domain}/{product}/v{major}",
    "term://{domain}/{term}",
)
_SCHEMES = ("contract://", "product://", "term://")
_LONGEST_URI = 300  # characters of one that the caller made up


def add_resources(server: MCPServer[Any], threads: Threads) -> None:
    """Register the templates; a resource that is hidden is answered like one that is not there."""

    @server.resource(
        PRODUCT, name="product", title="Product", mime_type="application/json", description="As get_product tells it."
    )
    async def product(domain: str, product: str) -> str:
        return await _answered(threads, f"product://{domain}/{product}", lambda: _product(domain, product))

    @server.resource(
        CONTRACT,
        name="contract",
        title="Contract",
        mime_type="application/yaml",
        description="The contract that is served: an ODCS document. Its first line says that it is data.",
    )
    async def contract(domain: str, product: str, major: str) -> str:
        uri = f"contract://{domain}/{product}/v{major}"
        return await _answered(threads, uri, lambda: _contract(domain, product, major))

    @server.resource(TERM, name="term", title="Term", mime_type="application/json", description="As get_term tells it.")
    async def term(domain: str, term: str) -> str:
        return await _answered(threads, f"term://{domain}/{term}", lambda: _term(domain, term))


async def _answered(threads: Threads, uri: str, work: Callable[[], str]) -> str:
    """The text of a resource.

    Raises
    ------
    ResourceNotFoundError
        when there is none that the caller may know of.
    ResourceError
        when it can't be told now.
    """
    try:
        return await threads.small(work)
    except Exception as error:  # noqa: BLE001  (the last resort: what is told must hold no value)
        if isinstance(error, AccessError) and error.status == 404:
            raise ResourceNotFoundError(f"Unknown resource: {visible(uri)[:_LONGEST_URI]}") from None
        raise ResourceError(f"Refused ({code_of(error)}): this can't be told now") from None


def _product(domain: str, product: str) -> str:
    reader().product(domain, product)  # by its exact name: a resource has no "did you mean"
    return _json(get_product(f"{domain}.{product}"))


def _contract(domain: str, product: str, major: str) -> str:
    me = reader()
    state = me.port(PortAddress(domain, product, int(major) if major.isdecimal() and major.isascii() else 0))
    if major != str(state.port.major):
        me.port(PortAddress(domain, product, 0))  # v01 is no second name of v1
    return f"# {NOTICE}\n{visible(contract_text(me, state).decode())}"


def _term(domain: str, term: str) -> str:
    return _json(Found(get_term(reader(), domain, term), lists=("relations", "columns")))


def _json(found: Found[Any]) -> str:
    return json.dumps(told(found).structured_content, ensure_ascii=False, separators=(",", ":"))


def resources_of(me: Reader) -> list[Resource]:
    """Everything that the reader may know of, by URI. A list has no notice: its titles hold no text of documents."""
    found: list[Resource] = []
    for _, ports in me.domains():
        for state in ports:
            domain, name = state.product.domain, state.product.name
            found.append(
                Resource(
                    uri=f"contract://{domain}/{name}/v{state.port.major}",
                    name=state.port.address,
                    title=f"Contract of {state.port.address}",
                    mime_type="application/yaml",
                )
            )
            about = Resource(
                uri=f"product://{domain}/{name}",
                name=state.product.address,
                title=f"Product {state.product.address}",
                mime_type="application/json",
            )
            if about not in found:
                found.append(about)
    for term in me.documents.glossary.terms.values():
        found.append(
            Resource(
                uri=f"term://{term.domain}/{term.name}",
                name=term.address,
                title=f"Term {term.address}",
                mime_type="application/json",
            )
        )
    return sorted(found, key=lambda resource: resource.uri)


@dataclass(frozen=True)
class _Page:
    resources: list[Resource]
    following: str | None


_page: ContextVar[_Page] = ContextVar("page of resources")


class ListedResources:
    """The list of resources, page by page. The SDK's own knows neither callers nor pages."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def __call__(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if context.method != "resources/list":
            return await call_next(context)
        cursor = (context.params or {}).get("cursor")
        if cursor is not None and not (isinstance(cursor, str) and cursor.startswith(_SCHEMES)):
            raise MCPError(INVALID_PARAMS, "the cursor is none of this list")
        page = await self._threads.small(lambda: _page_after(reader(), cursor))
        token = _page.set(page)
        try:
            result = await call_next(context)
        finally:
            _page.reset(token)
        if page.following is not None and isinstance(result, dict):
            result["nextCursor"] = page.following
        return result


def listed() -> list[Resource]:
    """The resources of the page that is being answered."""
    return _page.get().resources


def _page_after(me: Reader, cursor: str | None) -> _Page:
    found = resources_of(me)
    return _Page(*page_of(found, [resource.uri for resource in found], PAGE, cursor))
