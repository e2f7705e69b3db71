"""The page of a product, drawn in this process: for the benchmark of the catalog."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from platform_resources.access import Access, Caller
from platform_resources.serving.portal.product import show
from platform_resources.serving.readers import Reader


def draw(app: FastAPI, access: Access, caller: Caller, domain: str, product: str) -> Response:
    """The page as `caller` gets it, without sign-in and network; `app` is `create_app(settings, access=access)`."""
    path = f"/products/{domain}/{product}"
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"mesh.example")],
    }
    request = Request({**scope, "server": ("mesh.example", 80), "scheme": "http", "app": app})
    return show(request, Reader(caller, access, app.state.view), domain, product)
