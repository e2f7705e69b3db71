"""Law: of every type and at its edges, the planned audit finds what people find who look at each value.

Limits, steps and lists that the type can't hold, values at its ends, texts that differ after the 300th character, NaN
and infinities. In a lake (files, or rows kept in its catalog; with deletes and updates), in DuckDB's own tables, and in
files of Parquet.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from platform_resources.contracts.model import Column, Contract
from platform_resources.contracts.options import INTEGER_FORMATS
from platform_resources.lake.connection import connect
from platform_resources.lake.settings import MeshSettings
from platform_resources.quality import evaluate
from tests.quality.building import NOW, column, contract, library, relationship

TABLES = {"files": 4, "inlined": 4, "memory": 40, "parquet": 12}  # place -> how many; a lake takes a second for each
Row = dict[str, Any]

LONG = "a" * 300  # statistics of files keep the first bytes of a text only
WHOLE = {
    "tiny": ("TINYINT", 8, True),
    "big": ("BIGINT", 64, True),
    "ubig": ("UBIGINT", 64, False),
    "huge": ("HUGEINT", 128, True),
    "uhuge": ("UHUGEINT", 128, False),
}
DECIMALS = {"cents": (6, 2), "wide": (38, 0), "fine": (38, 38), "half": (38, 19)}
TYPES = {
    **{name: type_ for name, (type_, _, _) in WHOLE.items()},
    **{name: f"DECIMAL({width},{scale})" for name, (width, scale) in DECIMALS.items()},
    **{"single": "FLOAT", "double": "DOUBLE", "text": "VARCHAR", "uuid": "UUID", "flag": "BOOLEAN"},
    **{"day": "DATE", "clock": "TIME", "moment": "TIMESTAMP", "items": "INTEGER[]"},
}
EXACT = (*WHOLE, *DECIMALS)
NUMBERS = (*EXACT, "single", "double")
# As a contract holds them: numbers that some of the types can't hold, lie between two of their values, or end them.
LIMITS: tuple[int | float, ...] = (
    *(-(2**127) - 1, -(2**127), -(10**38), -(2**63), -129, -128, -1, -0.5, 0, 0.004, 0.005, 0.1, 0.5, 1, 1.5, 127),
    *(128, 2**53 + 1, 2**63 - 1, 2**63, 1e12, 2**64 - 1, 10**19, 10**38 - 1, 10**38, 2**128 - 1, 2**128, 1e300, -1e300),
)
STEPS = (1, 2, 3, 0.5, 1.5, 0.01, 0.005, 7e-20, 1e-38, 5000, 10**19, 3 * 10**37)
TEXTS = (None, "", "a", "ab", "ä" * 5, "'", f"{LONG}b", f"{LONG}c", LONG, "a@b.de", "::1", "10.0.0.1")
DAYS = (None, date(1, 1, 1), date(2026, 2, 25), date(2026, 3, 5), date(9999, 12, 31))
CLOCKS = (None, time(0), time(8, 30), time(8, 30, 0, 1), time(23, 59, 59, 999999))
MOMENTS = (
    None,
    *(datetime(2026, 3, 2, 12, 0, 0, us) for us in (0, 1, 999999)),
    datetime(1, 1, 1),
    datetime(9999, 1, 1),
)


def ends(name: str) -> tuple[Any, ...]:
    """The smallest and largest value of an exact type, those next to them and to nought, and NULL."""
    if name in WHOLE:
        low, high = INTEGER_FORMATS[f"{'i' if WHOLE[name][2] else 'u'}{WHOLE[name][1]}"]
        return (None, low, low + 1, 0, 1, 3, high - 1, high)
    width, scale = DECIMALS[name]
    steps = (1 - 10**width, -1, 0, 1, 5 * 10**scale, 10**width - 2, 10**width - 1)
    return (
        None,
        *(Decimal((step < 0, tuple(map(int, str(abs(step)))), -scale)) for step in steps if abs(step) < 10**width),
    )


def pool(name: str, place: str = "memory") -> tuple[Any, ...]:
    if name in ("huge", "uhuge") and place != "memory":  # Parquet has no such type: DuckDB writes DOUBLE
        return (None, 0, 1, 3, 2**53)
    if name in EXACT:
        return ends(name)
    floats = (None, math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1, 1.5, -7.5, 3e38, 1e-40)
    others = {
        "single": tuple(map(single, floats)),
        "double": (*floats, 1e300),
        "text": TEXTS,
        "flag": (None, True, False),
    }
    others |= {
        "day": DAYS,
        "clock": CLOCKS,
        "moment": MOMENTS,
        "items": (None, [], [1], [1, 1], [1, 2, 3], [None, None]),
    }
    others["uuid"] = (None, *(f"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1{i}" for i in range(3)))
    return others[name]


def single(value: float | None) -> float | None:
    """The nearest number that 32 bits hold; what is beyond them is infinite."""
    if value is None or not math.isfinite(value):
        return value
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def sql(value: Any, type_: str) -> str:
    text = format(value, "f") if isinstance(value, Decimal) else str(value).replace("None", "NULL")
    return "NULL" if value is None else f"CAST('{text.replace(chr(39), chr(39) * 2)}' AS {type_})"


def exact(limit: float) -> Fraction:
    return Fraction(repr(limit))


def key(value: Any) -> Any:
    """Equal for values that are equal to DuckDB: NaN is itself, and -0 is 0."""
    return "nan" if value != value else value


def comparable(name: str, value: Any) -> Any:
    return Fraction(value) if name in EXACT else value


def limit_of(name: str, limit: float) -> Any:
    """A limit as it is compared: exactly, or as the floating point type has it."""
    if name in EXACT:
        return exact(limit)
    return single(float(limit)) if name == "single" else float(limit)


@dataclass(frozen=True)
class Promises:
    """A contract over every type, and how people would count what breaks each of its rules."""

    contract: Contract
    expected: dict[str, Callable[[Sequence[Row]], int]]


def counting(name: str, is_bad: Callable[[Any], bool]) -> Callable[[Sequence[Row]], int]:
    return lambda rows: sum(row[name] is not None and is_bad(row[name]) for row in rows)


def repeats(*names: str) -> Callable[[Sequence[Row]], int]:
    def repeated(rows: Sequence[Row]) -> int:
        keys = [tuple(key(row[name]) for name in names) for row in rows]
        whole = [each for each in keys if None not in each]
        return len(whole) - len(set(whole))

    return repeated


def promises(random: Random) -> Promises:
    """Rules at random: for every column presence, uniqueness, limits or a list, and more where the type has more."""
    expected: dict[str, Callable[[Sequence[Row]], int]] = {}
    columns = [_promised(name, random, expected) for name in TYPES]
    for name in TYPES:
        expected[f"required__{name}"] = lambda rows, name=name: sum(row[name] is None for row in rows)
    for name in TYPES:
        if name != "items":
            expected[f"unique__{name}"] = repeats(name)
    missing = random.sample([*LIMITS, "N/A", ""], 4)
    held = [exact(value) for value in missing if not isinstance(value, str)]
    expected["absent"] = lambda rows: sum(row["ubig"] is None or row["ubig"] in held for row in rows)
    expected["pairs"] = repeats("tiny", "half")
    expected["many"] = repeats("uhuge", "text")
    expected |= {
        f"relationships__{name}": counting(name, lambda v: v not in PARENTS) for name in ("tiny", "ubig", "huge")
    }
    rules = [
        library("absent", "missingValues", "ubig", arguments={"missingValues": missing}, mustBe=0),
        library("pairs", "duplicateValues", arguments={"properties": ["tiny", "half"]}, mustBe=0),
        library("many", "duplicateValues", arguments={"properties": ["uhuge", "text"]}, mustBe=0),
    ]
    relations = [
        relationship(["tiny"], "parents", ["huge"]),
        relationship(["ubig"], "parents", ["unsigned"]),
        relationship(["huge"], "parents", ["unsigned"]),
    ]
    return Promises(contract(columns, rules, relations), expected)


PARENTS = (0, 1, 3, 2**64 - 1)


def _promised(name: str, random: Random, expected: dict[str, Callable[[Sequence[Row]], int]]) -> Column:
    more: dict[str, Any] = {"required": True, "unique": name != "items"}
    if name in NUMBERS:
        more |= _numbers(name, random, expected)
    elif name == "text":
        more |= _texts(random, expected)
    elif name == "items":
        least, most = sorted(random.choices(range(4), k=2))
        more["options"] = {"minItems": least, "maxItems": most, "uniqueItems": True}
        expected["length__items"] = counting(name, lambda v: not least <= len(v) <= most or _repeated(v))
    elif name in ("day", "clock", "moment"):
        low, high = sorted(random.sample(pool(name)[1:], 2))
        more["options"] = {"minimum": low.isoformat(), "exclusiveMaximum": high.isoformat()}
        expected[f"range__{name}"] = counting(name, lambda v: not low <= v < high)
    else:
        listed = random.sample(pool(name), 2)
        more["enum"] = tuple(listed)
        expected[f"enum__{name}"] = counting(name, lambda v: (v if name == "flag" else str(v)) not in listed)
    return column(name, **more)


def _repeated(items: list[Any]) -> bool:
    there = [item for item in items if item is not None]
    return len(set(there)) < len(there)


def _numbers(name: str, random: Random, expected: dict[str, Callable[[Sequence[Row]], int]]) -> dict[str, Any]:
    if random.random() < 0.25:
        listed = [*random.sample(LIMITS, 3), *(value for value in random.sample(pool(name), 2) if _is_written(value))]
        among = [limit_of(name, value) for value in listed]
        expected[f"enum__{name}"] = counting(name, lambda v: comparable(name, v) not in among)
        return {"enum": tuple(listed)}
    least, most = random.sample(LIMITS, 2)
    options = {
        random.choice(("minimum", "exclusiveMinimum")): least,
        random.choice(("maximum", "exclusiveMaximum")): most,
    }
    step = random.choice(STEPS)
    if name in EXACT and random.random() < 0.3:
        options["multipleOf"] = step
    expected[f"range__{name}"] = counting(name, lambda v: _breaks(name, options, v))
    found: dict[str, Any] = {"options": options}
    if name in WHOLE:
        options["format"] = form = random.choice(sorted(INTEGER_FORMATS))
        low, high = INTEGER_FORMATS[form]
        expected[f"format__{name}"] = counting(name, lambda v: not low <= v <= high)
        found["logical_type"] = "integer"
    return found


def _is_written(value: Any) -> bool:
    """A contract can hold the number; a FLOAT at its end is written with more digits than that."""
    return isinstance(value, int) or (isinstance(value, float) and abs(value) in (0.0, 1.5, 7.5))


def _breaks(name: str, options: dict[str, Any], value: Any) -> bool:
    if value != value:
        return True
    number = comparable(name, value)
    if "multipleOf" in options and (number / exact(options["multipleOf"])).denominator != 1:
        return True
    limits = {option: limit_of(name, options[option]) for option in options if option not in ("multipleOf", "format")}
    least, most = limits.get("minimum", -math.inf), limits.get("maximum", math.inf)
    above = "exclusiveMinimum" not in limits or number > limits["exclusiveMinimum"]
    return not (
        above and least <= number <= most and ("exclusiveMaximum" not in limits or number < limits["exclusiveMaximum"])
    )


def _texts(random: Random, expected: dict[str, Callable[[Sequence[Row]], int]]) -> dict[str, Any]:
    listed, longest = random.sample(TEXTS, 4), random.choice((0, 1, 5, 300, 301))
    form, pattern = random.choice((("email", r"[^@\s]+@[^@\s.]+\.\w+"), ("ipv4", r"(\d+\.){3}\d+"), ("ipv6", "::1")))
    expected["enum__text"] = counting("text", lambda v: v not in listed)
    expected["length__text"] = counting("text", lambda v: len(v) > longest)
    expected["pattern__text"] = counting("text", lambda v: not re.fullmatch("a+b?", v))
    expected["format__text"] = counting("text", lambda v: not re.fullmatch(pattern, v))
    options = {"maxLength": longest, "pattern": "^a+b?$", "format": form}
    return {"enum": tuple(listed), "options": options, "logical_type": "string"}


@dataclass(frozen=True)
class World:
    con: duckdb.DuckDBPyConnection
    folder: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two lakes, one of which keeps small writes in its catalog, each with the parents that keys refer to."""
    folder: Path = tmp_path_factory.mktemp("lakes")
    (folder / "domains").mkdir()
    with connect(MeshSettings(project=folder, home=folder / "home")) as con:
        for name, inlined in (("files", 0), ("inlined", 20)):
            con.execute(
                f"ATTACH 'ducklake:sqlite:{folder}/{name}.sqlite' AS {name} "
                f"(DATA_PATH '{folder}/{name}', DATA_INLINING_ROW_LIMIT {inlined})"
            )
        for name in ("files", "inlined", "memory"):
            con.execute(f"CREATE SCHEMA {name}.internal")
            con.execute(f"CREATE TABLE {name}.internal.parents (unsigned UBIGINT, huge HUGEINT)")
            for parent in PARENTS:
                con.execute(f"INSERT INTO {name}.internal.parents VALUES ({parent}, {parent})")
        yield World(con, folder)


def drawn(place: str, random: Random) -> list[str]:
    """Rows of random values as SQL; in every third table a column has one value only, so that files prove things."""
    plain = random.random() < 0.3
    values = {name: pool(name, place) for name in TYPES}
    values = {name: [random.choice(known)] for name, known in values.items()} if plain else values
    return [
        f"({', '.join(sql(random.choice(values[name]), type_) for name, type_ in TYPES.items())})"
        for _ in range(random.choice((1, 3, 14)))
    ]


GONE = ("tiny > 1", "text IS NULL", "day < DATE '2026-01-01'", "true", "false")
CHANGED = ("tiny = NULL WHERE flag", "fine = 0 WHERE big = 0", "huge = -1 WHERE double > 1")


def filled(world: World, place: str, number: int, random: Random) -> str:
    """A table to which several things happened."""
    table = f"{place}.internal.rows_{number}"
    world.con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {type_}' for name, type_ in TYPES.items())})")
    for _ in range(random.choice((0, 1, 3))):
        world.con.execute(f"INSERT INTO {table} VALUES {', '.join(drawn(place, random))}")
        world.con.execute(f"DELETE FROM {table} WHERE {random.choice(GONE)}")
        world.con.execute(f"UPDATE {table} SET {random.choice(CHANGED)}")
    return table


def written(world: World, place: str, number: int, random: Random) -> str:
    """Parquet files of their own, and the SQL that reads them."""
    files = [str(world.folder / f"{place}-{number}-{part}.parquet") for part in range(random.choice((1, 3)))]
    columns = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_ in TYPES.items())
    for file in files:
        rows = f"SELECT {columns} FROM (VALUES {', '.join(drawn(place, random))}) AS v({', '.join(TYPES)})"
        world.con.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")
    return f"(SELECT * REPLACE (huge::HUGEINT AS huge, uhuge::UHUGEINT AS uhuge) FROM read_parquet({files}))"


@pytest.mark.parametrize("place", TABLES)
def test_every_rule_is_answered_as_people_would(world: World, place: str) -> None:
    """60 tables × about 65 rules."""
    for seed in range(TABLES[place]):
        random = Random(f"{place}{seed}")
        table = (written if place == "parquet" else filled)(world, place, seed, random)
        found = world.con.execute(f"FROM {table}")
        rows = [dict(zip(TYPES, row, strict=True)) for row in found.fetchall()]
        promised = promises(random)
        lake = "files" if place == "parquet" else place
        told = {r.name: r for r in evaluate(world.con, replace(promised.contract, domain=lake), table, NOW).results}
        assert all(told[name].evaluated for name in promised.expected), [r.message for r in told.values()]
        counted = {name: told[name].failed_rows for name in promised.expected}
        assert counted == {name: count(rows) for name, count in promised.expected.items()}, f"{place} {seed} {table}"
