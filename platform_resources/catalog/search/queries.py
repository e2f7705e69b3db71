"""From words and filters to a query of the engine, built of objects: no text of a reader is ever parsed as a query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Literal

from tantivy import FieldType, Occur, Query, Schema

from platform_resources.catalog.search.documents import (
    ADDRESS,
    NAME_FIELDS,
    SAID,
    SCORE,
    STALE_AT,
    WORD_FIELDS,
)
from platform_resources.catalog.search.spelling import Word
from platform_resources.catalog.search.words import named_parts

FreshnessState = Literal["fresh", "late", "unknown"]
_ADDRESS = re.compile(r"([a-z0-9_]+\.[a-z0-9_]+)(\.v[0-9]+)?(\.[a-z0-9_]+)?")
_THE_ONE = 1e6  # an address is what was asked for, whatever else the words fit
_BESIDE = 0.15  # what the other fields add in which a word is found too: the best one decides
_PHRASE = 0.5


@dataclass(frozen=True)
class Filters:
    """What hits must be, of each kind any of the values; an empty kind lets everything through."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by name of a facet: domain, tier, ...
    min_score: float | None = None
    freshness: Sequence[FreshnessState] = ()

    def without(self, kind: str) -> Filters:
        values = {name: chosen for name, chosen in self.values.items() if name != kind}
        score = None if kind == "score" else self.min_score
        return Filters(values, score, () if kind == "freshness" else self.freshness)

    @property
    def kinds(self) -> list[str]:
        """The kinds that are filtered by."""
        named = [name for name, chosen in self.values.items() if chosen]
        return [*named, *(["score"] if self.min_score is not None else []), *(["freshness"] if self.freshness else [])]


def filtered(query: Query, filters: Filters, schema: Schema, now: datetime) -> Query:
    """`query` under filters, which count nothing towards the order of hits."""
    clauses = [
        Query.term_set_query(schema, name, list(dict.fromkeys(chosen)))
        for name, chosen in filters.values.items()
        if chosen
    ]
    if filters.min_score is not None:
        clauses.append(Query.range_query(schema, SCORE, FieldType.Float, lower_bound=float(filters.min_score)))
    if filters.freshness:
        states = [(Occur.Should, _in_state(schema, state, now)) for state in dict.fromkeys(filters.freshness)]
        clauses.append(Query.boolean_query(states))
    if not clauses:
        return query
    return Query.boolean_query(
        [(Occur.Must, query), *((Occur.Must, Query.const_score_query(clause, 0.0)) for clause in clauses)]
    )


def _in_state(schema: Schema, state: FreshnessState, now: datetime) -> Query:
    moment = milliseconds(now)
    if state == "fresh":
        return Query.range_query(schema, STALE_AT, FieldType.Integer, lower_bound=moment)
    if state == "late":
        return Query.range_query(schema, STALE_AT, FieldType.Integer, upper_bound=moment, include_upper=False)
    return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, Query.exists_query(STALE_AT))])


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def asked_address(text: str) -> tuple[str, ...]:
    """The address that a query consists of, of a port before that of its product; none, when it is no address."""
    found = _ADDRESS.fullmatch(text.strip().lower())
    if found is None:
        return ()
    product, major, _ = found.groups()
    return (product + major, product) if major else (product,)


def saying(words: Sequence[Word], schema: Schema, least: int, fields: Sequence[str] = (SAID,)) -> Query:
    """Products that say at least `least` of the words, in any form that is meant, in any order: quick to count."""
    each = [
        [(Occur.Should, Query.term_query(schema, name, form.stem, "basic")) for form in word.forms for name in fields]
        for word in words
    ]
    clauses = [(Occur.Should, Query.boolean_query(places)) for places in each]
    return Query.boolean_query(clauses, minimum_number_should_match=least)


def matching(text: str, words: Sequence[Word], schema: Schema, least: int) -> Query:
    """The hits: products that say at least `least` of the words anywhere, and the one whose address was asked for."""
    said = saying(words, schema, least, (SAID, "details"))
    addresses = _addressed(text, schema)
    return Query.boolean_query([(Occur.Should, query) for query in (said, *addresses)]) if addresses else said


def ranked(hits: Query, text: str, words: Sequence[Word], schema: Schema) -> Query:
    """The same hits in order: who says most of the words where it counts, and those that are called so first."""
    each = [(Occur.Should, _word_query(word, schema)) for word in words]
    clauses = [(Occur.Must, Query.const_score_query(hits, 0.0)), *each]
    if len(words) > 2:  # who answers all words counts twice
        clauses.append((Occur.Should, Query.boolean_query([(Occur.Must, query) for _, query in each])))
    clauses += [(Occur.Should, query) for query in _called(text, words, schema)]
    clauses += [(Occur.Should, query) for query in _phrases(words, schema)]
    clauses += [(Occur.Should, query) for query in _addressed(text, schema)]
    return Query.boolean_query(clauses)


def _addressed(text: str, schema: Schema) -> list[Query]:
    asked = [Query.term_query(schema, ADDRESS, address, "basic") for address in asked_address(text)]
    return [Query.const_score_query(query, _THE_ONE) for query in asked]


def _word_query(word: Word, schema: Schema) -> Query:
    """One word in any field, in any of the forms that it may mean; its best place decides."""
    places = [
        Query.boost_query(Query.term_query(schema, name, form.in_field(name)), boost * form.weight)
        for form in word.forms
        for name, boost in WORD_FIELDS.items()
    ]
    return Query.disjunction_max_query(places, _BESIDE)


def _called(text: str, words: Sequence[Word], schema: Schema) -> list[Query]:
    """What is called exactly as rows of words in the query are, the more the longer the row is."""
    return [
        Query.boost_query(Query.term_query(schema, name, part, "basic"), boost * min(1.0, length / len(words)) ** 2)
        for part, length in named_parts(text).items()
        for name, boost in NAME_FIELDS.items()
        if length > 1 or len(words) == 1
    ]


def _phrases(words: Sequence[Word], schema: Schema) -> list[Query]:
    """Neighbours in the query that are neighbours in a text too."""
    pairs = [(one.forms[0].stem, other.forms[0].stem) for one, other in pairwise(words)]
    return [
        Query.boost_query(Query.phrase_query(schema, name, list(pair), 1), boost * _PHRASE)
        for pair in pairs
        for name, boost in WORD_FIELDS.items()
        if name != "people"
    ]
