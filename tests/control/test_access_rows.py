"""What access keeps, on SQLite and on PostgreSQL alike: identities, tokens, their use, callers of a provider."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from platform_resources.access import Identity
from platform_resources.access.callers.identities import find_identity, list_identities, save_identity, set_enabled
from platform_resources.access.callers.oidc_identities import caller_of_claims
from platform_resources.access.callers.oidc_settings import OidcSettings
from platform_resources.access.callers.tokens import (
    authenticate_token,
    create_token,
    issue_token,
    list_tokens,
    revoke_token,
)
from platform_resources.access.errors import UnauthenticatedError
from platform_resources.access.relations.last_use import LastUse
from platform_resources.control.audit_log import AuditLog

ANA = Identity("ana", "person", "Ana", clearances=frozenset({"gdpr"}), attributes={"regions": ("north",), "share": 0.5})


def test_identities_and_tokens_live_and_end(control):
    audit = AuditLog(control)
    save_identity(control, ANA, audit=audit, actor="tests")
    save_identity(control, replace(ANA, id="bot", kind="agent", responsible="ana"), audit=audit, actor="tests")
    assert [one.id for one in list_identities(control)] == ["ana", "bot"]
    assert find_identity(control, "ana") == ANA
    token = create_token(control, "bot", created_by="tests", audit=audit)
    use = LastUse(control)
    caller = authenticate_token(control, token, use.of)
    use.close()
    assert list_tokens(control, "bot")[0].last_used_at is not None
    child = issue_token(control, audit, caller)
    set_enabled(control, audit, "ana", False, "tests")
    with pytest.raises(UnauthenticatedError):
        authenticate_token(control, child)
    set_enabled(control, audit, "ana", True, "tests")
    assert len(revoke_token(control, audit, caller.credential, "tests")) == 2
    with pytest.raises(UnauthenticatedError):
        authenticate_token(control, child)
    assert audit.verify().sound


def test_callers_of_a_provider_are_kept_once(control):
    audit = AuditLog(control)
    settings = OidcSettings("https://login.retailer.example", ("mesh",), {"teams": "groups"})
    claims = {"sub": "zoe", "exp": time.time() + 60, "groups": ["finance"]}
    for _ in range(3):
        assert caller_of_claims(control, audit, claims, settings).identity.teams == {"finance"}
    assert [one.origin for one in list_identities(control)] == ["oidc"]
    assert [entry.kind for entry in audit.entries()] == ["identity-added"]
