"""A session over HTTP, recorded: what went over the wire, and the same without what differs from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ResourceTemplateReference

from tests.serving.conftest import NO_TLS

Message = dict[str, Any]
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|\+00:00)")
# Figures that depend on the moment, and ids.
_CHANGING = {"age_seconds": 0.0, "credential": "0000000000", "metrics": [], "version": "0", "next": "<cursor>"}
_LONG = {"outputSchema": {"type": "object"}}  # two thirds of the file; the tests validate by it


@dataclass
class Wire:
    """Requests with their answers, in order."""

    exchanges: list[tuple[Message, Message | None]] = field(default_factory=list)

    async def keep(self, response: httpx2.Response) -> None:
        await response.aread()
        asked = json.loads(response.request.content)
        self.exchanges.append((asked, json.loads(response.content) if response.content else None))


@asynccontextmanager
async def connected(url: str, token: str, mode: str = "auto", wire: Wire | None = None) -> AsyncIterator[Client]:
    hooks = {"response": [] if wire is None else [wire.keep]}
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, event_hooks=hooks, timeout=60, trust_env=False, verify=NO_TLS) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def session(client: Client) -> None:
    """What an analyst's agent does on its first day."""
    await client.list_tools()
    for tool, arguments in (
        ("search_products", {"query": "turnover", "limit": 1}),
        ("get_product", {"product": "finance.revenue"}),
        ("get_schema", {"product": "finance.revenue", "columns": ["store_id", "net_revenue"]}),
        ("compare_terms", {"one": "bookings", "other": "revenue"}),
        ("get_lineage", {"product": "finance.revenue"}),
        ("query_product", {"product": "finance.revenue", "columns": ["store_id", "net_revenue"], "limit": 2}),
        ("query_product", {"sql": "SELECT count(*) AS entries, sum(net_revenue) AS revenue FROM finance.revenue.v1"}),
        ("query_product", {"product": "crm.customer_360", "columns": ["household_id", "email"], "limit": 2}),
        ("get_product", {"product": "finance.revenu"}),
        ("request_access", {"product": "finance.revenue", "purpose": "analytics", "reason": ""}),
    ):
        await client.call_tool(tool, arguments)
    await client.list_resources()
    await client.list_resource_templates()
    await client.read_resource("term://finance/revenue")
    with suppress(MCPError):
        await client.read_resource("product://finance/nothing")
    template = ResourceTemplateReference(uri="product://{domain}/{product}")
    await client.complete(template, {"name": "product", "value": "cust"}, {"domain": "crm"})
    await client.list_prompts()
    await client.get_prompt("explain_metric_difference", {"one": "bookings", "other": "revenue"})


def normal(wire: Wire) -> list[dict[str, Any]]:
    """The recording as it is stored: ids by position, one moment for all, no figure that depends on it."""
    found = []
    for number, (asked, told) in enumerate(wire.exchanges):
        pair = {"request": _normal(asked), "response": _normal(told)}
        for message in pair.values():
            if isinstance(message, dict) and "id" in message:
                message["id"] = number
        found.append(pair)
    return found


def _normal(value: Any, name: str = "") -> Any:
    if name in _CHANGING and value is not None:
        return _CHANGING[name]
    if name in _LONG:
        return _LONG[name]
    if isinstance(value, dict):
        return {key: _normal(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, str):
        return value
    head, _, rest = value.partition("\n")
    if name == "text" and rest.startswith("{"):
        return f"{head}\n{json.dumps(_normal(json.loads(rest)), ensure_ascii=False)}"
    if name == "text" and value.startswith("{"):
        return json.dumps(_normal(json.loads(value)), ensure_ascii=False)
    return _MOMENT.sub("2026-01-01T00:00:00Z", value)
