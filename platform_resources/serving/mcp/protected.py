"""Where a client finds out which OpenID provider issues the tokens of the endpoint (RFC 9728, as MCP asks for it)."""

from __future__ import annotations

from mcp.server.auth.handlers.metadata import ProtectedResourceMetadataHandler
from mcp.server.auth.routes import cors_middleware
from mcp.shared.auth import ProtectedResourceMetadata
from starlette.routing import Route

from platform_resources.access import Access
from platform_resources.access.callers.oidc_sign_in import SCOPES
from platform_resources.lake import public_url

_WELL_KNOWN = "/.well-known/oauth-protected-resource"
_METHODS = ["GET", "OPTIONS"]


def metadata_address(access: Access, path: str) -> str | None:
    """Where the metadata of the endpoint at `path` is; None without a provider: all tokens are the mesh's own."""
    return None if access.oidc is None else f"{public_url()}{_WELL_KNOWN}{path}"


def metadata_routes(access: Access, path: str) -> list[Route]:
    """The metadata, for everybody: at the address of the RFC, and at the root for clients that only look there."""
    if access.oidc is None:
        return []
    told = ProtectedResourceMetadata.model_validate(
        {
            "resource": f"{public_url()}{path}",
            "authorization_servers": [access.oidc.settings.issuer],
            "scopes_supported": list(SCOPES),
            "resource_name": "Data mesh",
        }
    )
    answer = cors_middleware(ProtectedResourceMetadataHandler(told).handle, _METHODS)
    return [
        Route(address, answer, methods=_METHODS, include_in_schema=False)
        for address in (f"{_WELL_KNOWN}{path}", _WELL_KNOWN)
    ]
