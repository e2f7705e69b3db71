"""The portal: pages for people, drawn on the server over the same functions as the API.

Each module is a subject with a `router`; all are included in `portal`. A page asks for a `PortalReader` (who is signed
in), a form for a `Posted` (the same, and proof that the form is ours), and answers with `render`. What a page shows
comes from the endpoint functions of `serving`: the portal decides nothing and reads no lake itself.
"""

from fastapi import APIRouter

from platform_resources.serving.portal import (
    access,
    council,
    domains,
    fitness,
    glossary,
    home,
    me,
    product,
    search,
    sign_in,
    sign_in_oidc,
    static,
)

_SUBJECTS = (home, search, product, domains, glossary, fitness, access, council, me, sign_in, sign_in_oidc, static)

portal = APIRouter(include_in_schema=False)
for subject in _SUBJECTS:
    portal.include_router(subject.router)

__all__ = ["portal"]
