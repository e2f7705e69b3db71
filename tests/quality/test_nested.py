"""What a contract promises of members of objects and of items of lists: asked of those that are there, told by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from platform_resources.contracts import Contract, check_document, contract_of_text
from platform_resources.quality import REDACTED, Audit, compile_checks, evaluate, plan_for, sample_failures
from platform_resources.quality.carried import Carried, counts_of
from platform_resources.serving.portal.samples import query_of
from tests.pipeline.building import NOW as LANDED
from tests.pipeline.building import SOURCE, Shop
from tests.quality.building import NOW, TABLE, Counting, audit, database, result

HEAD = """\
apiVersion: v3.2.0
kind: DataContract
id: crm.people.v1
version: 1.0.0
status: active
domain: crm
schema:
  - name: people
"""
PROMISE = (
    HEAD
    + """\
    quality:
      - {name: once_per_order, metric: duplicateValues, arguments: {properties: [id, "lines[].sku"]}, mustBe: 0,
         dimension: uniqueness}
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true}
      - name: address
        logicalType: object
        physicalType: STRUCT(city VARCHAR, geo STRUCT(lat DOUBLE))
        properties:
          - name: city
            logicalType: string
            required: true
            enum: [{value: Bern}, {value: Basel}]
            quality:
              - {name: mostly, metric: nullValues, unit: percent, mustBeLessThan: 40, dimension: completeness}
              - {name: few_cities, type: sql, query: "SELECT count(DISTINCT {column}) FROM {table}",
                 mustBeLessThan: 3, dimension: conformity}
              - {name: look, type: text, description: Look at the map., dimension: accuracy}
          - name: geo
            logicalType: object
            properties:
              - {name: lat, logicalType: number, logicalTypeOptions: {minimum: -90, maximum: 90}}
      - name: lines
        logicalType: array
        physicalType: STRUCT(sku VARCHAR, price DECIMAL(9,2), tags VARCHAR[])[]
        items:
          logicalType: object
          required: true
          properties:
            - {name: sku, logicalType: string, logicalTypeOptions: {pattern: '^[a-z]+$'}, required: true}
            - name: price
              logicalType: number
              logicalTypeOptions: {minimum: 0}
              quality:
                - {name: dear, type: sql, dimension: accuracy, mustBe: 1,
                   query: "SELECT count(*) FROM {table} WHERE {column} > 5 AND id = 1"}
            - name: tags
              logicalType: array
              items: {logicalType: string, logicalTypeOptions: {maxLength: 3}}
"""
)
ROWS = """
    SELECT * FROM (VALUES
        (1, {'city': 'Bern', 'geo': {'lat': 47.0}}, [{'sku': 'a', 'price': 9.5, 'tags': ['x', 'long']},
                                                     {'sku': 'A1', 'price': -1, 'tags': NULL}]),
        (2, {'city': NULL, 'geo': NULL}, [{'sku': 'a', 'price': 1, 'tags': []}, {'sku': 'a', 'price': 1, 'tags': []}]),
        (3, NULL, []),
        (4, {'city': 'Rome', 'geo': {'lat': 99.0}}, NULL),
        (5, NULL, [NULL])
    ) AS v(id, address, lines)
"""
TYPED = (
    "SELECT CAST(id AS BIGINT) AS id, CAST(address AS STRUCT(city VARCHAR, geo STRUCT(lat DOUBLE))) AS address, "
    f"CAST(lines AS STRUCT(sku VARCHAR, price DECIMAL(9,2), tags VARCHAR[])[]) AS lines FROM ({ROWS})"
)


def promise(text: str = PROMISE) -> Contract:
    return contract_of_text(text, "v1.odcs.yaml")


def alone(column: str) -> Contract:
    """A contract of one column, as YAML."""
    return promise(f"{HEAD}    properties:\n      - {{name: x, {column}}}\n")


def findings(text: str, folder: Path) -> list[tuple[str, str, str]]:
    file = folder / "v1.odcs.yaml"
    file.write_text(text)
    kept = ("promise-inside", "type-inside", "unknown-column", "pattern")
    return [
        (each.code, each.severity, each.message)
        for each in check_document(file)
        if each.code in kept or each.code.startswith(("option", "rule"))
    ]


@contextmanager
def crm(rows: str = TYPED) -> Iterator[duckdb.DuckDBPyConnection]:
    with database(rows) as con:
        yield con


MEASURED = {  # check -> (bad, asked), message
    "required__address_city": (1, 3, "no value in address.city: 1 of 3 rows with address (33.3 %), promised = 0 rows"),
    "enum__address_city": (1, 3, "address.city is not one of Bern, Basel: 1 of 3 rows with address"),
    "range__address_geo_lat": (1, 2, "address.geo.lat is not within minimum -90, maximum 90: 1 of 2 rows with"),
    "required__lines_items": (1, 5, "no value in lines[]: 1 of 5 items (20 %), promised = 0 items"),
    "required__lines_items_sku": (0, 4, "no value in lines[].sku: none of 4 items"),
    "pattern__lines_items_sku": (1, 4, "lines[].sku does not match ^[a-z]+$: 1 of 4 items"),
    "range__lines_items_price": (1, 4, "lines[].price is not within minimum 0: 1 of 4 items"),
    "length__lines_items_tags_items": (1, 2, "lines[].tags[] is not within maxLength 3: 1 of 2 items"),
    "once_per_order": (1, 5, "repeated id, lines[].sku: 1 of 5 items"),
    "mostly": (1, 3, "no value in address.city: 1 of 3 rows with address"),
}


def test_objects_and_items_that_are_there_are_asked_and_told_by_their_paths() -> None:
    with crm() as con:
        found = audit(con, promise())
    told = {r.name: r for r in found.results}
    assert all(r.evaluated for r in found.results), [r.message for r in found.results if not r.evaluated]
    assert {name: (told[name].failed_rows, told[name].total_rows) for name in MEASURED} == {
        name: (bad, asked) for name, (bad, asked, _) in MEASURED.items()
    }
    for name, (*_, message) in MEASURED.items():
        assert told[name].message.startswith(message), told[name].message
    assert (told["mostly"].passed, told["mostly"].value) == (True, pytest.approx(100 / 3))
    assert told["range__lines_items_price"].score == 0.75
    assert (told["dear"].failed_rows, told["dear"].total_rows) == (None, 5)  # it asks for one, so none is bad
    assert (told["few_cities"].value, told["dear"].value) == (2, 1)  # a row's other columns stand beside its items
    assert "look" not in told
    assert [rule.name for rule in promise().table.manual_rules] == ["look"]


def test_completeness_counts_the_values_that_are_promised_to_be_there() -> None:
    with crm() as con:
        share = audit(con, promise()).completeness
    assert share is not None
    assert (share.values, share.bad) == (5 + 3 + 5 + 4, 2)  # ids, cities, lines, SKUs
    assert share.columns == ("id", "address.city", "lines[]", "lines[].sku")


def test_the_published_checks_are_those_of_columns() -> None:
    checks = {check.name: check for check in compile_checks(promise())}
    assert (checks["required__lines_items"].group, checks["enum__address_city"].group) == ("required", "enum")
    assert checks["range__lines_items_price"].columns == ("lines[].price",)


def test_a_plan_spreads_each_list_once_whatever_is_asked_of_it() -> None:
    with crm() as con:
        counting = Counting(con)
        found = evaluate(counting, promise(), TABLE, NOW)
        plan = plan_for(con, promise(), TABLE, NOW)
    assert not found.passed
    spread = f' FROM (SELECT *, unnest("lines") AS "lines[]" FROM {TABLE})'
    (scan,) = (query for query in counting.asked if query.endswith(spread))
    assert all(part in scan for part in ("'sku'", "'price'", "count(*)"))
    routes = {route.check.name: route for route in plan.routes}
    assert [route.check.name for route in plan.routes] == [check.name for check in compile_checks(promise())]
    assert (routes["enum__address_city"].tier, routes["enum__address_city"].cost) == (1, "part of one scan")
    assert routes["range__lines_items_price"].cost == "part of one scan of lines[]"
    assert routes["range__lines_items_price"].why == "bad items are counted one by one"
    assert (routes["dear"].tier, routes["dear"].why) == (1, "the rule's query is an aggregate over the items alone")
    assert routes["once_per_order"].how == "GROUP BY id, lines[].sku"
    assert routes["required__id"].tier == 0


VALUES = {
    "entries of a map": (
        "physicalType: 'MAP(VARCHAR, INTEGER)', logicalType: map, "
        "map: {key: {enum: [{value: a}]}, value: {required: true, logicalTypeOptions: {maximum: 5}}}",
        "MAP(VARCHAR, INTEGER)",
        ("{a=1, b=9}", "{a=NULL}", None),
        {"enum__x_items_key": (1, 3), "required__x_items_value": (1, 3), "range__x_items_value": (1, 3)},
    ),
    "an array of fixed length": (
        "physicalType: 'INTEGER[2]', logicalType: array, items: {logicalTypeOptions: {minimum: 0}, unique: true}",
        "INTEGER[2]",
        ("[1, -1]", "[1, NULL]", None),
        {"range__x_items": (1, 4), "unique__x_items": (1, 4)},
    ),
    "lists of lists": (
        "physicalType: 'DOUBLE[][]', logicalType: array, items: {logicalType: array, logicalTypeOptions: {maxItems: 1},"
        " items: {required: true, logicalTypeOptions: {maximum: 1}}}",
        "DOUBLE[][]",
        ("[[1, NaN], [2], NULL]", "[[NULL], []]", None),
        {"length__x_items": (1, 5), "required__x_items_items": (1, 4), "range__x_items_items": (2, 4)},
    ),
    "another case": (
        "physicalType: 'STRUCT(City VARCHAR)', logicalType: object, properties: [{name: city, required: true}]",
        "STRUCT(City VARCHAR)",
        ("{'City': NULL}", None),
        {"required__x_city": (1, 1)},
    ),
    "no item at all": (
        "physicalType: 'INTEGER[]', logicalType: array, items: {required: true, logicalTypeOptions: {maximum: 1},"
        " quality: [{name: share, metric: nullValues, unit: percent, mustBe: 0}]}",
        "INTEGER[]",
        ("[]", None),
        {"required__x_items": (0, 0), "range__x_items": (0, 0), "share": (0, 0)},
    ),
}


@pytest.mark.parametrize("kind", VALUES)
def test_what_a_column_of_any_nested_type_holds_is_measured(kind: str) -> None:
    column, type_, texts, expected = VALUES[kind]
    rows = ", ".join("(NULL)" if text is None else f"($${text}$$)" for text in texts)
    with crm(f"SELECT CAST(x AS {type_}) AS x FROM (VALUES {rows}) AS v(x)") as con:
        found = audit(con, alone(column))
    told = {r.name: (r.failed_rows, r.total_rows) for r in found.results if r.name in expected}
    assert told == expected
    assert all(r.evaluated for r in found.results), [r.message for r in found.results]


def test_what_was_delivered_otherwise_stops_the_publication_and_no_other_rule() -> None:
    with crm("SELECT 1::BIGINT AS id, 'Bern' AS address, [1, 2] AS lines") as con:
        found = audit(con, promise())
    told = {r.name: r for r in found.results}
    assert told["required__id"].passed
    for name in ("required__address_city", "few_cities", "required__lines_items_sku", "length__lines_items_tags_items"):
        assert (told[name].evaluated, told[name].passed, told[name].blocks) == (False, False, True)
    assert "the table has no column address.city" in told["few_cities"].message
    assert "the table has no column lines[].sku" in told["pattern__lines_items_sku"].message
    assert told["required__lines_items"].passed  # whatever they are, they are there


def test_a_column_named_like_a_path_is_not_taken_for_it() -> None:
    with crm(f"SELECT *, 'Bern' AS \"address.city\" FROM ({TYPED})") as con:
        assert result(audit(con, promise()), "required__address_city").failed_rows == 1


WRONG = {
    "physicalType: JSON, logicalType: object, properties: [{name: city, required: true}]": [
        (
            "promise-inside",
            "warning",
            "What is promised of `x.city` is not measured (required): JSON has no such element.",
        )
    ],
    "physicalType: 'STRUCT(city VARCHAR)', logicalType: object, properties: [{name: town, unique: true}]": [
        (
            "promise-inside",
            "warning",
            "What is promised of `x.town` is not measured (unique): STRUCT(city VARCHAR) has no such element.",
        )
    ],
    "physicalType: 'INTEGER[]', logicalType: array, items: {logicalType: string, logicalTypeOptions: {maxLength: 2}}": [
        (
            "option-type",
            "error",
            "`maxLength` is for texts (VARCHAR, UUID); a column of type INTEGER can't be held to it.",
        )
    ],
    "physicalType: 'VARCHAR[]', logicalType: array, items: {logicalType: string, "
    "logicalTypeOptions: {pattern: '(?='}}": [("pattern", "error", None)],
    "physicalType: 'VARCHAR[]', logicalType: array, items: {quality: [{name: n, metric: rowCount, mustBe: 1,"
    " dimension: coverage}]}": [("rule-place", "error", "`rowCount` counts a table, not a column.")],
    "physicalType: 'VARCHAR[]', logicalType: array, items: {quality: [{metric: nullValues, mustBe: 0,"
    " dimension: coverage}]}": [("rule-name", "error", "This quality rule has no `name`.")],
    "physicalType: 'VARCHAR[]', logicalType: array, items: {primaryKey: true}": [
        (
            "promise-inside",
            "warning",
            "What is promised of `x[]` is not measured: primaryKey, which only columns can keep.",
        )
    ],
}


@pytest.mark.parametrize("column", WRONG)
def test_what_cannot_be_measured_is_told_before_anything_is_built(column: str, tmp_path: Path) -> None:
    found = findings(f"{HEAD}    properties:\n      - {{name: x, {column}}}\n", tmp_path)
    assert len(found) == len(WRONG[column])
    for (code, severity, message), (told_code, told_severity, told) in zip(WRONG[column], found, strict=True):
        assert (code, severity) == (told_code, told_severity)
        assert message in (None, told)


def test_what_is_measured_is_no_finding(tmp_path: Path) -> None:
    assert findings(PROMISE, tmp_path) == []


def test_a_key_is_made_of_one_list_at_most(tmp_path: Path) -> None:
    found = findings(
        PROMISE.replace('[id, "lines[].sku"]', '["lines[].tags[]", "lines[].sku", "lines[].nope"]'), tmp_path
    )
    assert [code for code, *_ in found] == ["unknown-column"]
    text = PROMISE.replace('[id, "lines[].sku"]', '["other[]", "lines[].sku"]')
    other = "      - {name: other, logicalType: array, physicalType: 'INTEGER[]', items: {required: true}}\n"
    found = findings(text + other, tmp_path)
    assert [(code, "two lists" in message) for code, _, message in found] == [("rule-arguments", True)]


def test_what_cannot_be_measured_blocks_no_publication() -> None:
    held = alone("physicalType: JSON, logicalType: object, properties: [{name: city, required: true}]")
    with crm("SELECT '{}'::JSON AS x") as con:
        assert audit(con, held).passed


def sample(name: str, text: str = PROMISE) -> list[dict[str, object]]:
    check = next(check for check in compile_checks(promise(text)) if check.name == name)
    with crm() as con:
        return sample_failures(con, promise(text), TABLE, check)


def test_a_sample_shows_the_bad_item_beside_its_row() -> None:
    (found,) = sample("pattern__lines_items_sku")
    assert (found["id"], found["lines[]"]) == (1, "{'sku': A1, 'price': -1.00, 'tags': NULL}")
    assert [row["id"] for row in sample("required__address_city")] == [2]
    assert [(row["id"], row["lines[].tags[]"]) for row in sample("length__lines_items_tags_items")] == [(1, "long")]
    assert [row["id"] for row in sample("once_per_order")] == [2, 2]
    assert [(row["id"], row["lines[]"][:11]) for row in sample("dear")] == [(1, "{'sku': a, ")]


@pytest.mark.parametrize("hidden", ["classification: personal", "customProperties: [{property: mask, value: x}]"])
def test_what_holds_something_hidden_is_hidden(hidden: str) -> None:
    text = PROMISE.replace("{name: sku,", f"{{name: sku, {hidden},").replace(
        "- name: city", f"- {hidden}\n            name: city"
    )
    (found,) = sample("pattern__lines_items_sku", text)
    assert (found["id"], found["lines[]"], found["lines"], found["address"]) == (1, REDACTED, REDACTED, REDACTED)


def test_the_portal_looks_up_the_items_that_break_a_rule() -> None:
    check = next(check for check in compile_checks(promise()) if check.name == "pattern__lines_items_sku")
    with crm() as con:
        query = query_of(check, promise(), "crm.internal.people", ("lines[]", "id"))
        ((item, id_),) = con.execute(query).fetchall()
    assert (item["sku"], id_) == ("A1", 1)


def carried_on(con: duckdb.DuckDBPyConnection, first: Audit, upto: int) -> Carried:
    """What a log would tell of the first rows, read back from JSON."""
    kept = json.loads(json.dumps({name: count.as_record() for name, count in first.counts.items()}))
    results = json.loads(json.dumps(first.as_record()))["results"]
    old, new = (f"(SELECT * FROM {TABLE} WHERE id {sign} {upto})" for sign in ("<=", ">"))
    rows, more = (con.execute(f"SELECT count(*) FROM {part}").fetchone()[0] for part in (old, new))
    return Carried(1, rows, more, old, new, counts_of(results, kept))


@pytest.mark.parametrize("upto", range(6))
@pytest.mark.parametrize("broken", [True, False])
def test_an_audit_of_new_rows_finds_what_one_of_all_rows_finds(upto: int, broken: bool) -> None:
    held = promise(PROMISE.replace("name: sku,", "name: sku, unique: true,"))
    good = (
        "SELECT id, CASE WHEN id <> 4 THEN {'city': 'Bern', 'geo': {'lat': 1}} END AS address, CASE WHEN id <> 3 THEN "
    )
    good += "[{'sku': chr(96 + id::INT), 'price': id, 'tags': ['x']}] END AS lines"
    rows = TYPED if broken else TYPED.replace(ROWS, f"{good} FROM range(1, 6) AS r(id)")
    with crm(f"SELECT * FROM ({rows}) WHERE id <= {upto}") as con:
        first = evaluate(con, held, TABLE, NOW)
        con.execute(f"INSERT INTO {TABLE} SELECT * FROM ({rows}) WHERE id > {upto}")
        carried = carried_on(con, first, upto)
        counting = Counting(con)
        new = evaluate(counting, held, TABLE, NOW, carried=carried)
        whole = evaluate(con, held, TABLE, NOW)
        plan = plan_for(con, held, TABLE, NOW, carried=carried)
        again = evaluate(con, held, TABLE, NOW, carried=replace(carried_on(con, new, 5), new_rows=0))
    for found in (new, again):
        assert [(r.name, r.value, r.passed, r.failed_rows, r.total_rows, r.message) for r in found.results] == [
            (r.name, r.value, r.passed, r.failed_rows, r.total_rows, r.message) for r in whole.results
        ]
    onward = {route.check.name for route in plan.routes if route.carried is not None}
    assert {"required__address_city", "range__lines_items_price", "length__lines_items_tags_items", "dear"} <= onward
    if not broken:
        assert {"unique__lines_items_sku", "once_per_order"} <= onward
        assert not any(f"FROM {TABLE})" in query and "count_if" in query for query in counting.asked)


def test_a_landed_file_with_a_bad_item_is_refused_with_its_path(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    items = """\
      - {name: items, logicalType: array, physicalType: "STRUCT(sku VARCHAR, pieces INTEGER)[]", items: {
         logicalType: object, required: true, properties: [
           {name: sku, logicalType: string, required: true},
           {name: pieces, logicalType: integer, logicalTypeOptions: {minimum: 1}}]}}
"""
    shop.redefine(SOURCE.replace("      - {name: landed_at,", f"{items}      - {{name: landed_at,"))
    columns = "id, amount, currency, [{{'sku': 'a', 'pieces': {}}}] AS items, landed_at"
    shop.till.land("good.parquet", [1], columns=columns.format(1))
    shop.till.land("bad.parquet", [2], columns=columns.format(0), extracted_at=LANDED)
    report = shop.ingest()
    assert (shop.ids(), "bad.parquet" in shop.quarantine()) == ([1], True)
    assert "items[].pieces is not within minimum 1: 1 of 1 items" in str(report)
