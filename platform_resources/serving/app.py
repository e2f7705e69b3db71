"""The application: routers, errors, limits, life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving import data, health, sql
from platform_resources.serving.edge import Edge
from platform_resources.serving.facts import add_facts
from platform_resources.serving.limits import ApiLimits, RateLimits, Threads
from platform_resources.serving.problems import ROOT, add_problem_handlers


def create_app(settings: MeshSettings, *, access: Access | None = None, limits: ApiLimits | None = None) -> FastAPI:
    """The HTTP API over one mesh. Who hands in an `access` closes it; `limits` are those of the environment.

    Its document is at `/api/v1/openapi.json`. It is for one process: what it counts, each process counts for itself.
    """
    own = None if access is not None else Access(settings)
    access = access or own
    limits = limits or ApiLimits.from_env()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        access.sql.prepare()
        yield
        await asyncio.to_thread(view.close)
        if own is not None:
            await asyncio.to_thread(own.close)

    app = FastAPI(
        title="Data mesh",
        version="1",
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
    app.state.access = access
    app.state.limits = RateLimits(limits)
    app.state.threads = Threads(limits)
    app.add_middleware(Edge, limits=limits)
    add_problem_handlers(app)
    for subject in (health, data, sql):
        app.include_router(subject.router, prefix=ROOT)
    app.add_api_route("/", _to_the_docs, include_in_schema=False)
    view = add_facts(app, settings)
    return app


async def _to_the_docs() -> RedirectResponse:
    """Who opens the server in a browser sees what it knows."""
    return RedirectResponse(f"{ROOT}/docs")
