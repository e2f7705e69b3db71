"""What a rule can ask that no document says: counted and concluded from all of them. `docs/rules.md` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

from platform_resources.contracts.durations import DurationError
from platform_resources.contracts.lifecycle import lifecycle_of
from platform_resources.contracts.model import OutputPort, Product
from platform_resources.governance.model import Subject as Kind
from platform_resources.governance.subjects import Subject, walk_inputs, walk_rules, walk_tables

_ALL: tuple[Kind, ...] = get_args(Kind)
_IN_CONTRACT: tuple[Kind, ...] = ("contract", "table", "column", "rule", "promise", "publication")
_ON_COLUMN: tuple[Kind, ...] = ("column", "rule")


Need = Literal["domain", "product", "mesh"]
_PRODUCT: frozenset[Need] = frozenset(["product"])
_MESH: frozenset[Need] = frozenset(["mesh"])


@dataclass(frozen=True)
class Fact:
    name: str
    kinds: tuple[Kind, ...]  # of which subjects it is known
    says: str
    compute: Callable[[Subject], Any]  # None: it says nothing about this one
    needs: frozenset[Need] = frozenset()


def _semantic_type(subject: Subject) -> str | None:
    kind = subject.semantic_type
    return None if kind is None else kind.id


def _terms(subject: Subject) -> list[str]:
    """Links to glossaries, as written."""
    links = subject.data.get("authoritativeDefinitions")
    return [
        link["url"]
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict) and link.get("type") == "glossary" and isinstance(link.get("url"), str)
    ]


def _term(subject: Subject) -> str | None:
    column = subject.column_subject or subject
    return next(iter(_terms(column)), None)


def _domain(subject: Subject) -> str | None:
    around = subject.around
    if around.domain is not None:
        return around.domain.name
    return around.contract.domain if around.contract is not None else None


def _address(subject: Subject) -> str | None:
    around = subject.around
    if around.address is not None:
        return around.address
    return around.product.address if around.product else None


def _freshness(subject: Subject) -> bool:
    contract = subject.around.contract
    try:
        return contract is not None and contract.freshness is not None
    except DurationError:
        return False


def _columns(subject: Subject) -> list[Subject]:
    """The columns of a table; of anything else, of its contract."""
    columns = subject.around.columns
    if subject.kind == "table":
        return [column for column in columns if column.path[: len(subject.path)] == subject.path]
    return list(columns)


def _checks(subject: Subject) -> list[Subject]:
    """The quality rules of a column, of a table with its columns, or of a contract."""
    contract = subject.around.contract_subject
    if contract is None:
        return []
    if subject.kind == "column":
        found = walk_rules(contract, (subject,))
        return [check for check in found if check.holder is subject]
    found = walk_rules(contract, subject.around.columns)
    return [check for check in found if check.path[: len(subject.path)] == subject.path]


def _dimensions(subject: Subject) -> list[str]:
    found = {check.data.get("dimension") for check in _checks(subject)}
    return sorted(dimension for dimension in found if isinstance(dimension, str))


def _share(subject: Subject, holds: Callable[[Subject], bool]) -> float | None:
    """Percentage of the columns for which it holds; None without columns."""
    columns = _columns(subject)
    return round(100 * sum(map(holds, columns)) / len(columns), 1) if columns else None


def _has_key(subject: Subject) -> bool:
    return any(column.data.get("primaryKey") is True for column in _columns(subject))


def _owners(subject: Subject) -> int:
    around = subject.around
    holder = around.contract if around.contract is not None else around.product
    return len(holder.owners) if holder else 0


def _highest(subject: Subject) -> str | None:
    entry = subject.around.highest_classification
    return None if entry is None else entry["name"]


def _inputs(subject: Subject) -> int:
    product = subject.around.product_subject
    return 0 if product is None else sum(1 for _ in walk_inputs(product))


def _read_ports(subject: Subject) -> list[tuple[Product, OutputPort]]:
    """The ports of the mesh that the product reads, each with its product."""
    around = subject.around
    ports = around.world.mesh.ports if around.world.mesh is not None else {}
    inputs = around.product.inputs if around.product is not None else ()
    return [ports[item.address] for item in inputs if item.address in ports]


def _slowest_input(subject: Subject) -> str | None:
    """The longest freshness that an input promises, as ISO 8601; None where none does."""
    found: dict[timedelta, str] = {}
    for _, port in _read_ports(subject):
        promise = port.contract.sla_property("freshness")
        try:
            length = port.contract.freshness
        except DurationError:
            continue
        if length is not None and promise is not None:
            text = str(promise.value)
            found[length] = text if text.startswith("P") else f"PT{int(length.total_seconds())}S"
    return found[max(found)] if found else None


def _input_states(subject: Subject) -> list[str]:
    return sorted({lifecycle_of(*item) for item in _read_ports(subject)})


def _tables(subject: Subject) -> int:
    contract = subject.around.contract_subject
    return 0 if contract is None else sum(1 for _ in walk_tables(contract))


FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (
        Fact("semanticType", _ON_COLUMN, "id of the column's semantic type", _semantic_type),
        Fact("term", ("column", "rule", "table", "contract"), "first link to a glossary term, as written", _term),
        Fact("terms", ("column", "table", "contract"), "every link to a glossary term", _terms),
        Fact("address", _ALL, "`crm.customer_360.v1`; of products and inputs `crm.customer_360`", _address),
        Fact("domain", _ALL, "name of the domain", _domain),
        Fact("column", _ON_COLUMN, "name of the column; nested ones as `outer.inner`", lambda s: s.column),
        Fact("consumers", _ALL, "how many are registered as readers of the port (of a product: of any of its ports)",
             lambda s: s.around.consumers, _MESH),
        Fact("hasFreshness", _IN_CONTRACT, "whether the contract promises a freshness", _freshness),
        Fact("hasKey", ("contract", "table"), "whether there is a primary key", _has_key),
        Fact("columns", ("contract", "table"), "how many columns", lambda s: len(_columns(s))),
        Fact("tables", ("contract",), "how many tables", _tables),
        Fact("checks", ("contract", "table", "column"), "how many quality rules", lambda s: len(_checks(s))),
        Fact("dimensions", ("contract", "table", "column"), "quality dimensions that rules cover", _dimensions),
        Fact(
            "describedShare",
            ("contract", "table"),
            "percentage of the columns that have a description",
            lambda s: _share(s, lambda column: bool(column.data.get("description"))),
        ),
        Fact(
            "boundShare",
            ("contract", "table"),
            "percentage of the columns that are bound to a glossary term",
            lambda s: _share(s, lambda column: bool(_terms(column))),
        ),
        Fact("classifications", _ALL, "classifications of its columns", lambda s: sorted(s.around.classifications)),
        Fact("highestClassification", _ALL, "the most secret of them", _highest),
        Fact("tiers", _ALL, "tier of the contract; of a product, of each port", lambda s: list(s.around.tiers)),
        Fact("owners", _ALL, "how many people with an e-mail address own it", _owners),
        Fact("ports", _ALL, "how many ports the product offers",
             lambda s: len(s.around.product.ports) if s.around.product else None, _PRODUCT),
        Fact("inputs", _ALL, "how many ports the product reads", _inputs, _PRODUCT),
        Fact("inputStates", _ALL, "states of the ports that the product reads: draft, active …",
             _input_states, _PRODUCT | _MESH),
        Fact("slowestInput", _ALL, "the longest freshness that a port promises which it reads",
             _slowest_input, _PRODUCT | _MESH),
    )
}  # fmt: skip
