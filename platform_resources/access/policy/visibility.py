"""Who may know that a product exists: everybody here, or only those who may read it (`visibility: granted`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from platform_resources.access.callers.names import is_named
from platform_resources.access.model import Caller, Grant
from platform_resources.contracts.model import Product
from platform_resources.lake import utc_now


def visible(caller: Caller, product: Product, grants: Iterable[Grant], now: datetime | None = None) -> bool:
    """Whether `caller` may know of a product. What can't be told apart from a product that doesn't exist must look so.

    A product is for the whole organisation unless it says otherwise; a word that nobody knows hides it. Of a hidden one
    know those who hold a grant on a port of it, its owners, and the platform's administrators with such a credential.
    """
    if product.custom.get("visibility", "organisation") == "organisation":
        return True
    owners = {*product.owners, *(owner for port in product.ports for owner in port.contract.owners)}
    if is_named(caller.identity, owners) or caller.may("admin"):
        return True
    moment = now or utc_now()
    ports = [port.address for port in product.ports]
    return any(grant.holds(moment) and any(grant.is_on(port) for port in ports) for grant in grants)
