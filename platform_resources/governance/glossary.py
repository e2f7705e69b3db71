"""One meaning per term: glossaries of the domains, and the fields that are bound to their terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from platform_resources.contracts import Column, Finding, Mesh, Product, Severity
from platform_resources.contracts.findings import shown
from platform_resources.contracts.links import term_of_link
from platform_resources.governance.bindings import Binding, bindings_of, ports_by_term
from platform_resources.governance.glossary_checks import check_glossary
from platform_resources.governance.model import Council, Judgement, PublishedPort
from platform_resources.governance.terms import Glossary, Term, link_to, load_glossary, normal

# Tier -> whether its columns must be bound to terms, unless the tier says so itself by `glossary:` in its template.
_ASKED = {"gold": "required", "silver": "advised"}


def judge_glossaries(
    mesh: Mesh, council: Council, published: Mapping[str, PublishedPort], *, domain: str | None = None
) -> list[Judgement]:
    """Judgements on the glossary files, and on the products by what their columns are bound to (of one domain).

    A contradiction between two domains never stops what is published already: it blocks products that bind such a
    term and were never published, warns the others, and stands at both glossaries.
    """
    glossary = load_glossary(mesh)
    judged = [_of_file(f) for f in mesh.derived("glossary findings", lambda: check_glossary(glossary, mesh))]
    judged += _conflicts(mesh, glossary, published, domain)
    for product in mesh.products:
        if domain in (None, product.domain) and product.status != "retired":
            judged += _of_product(product, glossary, council, published)
    return [item for item in judged if domain is None or _is_of(item, mesh, domain)]


def _is_of(item: Judgement, mesh: Mesh, domain: str) -> bool:
    if item.product is not None:
        return item.product.partition(".")[0] == domain
    return item.finding.file.parent == mesh.folder / domain


def _of_file(finding: Finding) -> Judgement:
    return Judgement(finding, "blocks" if finding.severity == "error" else "warns", None)


def _judgement(product: Product, finding: Finding, column: Column | None) -> Judgement:
    standing = "blocks" if finding.severity == "error" else "warns"
    return Judgement(finding, standing, product.address, column=None if column is None else column.name)


def _of_product(
    product: Product, glossary: Glossary, council: Council, published: Mapping[str, PublishedPort]
) -> Iterator[Judgement]:
    if (why := glossary.broken.get(product.domain)) is not None:
        message = f"The glossary that this product is bound to can't be read: {why.message}"
        yield _judgement(product, Finding(why.file, why.line, "", message, why.remedy, "error", why.code), None)
        return
    is_published = any(port.address in published for port in product.ports)
    told: set[str] = set()  # broken glossaries: one finding each, not one for each column
    for binding in bindings_of(product):
        owner = (binding.term or "").partition(".")[0]
        if owner in glossary.broken and owner not in told:
            told.add(owner)
            yield _judgement(product, _unreadable(binding, glossary.broken[owner]), binding.column)
        elif owner not in glossary.broken and binding.term not in glossary.terms:
            yield _judgement(product, _missing(binding, glossary, is_published), binding.column)
    for port in product.ports:
        tier = str(port.contract.custom.get("tier", "bronze"))
        asked = council.tiers[tier].fields.get("glossary") if tier in council.tiers else None
        asked = asked or _ASKED.get(tier)
        for column in port.contract.table.columns:
            finding = _unbound(tier, asked, column, product.domain, glossary)
            finding = finding or _other(column, product.domain, glossary)
            if finding is not None:
                yield _judgement(product, finding, column)


def _unbound(tier: str, asked: object, column: Column, domain: str, glossary: Glossary) -> Finding | None:
    if column.terms or asked not in ("required", "advised"):
        return None
    named = _named_like(column.name, domain, glossary)
    link = link_to(named[0].address if len(named) == 1 else f"{domain}.{column.name}", domain)
    remedy = f'Add `authoritativeDefinitions: [{{type: glossary, url: "{link}"}}]`'
    remedy += "." if len(named) == 1 else f", and define the term if none means this: domains/{domain}/glossary.yaml."
    message = f"{shown(column.name)} of a {tier} product is bound to no term of a glossary."
    origin = column.origin
    severity: Severity = "error" if asked == "required" else "warning"
    return Finding(origin.file, origin.line, origin.path, message, remedy, severity, "term-unbound")


def _missing(binding: Binding, glossary: Glossary, is_published: bool) -> Finding:
    domain, origin = binding.product.domain, binding.origin
    severity: Severity = "error"
    if binding.term is None:
        message = f"{shown(binding.url)} is no link into a glossary of the mesh."
        remedy = 'Write "glossary.yaml#<term>", or "../<domain>/glossary.yaml#<term>" for another domain\'s term.'
    else:
        owner = binding.term.partition(".")[0]
        if is_published and owner != domain:
            severity = "warning"  # another domain took the term away: that must not stop what is published
        message = f"{shown(binding.url)} leads nowhere: there is no term {shown(binding.term)}."
        close = get_close_matches(binding.term, glossary.terms, 1, 0.7)
        hint = f'Did you mean "{link_to(close[0], domain)}"? Or' if close else "Mend the link, or"
        remedy = f"{hint} define the term in domains/{owner}/glossary.yaml."
    return Finding(origin.file, origin.line, origin.path, message, remedy, severity, "term-missing")


def _unreadable(binding: Binding, why: Finding) -> Finding:
    """Another domain's glossary is broken: its own finding stops that domain, not this product."""
    origin = binding.origin
    message = f"{shown(binding.url)} and other links into that glossary can't be followed: it can't be read."
    remedy = f"Its owner mends {why.file.parent.name}/{why.file.name}:{why.line}."
    return Finding(origin.file, origin.line, origin.path, message, remedy, "warning", "term-missing")


def _other(column: Column, domain: str, glossary: Glossary) -> Finding | None:
    """A column that is called like a term but bound to others only."""
    bound = [term for url in column.terms if (term := glossary.terms.get(term_of_link(url, domain) or "")) is not None]
    named = _named_like(column.name, domain, glossary)
    if not bound or not named:
        return None
    if any(glossary.graph.same(term.address, meant.address) for term in bound for meant in named):
        return None
    meant, term = named[0], bound[0]
    message = f"{shown(column.name)} is called like the term `{meant.address}` but bound to `{term.address}`."
    remedy = (
        f'Bind it to "{link_to(meant.address, domain)}", rename the column, or say that the two terms are `same_as`.'
    )
    origin = column.origin
    return Finding(origin.file, origin.line, origin.path, message, remedy, "warning", "term-other")


def _named_like(name: str, domain: str, glossary: Glossary) -> tuple[Term, ...]:
    """The terms that a column's name means: its own domain's, or those of the one other domain that has the word."""
    called = glossary.words.get(normal(name), ())
    own = tuple(term for term in called if term.domain == domain)
    return own or (called if len({term.domain for term in called}) == 1 else ())


@dataclass(frozen=True)
class _Conflict:
    words: tuple[str, ...]
    incumbent: Term  # of two that are both published, or both not, the first by address
    newcomer: Term
    settled: bool  # the incumbent is published and the newcomer is not, so that only the newcomer is wrong


class _Published:
    """Which terms consumers know: those that a published contract binds."""

    def __init__(self, mesh: Mesh, published: Mapping[str, PublishedPort]) -> None:
        self._mesh = mesh
        self._published = published
        self._known: dict[str, bool] = {}

    def bindings(self, term: Term, domain: str | None) -> Iterator[Binding]:
        """The first binding of each product (of one domain) to a term."""
        ports = ports_by_term(self._mesh).get(term.address, ())
        for product in {p.address: p for p, _ in ports if domain in (None, p.domain)}.values():
            yield next(binding for binding in bindings_of(product) if binding.term == term.address)

    def knows(self, term: Term) -> bool:
        if term.address not in self._known:
            self._known[term.address] = self._look_up(term)
        return self._known[term.address]

    def _look_up(self, term: Term) -> bool:
        bound = ports_by_term(self._mesh).get(term.address, ())
        ports = (self._published.get(port.address) for _, port in bound)
        # The served contract itself, by its text: parsing each costs 10 ms.
        return any(port is not None and f"/{term.name}" in port.document.replace("#", "/") for port in ports)

    def serves(self, product: Product) -> bool:
        return any(port.address in self._published for port in product.ports)


def _conflicts(
    mesh: Mesh, glossary: Glossary, published: Mapping[str, PublishedPort], domain: str | None
) -> Iterator[Judgement]:
    """At both glossaries, and at the products (of one domain) that bind one of the terms."""
    known = _Published(mesh, published)
    for conflict in _find_conflicts(glossary, known):
        yield from _at_glossaries(conflict)
        for term, other in ((conflict.newcomer, conflict.incumbent), (conflict.incumbent, conflict.newcomer)):
            for binding in known.bindings(term, domain):
                blocks = not known.serves(binding.product) and not (conflict.settled and term is conflict.incumbent)
                yield _judgement(binding.product, _at_binding(conflict, binding, other, blocks), binding.column)


def _find_conflicts(glossary: Glossary, known: _Published) -> list[_Conflict]:
    pairs: dict[tuple[str, str], list[str]] = {}
    for word, terms in glossary.words.items():
        if len({term.domain for term in terms}) == 1:
            continue
        ranked = sorted(terms, key=lambda term: (not known.knows(term), term.address))
        accepted: list[Term] = []
        told_apart: set[str] = set()
        for term in ranked:
            against = next((a for a in accepted if a.domain != term.domain and not _alike(a, term)), None)
            if against is not None and term.address not in told_apart:
                pairs.setdefault((against.address, term.address), []).append(word)
                continue
            accepted.append(term)
            told_apart |= glossary.graph.told_apart(term.address)
    conflicts = []
    for (one, two), words in pairs.items():
        first, second = glossary.terms[one], glossary.terms[two]
        settled = known.knows(first) and not known.knows(second)
        conflicts.append(_Conflict(tuple(words), first, second, settled))
    return conflicts


def _alike(one: Term, other: Term) -> bool:
    """Whether two domains define the word in the same words."""
    return (normal(one.definition), one.formula, one.unit) == (normal(other.definition), other.formula, other.unit)


def _words(conflict: _Conflict) -> str:
    return ", ".join(f"“{word}”" for word in conflict.words)


def _at_glossaries(conflict: _Conflict) -> Iterator[Judgement]:
    sides = ((conflict.newcomer, conflict.incumbent, True), (conflict.incumbent, conflict.newcomer, False))
    for term, other, is_newcomer in sides:
        message = (
            f"`{term.address}` and `{other.address}` ({other.origin.file.parent.name}/{other.origin.file.name}:"
            f"{other.origin.line}) are both called {_words(conflict)}, and nothing says how they stand to each other."
        )
        if conflict.settled:
            message += " This one is published." if not is_newcomer else f" `{other.address}` is published."
        severity: Severity = "warning" if conflict.settled and not is_newcomer else "error"
        origin = term.origin
        finding = Finding(
            origin.file, origin.line, origin.path, message, _remedy(term, other), severity, "term-conflict"
        )
        yield _of_file(finding)


def _remedy(term: Term, other: Term) -> str:
    return (
        f"Add to `{term.name}`: `relations: [{{type: same_as, term: {other.address}}}]`, or `different_from` (or "
        "another type that fits) with a note of what sets them apart; or rename one of them."
    )


def _at_binding(conflict: _Conflict, binding: Binding, other: Term, blocks: bool) -> Finding:
    message = (
        f"It is bound to `{binding.term}`, whose word {_words(conflict)} `{other.address}` "
        f"({other.origin.file.parent.name}/{other.origin.file.name}:{other.origin.line}) defines otherwise."
    )
    remedy = f"Let the owners relate the two terms in a glossary.yaml (`mesh glossary {binding.term} {other.address}`)."
    origin = binding.origin
    severity: Severity = "error" if blocks else "warning"
    return Finding(origin.file, origin.line, origin.path, message, remedy, severity, "term-conflict")
