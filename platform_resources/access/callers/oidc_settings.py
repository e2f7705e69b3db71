"""Which OpenID provider the mesh trusts, and what its claims mean; from the environment.

MESH_OIDC_ISSUER    https://login.retailer.example/realms/mesh
MESH_OIDC_AUDIENCE  the client id, or ids with a comma between, for which its tokens are issued
MESH_OIDC_CLIENT_SECRET  optional; of the first client id, for signing in to the portal
MESH_OIDC_CLAIMS    optional; JSON that names the claim of each field:
                    {"identity": "email", "name": "name", "kind": "mesh_kind", "domain": "department", "purpose": "...",
                     "clearances": "mesh_clearances", "teams": "groups", "attributes": {"regions": "sales_regions"},
                     "localIdentities": false}
                    An e-mail address is somebody's only with the claim `email_verified: true`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from platform_resources.lake import SettingError

_FIELDS = ("identity", "name", "kind", "domain", "purpose", "clearances", "teams")


@dataclass(frozen=True)
class OidcSettings:
    """`claims`: field of the identity -> claim; `a.b` is claim b within claim a. `attributes`: attribute -> claim."""

    issuer: str
    audiences: tuple[str, ...]
    claims: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    local_identities: bool = False  # the provider may speak for identities that an administrator made here
    client_secret: str | None = field(default=None, repr=False)  # None: a public client, proved by PKCE alone

    @property
    def client(self) -> str:
        """The client id as which the portal signs people in."""
        return self.audiences[0]

    @classmethod
    def from_env(cls) -> OidcSettings | None:
        """None when no provider is configured.

        Raises
        ------
        SettingError
            when the configuration can't be understood.
        """
        issuer = os.environ.get("MESH_OIDC_ISSUER", "").strip()
        if not issuer:
            return None
        audiences = tuple(part.strip() for part in os.environ.get("MESH_OIDC_AUDIENCE", "").split(",") if part.strip())
        if not audiences:
            raise SettingError("MESH_OIDC_ISSUER needs MESH_OIDC_AUDIENCE: the client id that tokens are issued for")
        if not is_trustworthy(issuer):
            raise SettingError(
                "MESH_OIDC_ISSUER is no address to trust; write one with https, without query or password"
            )
        secret = os.environ.get("MESH_OIDC_CLIENT_SECRET") or None
        return cls(issuer, audiences, *_claims(os.environ.get("MESH_OIDC_CLAIMS", "")), client_secret=secret)


def is_trustworthy(url: str) -> bool:
    """Whether keys may be fetched from an address: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if host is None or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))


def _claims(text: str) -> tuple[dict[str, str], dict[str, str], bool]:
    wrong = SettingError(
        'MESH_OIDC_CLAIMS can\'t be read; write JSON as {"clearances": "roles", "attributes": {"regions": "regions"}}; '
        f"fields: {', '.join(_FIELDS)}, attributes, localIdentities"
    )
    try:
        written = json.loads(text or "{}")
    except ValueError:
        raise wrong from None
    if not isinstance(written, dict):
        raise wrong
    attributes = written.pop("attributes", {})
    local = written.pop("localIdentities", False)
    names = [*written.values(), *(attributes.values() if isinstance(attributes, dict) else [None])]
    if not set(written) <= set(_FIELDS) or not isinstance(local, bool) or not all(isinstance(n, str) for n in names):
        raise wrong
    return written, attributes, local
