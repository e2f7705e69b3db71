"""Federated governance, computed: the council's rules over the documents of the mesh.

The council owns files (`governance/`): rules, tiers, classifications, semantic types, waivers. This room reads them and
judges every product by them, by its glossary and by what changed against its published promise; `judge` is the one
engine behind `mesh check`, the load of definitions and the publish gate. It imports `contracts` only, opens no
connection and knows nothing of Dagster: what is published is handed in.
"""

from platform_resources.governance.checking import CheckReport, check_mesh
from platform_resources.governance.council import load_council
from platform_resources.governance.gate import blocking, judge
from platform_resources.governance.model import (
    Candidate,
    Classification,
    Council,
    Judgement,
    Mandate,
    PublishedPort,
    Rule,
    Scope,
    SemanticType,
    Tier,
    Waiver,
)

__all__ = [
    "Candidate",
    "CheckReport",
    "Classification",
    "Council",
    "Judgement",
    "Mandate",
    "PublishedPort",
    "Rule",
    "Scope",
    "SemanticType",
    "Tier",
    "Waiver",
    "blocking",
    "check_mesh",
    "judge",
    "load_council",
]
