"""Everything of the API that is no data: registered in one place."""

from __future__ import annotations

from fastapi import FastAPI

from platform_resources.catalog.view import CatalogView
from platform_resources.lake import MeshSettings
from platform_resources.serving import (
    access_requests,
    audit,
    contracts,
    glossary,
    governance,
    identity,
    lineage,
    operation,
    products,
    quality,
    schemas,
    tokens,
)
from platform_resources.serving.openapi import describe
from platform_resources.serving.problems import ROOT

_SUBJECTS = (
    *(products, contracts, schemas, quality, lineage, operation, glossary),
    *(access_requests, governance, identity, tokens, audit),
)


def add_facts(app: FastAPI, settings: MeshSettings) -> CatalogView:
    """The routes on products, glossary, access, council and audit; who calls closes the view that they share."""
    view = app.state.view = CatalogView(settings)
    for subject in _SUBJECTS:
        app.include_router(subject.router, prefix=ROOT)
    describe(app)
    return view
