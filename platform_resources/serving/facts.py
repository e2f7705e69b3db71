"""Everything of the API that is no data: registered in one place."""

from __future__ import annotations

import logging

import duckdb
from fastapi import FastAPI, Request, Response

from platform_resources.access.errors import UnavailableError
from platform_resources.catalog.view import CatalogView
from platform_resources.control import ControlError
from platform_resources.lake import MeshSettings, PublicationError
from platform_resources.serving import (
    access_requests,
    anomalies,
    audit,
    catalog_exports,
    column_lineage,
    consumers,
    contracts,
    council,
    docs_page,
    fitness,
    glossary,
    governance,
    identity,
    impact,
    lineage,
    operation,
    product_metrics,
    products,
    quality,
    rule_trial,
    schemas,
    search,
    slos,
    tokens,
)
from platform_resources.serving.openapi import describe
from platform_resources.serving.problems import ROOT, problem_of_refusal

log = logging.getLogger("mesh.api")

_SUBJECTS = (
    *(products, contracts, schemas, quality, lineage, consumers, column_lineage, impact, operation, slos, anomalies),
    *(glossary, search, fitness, product_metrics, catalog_exports),
    *(access_requests, governance, council, rule_trial, identity, tokens, audit, docs_page),
)


def add_facts(app: FastAPI, settings: MeshSettings) -> CatalogView:
    """The routes on products, glossary, access, council and audit; who calls closes the view that they share."""
    view = app.state.view = CatalogView(settings, app.state.access.guard.lakes, app.state.access.control)
    for subject in _SUBJECTS:
        app.include_router(subject.router, prefix=ROOT)
    describe(app)
    add_unavailable_handlers(app)
    return view


def add_unavailable_handlers(app: FastAPI) -> None:
    """What can't be read now is told so; why is for the log, since the words of a database may hold values."""

    async def unavailable(_: Request, error: Exception) -> Response:
        log.error("unavailable: %s", type(error).__name__)
        return problem_of_refusal(UnavailableError("this can't be told now", "Try again; `mesh fsck` tells damage."))

    for kind in (ControlError, duckdb.Error, PublicationError):
        app.add_exception_handler(kind, unavailable)
