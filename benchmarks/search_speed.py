"""How fast search is in a big mesh: 10,000 made-up products of 30 columns, by kinds of queries, in this process.

python -m benchmarks.search_speed
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.search_quality import FixedEntries, distractors
from platform_resources.catalog.index import ColumnEntry, ProductEntry, TermEntry
from platform_resources.catalog.search import Asked, Search

PRODUCTS, COLUMNS = 10_000, 30
AIM_P99_MS = 50
EACH_KIND = 60  # queries
_DOMAINS = 50


@dataclass(frozen=True)
class SearchFigures:
    """Milliseconds: median and p99 over all queries, and p99 by kind."""

    median: float
    p99: float
    by_kind: Mapping[str, float]


def time_search(find: Callable[[str], object], words: Sequence[str]) -> SearchFigures:
    """Ask queries of every kind, made of the mesh's words; `find` is any door to the search."""
    chance = random.Random(5)
    taken: dict[str, list[float]] = {}
    for kind, query in ((kind, query) for _ in range(EACH_KIND) for kind, query in _queries(words, chance)):
        started = time.perf_counter()
        find(query)
        taken.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
    every = sorted(value for values in taken.values() for value in values)
    return SearchFigures(_at(every, 0.5), _at(every, 0.99), {kind: _at(sorted(v), 0.99) for kind, v in taken.items()})


def _queries(words: Sequence[str], chance: random.Random) -> list[tuple[str, str]]:
    one, other = chance.choice(words), chance.choice(words)
    middle = len(one) // 2
    return [
        ("two words", f"{one} {other}"),
        ("common words", chance.choice(["revenue customers", "store product", "supplier invoices daily"])),
        ("column", f"store_id_{one}"),
        ("begun", one[:3]),
        ("misspelt", f"{one[:middle]}{one[middle + 1 :]}x revneue"),
        ("question", f"how many customers of the stores bought {one} by week and {other}"),
        (
            "long question",
            f"I am new here and need to know which customers of the stores bought {one} or {other} by week, what they"
            f" paid for it with coupons, and whether there is a forecast of revenue per household and {one[::-1]}",
        ),
        ("nothing", ""),
        ("unknown", "qzxwvqz kjhgfdq"),
    ]


def _at(rising: Sequence[float], share: float) -> float:
    return rising[min(len(rising) - 1, int(len(rising) * share))]


def made_words(count: int = 3000) -> list[str]:
    chance = random.Random(3)
    syllables = [consonant + vowel for consonant in "bcdfghklmnprstvw" for vowel in "aeiou"]
    return sorted({"".join(chance.choices(syllables, k=chance.randint(3, 5))) for _ in range(count)})


def big_mesh(words: Sequence[str], count: int = PRODUCTS) -> FixedEntries:
    chance = random.Random(4)
    terms = {}
    for number in range(count // 5):
        domain, word = f"domain_{number % _DOMAINS}", words[number % len(words)]
        calls = tuple(" ".join(chance.sample(words, 2)) for _ in range(2))
        address = f"{domain}.{word}_{number}"
        terms[address] = TermEntry(address, domain, f"{word}_{number}", word, word, calls, None, None, (), ())
    patterns, addresses = distractors(200), list(terms)
    return FixedEntries((_product(n, chance, words, patterns, addresses) for n in range(count)), terms)


def _product(
    number: int, chance: random.Random, words: Sequence[str], patterns: Sequence[ProductEntry], terms: Sequence[str]
) -> ProductEntry:
    pattern = chance.choice(patterns)
    domain, name = f"domain_{number % _DOMAINS}", f"{pattern.name}_{chance.choice(words)}_{number}"
    stems = [column.name for _, column in pattern.columns()]
    columns = tuple(
        ColumnEntry(
            *(f"{chance.choice(stems)}_{chance.choice(words)}", chance.choice(words).title()),
            *(" ".join(chance.choices(words, k=15)), "VARCHAR", "internal", (chance.choice(terms),)),
        )
        for _ in range(COLUMNS)
    )
    port = replace(pattern.ports[0], address=f"{domain}.{name}.v1", columns=columns)
    purpose = f"{pattern.purpose} {' '.join(chance.choices(words, k=20))}"
    return replace(pattern, domain=domain, name=name, address=f"{domain}.{name}", purpose=purpose, ports=(port,))


def main() -> None:
    words = made_words()
    entries = big_mesh(words)
    with tempfile.TemporaryDirectory() as folder:

        def opened() -> tuple[Callable[[str], object], float]:
            started = time.perf_counter()
            search = Search(Path(folder), entries)
            search.find(Asked(), lambda _: False, datetime.now(UTC))
            seconds = time.perf_counter() - started
            return lambda query: search.find(Asked(query), lambda _: False, datetime.now(UTC)), seconds

        _, made = opened()
        find, start = opened()
        told = time_search(find, words)
        megabytes = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{PRODUCTS:,} products, {PRODUCTS * COLUMNS:,} columns: index made in {made:.1f} s, {megabytes:.0f} MB on disk"
    )
    print(f"start with the index there {start:.2f} s; peak {peak:.0f} MB, all entries held by the benchmark included")
    print(f"search: median {told.median:.1f} ms, p99 {told.p99:.1f} ms (aim {AIM_P99_MS} ms)")
    print("p99 by kind: " + ", ".join(f"{kind} {value:.1f}" for kind, value in told.by_kind.items()))


if __name__ == "__main__":
    main()
