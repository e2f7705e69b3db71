"""Demo personas: who can read a fresh mesh on a laptop. Made once, on the first start of the embedded default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from platform_resources.access.callers.identities import save_identity_in
from platform_resources.access.callers.tokens import create_token_in
from platform_resources.access.model import EVERY_PORT, Grant, Identity
from platform_resources.access.requests.grants import add_grant_in
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.tables import identities
from platform_resources.lake import MeshSettings, utc_now

DEFAULT_PERSONA = "analyst"  # who the command line is when nobody says
_MADE_BY = "demo"
_LASTS = timedelta(days=365)
_GDPR = frozenset({"gdpr"})
_OWNER = "maria.keller@retailer.example"
_CUSTOMERS = "crm.customer_360.v1"


@dataclass(frozen=True)
class Persona:
    identity: Identity
    summary: str  # for people: what it may
    scopes: tuple[str, ...]
    grants: tuple[tuple[str, str | None, str], ...] = ()  # (port, role, purpose)


# Whoever answers for another stands before it.
PERSONAS = (
    Persona(
        Identity(_OWNER, "person", "Maria Keller", domain="crm", clearances=_GDPR, purpose="operations"),
        "owns the products of crm and decides who may read them",
        ("read", "request", "approve"),
    ),
    Persona(
        Identity("privacy@retailer.example", "person", "Privacy office", clearances=_GDPR, purpose="operations"),
        "decides, as the second, where personal data is asked for",
        ("read", "request", "approve"),
    ),
    Persona(
        Identity("analyst", "person", "Ana Lind, analyst", domain="finance", purpose="analytics"),
        "reads every product, personal columns masked",
        ("read", "request"),
        ((EVERY_PORT, None, "analytics"),),
    ),
    Persona(
        Identity(
            *("service-desk", "service", "Service desk"),
            domain="crm",
            clearances=_GDPR,
            purpose="customer_service",
            responsible=_OWNER,
        ),
        "reads customer 360 in clear, for customer service",
        ("read", "request"),
        ((_CUSTOMERS, "customer_360_gdpr_reader", "customer_service"),),
    ),
    Persona(
        Identity(
            *("campaign-agent", "agent", "Campaign agent"),
            domain="crm",
            attributes={"lifecycle_stages": ("lapsing", "new")},
            purpose="campaigns",
            responsible=_OWNER,
        ),
        "reads customer 360 of lapsing and new households, masked",
        ("read", "request"),
        ((_CUSTOMERS, "customer_360_campaign_reader", "campaigns"),),
    ),
    Persona(
        Identity("operator", "person", "Platform operator", administrator=True),
        "administers identities, tokens and the audit log; reads no data",
        ("admin",),
    ),
)


def make_personas(settings: MeshSettings, control: ControlDatabase, audit: AuditLog) -> tuple[Persona, ...]:
    """Make the demo personas in a control database that knows nobody yet; returns those that were made.

    Of several processes one makes them. Their tokens lie in `$MESH_HOME/personas/<id>.token`, readable by their owner
    only. They are written before the commit: whoever finds the personas finds their tokens.
    """
    with control.reading() as connection:
        if _knows_somebody(connection):
            return ()
    with control.writing() as connection:
        if _knows_somebody(connection):
            return ()
        for persona in PERSONAS:
            _make(connection, persona, settings, audit)
    return PERSONAS


def _knows_somebody(connection: Connection) -> bool:
    others = select(identities.c.id).where(identities.c.origin != "platform").limit(1)
    return connection.execute(others).first() is not None


def _make(connection: Connection, persona: Persona, settings: MeshSettings, audit: AuditLog) -> None:
    now = utc_now()
    who = persona.identity
    save_identity_in(connection, who, "demo", audit=audit, actor=_MADE_BY)
    for port, role, purpose in persona.grants:
        ends = now + _LASTS
        grant = Grant(0, who.id, port, role, purpose, ends, now, who.clearances, review_at=ends, granted_by=(_MADE_BY,))
        number = add_grant_in(connection, grant)
        audit.append_in(
            connection, "grant-made", _MADE_BY, port, grant=number, consumer=who.id, role=role, purpose=purpose
        )
    token = create_token_in(
        connection, who.id, created_by=_MADE_BY, label="demo", scopes=persona.scopes, lasts=_LASTS, audit=audit
    )
    _keep(persona_file(settings, who.id), token)


def personas_told(settings: MeshSettings, personas: tuple[Persona, ...]) -> str:
    """What people are told once, when the personas were made: who they are, where their tokens lie. Plain text."""
    if not personas:
        return ""
    width = max(len(persona.identity.id) for persona in personas)
    lines = [f"  {persona.identity.id:<{width}}  {persona.summary}" for persona in personas]
    return "\n".join(
        [
            "Made demo personas for this mesh (MESH_PERSONAS=off makes none):",
            *lines,
            f"Use one: mesh query --as {DEFAULT_PERSONA} ...; the tokens: {settings.home / 'personas'}/<name>.token",
        ]
    )


def persona_file(settings: MeshSettings, identity: str) -> Path:
    return settings.home / "personas" / f"{identity}.token"


def persona_names(settings: MeshSettings) -> tuple[str, ...]:
    """The personas whose tokens lie in this mesh."""
    return tuple(sorted(file.name.removesuffix(".token") for file in (settings.home / "personas").glob("*.token")))


def persona_token(settings: MeshSettings, name: str) -> str | None:
    """The token of a persona; None when there is no such one."""
    return persona_file(settings, name).read_text().strip() if name in persona_names(settings) else None


def _keep(file: Path, token: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(token + "\n")
