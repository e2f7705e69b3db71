"""Who calls: every endpoint depends on `CurrentCaller`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from platform_resources.access import Access, Caller

_bearer = HTTPBearer(auto_error=False, description="A token of the mesh, or a JWT of the OpenID provider.")


def the_access(request: Request) -> Access:
    return request.app.state.access


TheAccess = Annotated[Access, Depends(the_access)]


def current_caller(
    access: TheAccess, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    return access.authenticate(None if shown is None else shown.credentials)


CurrentCaller = Annotated[Caller, Depends(current_caller)]
