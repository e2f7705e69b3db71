"""Demo personas: who can read a fresh mesh on a laptop. Made once, on first start; told where they are made."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from platform_resources.access.grants import add_grant
from platform_resources.access.identities import save_identity
from platform_resources.access.model import EVERY_PORT, Grant, Identity
from platform_resources.access.tokens import create_token
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import identities
from platform_resources.lake import MeshSettings, utc_now

DEFAULT_PERSONA = "analyst"  # who the command line is when nobody says
_LASTS = timedelta(days=365)


@dataclass(frozen=True)
class Persona:
    identity: Identity
    summary: str  # for people: what it may
    scopes: tuple[str, ...]
    grants: tuple[tuple[str, str | None, str], ...]  # (port, role, purpose)


PERSONAS = (
    Persona(
        Identity("analyst", "person", "Ana Lind, analyst", domain="finance", purpose="analytics"),
        "reads every product, personal columns masked",
        ("read", "request"),
        ((EVERY_PORT, None, "analytics"),),
    ),
    Persona(
        Identity(
            *("service-desk", "service", "Service Desk"),
            domain="crm",
            clearances=frozenset({"gdpr"}),
            purpose="customer_service",
        ),
        "reads customer 360 in clear, for customer service",
        ("read",),
        (("crm.customer_360.v1", "customer_360_gdpr_reader", "customer_service"),),
    ),
    Persona(
        Identity("operator", "person", "Platform operator", administrator=True),
        "administers identities, tokens and the audit log; reads no data",
        ("admin",),
        (),
    ),
)


def make_personas(settings: MeshSettings, control: ControlDatabase) -> tuple[Persona, ...]:
    """Make the demo personas in a control database that knows nobody yet; returns those that were made.

    Their tokens lie in `$MESH_HOME/personas/<id>.token`, readable by their owner only.
    """
    with control.reading() as connection:
        if connection.execute(select(identities.c.id).limit(1)).first() is not None:
            return ()
    now = utc_now()
    for persona in PERSONAS:
        who = persona.identity
        save_identity(control, who, origin="demo")
        for port, role, purpose in persona.grants:
            grant = Grant(0, who.id, port, role, purpose, now + _LASTS, now, who.clearances, granted_by=("demo",))
            add_grant(control, replace(grant, review_at=now + _LASTS))
        token = create_token(control, who.id, created_by="demo", label="demo", scopes=persona.scopes, lasts=_LASTS)
        _keep(persona_file(settings, who.id), token)
    return PERSONAS


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
