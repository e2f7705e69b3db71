"""The one engine of the gate: what `mesh check`, the load of definitions and the publication are decided by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from platform_resources.contracts import Finding, Mesh, Product, UsableDomain
from platform_resources.governance.days import local
from platform_resources.governance.evolution import by_promise, by_secrecy, judge_changes
from platform_resources.governance.glossary import judge_glossaries
from platform_resources.governance.lifecycle import judge_lifecycle
from platform_resources.governance.model import Candidate, Council, Judgement, PublishedPort
from platform_resources.governance.rule_files import check_domains
from platform_resources.governance.rules import judge_rules
from platform_resources.governance.score_weights import judge_weights
from platform_resources.governance.waivers import check_waivers, waive


def judge(
    mesh: Mesh,
    council: Council,
    published: Mapping[str, PublishedPort],
    now: datetime,
    *,
    domain: str | None = None,
    candidate: Candidate | None = None,
) -> list[Judgement]:
    """Every judgement on the products of the mesh (of one domain), in the order of files and lines.

    `published` is by port address and may be empty: then nothing is compared with a published promise. With a
    `candidate`, rules on publications are judged as well, on it. Findings of the documents themselves are no part of
    this: see `Mesh.findings`; a product with errors there is not in the mesh at all.
    """
    orders = {"classifications": by_secrecy(council), "tiers": by_promise(council)}
    now = local(now, council)  # every day that is compared below is one of the council's
    found = [
        *judge_rules(mesh, council, now, domain=domain, candidate=candidate),
        *judge_glossaries(mesh, council, published, domain=domain),
        *judge_changes(mesh, published, now, domain=domain, **orders),
        *judge_lifecycle(mesh, published, now, domain=domain),
        *judge_weights(mesh, council, domain),
    ]
    waivers, refused = check_waivers(mesh, council.waivers, domain)
    strays = check_domains(council.rules, mesh) if domain is None else []
    judged = [*waive(found, waivers, now), *refused, *strays]
    return sorted(judged, key=lambda item: (str(item.finding.file), item.finding.line, item.finding.code))


def held_back(product: Product, judgements: Iterable[Judgement]) -> dict[str, tuple[Judgement, ...]]:
    """Address -> what keeps it from being published, of the ports of a product; without ports that nothing keeps."""
    against = [item for item in judgements if item.blocks]
    found = {port.address: tuple(item for item in against if item.is_on(port.address)) for port in product.ports}
    return {address: items for address, items in found.items() if items}


def blocked_in(usable: UsableDomain, judgements: Iterable[Judgement]) -> dict[str, tuple[Finding, ...]]:
    """What of a domain can't be published -> why: by documents or by the gate.

    The address is a product's when it is so with all its ports (or it is gone while it is read), else a port's.
    """
    domain = usable.domain
    told = {f"{domain.name}.{name}": findings for name, findings in usable.blocked.items()}
    against = [item for item in judgements if item.blocks and item.product]
    for product in domain.products:
        held = held_back(product, against)
        if held and len(held) == len(product.ports):
            told[product.address] = tuple(dict.fromkeys(item.finding for items in held.values() for item in items))
        else:
            told |= {address: tuple(item.finding for item in items) for address, items in held.items()}
    there = {product.address for product in domain.products} | told.keys()
    for item in against:
        if item.product and item.product not in there and item.product.startswith(f"{domain.name}."):
            told[item.product] = (*told.get(item.product, ()), item.finding)
    return told
