"""What an agent names: a product, a port or a term as this reader may know of it, else what it may have meant."""

from __future__ import annotations

from platform_resources.access.errors import AccessError, NotFoundError
from platform_resources.catalog import PortState, by_preference_now
from platform_resources.lake import InvalidNameError, PortAddress
from platform_resources.serving.names_alike import products_meant
from platform_resources.serving.readers import Reader

_FORM = "Write <domain>.<product> as crm.customer_360, or <domain>.<product>.v<major> as crm.customer_360.v1."
_LONGEST = 200


def port_of(reader: Reader, address: str) -> PortState:
    """The port of an address, or the one of a product that is to be read first.

    Raises
    ------
    NotFoundError
        when there is none that the reader may know of, with what is called alike.
    """
    parts = address.strip().split(".")
    try:
        if len(parts) == 3:
            return reader.port(PortAddress.parse(address))
        if len(parts) == 2:
            return by_preference_now(reader.product(*parts))[0]
    except (AccessError, InvalidNameError):
        pass
    raise NotFoundError(f"there is no product or port {address.strip()[:_LONGEST]!r}", _meant(reader, parts))


def _meant(reader: Reader, parts: list[str]) -> str:
    hint = "search_products finds what there is by any words." if len(parts) in (2, 3) else _FORM
    known = {state.product.address for _, ports in reader.domains() for state in ports}
    found = products_meant(".".join(parts), known)
    return f"Did you mean {' or '.join(found)}? {hint}" if found else hint
