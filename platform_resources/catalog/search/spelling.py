"""What a word of a query may mean: itself, a word that begins so or has the same root, or one that it is a slip of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tantivy import Query, Schema, Searcher

from platform_resources.catalog.search.documents import SAID, VOCABULARY, WORD_FIELDS
from platform_resources.catalog.search.words import query_words, stems

_MOST_FORMS = 6
_BEGUN, _MISSPELT = 0.5, 0.6
_SHORTEST_BEGUN, _SHORTEST_STEM, _SHORTEST_ROOT = 2, 3, 4
_SHORTEST_MISSPELT = 5  # of shorter words another letter makes another word: fast, last, past
_MOST_ANYWHERE = 2  # words of a query, for slips of a first letter [each 17 ms among 10,000 products, others 2]
_ENDING = 4  # characters at most
_LIKE = 0.7  # of difflib: 1 is equal


@dataclass(frozen=True)
class Form:
    plain: str
    stem: str
    weight: float  # how sure it is that this is meant, at most 1

    def in_field(self, name: str) -> str:
        """As it stands in a field: names of people have no stems."""
        return self.plain if name == "people" else self.stem


@dataclass(frozen=True)
class Word:
    """A word as it was asked for. `forms`: what it may mean, the surest first."""

    asked: str
    forms: tuple[Form, ...]
    spelling: str  # as it is spelt in the index, as far as that can be told
    known: bool = True  # the index has one of the forms
    misspelt: bool = False  # nothing is spelt or begins so


def words_of(text: str, searcher: Searcher, schema: Schema) -> list[Word]:
    """The words of a query, as the products of an index know them."""
    asked = query_words(text)
    anywhere = len(asked) <= _MOST_ANYWHERE
    return [_word(word, searcher, schema, last=word == asked[-1], anywhere=anywhere) for word in asked]


def did_you_mean(words: Sequence[Word]) -> str | None:
    """The query as it was probably meant; None, when no word looks misspelt."""
    return " ".join(word.spelling for word in words) if any(word.misspelt for word in words) else None


def _word(asked: str, searcher: Searcher, schema: Schema, *, last: bool, anywhere: bool) -> Word:
    itself = Form(asked, _stem(asked), 1.0)
    known = any(searcher.doc_freq(name, itself.in_field(name)) for name in WORD_FIELDS)
    if len(asked) < _SHORTEST_BEGUN or asked.isdigit() or (known and not last):
        return Word(asked, (itself,), asked, known=known)
    begun = [word for word, _ in searcher.terms_with_prefix(VOCABULARY, asked, limit=_MOST_FORMS) if word != asked]
    if known or begun:
        weight = _BEGUN / 2 if known else _BEGUN
        others = (Form(word, _stem(word), weight) for word in begun if _stem(word) != itself.stem)
        whole = known and (searcher.doc_freq(VOCABULARY, asked) or not begun)
        return Word(asked, (itself, *others), asked if whole else begun[0])
    if longer := _longer(asked, itself.stem, searcher):
        return Word(asked, (itself, *longer), asked)
    if close := _close(asked, searcher, schema, anywhere=anywhere):
        slips = {_stem(word): Form(word, _stem(word), _MISSPELT) for word in reversed(close)}
        return Word(asked, (itself, *reversed(slips.values())), close[0], misspelt=True)
    root = _root(itself.stem, searcher)
    return Word(asked, (itself, *root), asked, known=bool(root))


def _stem(word: str) -> str:
    return " ".join(stems(word)) or word


def _longer(asked: str, stem: str, searcher: Searcher) -> list[Form]:
    """Words of the index that have the same stem and an ending that stemming keeps: buyer for buys."""
    if stem == asked or len(stem) < _SHORTEST_STEM:
        return []
    found = searcher.terms_with_prefix(VOCABULARY, stem, limit=_MOST_FORMS)
    return [Form(word, _stem(word), _BEGUN) for word, _ in found if len(word) <= len(stem) + _ENDING]


def _root(stem: str, searcher: Searcher) -> list[Form]:
    """The longest stem of the index that this one is, but for an ending: value for valuable."""
    shortest = max(_SHORTEST_ROOT, len(stem) - _ENDING)
    shorter = (stem[:end] for end in range(len(stem) - 1, shortest - 1, -1))
    return [Form(root, root, _BEGUN) for root in shorter if searcher.doc_freq(SAID, root)][:1]


def _close(asked: str, searcher: Searcher, schema: Schema, *, anywhere: bool) -> list[str]:
    """Words of the index that `asked` is a slip of, the likeliest first; with `anywhere` of its first letter too.

    The engine tells which products have a word at most one or two slips away, and the words of these are compared.
    """
    if len(asked) < _SHORTEST_MISSPELT:
        return []
    for slips in (1, 2) if len(asked) > 5 else (1,):
        having = Query.fuzzy_term_query(schema, VOCABULARY, asked, distance=slips)
        for beginning in (asked[:1], "") if anywhere else (asked[:1],):
            told = searcher.terms_with_prefix(VOCABULARY, beginning, filter_query=having)
            counts = {word: count for word, count in told if abs(len(word) - len(asked)) <= slips}
            found = get_close_matches(asked, counts, n=3, cutoff=_LIKE)
            if found:
                return found
    return []
