"""Why a product is a hit: where the words of the query stand in it, the strongest place first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
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
from platform_resources.catalog.search.words import stems

_MOST = 5
_MOST_OF_A_FIELD = 2
_SHOWN = 160  # characters of a long text


@dataclass(frozen=True)
class Reason:
    field: str  # address, name, meaning, tag, column, term, people, purpose or details
    text: str
    words: tuple[str, ...]  # of the query, as they were asked for


@dataclass(frozen=True)
class Explained:
    reasons: tuple[Reason, ...]
    without: tuple[str, ...]  # words of the query that stand nowhere in the product


@dataclass(frozen=True)
class Meant:
    """The words of a query by what they may mean."""

    words: tuple[str, ...]  # as they were asked for
    stems: Mapping[str, tuple[tuple[str, float], ...]]  # stem -> words that may mean it, and how sure that is
    beginnings: re.Pattern[str]  # a text that holds none of them holds none of the words

    @classmethod
    def of(cls, words: Sequence[Word]) -> Meant:
        meant: dict[str, tuple[tuple[str, float], ...]] = {}
        for word in words:
            for stem, weight in {form.stem: form.weight for form in word.forms}.items():
                meant[stem] = (*meant.get(stem, ()), (word.asked, weight))
        begun = sorted({re.escape(_beginning(stem)) for stem in meant})
        return cls(tuple(word.asked for word in words), meant, re.compile("|".join(begun)))

    def may_stand_in(self, text: str) -> bool:
        """Whether it is worth to cut a text into words [up to 25 us; this takes 1]."""
        return not text.isascii() or self.beginnings.search(text.lower()) is not None

    def match(self, text: str, besides: Set[str] = frozenset()) -> tuple[float, tuple[str, ...]]:
        """The words, `besides` some, that a text answers, and how well: texts that hold little else do it better."""
        if not self.may_stand_in(text):
            return 0.0, ()
        held = stems(text)
        hits: dict[str, float] = {}
        for stem in self.stems.keys() & held:
            for asked, weight in self.stems[stem]:
                if asked not in besides:
                    hits[asked] = max(weight, hits.get(asked, 0.0))
        words = tuple(asked for asked in self.words if asked in hits)
        return sum(hits[asked] for asked in words) + len(words) / (len(held) + 1), words


def _beginning(stem: str) -> str:
    """What every word of a stem begins with: stemming changes its last letters (capability: capabl, dying: die)."""
    if len(stem) < 4:
        return stem[: 1 if stem.endswith("e") else 2]
    return stem[: max(3, len(stem) - 2)]


def explain(text: str, meant: Meant, product: ProductEntry, terms: Mapping[str, TermEntry]) -> Explained:
    address = _address(text, product)
    if not meant.words:
        return Explained((), ())
    answered = set(meant.match(" ".join((product.address, *(port.address for port in product.ports))))[1])
    explained: set[str] = set()
    weighed: list[tuple[float, Reason]] = []
    for field, texts in _places(product, terms, meant):
        if field in _LONG and len(explained) == len(meant.words):
            continue
        besides = explained if field in _LONG else frozenset()  # texts are long, and names say more
        told = ((shown, *meant.match(shown, besides)) for shown in texts)
        matches = [(weight, Reason(field, shown, hit)) for shown, weight, hit in told if hit]
        matches.sort(key=lambda match: -match[0])
        answered.update(*(reason.words for _, reason in matches))
        for weight, reason in _new_words_first(matches)[:_MOST_OF_A_FIELD]:
            weighed.append((weight * _WEIGHTS[field], _shortened(reason, meant)))
            explained.update(reason.words)
    weighed.sort(key=lambda match: (-len(match[1].words), -match[0]))  # who answers more words says more
    seen: dict[tuple[str, ...], Reason] = {}  # a name that is written in two ways, or is a term's too, is told once
    for _, reason in _new_words_first(weighed):
        seen.setdefault(stems(reason.text), reason)
    reasons = [*([] if address is None else [address]), *seen.values()]
    without = tuple(word for word in meant.words if word not in answered)
    return Explained(tuple(reasons[:_MOST]), without)


def _new_words_first(matches: Iterable[tuple[float, Reason]]) -> list[tuple[float, Reason]]:
    """Those for words that none before them names, then the others."""
    new: list[tuple[float, Reason]] = []
    others: list[tuple[float, Reason]] = []
    told: set[str] = set()
    for match in matches:
        (others if told.issuperset(match[1].words) else new).append(match)
        told.update(match[1].words)
    return new + others


_FIELDS = {"name": "name", "meaning": "meaning", "tag": "tags", "column": "columns", "term": "terms"}
_LONG = {"purpose", "details"}
_FIELDS |= {"people": "people", "purpose": "purpose", "details": "details"}
_WEIGHTS = {shown: WORD_FIELDS[kept] for shown, kept in _FIELDS.items()}


def _address(text: str, product: ProductEntry) -> Reason | None:
    asked = asked_address(text)
    named = {product.address, *(port.address for port in product.ports)}
    hit = next((address for address in asked if address in named), None)
    return None if hit is None else Reason("address", hit, (text.strip(),))


def _places(product: ProductEntry, terms: Mapping[str, TermEntry], meant: Meant) -> Iterator[tuple[str, list[str]]]:
    meanings = meanings_of(product, terms)
    yield "name", list(names_of(product))
    yield "meaning", [call for term in meanings.own for call in calls_of(term)]
    yield "tag", list(product.tags)
    yield "column", _names_of_columns(product, meant)
    yield "term", [call for term in meanings.columns for call in calls_of(term)]
    yield "people", [*people_of(product), product.domain]
    yield "purpose", list(purposes_of(product))
    yield "details", list(_details(product))


def _names_of_columns(product: ProductEntry, meant: Meant) -> list[str]:
    """`net_sales`, and where the title says it in other words `hh_nr (Household number)`."""
    every = dict.fromkeys(
        (column.name, column.title)
        for _, column in product.columns()
        if meant.may_stand_in(f"{column.name} {column.title}")
    )
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


def _shortened(reason: Reason, meant: Meant) -> Reason:
    """A long text from the sentence on that answers most words."""
    text = " ".join(reason.text.split())
    if len(text) > _SHOWN:
        sentences = [part.strip() for part in text.replace("; ", ". ").split(". ") if part.strip()]
        text = max(sentences, key=lambda sentence: meant.match(sentence)[0])
    if len(text) > _SHOWN:
        text = text[:_SHOWN].rsplit(" ", 1)[0] + " …"
    return Reason(reason.field, text, reason.words)
