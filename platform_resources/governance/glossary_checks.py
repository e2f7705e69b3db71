"""What is wrong with glossaries in themselves: relations, words, definitions, formulas. Cost grows with their size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from platform_resources.contracts import Finding, Mesh, Severity
from platform_resources.governance.relations import Contradiction, Edge, RelationGraph
from platform_resources.governance.terms import Glossary, Relation, Term, normal

_LITERAL = re.compile(r"'[^']*'")
_REFERENCE = re.compile(r"(?<![\w.])([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)(?![\w(])")
_FEWEST_WORDS = 4  # of a definition; "A receipt." says nothing
_EMPTY_WORDS = frozenset({"a", "an", "the", "of", "is", "one", "and", "for", "our", "this"})


def check_glossary(glossary: Glossary, mesh: Mesh) -> list[Finding]:
    """Everything found in the glossaries of all domains, beginning with what reading them found."""
    return [
        *glossary.findings,
        *_targets(glossary),
        *_contradictions(glossary),
        *_words_twice(glossary),
        *_definitions(glossary),
        *_formulas(glossary, mesh),
    ]


def _at(term: Term, field: str, message: str, remedy: str, severity: Severity, code: str) -> Finding:
    path = f"{term.origin.path}.{field}" if field else term.origin.path
    return Finding(term.origin.file, term.origin.line, path, message, remedy, severity, code)


def _targets(glossary: Glossary) -> Iterator[Finding]:
    for term in glossary.terms.values():
        for relation in term.relations:
            owner = relation.term.partition(".")[0]
            if relation.term in glossary.terms or owner in glossary.broken:
                continue
            close = get_close_matches(relation.term, glossary.terms, 1, 0.8)
            define = f"Define it in domains/{owner}/glossary.yaml, or delete the relation."
            remedy = f"Did you mean `{close[0]}`?" if close else define
            message = f"There is no term `{relation.term}`."
            yield _at_relation(relation, message, remedy, "term-missing")


def _at_relation(relation: Relation, message: str, remedy: str, code: str) -> Finding:
    origin = relation.origin
    return Finding(origin.file, origin.line, origin.path, message, remedy, "error", code)


def _contradictions(glossary: Glossary) -> Iterator[Finding]:
    written = {
        (term.address, relation.type, relation.term): relation
        for term in glossary.terms.values()
        for relation in term.relations
    }
    for found in glossary.graph.contradictions():
        edge, back = found.edge, found.edge.inverse
        relation = written.get((edge.start, edge.type, edge.end)) or written[(back.start, back.type, back.end)]
        remedy = "Delete this relation, or mend the other: `mesh glossary` shows both terms."
        yield _at_relation(relation, found.reason, remedy, "term-contradiction")


def _words_twice(glossary: Glossary) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for word, terms in glossary.words.items():
        first: dict[str, Term] = {}
        for term in terms:
            earlier = first.setdefault(term.domain, term)
            pair = (earlier.address, term.address)
            if earlier is term or pair in told or glossary.graph.same(*pair):
                continue
            told.add(pair)
            message = f"`{term.name}` is called “{word}”, and so is `{earlier.name}` in line {earlier.origin.line}."
            remedy = "A word has one meaning in a domain: take it from one of them, or say that they are `same_as`."
            yield _at(term, "", message, remedy, "error", "term-twice")


def _definitions(glossary: Glossary) -> Iterator[Finding]:
    for term in glossary.terms.values():
        words = term.definition.split()
        said = {normal(word) for word in words} - _EMPTY_WORDS - {""}
        own = {part for word in (term.name, term.title) for part in normal(word).split()}
        if len(words) < _FEWEST_WORDS:
            message = f"The definition of `{term.name}` is no sentence."
        elif said <= own:
            message = f"The definition of `{term.name}` says its own name only."
        else:
            continue
        remedy = "Say in a sentence what it means, so that somebody else decides the same cases alike."
        yield _at(term, "definition", message, remedy, "warning", "term-definition")


def _formulas(glossary: Glossary, mesh: Mesh) -> Iterator[Finding]:
    columns = {column.name for _, port in mesh.ports.values() for column in port.contract.table.columns}
    columns |= {c.name for domain in mesh.domains for source in domain.sources for c in source.table.columns}
    edges = []
    for term in glossary.terms.values():
        for reference in dict.fromkeys(_references(term.formula or "")):
            target = reference if "." in reference else f"{term.domain}.{reference}"
            if target in glossary.terms:
                edges.append(Edge(term.address, "derived_from", target))
            elif _is_unknown(reference, columns, glossary):
                message = f"The formula of `{term.name}` names `{reference}`, which is neither a term nor a column."
                remedy = "Name a term of this domain, another domain's as `<domain>.<term>`, or a column."
                yield _at(term, "formula", message, remedy, "warning", "term-formula")
    yield from _circular(glossary.terms, RelationGraph(edge for edge in edges if edge.start != edge.end))


def _references(formula: str) -> Iterable[str]:
    """Names in a formula: of functions no, of literals no.

    >>> list(_references("sum(net_sales) where zone = 'America/New_York'"))
    ['net_sales', 'where', 'zone']
    """
    return _REFERENCE.findall(_LITERAL.sub("''", formula))


def _is_unknown(reference: str, columns: set[str], glossary: Glossary) -> bool:
    """Whether a name is surely meant as a term or a column (formulas are written in words, too) but is none."""
    owner, _, name = reference.partition(".")
    if name:
        return owner in glossary.files and "." not in name and not name.isdigit() and name not in columns
    return "_" in reference and reference not in columns


def _circular(terms: Mapping[str, Term], graph: RelationGraph) -> Iterator[Finding]:
    found: Contradiction
    for found in graph.contradictions():
        term = terms[found.edge.start]
        way = found.reason.rpartition(": ")[2]
        message = f"The formula of `{term.name}` leads back to itself: {way}"
        remedy = "Take one of them as given: say in its definition where it is measured, and delete its formula."
        yield _at(term, "formula", message, remedy, "warning", "term-circular")
