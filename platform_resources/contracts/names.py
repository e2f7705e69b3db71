"""Names that the mesh can bear, and the address of a port."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAME_RULE = "a lower-case letter, then lower-case letters, digits or underscores, 63 characters at most"
RESERVED_NAMES = frozenset({"internal", "mesh", "main"})
# A domain's lake is attached under the domain's name, where DuckDB has databases and schemas of its own.
RESERVED_DOMAIN_NAMES = RESERVED_NAMES | {"system", "temp", "memory", "information_schema", "pg_catalog"}

_MAJOR = re.compile(r"v?([1-9][0-9]{0,3})(?:\.[0-9]{1,9}){0,2}")
_ADDRESS = re.compile(rf"({NAME.pattern})\.({NAME.pattern})\.v([1-9][0-9]{{0,3}})")
_SEMANTIC_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,9}\.[0-9]{1,9}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")


def is_name(text: str) -> bool:
    """Whether `text` may name a table or a column."""
    return NAME.fullmatch(text) is not None


def is_email(text: str | None) -> bool:
    return text is not None and len(text) <= 254 and EMAIL.fullmatch(text) is not None


def is_semantic_version(text: str) -> bool:
    """Whether `text` is `<major>.<minor>.<patch>`, the only form that contracts of the mesh bear."""
    return _SEMANTIC_VERSION.fullmatch(text) is not None


def major_of(version: str) -> int | None:
    """The major number in a port's version ("1", "v1" or "1.2.0"); None when there is none from 1 to 9999."""
    match = _MAJOR.fullmatch(version)
    return None if match is None else int(match[1])


def port_address(domain: str, product: str, major: int) -> str:
    """The stable identifier of a port, which is its SQL name too.

    >>> port_address("crm", "customer_360", 1)
    'crm.customer_360.v1'
    """
    return f"{domain}.{product}.v{major}"


def split_address(address: str) -> tuple[str, str, int] | None:
    """Domain, product and major of a port's address; None when it is no address."""
    match = _ADDRESS.fullmatch(address)
    return None if match is None else (match[1], match[2], int(match[3]))
