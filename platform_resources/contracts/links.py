"""Links into a glossary: `glossary.yaml#term`, `../<domain>/glossary.yaml#term`, `glossary://<domain>/<term>`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LINK = re.compile(
    r"(?:(?:\.\./(?P<folder>[a-z][a-z0-9_]*)/)?glossary\.yaml#|glossary://(?P<domain>[a-z][a-z0-9_]*)/)"
    r"(?P<term>[a-z][a-z0-9_]*)"
)


def term_of_link(url: str, domain: str) -> str | None:
    """The term that a link in a document of `domain` leads to, there or not; None for what is no link into a glossary.

    Links are relative to the domain's folder and never leave `domains/`.

    >>> term_of_link("glossary.yaml#net_sales", "sales"), term_of_link("../crm/glossary.yaml#age", "sales")
    ('sales.net_sales', 'crm.age')
    >>> term_of_link("glossary://crm/age", "sales")
    'crm.age'
    """
    match = _LINK.fullmatch(url)
    return None if match is None else f"{match['folder'] or match['domain'] or domain}.{match['term']}"


def with_one_spelling(data: Any, domain: str) -> Any:
    """`data` with every link of type `glossary` spelt as `glossary://<domain>/<term>`: the same term looks the same."""
    if isinstance(data, list):
        return [with_one_spelling(item, domain) for item in data]
    if not isinstance(data, Mapping):
        return data
    if data.get("type") == "glossary" and isinstance(data.get("url"), str):
        term = term_of_link(data["url"], domain)
        return {**data, "url": "glossary://" + term.replace(".", "/", 1)} if term else dict(data)
    return {key: with_one_spelling(value, domain) for key, value in data.items()}
