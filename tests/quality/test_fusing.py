"""A SQL rule that joins the scan answers what it would answer alone; what could differ is left alone."""

from __future__ import annotations

import duckdb
import pytest

from platform_resources.quality.fusing import aggregate_of
from platform_resources.quality.sql_guard import parse

TABLE = "shop.internal.orders"


@pytest.fixture
def con():
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS shop; CREATE SCHEMA shop.internal")
    con.execute(f"""CREATE TABLE {TABLE} AS SELECT * FROM (VALUES
        (1, 10.5, 'a', DATE '2026-01-01'), (2, -3.0, 'b', NULL), (3, NULL, '7', DATE '2026-02-01'), (4, 0.0, NULL, NULL)
        ) t(id, amount, note, day)""")
    return con


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {table}",
        "SELECT count(*) FROM {table} WHERE amount < 0",
        "SELECT count(*) FROM {table} WHERE amount > 0 OR note IS NULL",
        "SELECT count(*) FROM {table} WHERE NOT amount > 0",
        "SELECT count(note) FROM {table} WHERE id BETWEEN 2 AND 3",
        "SELECT count(DISTINCT day) FROM {table}",
        "SELECT 100.0 * count(*) FILTER (WHERE amount IS NULL) / count(*) FROM {table}",
        "SELECT abs(sum(amount) - sum(id)) FROM {table}",
        "SELECT coalesce(sum(amount), 0) AS total FROM {table} WHERE id > 99",
        "SELECT max(day) FROM {table} WHERE note IN ('a', '7')",
        "SELECT 100 * sum(CASE WHEN amount > 0 THEN 1 ELSE 0 END) / count(*) FROM {table}",
    ],
)
def test_an_aggregate_over_the_table_gives_the_same_answer(con, query):
    sql = query.replace("{table}", TABLE)
    expression = aggregate_of(con, parse(con, sql))
    assert expression is not None
    alone = con.execute(sql).fetchone()[0]
    assert con.execute(f"SELECT count(*), {expression}, min(id) FROM {TABLE}").fetchone()[1] == alone


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sum(CAST(note AS INTEGER)) FROM {table} WHERE note = '7'",  # fails on rows that WHERE leaves out
        "SELECT count(*) FROM {table} WHERE day < (SELECT max(day) FROM {table})",
        "SELECT count(*) FROM {table} t WHERE t.amount < 0",
        "SELECT count(*) FROM {table} GROUP BY note",
        "SELECT count(*) FROM {table} HAVING count(*) > 1",
        "SELECT amount FROM {table} LIMIT 1",
        "SELECT sum(amount) + id FROM {table}",
        "SELECT count(*) FROM (SELECT DISTINCT note FROM {table})",
        "WITH o AS (SELECT * FROM {table}) SELECT count(*) FROM o",
        "SELECT 1",
    ],
)
def test_whatever_could_differ_is_left_alone(con, query):
    assert aggregate_of(con, parse(con, query.replace("{table}", TABLE))) is None
