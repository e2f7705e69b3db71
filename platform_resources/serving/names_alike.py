"""What somebody may have meant by an address that is none. Pure, and only of names that it may know of."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_LONGEST = 200  # characters of a text that somebody made up
_FEW, _SOME = 3, 12  # names that are alike; products of one domain


def products_meant(text: str, known: Collection[str]) -> list[str]:
    """Products of `known` that are called alike, the likest first, or those of the domain that was named.

    >>> products_meant("crm", ["crm.customer_360", "crm.campaigns", "sales.bookings"])
    ['crm.campaigns', 'crm.customer_360']
    >>> products_meant("sales.customer_36.v1", ["crm.customer_360", "sales.bookings"])
    ['crm.customer_360']
    >>> products_meant("slaes", ["crm.customer_360", "sales.bookings"])
    ['sales.bookings']
    """
    parts = text.strip()[:_LONGEST].lower().split(".")
    wanted, there = ".".join(parts[:2]), sorted(known)
    if wanted in there:
        return [wanted]
    if parts[1:] in ([], [""]) and (own := _of_domain(parts[0], there)):
        return own
    close = get_close_matches(wanted, there, _FEW, 0.6)
    by_name: dict[str, list[str]] = {}
    for address in there:
        by_name.setdefault(address.partition(".")[2], []).append(address)
    for name in get_close_matches(parts[-1] if len(parts) < 3 else parts[1], by_name, 2, 0.7):
        close += by_name[name]
    if found := list(dict.fromkeys(close))[:_FEW]:
        return found
    domains = {address.partition(".")[0] for address in there}
    return [one for name in get_close_matches(parts[0], sorted(domains), 1, 0.6) for one in _of_domain(name, there)]


def _of_domain(domain: str, there: list[str]) -> list[str]:
    return [address for address in there if address.partition(".")[0] == domain][:_SOME]
