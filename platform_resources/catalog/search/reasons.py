"""Why a product is a hit: where the words of the query stand in it, the strongest place first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from platform_resources.catalog.index.entries import ProductEntry, TermEntry
from platform_resources.catalog.search.documents import (
    WORD_FIELDS,
    calls_of,
    meanings_of,
    names_of,
    people_of,
    purposes_of,
)
from platform_resources.catalog.search.queries import asked_address
from platform_resources.catalog.search.spelling import Word
from platform_resources.catalog.search.words import analyzed, stems

_MOST = 5
_MOST_OF_A_FIELD = 2
_SHOWN = 160  # characters of a long text


@dataclass(frozen=True)
class Reason:
    field: str  # address, name, meaning, tag, column, term, people, purpose or details
    text: str
    words: tuple[str, ...]  # of the query, as they were asked for


def reasons_for(
    text: str, words: Sequence[Word], product: ProductEntry, terms: Mapping[str, TermEntry]
) -> list[Reason]:
    address = _address(text, product)
    found = [address] if address is not None else []
    if not words:
        return found
    meant = _Meant.of(words)
    explained: set[str] = set()
    weighed: list[tuple[float, Reason]] = []
    for field, texts in _places(product, terms):
        open_ = meant.without(explained) if field in _LONG else meant  # texts are long, and names say more
        if not open_.may_stand_in(" ".join(texts)):
            continue
        told = ((shown, *_match(shown, open_)) for shown in texts)
        matches = [(weight, Reason(field, shown, hit)) for shown, weight, hit in told if hit]
        matches.sort(key=lambda match: -match[0])
        for weight, reason in matches[:_MOST_OF_A_FIELD]:
            weighed.append((weight * _WEIGHTS[field], _shortened(reason, meant)))
            explained.update(reason.words)
    weighed.sort(key=lambda match: (-len(match[1].words), -match[0]))  # who answers more words says more
    seen: dict[tuple[str, ...], Reason] = {}  # a name that is written in two ways, or is a term's too, is told once
    for _, reason in weighed:
        seen.setdefault(stems(reason.text), reason)
    return [*found, *seen.values()][:_MOST]


_FIELDS = {"name": "name", "meaning": "meaning", "tag": "tags", "column": "columns", "term": "terms"}
_LONG = {"purpose", "details"}
_FIELDS |= {"people": "people", "purpose": "purpose", "details": "details"}
_WEIGHTS = {shown: WORD_FIELDS[kept] for shown, kept in _FIELDS.items()}


def _address(text: str, product: ProductEntry) -> Reason | None:
    asked = asked_address(text)
    named = {product.address, *(port.address for port in product.ports)}
    hit = next((address for address in asked if address in named), None)
    return None if hit is None else Reason("address", hit, (text.strip(),))


def _places(product: ProductEntry, terms: Mapping[str, TermEntry]) -> Iterator[tuple[str, list[str]]]:
    meanings = meanings_of(product, terms)
    yield "name", list(names_of(product))
    yield "meaning", [call for term in meanings.own for call in calls_of(term)]
    yield "tag", list(product.tags)
    yield "column", _names_of_columns(product)
    yield "term", [call for term in meanings.columns for call in calls_of(term)]
    yield "people", [*people_of(product), product.domain]
    yield "purpose", list(purposes_of(product))
    yield "details", list(_details(product))


def _names_of_columns(product: ProductEntry) -> list[str]:
    """`net_sales`, and where the title says it in other words `hh_nr (Household number)`."""
    every = dict.fromkeys((column.name, column.title) for _, column in product.columns())
    return [
        name if not title or title.casefold() == name.replace("_", " ").casefold() else f"{name} ({title})"
        for name, title in every
    ]


def _details(product: ProductEntry) -> Iterator[str]:
    for _, column in product.columns():
        if column.description:
            yield f"{column.name}: {column.description}"
    for part in (product, *product.ports):
        yield from (text for text in (part.usage, part.limitations) if text)


@dataclass(frozen=True)
class _Meant:
    """The words of a query by what they may mean: word as it was asked for -> stem -> how sure it is."""

    words: tuple[tuple[str, Mapping[str, float]], ...]
    stems: frozenset[str]

    @classmethod
    def of(cls, words: Sequence[Word]) -> _Meant:
        told = tuple((word.asked, {form.stem: form.weight for form in word.forms}) for word in words)
        return cls(told, frozenset(stem for _, forms in told for stem in forms))

    def may_stand_in(self, text: str) -> bool:
        """Whether a word stands in a text; told without cutting it into words [0.1 ms], where it can't be."""
        if text.isascii():
            small = text.lower()
            if all(len(stem) > 3 and stem[:3] not in small for stem in self.stems):  # a stem begins as its word does
                return False
        return not self.stems.isdisjoint(analyzed(text))

    def without(self, explained: Set[str]) -> _Meant:
        words = tuple((asked, forms) for asked, forms in self.words if asked not in explained)
        return _Meant(words, frozenset(stem for _, forms in words for stem in forms))


def _match(text: str, meant: _Meant) -> tuple[float, tuple[str, ...]]:
    """The words that a text answers, and how well: short texts that hold nothing else are the better answer."""
    held = stems(text)
    if meant.stems.isdisjoint(held):
        return 0.0, ()
    hits = {asked: max((w for stem, w in forms.items() if stem in held), default=0.0) for asked, forms in meant.words}
    words = tuple(asked for asked, weight in hits.items() if weight)
    return sum(hits.values()) + len(words) / (len(held) + 1), words


def _shortened(reason: Reason, meant: _Meant) -> Reason:
    """A long text from the sentence on that answers most words."""
    text = " ".join(reason.text.split())
    if len(text) > _SHOWN:
        sentences = [part.strip() for part in text.replace("; ", ". ").split(". ") if part.strip()]
        text = max(sentences, key=lambda sentence: _match(sentence, meant)[0])
    if len(text) > _SHOWN:
        text = text[:_SHOWN].rsplit(" ", 1)[0] + " …"
    return Reason(reason.field, text, reason.words)
