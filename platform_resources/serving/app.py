"""The application: routers, errors, life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving import data
from platform_resources.serving.facts import add_facts
from platform_resources.serving.problems import add_problem_handlers


def create_app(settings: MeshSettings, *, access: Access | None = None) -> FastAPI:
    """The HTTP API over one mesh; who hands in an `access` closes it. Its document is at `/api/v1/openapi.json`."""
    own = None if access is not None else Access(settings)
    access = access or own

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        view.close()
        if own is not None:
            own.close()

    app = FastAPI(title="Data mesh", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, lifespan=life)
    app.state.access = access
    add_problem_handlers(app)
    app.include_router(data.router, prefix="/api/v1")
    view = add_facts(app, settings)
    return app
