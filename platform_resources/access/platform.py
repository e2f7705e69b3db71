"""All of access for one process: the doors (HTTP, command line, client, MCP) hold one of these."""

from __future__ import annotations

import os

from platform_resources.access.errors import UnauthenticatedError
from platform_resources.access.guard import Guard
from platform_resources.access.model import Caller
from platform_resources.access.personas import make_personas
from platform_resources.access.requests import AccessRequests
from platform_resources.access.sql_service import SqlService
from platform_resources.access.tokens import authenticate_token
from platform_resources.access.usage import Usage
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import MeshSettings


class Access:
    """`authenticate` a credential, then `guard.open` a port. Close it at the end, or use it as a context manager."""

    def __init__(self, settings: MeshSettings, *, personas: bool = True) -> None:
        self.settings = settings
        self.control = ControlDatabase(settings)
        self.audit = AuditLog(self.control)
        self.usage = Usage(self.control)
        self.guard = Guard(settings, self.control, self.audit, self.usage)
        self.requests = AccessRequests(settings, self.control, self.audit)
        self.sql = SqlService(self.guard, self.audit)
        self.made = make_personas(settings, self.control) if personas else ()

    @property
    def embedded(self) -> bool:
        """The default of a laptop: SQLite in `$MESH_HOME` and no OpenID provider. Demo personas are made only here."""
        return self.control.is_embedded and not os.environ.get("MESH_OIDC_ISSUER")

    def authenticate(self, credential: str | None) -> Caller:
        """Who shows a credential: a token of the mesh, or a JWT of the configured OpenID provider.

        Raises
        ------
        UnauthenticatedError
            when there is none, or it doesn't hold.
        """
        if not credential:
            raise UnauthenticatedError("no token was shown", "Send `Authorization: Bearer <token>`.")
        return authenticate_token(self.control, credential)

    def close(self) -> None:
        self.sql.close()
        self.guard.close()
        self.usage.close()
        self.control.close()

    def __enter__(self) -> Access:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
