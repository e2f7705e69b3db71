"""The application: routers, errors, limits, life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving import data, health, sql
from platform_resources.serving.edge import Edge
from platform_resources.serving.facts import add_facts
from platform_resources.serving.limits import ApiLimits, RateLimits, Threads
from platform_resources.serving.portal import portal
from platform_resources.serving.portal.errors import add_page_errors, as_page, wants_page
from platform_resources.serving.portal.site import Site, is_page
from platform_resources.serving.problems import ROOT, add_problem_handlers
from platform_resources.serving.rule_trial import TRIALS


def create_app(settings: MeshSettings, *, access: Access | None = None, limits: ApiLimits | None = None) -> FastAPI:
    """The HTTP API over one mesh, and its portal. Who hands in an `access` closes it; `limits` default to those that
    the environment sets.

    Its document is at `/api/v1/openapi.json`. It is for one process: what it counts, each process counts for itself.
    """
    own = None if access is not None else Access(settings)
    access = access or own
    limits = limits or ApiLimits.from_env()
    from platform_resources.serving.mcp.http import PATH, McpEndpoint  # noqa: PLC0415  (the SDK takes 0.3 s)
    from platform_resources.serving.mcp.protected import metadata_routes  # noqa: PLC0415
    from platform_resources.serving.mcp.sessions import Door  # noqa: PLC0415

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        access.sql.prepare()
        async with agents.run():
            yield
            TRIALS.end()  # a trial takes its time, and who stops the server shall not wait for it
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
    app.state.site = Site.from_env()
    app.add_middleware(Edge, limits=limits, takes_forms=is_page, refuse=_refuse)
    add_problem_handlers(app)
    for subject in (health, data, sql):
        app.include_router(subject.router, prefix=ROOT)
    view = add_facts(app, settings)
    agents = McpEndpoint(Door(access, view, app.state.limits, app.state.threads))
    app.router.routes += [Route(PATH, agents, include_in_schema=False), *metadata_routes(access, PATH)]
    app.include_router(portal)
    add_page_errors(app)
    return app


def _refuse(scope: Scope, response: Response) -> Response:
    """What the edge refuses, told in the way in which it was asked."""
    return as_page(scope, response) if wants_page(scope) else response
