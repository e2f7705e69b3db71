"""How two terms differ: what a person asks who has two numbers that should be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from platform_resources.governance.bindings import Binding
from platform_resources.governance.relations import RELATION_TYPES, Edge
from platform_resources.governance.terms import Glossary, Term

Standing = Literal["same", "told apart", "unrelated"]


@dataclass(frozen=True)
class Comparison:
    """`standing`: one term or two that are the same; told apart by relations that say how; or by none that does.

    `between` are the relations that join the two directly, `way` the shortest chain when there is none (None: not even
    a chain).
    """

    one: Term
    other: Term
    standing: Standing
    between: tuple[Edge, ...]
    way: tuple[Edge, ...] | None
    same_unit: bool
    columns: Mapping[str, tuple[str, ...]]  # address of a term -> columns bound to it, as "<port>.<column>"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The relations for people, with their notes."""
        return tuple(sentence(edge) for edge in self.between or self.way or ())


def sentence(edge: Edge) -> str:
    """A relation as a sentence.

    >>> sentence(Edge("sales.bookings", "precedes", "finance.revenue", "Less discounts."))
    'sales.bookings precedes finance.revenue. Less discounts.'
    """
    says = RELATION_TYPES[edge.type].says.format(a=edge.start, b=edge.end)
    return f"{says}. {edge.note}" if edge.note else f"{says}."


def compare_terms(
    glossary: Glossary, one: str, other: str, bound: Mapping[str, Sequence[Binding]] | None = None
) -> Comparison:
    """How two terms stand to each other; `bound` as of `bindings_by_term`, for the columns.

    Raises
    ------
    KeyError
        when the glossary has no term of that address.
    """
    first, second = glossary.terms[one], glossary.terms[other]
    graph = glossary.graph
    between: dict[tuple[str, str], Edge] = {}  # each meaning once, though both domains may have written it
    for edge in graph.written:
        if {edge.start, edge.end} == {one, other}:
            between.setdefault(min((edge.start, edge.type), (edge.end, edge.inverse.type)), edge)
    standing: Standing = "unrelated"
    if one == other or graph.same(one, other):
        standing = "same"
    elif other in graph.told_apart(one):
        standing = "told apart"
    columns = {term: tuple(binding.address for binding in (bound or {}).get(term, ())) for term in (one, other)}
    return Comparison(
        first,
        second,
        standing,
        tuple(between.values()),
        None if between or one == other else graph.path(one, other),
        first.unit == second.unit,
        columns,
    )
