"""Words: how texts and queries are cut into them, the same way on both sides, by the engine's analyzers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from tantivy import Filter, Index, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

PLAIN, STEMS = "plain", "stems"  # names under which the analyzers are registered
MOST_CHARACTERS, MOST_WORDS = 1000, 24  # of a query that are looked at
_LONGEST_WORD = 40
# Words of one kind of letter, so that customer_360, customer-360, customer360 and netSales fall apart alike.
_WORD = r"\p{Lu}?[\p{Ll}\p{Lm}\p{M}]+|[\p{Lu}\p{Lt}]+|\p{Lo}[\p{Lo}\p{M}]*|\p{N}+"
_ASCII_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+|[0-9]+")  # the same, of plain letters

_EMPTY_WORDS = """
    a about all also am an and any anybody anyone anything are as at be been being but by can could d did do does
    each every everybody everyone everything find for from get give had has have having he hello her here hi him his
    how i if in into is it its just know let like list ll long look looking m many may me might more most much must
    my need no not of on or our per please re s say says see seen shall she should show since so some somebody
    someone something such t tell than that the their them then there these they things this those to told too us ve
    very want was we were what when where whether which while who whom whose why will with would yet you your
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())  # what a question consists of besides what it is about


def _builder() -> TextAnalyzerBuilder:
    builder = TextAnalyzerBuilder(Tokenizer.regex(_WORD))
    return builder.filter(Filter.lowercase()).filter(Filter.ascii_fold()).filter(Filter.remove_long(_LONGEST_WORD))


@cache
def analyzers() -> dict[str, TextAnalyzer]:
    return {PLAIN: _builder().build(), STEMS: _builder().filter(Filter.stemmer("English")).build()}


def register(index: Index) -> Index:
    """Give an index the analyzers that its schema names: they are not kept with it."""
    for name, analyzer in analyzers().items():
        index.register_tokenizer(name, analyzer)
    return index


@lru_cache(maxsize=20_000)
def stems(text: str) -> tuple[str, ...]:
    """`customers of crm.customer_360` -> custom, of, crm, custom, 360."""
    if text.isascii():  # word by word: most of them were met before [2 us for a title, the analyzer takes 25]
        return tuple(stem for word in _ASCII_WORD.findall(text) for stem in _stems_of(word.lower()))
    return _stems_of(text)


@lru_cache(maxsize=50_000)
def _stems_of(text: str) -> tuple[str, ...]:
    return tuple(analyzers()[STEMS].analyze(text))


def plain_words(text: str) -> list[str]:
    """The words, in lower case and without accents."""
    return analyzers()[PLAIN].analyze(text)


def spelt(text: str) -> str:
    """A name by its stems, so that two ways to write it are equal: `Net sales`, `net_sale` -> `net sale`."""
    return " ".join(stems(text))


def telling(words: Iterable[str]) -> list[str]:
    """Those that say something; all of them, when none does."""
    every = list(words)
    return [word for word in every if word not in _EMPTY] or every


def query_words(text: str) -> list[str]:
    """The words of a query that are looked for, each once."""
    return telling(dict.fromkeys(plain_words(text[:MOST_CHARACTERS])))[:MOST_WORDS]


def named_parts(text: str) -> dict[str, int]:
    """Every row of up to five words in a query, as a name is spelt, with how many words it has."""
    every = stems(text[:MOST_CHARACTERS])[: 2 * MOST_WORDS]
    return {
        " ".join(every[start:end]): end - start
        for start in range(len(every))
        for end in range(start + 1, min(start + 5, len(every)) + 1)
    }
