"""Answers to SQL as text: written in the confined process, under its limits; the server passes bytes on."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from platform_resources.access import SqlLimits
from platform_resources.access.errors import AccessError, BadQueryError, LimitExceededError
from tests.access.sql_mesh import make_sql_mesh
from tests.guarded import GuardedMesh

C = "shop.customers.v1"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    made = make_sql_mesh(tmp_path_factory.mktemp("sql"))
    yield made
    made.access.close()


def text(mesh: GuardedMesh, sql: str, form: Any = "json", **limits: Any) -> bytes:
    with mesh.access.sql.run_text(mesh.caller("ana"), sql, form, limits=SqlLimits(**limits)) as reading:
        return b"".join(reading)


def refusal(mesh: GuardedMesh, sql: str, **limits: Any) -> AccessError:
    with pytest.raises(AccessError) as refused:
        text(mesh, sql, **limits)
    return refused.value


def test_each_form_has_the_rows_in_their_order(mesh: GuardedMesh) -> None:
    sql = f"select customer_id, email from {C} where email is not null order by customer_id desc limit 2; -- the last"
    rows = [{"customer_id": n, "email": "C***@canary.example"} for n in (39, 38)]
    assert json.loads(text(mesh, sql)) == rows
    assert [json.loads(line) for line in text(mesh, sql, "ndjson").splitlines()] == rows
    assert text(mesh, sql, "csv").splitlines()[:2] == [b'"customer_id","email"', b'39,"C***@canary.example"']
    assert json.loads(text(mesh, f"select email from {C} where false")) == []
    assert text(mesh, f"select email from {C} where false", "csv") == b'"email"\r\n'


def test_rows_and_bytes_are_counted_and_limited(mesh: GuardedMesh) -> None:
    ana, many = mesh.caller("ana"), f"select a.customer_id from {C} a, {C} b, {C} c"
    with mesh.access.sql.run_text(ana, many, "ndjson") as reading:
        written = b"".join(reading)
        assert (reading.rows, reading.bytes, reading.truncated) == (64_000, len(written), False)
    with mesh.access.sql.run_text(ana, many, "json", limits=SqlLimits(rows=100)) as reading:
        assert (len(json.loads(b"".join(reading))), reading.truncated) == (100, True)
    with mesh.access.sql.run_text(ana, many, "json", limits=SqlLimits(bytes=10_000)) as reading:
        rows = json.loads(b"".join(reading))
        assert reading.truncated
        assert 0 < len(rows) == reading.rows
        assert reading.bytes <= 10_100


def test_columns_of_one_name_whatever_their_case_are_each_there(mesh: GuardedMesh) -> None:
    (row,) = json.loads(text(mesh, f'select 1 as a, 2 as "A", 3 as a, 4 as a_1 from {C} limit 1'))
    assert row == {"a": 1, "A_1": 2, "a_2": 3, "a_1_1": 4}


def test_a_struct_without_names_is_an_array(mesh: GuardedMesh) -> None:
    sql = f"select row(1, timestamp '2020-01-01') as v, [row('x')] as w from {C} limit 1"
    assert json.loads(text(mesh, sql)) == [{"v": [1, "2020-01-01T00:00:00.000000"], "w": [["x"]]}]
    assert text(mesh, sql, "csv").endswith(b'"[1,""2020-01-01T00:00:00.000000""]","[[""x""]]"\r\n')


@pytest.mark.parametrize("depth", [11, 60])
@pytest.mark.parametrize(("left", "right"), ["[]", ("{'a':", "}")])
def test_a_type_that_is_nested_deeply_is_refused_at_once(mesh: GuardedMesh, depth: int, left: str, right: str) -> None:
    told = refusal(mesh, f"select {left * depth}timestamp '2020-01-01'{right * depth} v from {C}")
    assert isinstance(told, BadQueryError)
    assert told.status < 500


def test_the_server_holds_no_long_text(mesh: GuardedMesh) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = refusal(mesh, f"select repeat(chr(1), 200000000) v from {C} limit 1")
    assert isinstance(told, LimitExceededError)
    with mesh.access.sql.run_text(
        mesh.caller("ana"), f"select repeat('x', 20000000) v from {C} limit 8", "csv"
    ) as made:
        assert sum(map(len, made)) == 8 * 20_000_004 + 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KB


def test_a_row_of_arrow_has_a_limit(mesh: GuardedMesh) -> None:
    with pytest.raises(LimitExceededError, match="a row of the answer has more than 32 MB"):
        mesh.access.sql.run(mesh.caller("ana"), f"select repeat('x', 40000000) v from {C} limit 1").table()
    with mesh.access.sql.run(mesh.caller("ana"), f"select repeat('x', 10000000) v from {C} limit 5") as reading:
        assert [batch.num_rows for batch in reading] == [1] * 5


def test_errors_name_their_place_and_no_value(mesh: GuardedMesh) -> None:
    told = refusal(mesh, f"select region,\n  nope from {C}")
    assert told.facts["line"] == 2
    assert "CANARY" not in str(refusal(mesh, f"select cast(email as integer) from {C}"))


def test_a_type_that_ends_duckdb_is_refused_by_its_name(mesh: GuardedMesh) -> None:
    for sql in ("cast(1 as variant)", "[1]::variant[]", "cast({'a': 1} as struct(a variant))"):
        told = refusal(mesh, f"select {sql} v from {C}")
        assert (told.code, "VARIANT" in told.message) == ("bad-query", True)


def test_order_by_all_uses_the_columns_of_the_answer(mesh: GuardedMesh) -> None:
    sql = f"select region, count(*) as n from {C} group by all order by all"
    with mesh.access.sql.run(mesh.caller("ana"), sql) as reading:
        assert reading.columns == {C: ("region",)}
        assert reading.masked == {}
        assert [row["region"] for row in reading.table().to_pylist()] == sorted({"north", "south", "east", "west"})
