"""Nodes of JSON-LD, and the addresses that both formats give to what the catalog holds.

Things have the addresses of the API that describe them, a fragment telling apart what has no page of its own: the
dataset of a port is `{public}/api/v1/products/crm/customer_360/v1`, its service `.../v1#service`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from platform_resources.catalog.state import PortState
from platform_resources.contracts.model import Contract, Domain, Product
from platform_resources.governance import Mandate

JSON_LD = "application/ld+json"
API = "/api/v1"

PREFIXES: Mapping[str, str] = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dprod": "https://ekgf.github.io/dprod/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

Node = dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """The catalog as one reader may know it.

    `domains`: each usable domain with the ports that the reader may know of; `knows`: whether it may be told of a port
    by its address. `secrecy`: names of the classifications in rising secrecy. `forms` in which rows can be read: the
    `format` of the data endpoint -> its media type.
    """

    public_url: str
    mandate: Mandate
    domains: Sequence[tuple[Domain, Sequence[PortState]]]
    knows: Callable[[str], bool]
    secrecy: Sequence[str] = ()
    forms: Mapping[str, str] = field(default_factory=dict)

    def products(self) -> Iterator[tuple[Domain, Product, list[PortState]]]:
        """Every product with its known ports, by address."""
        for domain, ports in sorted(self.domains, key=lambda found: found[0].name):
            by_product: dict[str, list[PortState]] = {}
            for state in ports:
                by_product.setdefault(state.product.address, []).append(state)
            for _, of in sorted(by_product.items()):
                yield domain, of[0].product, sorted(of, key=lambda state: state.port.major)

    def api(self, *path: str) -> str:
        return "/".join([self.public_url + API, *path])

    def domain(self, name: str) -> str:
        return self.api("domains", name)

    def product(self, product: Product) -> str:
        return self.api("products", product.domain, product.name)

    def port(self, address: str) -> str:
        """Of a port by its address; its dataset is called the same."""
        return self.api("products", *address.split("."))

    def page(self, product: Product) -> str:
        """The product in the portal."""
        return f"{self.public_url}/products/{product.domain}/{product.name}"


@dataclass
class Graph:
    """Nodes by `@id`, each told once; kept as text: of 10,000 ports they are 90 MB, as Python values ten times that."""

    lines: dict[str, str] = field(default_factory=dict)

    def add(self, id_: str, types: str | Sequence[str], **properties: Any) -> Node:
        """A reference to the node; properties are written `dct_title` and left out when None, empty or blank."""
        if id_ not in self.lines:
            told = {name.replace("_", ":", 1): value for name, value in properties.items() if not _is_nothing(value)}
            self.lines[id_] = _text({"@id": id_, "@type": types, **told})
        return ref(id_)

    def document(self, *prefixes: str) -> bytes:
        """A line for each node, by `@id`: what changed between two exports is seen by a plain comparison."""
        context = _text({name: PREFIXES[name] for name in sorted(prefixes)})
        nodes = ",\n".join(self.lines[id_] for id_ in sorted(self.lines))
        return f'{{"@context":{context},"@graph":[\n{nodes}\n]}}\n'.encode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def ref(id_: str) -> Node:
    return {"@id": id_}


def refs(ids: Iterable[str]) -> list[Node]:
    return [ref(id_) for id_ in ids]


def typed(value: str, kind: str) -> Node:
    return {"@value": value, "@type": f"xsd:{kind}"}


def moment(at: datetime | None) -> Node | None:
    return None if at is None else typed(at.isoformat(timespec="seconds"), "dateTime")


def percent(value: float) -> Node:
    return typed(f"{value:.2f}", "decimal")


def mailto(address: str) -> str:
    return "mailto:" + quote(address, safe="@+.!$&'*=/~-")


def fragment(text: str) -> str:
    """A text of a document as the end of an address."""
    return quote(text, safe="")


def first_text(*texts: str | None) -> str:
    """The first that says something; there is always one among what the platform makes of a contract."""
    return next((text.strip() for text in texts if text and text.strip()), "")


def keywords(product: Product, contract: Contract) -> list[str]:
    return list(dict.fromkeys(tag.strip() for tag in (*contract.tags, *product.tags) if tag.strip()))


def title_of(state: PortState) -> str:
    return first_text(state.port.contract.name, state.product.title, state.port.address)


def description_of(state: PortState) -> str:
    """What it is for, how it is used, what it can't: one text, in that order."""
    contract, product = state.port.contract, state.product
    parts = (contract.purpose or product.purpose, contract.usage or product.usage)
    parts = (*parts, contract.limitations or product.limitations)
    return "\n\n".join(part.strip() for part in parts if part and part.strip()) or title_of(state)


def _is_nothing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
