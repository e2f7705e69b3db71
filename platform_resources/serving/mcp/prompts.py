"""Prompts: how to go about four tasks with the tools. They look nothing up; what the user wrote is quoted."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field

from platform_resources.serving.mcp.quoting import visible

ProductArgument = Annotated[str, Field(description="Address of a product, as crm.customer_360.", max_length=200)]
TermArgument = Annotated[str, Field(description="A term or a word for it, as revenue.", max_length=200)]


def evaluate_fitness(
    use: Annotated[str, Field(description="What the data is needed for, in words.", max_length=2000)],
    product: Annotated[str, Field(description="Judge this product; empty: find candidates.", max_length=200)] = "",
) -> str:
    """Judge whether a data product fits a use, with evidence."""
    start = (
        f"Judge the product {_said(product)}."
        if product
        else "Find candidates with search_products; keep the best three."
    )
    return f"""\
The use, in the user's words: {_said(use)}.
{start}
1. Write the needs down: how fresh, how complete, which terms or columns, how much history, which purpose
   (list_my_access lists the purposes), which columns unmasked. Ask the user for what is missing.
2. Call check_fitness with them, then get_product and get_quality for what decides.
3. Answer yes, no or unknown for each product, one line of evidence for each need, promised against measured; name the
   owner and the limitations. If no grant is held say what request_access would ask for, and ask before calling it."""


def plan_breaking_change(
    product: ProductArgument,
    change: Annotated[str, Field(description="What is to change, in words.", max_length=2000)],
) -> str:
    """Plan a breaking change of a product so that no consumer is surprised."""
    return f"""\
Product: {_said(product)}. The change, in the user's words: {_said(change)}.
1. get_product and get_schema: what is promised today, and which columns the change touches.
2. impact_of_change for each of these columns (event=change): ports, columns and consumers that are hit; get_lineage
   where the way there matters. get_term when a meaning changes.
3. Say whether it breaks: type, meaning, security or promise. What breaks goes into a new major version beside the old
   one, with an end date of the old one; what does not is a minor version.
4. Answer with: what changes, who is hit and how, whom to tell, the steps and dates, and what to check after each.
Change nothing yourself: contracts are files that their owners edit and review."""


def onboard_to_product(product: ProductArgument) -> str:
    """Introduce a new user to a product until the first query."""
    return f"""\
Introduce the user to the product {_said(product)}.
1. get_product: what it is for and what not, owner and support, promises and whether they are kept now.
2. get_schema: what one row is, the key, the most useful columns with their meaning, what is personal or masked.
3. get_quality: the score and what to be careful with. get_lineage: where it comes from.
4. If a grant is held: query_product for five rows, then one aggregate as SQL that answers a likely question. If not:
   the roles, the purposes and who decides; ask before calling request_access.
Answer on one page, with the query to start from."""


def explain_metric_difference(one: TermArgument, other: TermArgument) -> str:
    """Explain why two figures of related meaning differ, as bookings and revenue."""
    return f"""\
Explain why {_said(one)} and {_said(other)} are not the same figure.
1. compare_terms; get_term of each: definition, formula, unit, relations.
2. get_lineage from a column of the one to a column of the other (column and to): what is added or taken away.
3. get_product of both: owner, freshness. Different publications explain a difference too.
4. If you may read both, query_product both by SQL for one and the same period, and account for the difference.
Answer in three sentences, then the sources: term, column, publication."""


def _said(text: str) -> str:
    """Words of the user in quotes, so that where they end is seen."""
    return json.dumps(visible(text), ensure_ascii=False)


PROMPTS = (evaluate_fitness, plan_breaking_change, onboard_to_product, explain_metric_difference)
