"""`GET /products/{domain}/{product}/v{major}/data`: the rows of a port."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from platform_resources.access import ReadQuery
from platform_resources.lake import PortAddress
from platform_resources.serving.callers import CurrentCaller, TheAccess

router = APIRouter(tags=["data"])


@router.get("/products/{domain}/{product}/v{major}/data")
def read_data(
    access: TheAccess,
    caller: CurrentCaller,
    domain: str,
    product: str,
    major: int,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
    purpose: Annotated[str | None, Header(alias="Mesh-Purpose")] = None,
) -> Response:
    """The rows of a port, as the caller may see them."""
    relation = access.guard.open(caller, PortAddress(domain, product, major), purpose=purpose)
    with relation.read(ReadQuery(limit=limit)) as reading:
        rows = reading.table().to_pylist()
    return Response(json.dumps({"data": rows}, default=str), headers={"ETag": f'"{relation.etag}"'})
