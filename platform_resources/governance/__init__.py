"""Federated governance, computed: the council's rules over the documents of the mesh.

The council owns files (`governance/`): rules, tiers, classifications, semantic types, waivers. This room reads them and
judges every product by them, by its glossary and by what changed against its published promise; `judge` is the one
engine behind `mesh check`, the load of definitions and the publish gate. It imports `contracts` only, opens no
connection and knows nothing of Dagster: what is published is handed in.
"""

from platform_resources.contracts.links import term_of_link
from platform_resources.governance.bindings import Binding, bindings_by_term, bindings_of
from platform_resources.governance.checking import CheckReport, check_mesh
from platform_resources.governance.comparison import Comparison, compare_terms, sentence
from platform_resources.governance.consumers import Consumer, consumers_of, load_consumers
from platform_resources.governance.council import load_council
from platform_resources.governance.evolution import by_promise, by_secrecy, strictest
from platform_resources.governance.examples import check_all_examples, check_examples
from platform_resources.governance.gate import blocked_in, held_back, judge
from platform_resources.governance.model import (
    Candidate,
    Classification,
    Council,
    Holder,
    Judgement,
    Mandate,
    PublishedPort,
    Purpose,
    Rule,
    Scope,
    SemanticType,
    Tier,
    Waiver,
)
from platform_resources.governance.python_rules import Problem
from platform_resources.governance.rule_files import load_rule
from platform_resources.governance.rules import CompiledRules, judge_contract, judge_rules
from platform_resources.governance.score_weights import score_weights
from platform_resources.governance.terms import Glossary, Relation, Term, load_glossary

__all__ = [
    "Binding",
    "Candidate",
    "CheckReport",
    "Classification",
    "Comparison",
    "CompiledRules",
    "Consumer",
    "Council",
    "Glossary",
    "Holder",
    "Judgement",
    "Mandate",
    "Problem",
    "PublishedPort",
    "Purpose",
    "Relation",
    "Rule",
    "Scope",
    "SemanticType",
    "Term",
    "Tier",
    "Waiver",
    "bindings_by_term",
    "bindings_of",
    "blocked_in",
    "by_promise",
    "by_secrecy",
    "check_all_examples",
    "check_examples",
    "check_mesh",
    "compare_terms",
    "consumers_of",
    "held_back",
    "judge",
    "judge_contract",
    "judge_rules",
    "load_consumers",
    "load_council",
    "load_glossary",
    "load_rule",
    "score_weights",
    "sentence",
    "strictest",
    "term_of_link",
]
