"""The glossaries of the domains: `domains/<domain>/glossary.yaml` -> terms, words and relations of the whole mesh."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from platform_resources.contracts import ContractError, Document, Finding, Mesh, Origin
from platform_resources.contracts.findings import shown
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.schema_check import check_schema
from platform_resources.governance.relations import RELATION_TYPES, Edge, RelationGraph

GLOSSARY_FILE = "glossary.yaml"
UNDEFINED = "To be defined"  # how a scaffolded definition begins
_SCHEMA = Path(__file__).with_name("glossary.schema.json")


@dataclass(frozen=True)
class Relation:
    type: str  # one of RELATION_TYPES
    term: str  # "finance.revenue"
    origin: Origin
    note: str | None = None


@dataclass(frozen=True)
class Term:
    domain: str
    name: str
    title: str
    definition: str
    origin: Origin
    formula: str | None = None
    unit: str | None = None
    synonyms: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.domain}.{self.name}"

    @cached_property
    def words(self) -> frozenset[str]:
        """Everything that the term is called, normalised."""
        return frozenset({normal(self.name), normal(self.title), *map(normal, self.synonyms)} - {""})


@dataclass(frozen=True)
class Glossary:
    """The terms of every domain by address. `findings`: what is wrong with the files; what can be used, is."""

    terms: Mapping[str, Term] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)  # domain -> its glossary, of those that can be read
    broken: Mapping[str, Finding] = field(default_factory=dict)  # domain -> why its glossary can't be read
    findings: tuple[Finding, ...] = ()

    @cached_property
    def words(self) -> Mapping[str, tuple[Term, ...]]:
        """Normalised word -> the terms that are called so."""
        found: dict[str, list[Term]] = defaultdict(list)
        for term in self.terms.values():
            for word in sorted(term.words):
                found[word].append(term)
        return {word: tuple(terms) for word, terms in found.items()}

    @cached_property
    def graph(self) -> RelationGraph:
        """The relations between terms that there are."""
        return RelationGraph(
            Edge(term.address, relation.type, relation.term, relation.note)
            for term in self.terms.values()
            for relation in term.relations
            if relation.term in self.terms
        )

    def find(self, word: str) -> tuple[Term, ...]:
        """The terms that somebody may mean: by address, else by name, else by title, else by synonym."""
        if word in self.terms:
            return (self.terms[word],)
        wanted = normal(word)
        called = self.words.get(wanted, ())
        for names in (lambda term: term.name, lambda term: term.title):
            found = tuple(term for term in called if normal(names(term)) == wanted)
            if found:
                return found
        return called

    def close(self, word: str) -> list[str]:
        """Words like `word` that there are, for a hint."""
        return get_close_matches(normal(word), list(self.words), 3, 0.6)


@lru_cache(maxsize=50_000)  # columns of all products are called alike
def normal(word: str) -> str:
    """A word without what doesn't tell meanings apart: case, separators, plural.

    >>> normal("Gross_Bookings") == normal("gross booking")
    True
    """
    return " ".join(_singular(part) for part in re.findall(r"[^\W_]+", word.casefold()))


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]


def link_to(term: str, domain: str) -> str:
    """How a document of `domain` links to a term."""
    owner, _, name = term.partition(".")
    return f"{GLOSSARY_FILE}#{name}" if owner == domain else f"../{owner}/{GLOSSARY_FILE}#{name}"


def load_glossary(mesh: Mesh) -> Glossary:
    """The glossaries of all domains, those included whose descriptor is broken: their terms are still what they are.

    Read once for a mesh.
    """
    names = {*mesh.usable, *mesh.broken}
    return mesh.derived("glossary", lambda: read_glossaries(mesh.folder / name for name in sorted(names)))


def read_glossaries(folders: Iterable[Path]) -> Glossary:
    """The glossaries in the folders of domains; a domain without one defines nothing."""
    terms: dict[str, Term] = {}
    files: dict[str, Path] = {}
    broken: dict[str, Finding] = {}
    findings: list[Finding] = []
    for folder in folders:
        file = folder / GLOSSARY_FILE
        if not file.exists() and not file.is_symlink():
            continue
        try:
            document = Document.load(file, folder)
        except ContractError as refused:
            broken[folder.name] = refused.findings[0]
            findings += refused.findings
            continue
        files[folder.name] = file
        findings += map(_with_types, check_schema(document, _SCHEMA))
        for term in _terms(document, folder.name, findings):
            terms[term.address] = term
    return Glossary(terms, files, broken, tuple(findings))


def _with_types(finding: Finding) -> Finding:
    """An unknown type of relation, told with those that there are."""
    if finding.code != "not-allowed" or not finding.path.endswith(".type"):
        return finding
    guess = finding.remedy if finding.remedy.startswith("Did you mean") else ""
    remedy = f"{guess} The types are {', '.join(RELATION_TYPES)}.".strip()
    return replace(finding, remedy=remedy, code="relation-type")


def _terms(document: Document, domain: str, findings: list[Finding]) -> Iterator[Term]:
    root = Node(document, document.data)
    if (written := root.text("domain")) is not None and written != domain:
        message = f"`domain` is {shown(written)}, but the folder is {shown(domain)}."
        findings.append(root.at("domain").finding("name-folder", message, f"Write `domain: {domain}`."))
    seen: dict[str, int] = {}
    for node in root.items("terms"):
        name = node.text("name")
        if not name:
            continue  # the schema has told it
        if name in seen:
            message = f"The term {shown(name)} is defined in line {seen[name]} already."
            remedy = "Keep one of them, or name this one by what sets it apart."
            findings.append(node.at("name").finding("term-twice", message, remedy))
            continue
        seen[name] = node.origin.line
        if (node.text("definition") or "").startswith(UNDEFINED):
            message = f"The term {shown(name)} is not defined yet."
            remedy = "Write what it means, so that somebody else decides the same cases alike."
            findings.append(node.at("definition").finding("term-undefined", message, remedy, "warning"))
        yield Term(
            domain=domain,
            name=name,
            title=node.text("title") or name,
            definition=" ".join((node.text("definition") or "").split()),
            origin=node.origin,
            formula=node.text("formula"),
            unit=node.text("unit"),
            synonyms=node.texts("synonyms"),
            relations=tuple(_relations(node)),
        )


def _relations(node: Node) -> Iterator[Relation]:
    for item in node.items("relations"):
        kind: Any = item.text("type")
        target = item.text("term")
        if kind in RELATION_TYPES and target is not None:
            yield Relation(kind, target, item.origin, item.text("note"))
