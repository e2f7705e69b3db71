"""All of access for one process: the doors (HTTP, command line, client, MCP) hold one of these."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platform_resources.access.callers.oidc_identities import caller_of_claims
from platform_resources.access.callers.oidc_settings import OidcSettings
from platform_resources.access.callers.personas import make_personas
from platform_resources.access.callers.sessions import (
    NewSession,
    begin_session,
    caller_of_session,
    end_session,
    longest_session,
)
from platform_resources.access.callers.tokens import authenticate_token
from platform_resources.access.consumer_sql.service import SqlService
from platform_resources.access.errors import UnauthenticatedError, UnavailableError
from platform_resources.access.guard import Guard
from platform_resources.access.model import Caller
from platform_resources.access.relations.last_use import LastUse
from platform_resources.access.relations.usage import Usage
from platform_resources.access.requests.service import AccessRequests
from platform_resources.control import ControlDatabase, ControlError
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.access.callers.oidc import OidcVerifier
    from platform_resources.access.callers.oidc_sign_in import OidcSignIn


class Access:
    """`authenticate` a credential, then `guard.open` a port. Close it at the end, or use it as a context manager."""

    def __init__(self, settings: MeshSettings, *, personas: bool = True) -> None:
        self.settings = settings
        self.oidc, self.oidc_sign_in = _provider(OidcSettings.from_env())
        self._session_lasts = longest_session()
        self.control = ControlDatabase(settings)
        self.audit = AuditLog(self.control)
        self.usage = Usage(self.control)
        self.guard = Guard(settings, self.control, self.audit, self.usage)
        self.requests = AccessRequests(settings, self.control, self.audit, self.guard.served)
        self.sql = SqlService(self.guard, self.audit)
        self._last_use = LastUse(self.control)
        wanted = personas and self.embedded and os.environ.get("MESH_PERSONAS", "").lower() not in ("off", "0", "no")
        self.offers_personas = wanted  # who opened it says so; none may have been made
        self.made = make_personas(settings, self.control, self.audit) if wanted else ()

    @property
    def embedded(self) -> bool:
        """The default of a laptop: SQLite in `$MESH_HOME` and no OpenID provider. Demo personas are made only here."""
        return self.control.is_embedded and self.oidc is None

    def authenticate(self, credential: str | None) -> Caller:
        """Who shows a credential: a token of the mesh, or a JWT of the configured OpenID provider.

        Raises
        ------
        UnauthenticatedError
            when there is none, or it doesn't hold.
        UnavailableError
            when it can't be told now.
        """
        if not credential:
            raise UnauthenticatedError("no token was shown", "Send `Authorization: Bearer <token>`.")
        try:
            if self.oidc is not None and credential.count(".") == 2:
                claims = self.oidc.claims(credential)
                return caller_of_claims(self.control, self.audit, claims, self.oidc.settings)
            return authenticate_token(self.control, credential, self._last_use.of)
        except ControlError as error:
            raise UnavailableError("who calls can't be told now", "The control database can't be used.") from error

    def begin_session(self, caller: Caller, how: str) -> NewSession:
        """Sign an authenticated caller in to the portal."""
        return begin_session(self.control, self.audit, caller, how, self._session_lasts)

    def caller_of_session(self, secret: str) -> Caller:
        """Who is signed in to the portal; errors as of `authenticate`."""
        try:
            return caller_of_session(self.control, secret, oidc=self.oidc is not None, used=self._last_use.of)
        except ControlError as error:
            raise UnavailableError("who calls can't be told now", "The control database can't be used.") from error

    def end_session(self, secret: str) -> None:
        end_session(self.control, self.audit, secret)

    def close(self) -> None:
        self._last_use.close()
        self.sql.close()
        self.guard.close()
        self.usage.close()
        self.control.close()

    def __enter__(self) -> Access:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _provider(settings: OidcSettings | None) -> tuple[OidcVerifier, OidcSignIn] | tuple[None, None]:
    """What verifies the JWTs of the configured OpenID provider, and what signs in there."""
    if settings is None:
        return None, None
    from platform_resources.access.callers.oidc import OidcVerifier  # noqa: PLC0415  (0.1 s: a JWT library and httpx)
    from platform_resources.access.callers.oidc_sign_in import OidcSignIn  # noqa: PLC0415

    verifier = OidcVerifier(settings)
    return verifier, OidcSignIn(verifier)
