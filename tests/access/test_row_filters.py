"""Row filters, run by DuckDB over rows: what they may say, and that nothing else gets through or out."""

from __future__ import annotations

import operator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.access.model import Identity
from platform_resources.access.policy.row_filters import RowFilterError, filter_for
from platform_resources.quality.row_filters import check_filter

TYPES = {"region": "VARCHAR", "amount": "INTEGER", "code": "VARCHAR", "place": "STRUCT(city VARCHAR)"}
ROWS = [("north", 1, "1"), ("south", 5, "x"), ("o'hare", None, None), (None, 2147483647, "7"), ("ünter 😀", -5, "")]


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(config={"threads": 1}) as con:
        columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        con.execute(f"CREATE TABLE t ({columns})")
        con.executemany("INSERT INTO t VALUES (?, ?, ?, {'city': 'Rome'})", ROWS)
        yield con


def rows(con: duckdb.DuckDBPyConnection, where: str, **attributes: Any) -> list[Any]:
    reader = Identity("me@x", "person", "Me", domain="shop", attributes=attributes)
    text = filter_for(where, tuple(TYPES), reader)
    return [row[0] for row in con.execute(f"SELECT region FROM t WHERE ({text})").fetchall()]


@pytest.mark.parametrize(
    ("where", "attributes", "expected"),
    [
        ("list_contains(reader.regions, region)", {"regions": ("o'hare", "ünter 😀")}, ["o'hare", "ünter 😀"]),
        ("region IN (reader.regions)", {"regions": ("north", "south")}, ["north", "south"]),
        ("region IN reader.regions", {"regions": ("north",)}, ["north"]),
        ("region IN (reader.regions, 'south')", {"regions": ()}, ["south"]),
        ("region NOT IN (reader.regions)", {"regions": ("north", "south", "o'hare")}, ["ünter 😀"]),
        ("amount <= reader.limit", {"limit": 1}, ["north", "ünter 😀"]),
        ("amount < Reader.LIMIT", {"limit": 1.5}, ["north", "ünter 😀"]),
        ("reader.all OR region = 'north'", {"all": False}, ["north"]),
        ("reader.all OR region = 'north'", {"all": True}, [row[0] for row in ROWS]),
        ("region = reader.region", {"region": "') OR true --"}, []),
        ("region = reader.region", {"region": "north' OR '1'='1"}, []),
        ("reader.id = 'me@x' AND reader.kind = 'person' AND reader.domain = 'shop' AND amount = 1", {}, ["north"]),
        ("reader.id = 'admin'", {"id": "admin", "ID": "admin"}, []),
        ("place.city = 'Rome' AND amount BETWEEN 1 AND 5", {}, ["north", "south"]),
        ("CASE WHEN region = 'north' THEN true ELSE amount = 5 END", {}, ["north", "south"]),
    ],
)  # fmt: skip
def test_who_sees_which_rows(
    con: duckdb.DuckDBPyConnection, where: str, attributes: dict[str, Any], expected: list[Any]
) -> None:
    assert rows(con, where, **attributes) == expected


@pytest.mark.parametrize(
    "where",
    [
        *("list_contains(reader.regions, region)", "region = reader.regions", "region IN (reader.regions)"),
        *("NOT list_contains(reader.regions, region)", "region <> reader.regions", "region NOT IN (reader.regions)"),
        "amount > reader.regions",
    ],
)
def test_a_missing_attribute_hides_every_row(con: duckdb.DuckDBPyConnection, where: str) -> None:
    assert rows(con, where) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("CAST(code AS INTEGER) > 0", ["north", None]),  # 'x' and '' are no numbers
        ("amount * amount > 0", ["north", "south", "ünter 😀"]),  # one overflows
        ("sqrt(amount) >= 1", ["north", "south", None]),
        ("10 / amount > 0", ["north", "south", None]),
        ("strptime(code, '%Y') IS NOT NULL", ["north", None]),
        ("make_date(2024, amount, 1) IS NOT NULL", ["north", "south"]),
    ],
)
def test_what_fails_on_a_value_hides_its_row_and_tells_nothing(
    con: duckdb.DuckDBPyConnection, where: str, expected: list[Any]
) -> None:
    assert rows(con, where) == expected


REFUSED = [
    "1=1) OR (1=1",
    "true) UNION SELECT (1",
    "true UNION SELECT 1",
    "true LIMIT 1",
    "true ORDER BY 1",
    "true; SELECT 1",
    "true GROUP BY ALL",
    "true HAVING true",
    "true QUALIFY true",
    "true USING SAMPLE 1",
    "",
    "--",
    "EXISTS (SELECT 1)",
    "amount > (SELECT 1)",
    "amount IN (SELECT 1)",
    "amount = ANY (SELECT 1)",
    "amount IN (FROM t)",
    "sum(amount) > 1",
    "row_number() OVER () = 1",
    "count(*) > 1",
    "bool_or(true)",
    "*",
    "COLUMNS('a') = 1",
    "#1 = 1",
    "read_text('/etc/passwd') = ''",
    "getenv('HOME') = ''",
    "getvariable('k') = ''",
    "current_setting('x') = ''",
    "now() > DATE '2020-01-01'",
    "random() > 0.5",
    "uuid() IS NULL",
    "current_date > DATE '2020-01-01'",
    "today() IS NULL",
    "nothing = 1",
    "t.region = 'a'",
    "reader = 1",
    "reader.a.b = 1",
    "region = ?",
    "region = $1",
    "region = $x",
    "user = 'a'",
    "current_user = 'a'",
    "session_user = 'a'",
    "rowid = 1",
    "stats(region) = ''",
    "nextval('s') = 1",
    "region COLLATE nocase = 'a'",
    "list_transform([1], x -> x) = [1]",
    "error('x')",
    "sleep_ms(1) IS NULL",
    "unnest([1]) = 1",
    "repeat('x', 1000000000) = ''",
    "range(1000000000000) = []",
    "region = \0",
    "x" * 30_000,
    "(" * 600 + "true" + ")" * 600 + " AND nothing",
]


@pytest.mark.parametrize("where", REFUSED, ids=lambda text: text[:30].replace("\0", "NUL"))
def test_anything_else_is_refused(where: str) -> None:
    with pytest.raises(RowFilterError):
        filter_for(where, tuple(TYPES), Identity("me@x", "person", "Me"))


@pytest.mark.parametrize("value", [2**70, float("nan"), float("inf"), "a\0b", "\ud800", {"a": 1}, (1, {"b": 2}), b"x"])
def test_an_attribute_that_is_no_value_denies(value: Any) -> None:
    with pytest.raises(RowFilterError):
        filter_for("amount = reader.x", tuple(TYPES), Identity("me@x", "person", "Me", attributes={"x": value}))


def test_attributes_of_another_type_are_other_filters() -> None:
    texts = {
        filter_for("amount = reader.x", tuple(TYPES), Identity("me@x", "person", "Me", attributes={"x": value}))
        for value in (1, True, "1", (1,), (True,))
    }
    assert len(texts) == 5


@pytest.mark.parametrize(
    ("where", "told"),
    [("region > 5 OR list_contains(place, 1)", "list_contains"), ("nothing = 1", "no column nothing")],
)
def test_a_filter_that_does_not_fit_the_types_is_told(where: str, told: str) -> None:
    with pytest.raises(RowFilterError, match=told):
        check_filter(where, TYPES)
    check_filter("list_contains(reader.regions, region) AND amount > reader.least", TYPES)


OPERATORS = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, ">=": operator.ge}


@st.composite
def conditions(draw: Any, depth: int = 2) -> tuple[str, Any]:
    """SQL of a condition, and the same as a function of (row, attributes) to True, False or None."""
    if depth and draw(st.booleans()):
        word = draw(st.sampled_from(["AND", "OR", "NOT"]))
        one, two = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        if word == "NOT":
            return f"NOT ({one[0]})", lambda *a: None if one[1](*a) is None else not one[1](*a)
        return f"(({one[0]}) {word} ({two[0]}))", lambda *a: _three_valued(word, one[1](*a), two[1](*a))
    if draw(st.booleans()):
        name = draw(st.sampled_from(["regions", "others"]))
        return f"list_contains(reader.{name}, region)", lambda row, who: _among(row[0], who.get(name))
    sign, limit = draw(st.sampled_from(list(OPERATORS))), draw(st.none() | st.integers(-9, 9))
    written = "reader.least" if limit is None else str(limit)
    return f"amount {sign} {written}", lambda row, who: _compared(
        sign, row[1], who.get("least") if limit is None else limit
    )


def _three_valued(word: str, one: bool | None, two: bool | None) -> bool | None:
    decisive = word == "OR"
    if decisive in (one, two):
        return decisive
    return None if None in (one, two) else not decisive


def _among(value: Any, choices: Any) -> bool | None:
    return None if choices is None or value is None else value in choices


def _compared(sign: str, value: Any, limit: Any) -> bool | None:
    return None if value is None or limit is None else OPERATORS[sign](value, limit)


names = st.sampled_from([row[0] for row in ROWS if row[0]]) | st.text("abc'\"\\;-)(ü", max_size=4)
readers = st.fixed_dictionaries(
    {},
    optional={
        "regions": st.lists(names, max_size=3).map(tuple),
        "others": st.lists(names, max_size=3).map(tuple),
        "least": st.integers(-9, 9),
    },
)


def test_any_filter_for_any_reader_equals_the_reference(con: duckdb.DuckDBPyConnection) -> None:
    @settings(max_examples=150, deadline=None)
    @given(conditions(), readers)
    def equal(condition: tuple[str, Any], attributes: dict[str, Any]) -> None:
        where, naive = condition
        assert rows(con, where, **attributes) == [row[0] for row in ROWS if naive(row, attributes) is True]

    equal()
