"""What each dimension weighs in the score of a product: its contract, else its tier, else the council says so."""

from __future__ import annotations

from collections.abc import Iterator

from platform_resources.contracts import Contract, Finding, Mesh
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.score_weights import PROPERTY, ScoreWeights, weights_of
from platform_resources.governance.model import Council, Judgement

CODE = "score-weights-overruled"


def score_weights(council: Council, contract: Contract) -> ScoreWeights:
    """The weights that a contract's next version is scored with; what nobody names weighs 1.

    A contract's own count where the council lets contracts weigh. Per dimension: one that names two leaves the others
    as the council has them.
    """
    name = contract.custom.get("tier")
    tier = council.tiers.get(name) if isinstance(name, str) else None
    common = weights_of(council.mandate.score_weights, "council")
    of_tier = weights_of(tier.fields.get(PROPERTY), f"tier {tier.name}") if tier is not None else ScoreWeights()
    decided = of_tier.over(common)
    if not council.mandate.contracts_may_weigh:
        return decided
    return weights_of(contract.custom.get(PROPERTY), "contract").over(decided)


def judge_weights(mesh: Mesh, council: Council, domain: str | None = None) -> Iterator[Judgement]:
    """A warning on each contract whose weights count for nothing."""
    if council.mandate.contracts_may_weigh:
        return
    for product in mesh.products:
        for port in product.ports if domain in (None, product.domain) else ():
            document = port.contract.document
            if document is None or PROPERTY not in port.contract.custom:
                continue
            root = Node(document, document.data)
            for entry in root.items("customProperties"):
                if entry.text("property") == PROPERTY:
                    yield Judgement(_overruled(entry), "warns", product.address)


def _overruled(entry: Node) -> Finding:
    return entry.finding(
        CODE,
        f"`{PROPERTY}` counts for nothing: the council lets no contract weigh its own score.",
        "Delete it, or ask the council for other weights (council.yaml, tiers.yaml).",
        "warning",
    )
