"""What products may read: an input port that a product declares is granted by policy, unless its owner took that back.

A right that was taken back, whoever had given it, is given again by approvers only.

Declaring is asking: `product.odps.yaml` is reviewed in git, and what it opens is what the port shows to every reader of
its first role, masks on. A role that opens more has to be asked for like by anybody: `mesh access request PORT --for
PRODUCT --role ROLE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from platform_resources.access.callers.names import canonical_id
from platform_resources.access.model import Grant, PortPolicy, ReadingRole
from platform_resources.access.requests.grants import add_grant_in, grants_to
from platform_resources.contracts import Product
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog

PURPOSE = "data_product"
_BY_POLICY = ("policy",)


@dataclass(frozen=True)
class InputRight:
    """A product may read a port, in the role of one grant."""

    product: str
    port: str
    grant: Grant
    role: ReadingRole

    @property
    def clearances(self) -> frozenset[str]:
        """Masks that are lifted: those of the grant, as far as its role still lifts them today."""
        return self.grant.clearances & self.role.clearances


@dataclass(frozen=True)
class InputRefusal:
    """A product may not read a port that it declares; `reason` is for people."""

    product: str
    port: str
    reason: str


def right_to_read(
    control: ControlDatabase,
    audit: AuditLog,
    product: Product,
    policy: PortPolicy,
    *,
    hidden: bool,
    longest_days: int,
    now: datetime,
) -> InputRight | InputRefusal:
    """The right of a product to read the port of `policy`; one by policy is written down when there is none yet.

    `hidden`: the port's product shows itself to those who have a grant only; then none is given by policy.
    """
    with control.reading() as connection:
        known = grants_to(connection, product.address, policy.port)
    found = _decided(product, policy, known, now, hidden=hidden)
    if found is not None:
        return found
    with control.writing() as connection:
        known = grants_to(connection, product.address, policy.port)  # of two runs at once one writes it down
        found = _decided(product, policy, known, now, hidden=hidden)
        return found or _granted(connection, audit, product, policy, longest_days, now)


def _decided(
    product: Product, policy: PortPolicy, known: Sequence[Grant], now: datetime, *, hidden: bool
) -> InputRight | InputRefusal | None:
    """What the grants say; None when policy may give one."""
    taken = _taken_back(product, policy, known)
    live = [
        (grant, role)
        for grant in known
        if grant.holds(now) and (role := policy.role(grant.role)) is not None
        if taken is None or grant.granted_by != _BY_POLICY
    ]
    if live:
        # What approvers gave goes before what policy gave; the newest of them counts.
        grant, role = max(live, key=lambda item: (item[0].granted_by != _BY_POLICY, item[0].id))
        return InputRight(product.address, policy.port, grant, role)
    ask = f"ask for it: mesh access request {policy.port} --for {product.address} --purpose {PURPOSE}"
    if taken is not None and taken.revoked_at is not None:
        why = (taken.revoked_because or "").rstrip(".")
        told = f"{taken.revoked_by} took its right to read {policy.port} on {taken.revoked_at:%Y-%m-%d}: {why}; {ask}"
        return InputRefusal(product.address, policy.port, told)
    if hidden:
        told = f"{policy.port} is shown to those only who have a grant; {ask}"
        return InputRefusal(product.address, policy.port, told)
    if _role_for_products(policy) is None:
        return InputRefusal(product.address, policy.port, f"no role of {policy.port} is for {PURPOSE}; {ask}")
    return None


def _taken_back(product: Product, policy: PortPolicy, known: Sequence[Grant]) -> Grant | None:
    """The grant that was taken from a product last: after that policy gives none, and what approvers give counts only.

    A grant that its own owners gave back, and that approvers had given, is none: the product reads less again.
    """
    deciders = {*policy.owners, *(name for r in policy.roles for name in (*r.first_approvers, *r.second_approvers))}
    givers = set(map(canonical_id, product.owners)) - set(map(canonical_id, deciders))
    taken = [
        grant
        for grant in known
        if grant.revoked_at is not None
        and (grant.granted_by == _BY_POLICY or canonical_id(grant.revoked_by or "") not in givers)
    ]
    return max(taken, key=lambda grant: (grant.revoked_at, grant.id), default=None)


def _role_for_products(policy: PortPolicy) -> ReadingRole | None:
    return next((role for role in policy.roles if role.purposes is None or PURPOSE in role.purposes), None)


def _granted(
    connection: Connection, audit: AuditLog, product: Product, policy: PortPolicy, longest_days: int, now: datetime
) -> InputRight:
    role = _role_for_products(policy)
    assert role is not None  # looked at just before
    ends = now + timedelta(days=longest_days)  # given anew while the product declares the port
    grant = Grant(
        *(0, product.address, policy.port, role.name, PURPOSE),
        ends_at=ends,
        starts_at=now,
        review_at=now + timedelta(days=longest_days) / 2,
        granted_by=_BY_POLICY,
    )
    number = add_grant_in(connection, grant)
    facts = {"consumer": product.address, "role": role.name, "purpose": PURPOSE, "ends_at": ends}
    audit.append_in(connection, "grant-made", "policy", policy.port, grant=number, **facts)
    held = grants_to(connection, product.address, policy.port)[-1]
    return InputRight(product.address, policy.port, held, role)
