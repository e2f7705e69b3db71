"""Names and addresses: the one identifier quoter, and the address of a port."""

from __future__ import annotations

import re
from dataclasses import dataclass

RESERVED_NAMES = frozenset({"internal", "mesh", "main"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ADDRESS = re.compile(r"(?P<domain>[^.]+)\.(?P<product>[^.]+)\.v(?P<major>[1-9][0-9]{0,3})")


class InvalidNameError(ValueError):
    """A name or an address that the mesh can't bear; the message says what one looks like."""


def quote_identifier(name: str) -> str:
    """`name` as a SQL identifier, whatever characters it holds.

    >>> print(quote_identifier("net sales"))
    "net sales"
    """
    if "\0" in name:
        raise InvalidNameError("a SQL identifier can't hold a NUL character")
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """`text` as a SQL string literal, for the statements that take no parameters (ATTACH, CREATE VIEW)."""
    return "'" + text.replace("'", "''") + "'"


def qualified(*parts: str) -> str:
    """Dotted SQL name of quoted parts.

    >>> qualified("crm", "internal", "customer_360")
    '"crm"."internal"."customer_360"'
    """
    return ".".join(quote_identifier(part) for part in parts)


def check_name(name: str, what: str) -> str:
    """`name` if a domain, product or table may bear it.

    Raises
    ------
    InvalidNameError
        when it is not `[a-z][a-z0-9_]{0,62}` or is reserved.
    """
    if not _NAME.fullmatch(name):
        raise InvalidNameError(f"{what} {name!r} must match [a-z][a-z0-9_]{{0,62}} (lower case, digits, underscores)")
    if name in RESERVED_NAMES:
        raise InvalidNameError(f"{what} {name!r} is a reserved name ({', '.join(sorted(RESERVED_NAMES))})")
    return name


@dataclass(frozen=True, order=True)
class PortAddress:
    """The stable identifier of a port, which is its SQL name too: `<domain>.<product>.v<major>`."""

    domain: str
    product: str
    major: int

    @classmethod
    def parse(cls, text: str) -> PortAddress:
        """Address from its text form.

        >>> PortAddress.parse("crm.customer_360.v1").key
        ('crm', 'customer_360', 'v1')
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            raise InvalidNameError(
                f"{text!r} is no port address: write <domain>.<product>.v<major>, as crm.customer_360.v1"
            )
        return cls(check_name(match["domain"], "domain"), check_name(match["product"], "product"), int(match["major"]))

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.domain, self.product, f"v{self.major}")

    @property
    def sql(self) -> str:
        return qualified(*self.key)

    def __str__(self) -> str:
        return ".".join(self.key)
