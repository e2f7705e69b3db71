"""What every page is made of: `render`, `PortalReader` and `Posted`.

    @router.get("/things")
    def things(request: Request, reader: PortalReader) -> Response:
        return render(request, reader, "things.html", things=...)

    @router.post("/things")
    def add_thing(posted: Posted) -> Response:
        asked = asked_of(ThingAsked, name=posted.text("name"), days=posted.text("days"))
        ...
        return see_other("/things", done="thing-added")

In a template every form that posts has `{{ csrf_field }}`; `macros.html` has badges, meters and code blocks. An
`AccessError` that a page raises becomes a page that tells it. No template may hold inline style or script: the content
security policy stops them; plots are images (`<img src=...>`) or SVG without `style` attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from platform_resources.access.errors import AccessError
from platform_resources.lake import utc_now
from platform_resources.serving.portal.filters import FILTERS
from platform_resources.serving.portal.signed_in import PortalReader, Posted, PostedForm, site_of
from platform_resources.serving.portal.static import asset
from platform_resources.serving.readers import Reader

__all__ = ["NOTICES", "PortalReader", "Posted", "PostedForm", "asked_of", "page", "render", "see_other"]

_Model = TypeVar("_Model", bound=BaseModel)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # Not "no-referrer": with that one browsers send forms with `Origin: null`, which proves nothing.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# What a page says after a form was sent, by the word in its address: never text from the address itself.
NOTICES: dict[str, str] = {
    "signed-out": "You are signed out.",
    "token-revoked": "The token is ended, and those that were made with it.",
}

_SECTIONS = (
    ("/search", "Products"),
    ("/domains", "Domains"),
    ("/glossary", "Glossary"),
    ("/fitness", "Fitness"),
    ("/access", "Access"),
    ("/council", "Council"),
)


class InvalidFormError(AccessError):
    """A form that holds what its model refuses; each field is told."""

    status = 422
    code = "invalid-form"


@cache
def environment() -> Environment:
    """Made once: it keeps the compiled templates."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals.update(asset=asset, sections=_SECTIONS, notices=NOTICES, now=utc_now)
    return made


def render(
    request: Request, reader: Reader | None, template: str, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A page. `reader` is None only where nobody is signed in.

    Templates have `request`, `reader`, `csrf_field`, `site`, `path`, and `q` of the search box, beside `context`.
    """
    return page(request, reader, template, status, context)


def page(
    request: Request, reader: Reader | None, template: str, status: int, context: Mapping[str, Any]
) -> HTMLResponse:
    token = getattr(request.state, "csrf", "")
    field = Markup('<input type="hidden" name="csrf" value="{}">').format(token)
    told = {
        "request": request,
        "reader": reader,
        "path": request.url.path,
        "site": site_of(request),
        "csrf_field": field,
        "done": notice_of(request),
        "q": "",
        **context,
    }
    return HTMLResponse(environment().get_template(template).render(told), status, HEADERS)


def notice_of(request: Request) -> str | None:
    return NOTICES.get(request.query_params.get("done", ""))


def see_other(path: str, *, done: str | None = None) -> RedirectResponse:
    """Where to go after a form was sent; `done` is a key of `NOTICES` that is told there.

    `path` is one that the portal makes itself: text that a request made up is quoted into it, or `local_path` of it.
    """
    if done is not None:
        head, _, fragment = path.partition("#")
        path = f"{head}{'&' if '?' in head else '?'}done={quote(done)}" + (f"#{fragment}" if fragment else "")
    return RedirectResponse(path, 303)


def asked_of(model: type[_Model], **values: Any) -> _Model:
    """What a form asks for, as the API's own model; fields that were left empty (None) take their defaults.

    Raises
    ------
    InvalidFormError
        which tells each field that is wrong, never its value.
    """
    try:
        return model(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        told = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise InvalidFormError("; ".join(told[:5]), "Go back, mend it, and send it again.") from None
