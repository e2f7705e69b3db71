"""The application: routers, errors, life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving import data
from platform_resources.serving.problems import add_problem_handlers


def create_app(settings: MeshSettings) -> FastAPI:
    """The HTTP API over one mesh. Its OpenAPI 3.1 document is at `/api/v1/openapi.json`."""
    access = Access(settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        access.close()

    app = FastAPI(title="Data mesh", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, lifespan=life)
    app.state.access = access
    add_problem_handlers(app)
    app.include_router(data.router, prefix="/api/v1")
    return app
