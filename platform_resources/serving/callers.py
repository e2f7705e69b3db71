"""Who calls: every endpoint but health and the document depends on `CurrentCaller`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from platform_resources.access import Access, Caller
from platform_resources.access.errors import UnauthenticatedError
from platform_resources.serving.limits import RateLimits, Threads
from platform_resources.serving.problems import TokenInAddressError

_bearer = HTTPBearer(auto_error=False, description="A token of the mesh, or a JWT of the OpenID provider.")
_TOKEN_PARAMETERS = frozenset({"access_token", "token", "api_key", "apikey", "authorization", "bearer"})
_TOKEN = re.compile(rb"mesh_[0-9a-f]{10}_")
_HEAD_OF_JWT = re.compile(rb"(?<![\w-])[\w-]++(?=\.eyJ)")  # each word is looked at once, however long it is
_SHORTEST_HEAD = 13  # characters


def the_access(request: Request) -> Access:
    return request.app.state.access


def the_limits(request: Request) -> RateLimits:
    return request.app.state.limits


def the_threads(request: Request) -> Threads:
    return request.app.state.threads


TheAccess = Annotated[Access, Depends(the_access)]
TheLimits = Annotated[RateLimits, Depends(the_limits)]
TheThreads = Annotated[Threads, Depends(the_threads)]


async def current_caller(
    request: Request,
    access: TheAccess,
    limits: TheLimits,
    threads: TheThreads,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Who shows the bearer token of a request. Its name is kept for the log line; the token is kept nowhere."""
    check_address(request)
    credential = None if shown is None else shown.credentials
    try:
        caller = await threads.small(lambda: access.authenticate(credential))
    except UnauthenticatedError:
        if credential is not None:
            limits.failure(request.client.host if request.client else "")
        raise
    request.scope["mesh.caller"] = caller.identity.id
    limits.request(caller.identity.id)  # not by token: who has many would have many times the limit
    return caller


def check_address(request: Request) -> None:
    """A token in an address lies in the logs of every proxy on its way, so it is refused even if it holds."""
    named = any(name.lower() in _TOKEN_PARAMETERS for name in request.query_params)
    query = request.scope["query_string"]
    if named or _TOKEN.search(query) or any(_is_head_of_jwt(found[0]) for found in _HEAD_OF_JWT.finditer(query)):
        raise TokenInAddressError(
            "the address holds a token",
            "Send it as `Authorization: Bearer <token>`, and revoke this one: it was logged.",
        )


def _is_head_of_jwt(word: bytes) -> bool:
    """Whether a word ends with the head of a JWT; what stands before it may be an escape, as `%20`."""
    return 0 <= word.find(b"eyJ") <= len(word) - _SHORTEST_HEAD


CurrentCaller = Annotated[Caller, Depends(current_caller)]
