"""Signing in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from platform_resources.access import Access, Caller
from platform_resources.access.callers.one_click import is_key, is_proof, proof_of_key
from platform_resources.access.callers.personas import PERSONAS, persona_names, persona_token
from platform_resources.access.errors import UnauthenticatedError
from platform_resources.lake import utc_now
from platform_resources.serving.callers import TheAccess, TheLimits, TheThreads, check_address
from platform_resources.serving.limits import RateLimits
from platform_resources.serving.portal.pages import NOTICES, Posted, render, see_other
from platform_resources.serving.portal.signed_in import caller_of_request, check_origin, forget, form_of, site_of, start
from platform_resources.serving.portal.site import is_loopback, local_path, sign_in_path

router = APIRouter()

_FORWARDED = frozenset({"forwarded", "x-real-ip", "via"})  # and every X-Forwarded-*
_LONGEST_TOKEN = 16_384

NOTICES["no-such-link"] = "This link is not of this mesh: open the one that mesh up or mesh serve printed last."


@router.get("/sign-in")
def sign_in_page(
    request: Request, access: TheAccess, limits: TheLimits, next: str = "/", demo: str | None = None
) -> Response:
    """The ways to sign in; who is signed in goes on at once. `demo` is the key of the link that is printed."""
    check_address(request)
    if demo is not None:
        return _from_the_link(request, access, limits, demo, local_path(next))
    if caller_of_request(request, access) is not None:
        return see_other(local_path(next))
    return sign_in_again(request, access, local_path(next))


def sign_in_again(request: Request, access: TheAccess, then: str, wrong: str | None = None) -> Response:
    """The page, with what went wrong the last time."""
    summaries = {persona.identity.id: persona for persona in PERSONAS}
    names = persona_names(access.settings) if _is_on_this_machine(request, access) else ()
    return render(
        request,
        None,
        "sign_in.html",
        status=200 if wrong is None else 401,
        then=then,
        wrong=wrong,
        oidc=access.oidc is not None,
        personas=[summaries[name] for name in summaries if name in names],
        folder=access.settings.home / "personas",
        one_click=_may_be_a_persona(request, access),
    )


@router.post("/sign-in")
async def sign_in(request: Request, access: TheAccess, limits: TheLimits, threads: TheThreads) -> Response:
    """Sign in with a token that was pasted, or as a demo persona."""
    check_address(request)
    check_origin(request)
    form = await form_of(request)
    then = local_path((form.get("next") or ["/"])[0])
    token, how = (form.get("token") or [""])[0].strip(), "token"
    persona = (form.get("persona") or [""])[0]
    if persona and not _may_be_a_persona(request, access):
        return sign_in_again(request, access, then, "Open the link that mesh up or mesh serve printed, or use a token.")
    if persona:
        token, how = persona_token(access.settings, persona) or "", "persona"
    try:
        caller = await threads.small(lambda: access.authenticate(token[:_LONGEST_TOKEN]))
    except UnauthenticatedError:
        limits.failure(request.client.host if request.client else "")
        return sign_in_again(request, access, then, "This token is not valid: it may be mistyped, expired or revoked.")
    limits.request(caller.identity.id)
    return await threads.small(lambda: begin(request, access, caller, how, then))


def begin(request: Request, access: TheAccess, caller: Caller, how: str, then: str) -> Response:
    """Sign in who has proved who it is, in place of who was signed in before."""
    request.scope["mesh.caller"] = caller.identity.id
    site = site_of(request)
    if before := request.cookies.get(site.session_cookie):
        access.end_session(before)
    answer = see_other(then)
    start(answer, site, access.begin_session(caller, how))
    return answer


@router.post("/sign-out")
def sign_out(posted: Posted) -> Response:
    """End the session, here and in the database."""
    site = site_of(posted.request)
    posted.reader.access.end_session(posted.request.cookies[site.session_cookie])
    answer = see_other("/sign-in", done="signed-out")
    forget(answer, site)
    return answer


def _from_the_link(request: Request, access: Access, limits: RateLimits, key: str, then: str) -> Response:
    """Go on at once to the address without the key. The browser keeps a proof that it was shown."""
    if not (_is_on_this_machine(request, access) and is_key(access.settings, key)):
        limits.failure(request.client.host if request.client else "")
        return see_other("/sign-in", done="no-such-link")
    site, answer = site_of(request), see_other(sign_in_path(then))
    proof = proof_of_key(access.settings, utc_now())
    answer.set_cookie(site.one_click_cookie, proof, path="/", secure=site.secure, httponly=True, samesite="lax")
    return answer


def _may_be_a_persona(request: Request, access: Access) -> bool:
    """Whether a click is enough to be a demo persona: for a browser that has shown the key of this mesh.

    The key lies beside the personas' tokens, so a click gives nothing that its owner could not read. Where a request
    comes from is asked as well, but proves nothing by itself: all users of a machine call from it.
    """
    proof = request.cookies.get(site_of(request).one_click_cookie, "")
    return _is_on_this_machine(request, access) and is_proof(access.settings, proof, utc_now())


def _is_on_this_machine(request: Request, access: Access) -> bool:
    """Whether demo personas are offered, and to a caller on this machine, as far as a request tells.

    It must call the server by a name of this machine, since another site can have its own name lead here (DNS
    rebinding), and no proxy may have said that it stands between. One that says nothing looks the same.
    """
    peer = request.client.host if request.client else ""
    site = site_of(request)
    near = is_loopback(peer) and is_loopback(request.url.hostname or "")
    public = not site.public or is_loopback(site.host)
    forwarded = any(name in _FORWARDED or name.startswith("x-forwarded") for name in request.headers)
    return access.offers_personas and near and public and not forwarded
