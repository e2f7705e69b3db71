"""Signing in at the OpenID provider, and coming back from it."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets

from fastapi import APIRouter, Request, Response

from platform_resources.access import Access
from platform_resources.access.callers.oidc_identities import caller_of_claims
from platform_resources.access.callers.oidc_sign_in import OidcSignIn
from platform_resources.access.errors import NotFoundError, UnauthenticatedError
from platform_resources.serving.callers import TheAccess, TheLimits, TheThreads, check_address
from platform_resources.serving.portal.filters import sentence
from platform_resources.serving.portal.pages import see_other
from platform_resources.serving.portal.sign_in import begin, sign_in_again
from platform_resources.serving.portal.signed_in import site_of
from platform_resources.serving.portal.site import local_path

log = logging.getLogger("mesh.api")
router = APIRouter()

_LASTS = 600  # seconds to sign in at the provider
_BACK = "/sign-in/oidc/back"


@router.get("/sign-in/oidc")
async def to_the_provider(
    request: Request, access: TheAccess, limits: TheLimits, threads: TheThreads, next: str = "/"
) -> Response:
    """Go to the provider. The cookie keeps what the answer must fit, and where to go then."""
    check_address(request)
    limits.attempt(request.client.host if request.client else "")
    provider, site = _provider(access), site_of(request)
    secret = secrets.token_urlsafe(32)
    address = await threads.provider(lambda: provider.address(secret, site.root(request) + _BACK))
    answer = see_other(address)
    then = base64.urlsafe_b64encode(local_path(next).encode()).decode().rstrip("=")
    answer.set_cookie(
        site.sign_in_cookie,
        f"{secret}.{then}",
        _LASTS,
        path="/",
        secure=site.secure,
        httponly=True,
        samesite="lax",  # the provider sends the browser back with a link
    )
    return answer


@router.get(_BACK)
async def from_the_provider(
    request: Request,
    access: TheAccess,
    limits: TheLimits,
    threads: TheThreads,
    code: str = "",
    state: str = "",
    iss: str | None = None,
    error: str | None = None,
) -> Response:
    """Sign in who comes back, if it is the browser that was sent and the provider vouches for it."""
    limits.attempt(request.client.host if request.client else "")
    provider, site = _provider(access), site_of(request)
    secret, _, kept = request.cookies.get(site.sign_in_cookie, "").partition(".")
    then = _path(kept)

    def signed_in() -> Response:
        if not secret or not provider.is_state(secret, state) or iss not in (None, provider.settings.issuer):
            raise UnauthenticatedError("this answer of the OpenID provider is not for this browser", "Sign in again.")
        if error is not None:
            raise UnauthenticatedError("the OpenID provider did not sign you in", "Sign in again.")
        claims = provider.claims(secret, site.root(request) + _BACK, code)
        caller = caller_of_claims(access.control, access.audit, claims, provider.settings)
        return begin(request, access, caller, "oidc", then)

    try:
        answer = await threads.provider(signed_in)
    except UnauthenticatedError as refusal:
        limits.failure(request.client.host if request.client else "")
        log.warning("id=%s a sign-in at the OpenID provider was refused", request.scope.get("mesh.request_id"))
        answer = sign_in_again(request, access, then, sentence(refusal.message))
    answer.delete_cookie(site.sign_in_cookie, path="/", secure=site.secure, httponly=True, samesite="lax")
    return answer


def _provider(access: Access) -> OidcSignIn:
    if access.oidc_sign_in is None:
        raise NotFoundError("there is no OpenID provider")
    return access.oidc_sign_in


def _path(kept: str) -> str:
    try:
        return local_path(base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)).decode())
    except (binascii.Error, ValueError):
        return "/"
