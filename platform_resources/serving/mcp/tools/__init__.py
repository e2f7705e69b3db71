"""The tools, each a plain function of its arguments: `TOOLS` in the order in which they are listed."""

from __future__ import annotations

from platform_resources.serving.mcp.tools.asking import list_my_access, request_access
from platform_resources.serving.mcp.tools.finding import get_product, get_schema, search_products
from platform_resources.serving.mcp.tools.judging import check_fitness, get_quality
from platform_resources.serving.mcp.tools.meaning import compare_terms, get_term
from platform_resources.serving.mcp.tools.reading import query_product
from platform_resources.serving.mcp.tools.tracing import get_lineage, impact_of_change

TOOLS = (
    search_products,
    get_product,
    get_schema,
    get_quality,
    get_lineage,
    impact_of_change,
    get_term,
    compare_terms,
    check_fitness,
    request_access,
    list_my_access,
    query_product,
)
ACTING = frozenset({"request_access"})  # the others only read
READING_DATA = frozenset({"query_product"})
