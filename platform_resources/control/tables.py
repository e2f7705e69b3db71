"""The tables of the control database. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, with its zone in Python on every database (SQLite keeps none)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moved = value.astimezone(UTC)
        return moved.replace(tzinfo=None) if dialect.name == "sqlite" else moved

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

# Who may ask. `attributes` are what row filters compare with; `responsible` answers for a service or an agent.
identities = Table(
    "identities",
    metadata,
    Column("id", String(200), primary_key=True),  # an e-mail address, or a name like "service-desk"
    Column("kind", String(20), nullable=False),
    Column("name", String(200), nullable=False),
    Column("domain", String(63)),
    Column("clearances", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("teams", JSON, nullable=False),
    Column("purpose", String(63)),  # declared when a read declares none
    Column("responsible", String(200)),
    Column("administrator", Boolean, nullable=False),
    Column("origin", String(20), nullable=False),  # "local", "oidc", "demo", "platform"
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(20), primary_key=True),  # public part of the token, safe in logs
    Column("identity", String(200), nullable=False, index=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the secret part, hex
    Column("label", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("purpose", String(63)),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("parent", String(20), index=True),  # the token that made it, and whose end is its end
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
)

access_requests = Table(
    "access_requests",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("consumer", String(200), nullable=False, index=True),  # identity, team or product that would read
    Column("port", String(200), nullable=False, index=True),
    Column("role", String(200), nullable=False),
    Column("purpose", String(63), nullable=False),
    Column("reason", Text, nullable=False),
    Column("columns", JSON),  # null: all
    Column("days", Integer, nullable=False),
    Column("state", String(20), nullable=False),  # pending, approved, denied, withdrawn
    Column("requested_by", String(200), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("decided_at", Moment),
)

approvals = Table(
    "approvals",
    metadata,
    Column("request", _Id, primary_key=True),
    Column("level", Integer, primary_key=True),  # 1: the owner's, 2: the second one's
    Column("approver", String(200), nullable=False),
    Column("decision", String(20), nullable=False),  # approve, deny
    Column("comment", Text),
    Column("conditions", Text),  # what the approver asks of the consumer, in words
    Column("at", Moment, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("consumer", String(200), nullable=False, index=True),  # identity, team, or product
    Column("port", String(200), nullable=False),  # "crm.customer_360.v1", or "*"
    Column("role", String(200)),  # of the port's contract; null: its first reading role
    Column("clearances", JSON, nullable=False),  # masks that the grant lets the reader's own clearances lift
    Column("purpose", String(63), nullable=False),
    Column("columns", JSON),  # null: all
    Column("conditions", Text),  # what the approvers ask for, in words
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("review_at", Moment),
    Column("granted_by", JSON, nullable=False),  # the approvers
    Column("request", _Id),
    Column("revoked_at", Moment),
    Column("revoked_by", String(200)),
    Column("revoked_because", Text),
)

# Added up, never sampled. `column` "" counts the reads of the port itself.
usage = Table(
    "usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("port", String(200), primary_key=True),
    Column("consumer", String(200), primary_key=True),
    Column("column", String(200), primary_key=True),
    Column("reads", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

# Append-only, each entry chained to the one before by its digest.
audit = Table(
    "audit",
    metadata,
    Column("sequence", _Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("port", String(200)),
    Column("record", Text, nullable=False),  # canonical JSON: what the digest covers
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("audit_by_actor", "actor", "sequence"),
    Index("audit_by_port", "port", "sequence"),
    Index("audit_by_kind", "kind", "sequence"),
)

probes = Table(
    "probes",
    metadata,
    Column("port", String(200), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("door", String(200), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("reason", Text),
    Column("milliseconds", Float, nullable=False),
    Column("publication", Integer),
    Index("probes_by_time", "at"),
)

# Probes of days past, added up: five years of a port are 1,826 rows.
probe_days = Table(
    "probe_days",
    metadata,
    Column("port", String(200), primary_key=True),
    Column("day", String(10), primary_key=True),  # UTC
    Column("up_seconds", Float, nullable=False),
    Column("down_seconds", Float, nullable=False),
)

# What consumers think of a product: one rating each, the newest one.
ratings = Table(
    "ratings",
    metadata,
    Column("product", String(200), primary_key=True),  # "crm.customer_360"
    Column("identity", String(200), primary_key=True),
    Column("stars", Integer, nullable=False),  # 1-5
    Column("comment", Text),
    Column("at", Moment, nullable=False),
)

# Who is signed in to the portal. The cookie has the secret, this its SHA-256.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("identity", String(200), nullable=False, index=True),
    Column("token", String(20), index=True),  # that was shown, and whose end is the session's end; null: OpenID
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# What was wrong with a port, from when on and until when; `ended_at` null: it lasts.
alerts = Table(
    "alerts",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("port", String(200), nullable=False),
    Column("kind", String(20), nullable=False),  # refused, late, rules, availability, held, anomalies
    Column("severity", String(10), nullable=False),  # warning, error
    Column("cause", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),  # by the last look
    Column("ended_at", Moment),
    Index("alerts_by_port", "port", "kind", "ended_at"),
)

# What owners are told of an alert, one row for each message to each channel.
alert_notices = Table(
    "alert_notices",
    metadata,
    Column("id", String(32), primary_key=True),  # random; the receiver of a webhook sees it
    Column("alert", _Id, nullable=False, index=True),
    Column("event", String(10), nullable=False),  # begins, worse, lasts, over
    Column("severity", String(10), nullable=False),
    Column("channel", String(300), nullable=False),  # "slack #crm-data"; no address that is a secret
    Column("made_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, index=True),  # when it is to be tried; null: told, or not to be told any more
    Column("sent_at", Moment),
    Column("error", Text),  # of the last attempt
)
