"""The one engine of the gate: what `mesh check`, the load of definitions and the publication are decided by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from platform_resources.contracts import Mesh
from platform_resources.governance.evolution import by_secrecy, judge_changes
from platform_resources.governance.glossary import judge_glossaries
from platform_resources.governance.lifecycle import judge_lifecycle
from platform_resources.governance.model import Candidate, Council, Judgement, PublishedPort
from platform_resources.governance.rule_files import check_domains
from platform_resources.governance.rules import judge_rules
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
    found = [
        *judge_rules(mesh, council, now, domain=domain, candidate=candidate),
        *judge_glossaries(mesh, council, published, domain=domain),
        *judge_changes(mesh, published, now, domain=domain, classifications=by_secrecy(council)),
        *judge_lifecycle(mesh, published, now, domain=domain),
    ]
    waivers, refused = check_waivers(mesh, council.waivers, domain)
    strays = check_domains(council.rules, mesh) if domain is None else []
    judged = [*waive(found, waivers, now), *refused, *strays]
    return sorted(judged, key=lambda item: (str(item.finding.file), item.finding.line, item.finding.code))


def blocking(judgements: Iterable[Judgement]) -> dict[str, tuple[Judgement, ...]]:
    """Product -> what keeps it from being published; without products that nothing keeps."""
    grouped: dict[str, tuple[Judgement, ...]] = {}
    for item in judgements:
        if item.blocks and item.product is not None:
            grouped[item.product] = (*grouped.get(item.product, ()), item)
    return grouped
