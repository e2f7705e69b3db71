"""What a reader may not know of answers exactly like what is not there, through every door of the server."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from tests.mcp.conftest import NEWCOMER, Agents, agents_on
from tests.shipped import ShippedMesh, hide

HIDDEN = "crm.customer_lifetime_value"
DOMAIN, NAME = HIDDEN.split(".")
# Moments, ages, the credential, and the share of time in which the data was fresh.
_VOLATILE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|age_seconds\W+[0-9.]+|(?:[0-9.]+ (?:seconds?|minutes?|hours?)\b ?)+"
    r"|credential\W+\w+|reliability\W+value\W+[0-9.]+|in [0-9.]+ % of"
)


@pytest.fixture(scope="module")
def pair(changed: Callable[[str], ShippedMesh]) -> Iterator[tuple[Agents, Agents]]:
    """Agents on two meshes: one hides a product, the other never had it."""
    hiding, without = changed("hiding"), changed("without")
    hide(hiding, HIDDEN)
    shutil.rmtree(without.settings.domains / DOMAIN / "products" / NAME)
    with ExitStack() as stack:
        made: list[Agents] = []
        for mesh in (hiding, without):
            source = agents_on(mesh)
            made.append(next(source))
            stack.callback(next, source, None)
        yield made[0], made[1]


def _questions() -> list[tuple[str, dict[str, Any]]]:
    about = [{"product": HIDDEN}, {"product": f"{HIDDEN}.v1"}, {"product": "crm.customer_lifetime_valu"}]
    tools = ("get_product", "get_schema", "get_quality", "get_lineage", "impact_of_change", "query_product")
    return [
        *((tool, arguments) for tool in tools for arguments in about),
        ("get_lineage", {"product": HIDDEN, "column": "household_id"}),
        ("request_access", {"product": HIDDEN, "reason": "Curious", "purpose": "analytics"}),
        ("request_access", {"product": f"{HIDDEN}.v1", "reason": "Curious", "purpose": "analytics", "role": "x"}),
        ("query_product", {"sql": f"SELECT * FROM {HIDDEN}.v1"}),
        ("query_product", {"sql": f"SELECT predicted_value FROM {HIDDEN}.v1 LIMIT 1"}),
        ("check_fitness", {"products": [HIDDEN]}),
        ("check_fitness", {"purpose": "analytics"}),
        ("check_fitness", {"query": "customer lifetime value"}),
        ("search_products", {"query": "customer lifetime value"}),
        ("search_products", {"query": "custmer lifetme valu"}),
        ("search_products", {"limit": 25}),
        ("search_products", {"domain": [DOMAIN]}),
        ("get_term", {"term": "crm.household_id"}),
        ("get_term", {"term": "customer lifetime value"}),
        ("compare_terms", {"one": "customer lifetime value", "other": "revenue"}),
        ("get_product", {"product": "crm.customer_360"}),
        ("get_quality", {"product": "crm.customer_360"}),
        ("get_schema", {"product": "crm.customer_360"}),
        ("get_lineage", {"product": "crm.customer_360"}),
        ("get_lineage", {"product": "sales.bookings", "column": "net_sales"}),
        ("impact_of_change", {"product": "crm.customer_360"}),
        ("impact_of_change", {"product": "sales.bookings", "event": "outage"}),
        ("list_my_access", {}),
    ]


async def _everything(client: Client) -> list[str]:
    told = []
    for tool, arguments in _questions():
        result = await client.call_tool(tool, arguments)
        told.append(f"{tool} {json.dumps(arguments)}: {result.model_dump_json()}")
    cursor = None
    while True:
        page = await client.list_resources(cursor=cursor)
        told.append(page.model_dump_json())
        cursor = page.next_cursor
        if cursor is None:
            break
    for uri in (f"product://{DOMAIN}/{NAME}", f"contract://{DOMAIN}/{NAME}/v1", "product://crm/customer_360"):
        try:
            told.append((await client.read_resource(uri)).model_dump_json())
        except MCPError as error:
            told.append(f"{uri}: {error.error.model_dump_json()}")
    contract = ResourceTemplateReference(uri="contract://{domain}/{product}/v{major}")
    for ref, name, chosen in (
        (contract, "product", {"domain": DOMAIN}),
        (contract, "major", {"domain": DOMAIN, "product": NAME}),
        (contract, "domain", None),
        (PromptReference(name="onboard_to_product"), "product", None),
    ):
        told.append((await client.complete(ref, {"name": name, "value": ""}, chosen)).model_dump_json())
    told.append((await client.get_prompt("onboard_to_product", {"product": HIDDEN})).model_dump_json())
    return told


def test_a_hidden_product_answers_like_one_that_never_was(pair: tuple[Agents, Agents]) -> None:
    hiding, without = (agents(NEWCOMER).ask(_everything) for agents in pair)
    for one, other in zip(hiding, without, strict=True):
        assert _VOLATILE.sub("*", one) == _VOLATILE.sub("*", other)


def test_who_holds_a_grant_on_it_sees_it(pair: tuple[Agents, Agents]) -> None:
    analyst = pair[0]("analyst")
    assert analyst.answer("get_product", product=HIDDEN)["product"]["address"] == HIDDEN
    assert f"product://{DOMAIN}/{NAME}" in analyst.resources()
