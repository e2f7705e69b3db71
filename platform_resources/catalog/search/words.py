"""Words: how texts and queries are cut into them, the same way on both sides, by the engine's analyzers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

from tantivy import Filter, Index, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

PLAIN, STEMS = "plain", "stems"  # names under which the analyzers are registered
MOST_CHARACTERS, MOST_WORDS = 1000, 24  # of a query that are looked at
_LONGEST_WORD = 40
# Words of one kind of letter, so that customer_360, customer-360, customer360 and netSales fall apart alike.
_WORD = r"\p{Lu}?[\p{Ll}\p{Lm}\p{M}]+|[\p{Lu}\p{Lt}]+|\p{Lo}[\p{Lo}\p{M}]*|\p{N}+"

_EMPTY_WORDS = """
    a about all am an and any are as at be by can could did do does find for from get give has have how i in into is it
    its list long many me much my of on or our per please shall should show so some tell than that the their them then
    there these they this those to us was we were what when where which while who whom whose why will with would you
    your
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


def analyzed(text: str) -> list[str]:
    """The stems of a text that is not worth keeping."""
    return analyzers()[STEMS].analyze(text)


@lru_cache(maxsize=20_000)
def stems(text: str) -> tuple[str, ...]:
    """`customers of crm.customer_360` -> custom, of, crm, custom, 360."""
    return tuple(analyzed(text))


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
