"""The words of access: who asks, what policy says, what was decided, what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from platform_resources.access.callers.scopes import covers

IdentityKind = Literal["person", "service", "agent", "product"]
Strategy = Literal["hash", "partial", "generalise", "redact", "null"]
AttributeValue = str | int | float | bool | tuple[str, ...] | tuple[int, ...]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "is null", "is not null"]

EVERY_PORT = "*"


@dataclass(frozen=True)
class Identity:
    """Somebody or something that may ask for data."""

    id: str  # "helena.fischer@retailer.example", "service-desk"
    kind: IdentityKind
    name: str
    domain: str | None = None
    clearances: frozenset[str] = frozenset()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)  # what row filters compare with
    teams: frozenset[str] = frozenset()  # a grant to a team is one to each of its members
    purpose: str | None = None  # declared when a read declares none
    responsible: str | None = None  # identity that answers for a service or an agent
    administrator: bool = False  # of the platform: identities, tokens, audit; opens no data
    origin: str = "local"  # or "oidc", "demo", "platform"
    created_at: datetime | None = field(default=None, compare=False)
    disabled_at: datetime | None = None


@dataclass(frozen=True)
class Caller:
    """An identity that has proved who it is, with what its credential allows at this moment."""

    identity: Identity
    scopes: frozenset[str] = frozenset({"read"})
    purpose: str | None = None  # of the credential
    credential: str = ""  # public id of the token, or "oidc"; safe in logs
    expires_at: datetime | None = None

    def may(self, action: str, port: str | None = None) -> bool:
        """Whether the credential reaches so far: `read` (a port, or some), `request`, `approve`, `admin`.

        It grants nothing: a read needs a grant too, an approval an approver. Only administrators may `admin`.
        """
        if action == "admin" and not self.identity.administrator:
            return False
        return covers(self.scopes, action, port)


@dataclass(frozen=True)
class Mask:
    """How a column is hidden, and the clearance that lifts it; without one, nothing lifts it.

    `options`: `format` of partial; `unit`, `bucket` or `bands` of generalise.
    """

    strategy: Strategy
    clearance: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowFilter:
    """Which rows a reader sees: a SQL expression over the port's columns and `reader.<attribute>`."""

    where: str
    clearance: str | None = None  # readers with it see all rows


@dataclass(frozen=True)
class ReadingRole:
    """A way to read a port, as its contract offers it."""

    name: str
    purposes: frozenset[str] | None = None  # None: every purpose that the council knows
    clearances: frozenset[str] = frozenset()  # masks that it lifts for readers who hold them too
    row_filters: tuple[RowFilter, ...] = ()
    first_approvers: tuple[str, ...] = ()
    second_approvers: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True)
class PortPolicy:
    """All that the contract and the council say about reading a port.

    `masks`: column -> every mask on it, in the contract's order. `purposes`: purpose -> the classifications that may be
    read in clear for it; None: the council names none, so that any is accepted and none lifts a mask.
    """

    port: str
    masks: Mapping[str, tuple[Mask, ...]]
    row_filters: tuple[RowFilter, ...] = ()
    roles: tuple[ReadingRole, ...] = ()
    owners: tuple[str, ...] = ()
    classifications: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of each column, in any contract
    purposes: Mapping[str, frozenset[str]] | None = None
    key_id: str = ""  # of the key of hashes, so that profiles of two keys differ
    profiles: dict[Any, Profile] = field(default_factory=dict, init=False, compare=False, repr=False)  # made so far

    def role(self, name: str | None) -> ReadingRole | None:
        """The role of that name; for None the first one."""
        return next((role for role in self.roles if name in (None, role.name)), None)


@dataclass(frozen=True)
class Grant:
    """The right of a consumer (identity, team, product) to read a port for a purpose, until a day."""

    id: int
    consumer: str
    port: str  # an address, or EVERY_PORT
    role: str | None
    purpose: str
    ends_at: datetime
    starts_at: datetime
    clearances: frozenset[str] = frozenset()
    columns: frozenset[str] | None = None  # None: all
    conditions: str | None = None
    review_at: datetime | None = None
    granted_by: tuple[str, ...] = ()
    request: int | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoked_because: str | None = None

    def holds(self, now: datetime) -> bool:
        return self.revoked_at is None and self.starts_at <= now < self.ends_at

    def is_on(self, port: str) -> bool:
        return self.port in (EVERY_PORT, port)


@dataclass(frozen=True)
class Profile:
    """What a reader gets of a port. Readers with equal profiles share caches and masked copies; see `digest`."""

    columns: Mapping[str, tuple[Mask, ...]]  # visible column -> masks that apply; in the contract's order
    # SQL over the port's raw columns, the reader's attributes bound as literals
    filters: tuple[str, ...] = field(default=(), repr=False)
    digest: str = ""  # of the two above, hex

    @property
    def masked(self) -> tuple[str, ...]:
        return tuple(name for name, masks in self.columns.items() if masks)


@dataclass(frozen=True)
class Decision:
    """Why a read is allowed. (A refusal is an `AccessError`.)"""

    caller: Caller
    port: str
    purpose: str
    role: str
    grant: int | None  # None: as an owner of the product
    profile: Profile


@dataclass(frozen=True)
class Condition:
    """A filter of the reader, on values as the reader sees them. `value` of `in` is a tuple; of `is null` None."""

    column: str
    operator: Operator
    value: Any = None


@dataclass(frozen=True)
class ReadQuery:
    """What a reader asks of a port: columns in its order (None: all), all conditions, order, window."""

    columns: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()  # (column, descending)
    limit: int | None = None
    offset: int = 0
