"""Who is signed in, and whether a form is really ours.

A session's cookie is sent to pages only: the API knows nothing of it, so that no page of somebody else can make a
browser call it. A form must come from this origin, as the browser itself says, and hold the session's own token.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from platform_resources.access import Access, Caller
from platform_resources.access.callers.sessions import NewSession
from platform_resources.access.errors import AccessError, UnauthenticatedError
from platform_resources.lake import utc_now
from platform_resources.serving.callers import TheAccess, TheLimits, check_address
from platform_resources.serving.portal.site import Site
from platform_resources.serving.readers import Reader, TheView

_MOST_FIELDS = 1_000


class SignInNeededError(AccessError):
    """Nobody is signed in, or no longer: answered with the way to the sign-in page."""

    status = 401
    code = "sign-in-needed"


class ForgedFormError(AccessError):
    """A form that did not come from a page of this portal, or of a session that has ended."""

    status = 403
    code = "forged-form"

    def __init__(self) -> None:
        super().__init__(
            "this form did not come from your session in this portal",
            "Open the page anew, and send the form from there.",
        )


@dataclass(frozen=True)
class PostedForm:
    """A form that was sent by who is signed in."""

    reader: Reader
    request: Request
    values: Mapping[str, Sequence[str]] = field(repr=False)

    def text(self, name: str) -> str | None:
        """A field without spaces around it; None when it is empty or missing."""
        found = self.values.get(name, ())
        return (found[0].strip() or None) if found else None

    def texts(self, name: str) -> list[str]:
        """All values of a field: of checkboxes, or of a list."""
        return [text for value in self.values.get(name, ()) if (text := value.strip())]


def site_of(request: HTTPConnection) -> Site:
    return request.app.state.site


def portal_reader(request: Request, access: TheAccess, limits: TheLimits, view: TheView) -> Reader:
    """Who is signed in; SignInNeededError when nobody is."""
    check_address(request)
    caller = caller_of_request(request, access)
    if caller is None:
        raise SignInNeededError("you are not signed in", "Sign in.")
    request.scope["mesh.caller"] = caller.identity.id
    limits.request(caller.identity.id)
    reader = request.state.reader = Reader(caller, access, view)
    return reader


PortalReader = Annotated[Reader, Depends(portal_reader)]


def caller_of_request(request: Request, access: Access) -> Caller | None:
    """Whose session the cookie is of; the CSRF token of its forms is kept beside it for the page."""
    secret = request.cookies.get(site_of(request).session_cookie)
    if not secret:
        return None
    try:
        caller = access.caller_of_session(secret)
    except UnauthenticatedError:
        return None
    request.state.csrf = csrf_of(secret)
    return caller


def csrf_of(secret: str) -> str:
    """The token of a session's forms: made of its secret, which no page and no database holds."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Whether the browser says that a form comes from this portal.

    Every browser of the last years sends `Origin` with a form, most `Sec-Fetch-Site` too: one that sends neither is
    refused.

    Raises
    ------
    ForgedFormError
        when it says otherwise, or nothing.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin") or (site is None and origin is None):
        raise ForgedFormError
    if origin is not None and not site_of(request).is_own_origin(request, origin):
        raise ForgedFormError


async def form_of(request: Request) -> dict[str, list[str]]:
    """The fields of a form, by name, in their order."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and "\0" not in value:  # PostgreSQL keeps no NUL
            values.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return values


async def posted_form(request: Request, reader: PortalReader) -> PostedForm:
    """A form of who is signed in; ForgedFormError when it is not ours."""
    check_origin(request)
    values = await form_of(request)
    shown = (values.get("csrf") or [""])[0]
    if not hmac.compare_digest(shown.encode(), request.state.csrf.encode()):
        raise ForgedFormError
    return PostedForm(reader, request, values)


Posted = Annotated[PostedForm, Depends(posted_form)]


def start(response: Response, site: Site, session: NewSession) -> None:
    """Give the browser the session."""
    lasts = max(0, int((session.ends_at - utc_now()).total_seconds()))
    response.set_cookie(
        site.session_cookie, session.secret, lasts, path="/", secure=site.secure, httponly=True, samesite="lax"
    )


def forget(response: Response, site: Site) -> None:
    response.delete_cookie(site.session_cookie, path="/", secure=site.secure, httponly=True, samesite="lax")
