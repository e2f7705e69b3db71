"""The terms of the glossaries that a query names: an index of everything that they are called, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from tantivy import Document, Index, Occur, Query, Schema, SchemaBuilder

from platform_resources.catalog.index.entries import TermEntry
from platform_resources.catalog.search.documents import calls_of
from platform_resources.catalog.search.spelling import Word
from platform_resources.catalog.search.words import STEMS, named_parts, register, spelt, telling

_MOST, _MOST_RELATED = 10, 5
_NEAR = {"call": 2.0, "definition": 1.0}  # what a word counts there
_LEFT = 4.0  # times that a word counts which no product answers


def _make_schema() -> Schema:
    builder = SchemaBuilder().add_text_field("term", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("call", stored=True, tokenizer_name=STEMS)
    builder.add_text_field("definition", tokenizer_name=STEMS)
    for name in ("called", "kind"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    return builder.build()


_SCHEMA = _make_schema()


@dataclass(frozen=True)
class NamedTerm:
    address: str
    matched: str  # the name, title or synonym that was meant


class TermIndex:
    def __init__(self, terms: Mapping[str, TermEntry]) -> None:
        index = register(Index(_SCHEMA))
        writer = index.writer(15_000_000, 1)
        for address, term in sorted(terms.items()):
            for call in calls_of(term):
                kind = "name" if call in (term.title, term.name) else "synonym"
                meant = {"definition": term.definition} if call == term.title else {}
                writer.add_document(Document(term=address, call=call, called=spelt(call), kind=kind, **meant))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def named(self, text: str, words: Sequence[Word]) -> list[NamedTerm]:
        """Those that the query names whole, the longest name first; then those with all its words in their names."""
        if not words:
            return []
        meant = " ".join(word.spelling for word in words)
        parts = named_parts(text) | named_parts(meant)
        whole = [_const("called", part, 10.0 * length) for part, length in parts.items() if telling([part]) and part]
        every = [(Occur.Must, _word_query(word, {"call": 1.0})) for word in words]
        shorter_first = Query.boost_query(Query.boolean_query(every), 0.1)
        found = Query.boolean_query([(Occur.Should, query) for query in (*whole, shorter_first)])
        proper = [(Occur.Must, found), (Occur.Should, _const("kind", "name", 1.0))]
        return self._best(Query.boolean_query(proper), _MOST, set())

    def related(self, words: Sequence[Word], left: Collection[str], named: Sequence[NamedTerm]) -> list[NamedTerm]:
        """Others than `named` with any of the words in their names or definitions, where some words are `left` to
        answer: first those with these.
        """
        if not left:
            return []
        each = [Query.boost_query(_word_query(word, _NEAR), _LEFT if word.asked in left else 1.0) for word in words]
        near = Query.boolean_query([(Occur.Should, query) for query in each])
        return self._best(near, _MOST_RELATED, {term.address for term in named})

    def _best(self, query: Query, most: int, besides: Set[str]) -> list[NamedTerm]:
        found: dict[str, NamedTerm] = {}
        for _, place in self._searcher.search(query, 5 * _MOST, count=False).hits:
            document = self._searcher.doc(place)
            address = document["term"][0]
            if address not in besides:
                found.setdefault(address, NamedTerm(address, document["call"][0]))
        return list(found.values())[:most]


def _word_query(word: Word, fields: Mapping[str, float]) -> Query:
    return Query.disjunction_max_query(
        [
            Query.boost_query(Query.term_query(_SCHEMA, name, form.stem), boost * form.weight)
            for form in word.forms
            for name, boost in fields.items()
        ]
    )


def _const(field: str, value: str, score: float) -> Query:
    return Query.const_score_query(Query.term_query(_SCHEMA, field, value, "basic"), score)
