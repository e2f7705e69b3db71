"""Scopes: what a credential may be used for, at most. They narrow what its identity may do and never widen it.

`read` (every port), `read:crm.*` (a domain's or, as `read:crm.customer_360.*`, a product's ports),
`read:crm.customer_360.v1` (one port), `request` (ask for access), `approve` (decide on requests), `admin`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

ACTIONS = ("read", "request", "approve", "admin")
_NAME = r"[a-z][a-z0-9_]{0,62}"
_READ = re.compile(rf"read:{_NAME}\.(\*|{_NAME}\.(\*|v[1-9][0-9]{{0,3}}))")


class ScopeError(ValueError):
    """No such scope; the message says what they look like."""


def check_scopes(scopes: Collection[str]) -> frozenset[str]:
    """`scopes`, once each of them is known to be one.

    Raises
    ------
    ScopeError
        when one is unknown, or there is none at all.
    """
    if not scopes:
        raise ScopeError("a credential without a scope is good for nothing; give it read, request, approve or admin")
    for scope in scopes:
        if scope not in ACTIONS and not _READ.fullmatch(scope):
            raise ScopeError(
                f"{scope!r} is no scope; write read, read:crm.*, read:crm.orders.v1, request, approve or admin"
            )
    return frozenset(scopes)


def covers(held: Collection[str], action: str, port: str | None = None) -> bool:
    """Whether one of the scopes `held` allows `action` on `port`; without a port, on some port."""
    if action in held:
        return True
    narrower = [scope.partition(":")[2] for scope in held if scope.startswith(f"{action}:")]
    if port is None:
        return bool(narrower)
    return any(port.startswith(part[:-1]) if part.endswith(".*") else port == part for part in narrower)


def within(wanted: Collection[str], held: Collection[str]) -> bool:
    """Whether every one of the scopes `wanted` is allowed by those `held`: a token makes none wider than itself."""
    return all(_one_within(scope, held) for scope in wanted)


def _one_within(scope: str, held: Collection[str]) -> bool:
    action, _, part = scope.partition(":")
    if not part:
        return action in held
    if part.endswith(".*"):  # held by itself or by a prefix of it
        return action in held or any(
            h.startswith(f"{action}:") and h.endswith(".*") and scope[:-1].startswith(h[:-1]) for h in held
        )
    return covers(held, action, part)
