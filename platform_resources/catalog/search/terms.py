"""The terms of the glossaries that a query names: an index of everything that they are called, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tantivy import Document, Index, Occur, Query, Schema, SchemaBuilder

from platform_resources.catalog.index.entries import TermEntry
from platform_resources.catalog.search.documents import calls_of
from platform_resources.catalog.search.spelling import Word
from platform_resources.catalog.search.words import STEMS, named_parts, register, spelt, telling

_MOST = 10


def _make_schema() -> Schema:
    builder = SchemaBuilder().add_text_field("term", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("call", stored=True, tokenizer_name=STEMS)
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
                writer.add_document(Document(term=address, call=call, called=spelt(call), kind=kind))
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
        every = [
            (Occur.Must, Query.disjunction_max_query([Query.term_query(_SCHEMA, "call", f.stem) for f in word.forms]))
            for word in words
        ]
        shorter_first = Query.boost_query(Query.boolean_query(every), 0.1)
        found = Query.boolean_query([(Occur.Should, query) for query in (*whole, shorter_first)])
        proper = [(Occur.Must, found), (Occur.Should, _const("kind", "name", 1.0))]
        hits = self._searcher.search(Query.boolean_query(proper), 5 * _MOST, count=False).hits
        named: dict[str, NamedTerm] = {}
        for _, place in hits:
            document = self._searcher.doc(place)
            address = document["term"][0]
            named.setdefault(address, NamedTerm(address, document["call"][0]))
        return list(named.values())[:_MOST]


def _const(field: str, value: str, score: float) -> Query:
    return Query.const_score_query(Query.term_query(_SCHEMA, field, value, "basic"), score)
