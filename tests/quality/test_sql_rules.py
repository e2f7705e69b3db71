"""SQL rules: what they may say, what they answer, and that nothing else gets through."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from platform_resources.quality import sql_guard
from platform_resources.quality.checks import NotEvaluableError
from tests.quality.building import TABLE, audit, column, contract, database, judge, library, result, sql

PEOPLE = "SELECT * FROM (VALUES (1, 'a@b.c', 10.0), (2, 'd@e.f', 20.0), (3, NULL, -5.0)) AS v(id, email, spent)"
COLUMNS = [column(name) for name in ("id", "email", "spent")]
CORPUS = Path(__file__).parents[3] / "shared" / "security" / "attacks.yaml"


def run(query, on=None, rows=PEOPLE, **promise):
    return judge(rows, "rule", *COLUMNS, rules=[sql("rule", query, on, **promise)])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {table} WHERE {column} < 0",
        "SELECT count(*) FROM ${table} WHERE ${property} < 0",
        "SELECT count(*) FROM {object} AS o WHERE o.{column} < 0",
        "SELECT count(*) FROM {TABLE} WHERE { column } < 0",
        "SELECT count(*) FROM crm.internal.people WHERE spent < 0",
        "select count(*) from {table} where {table}.spent < 0",
    ],
)
def test_placeholders(query):
    found = run(query, "spent", mustBe=0)
    assert found.evaluated, found.message
    assert (found.passed, found.value, found.failed_rows) == (False, 1, 1)
    assert found.score == pytest.approx(2 / 3)
    assert run(query, "spent", mustBe=1).passed


@pytest.mark.parametrize(
    ("query", "promise", "passed"),
    [
        ("SELECT sum(spent) FROM {table}", {"mustBe": 25}, True),
        ("SELECT sum(spent) FROM {table}", {"mustBe": 25.01}, False),
        ("SELECT avg(spent)::DOUBLE FROM {table}", {"mustBeBetween": [8, 9]}, True),
        ("SELECT bool_and(id > 0) FROM {table}", {"mustBe": True}, True),
        ("SELECT max(DATE '2026-01-01' + id::INT) FROM {table}", {"mustBe": "2026-01-04"}, True),
        ("SELECT min(email) FROM {table}", {"mustBe": "a@b.c"}, True),
        ("SELECT count(*) FROM {table} GROUP BY id % 1", {"mustBeGreaterThan": 2}, True),
    ],
)
def test_answers(query, promise, passed):
    found = run(query, **promise)
    assert found.evaluated, found.message
    assert found.passed is passed


def test_only_a_count_of_the_table_has_a_share_of_good_rows():
    assert run("SELECT abs(sum(spent)) FROM {table}", mustBe=0).score == 0
    assert run("SELECT count(*) FROM {table} WHERE spent > 0", mustBeGreaterThan=5).score == 0
    assert run("SELECT count(*) FROM {table} a JOIN {table} b USING (id)", mustBe=0).score == 0


def test_texts_of_the_data_stay_out_of_the_audit():
    for query in ("SELECT max(email) FROM {table}", "SELECT sum(email::INT) FROM {table}"):
        found = run(query, mustBe="x@y.z" if "max" in query else 0)
        assert not found.passed
        assert "d@e" not in found.message
        assert "@" not in str(found.value)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT id FROM {table}", "one value"),
        ("SELECT id FROM {table} WHERE false", "one value"),
        ("SELECT 1, 2", "one value"),
        ("SELECT max(id) FROM {table} WHERE false", "NULL"),
        ("SELECT nope FROM {table}", "nope"),
        ("SELEC 1", "no SQL"),
        ("", "no query"),
        ("SELECT count(*) FROM {table} WHERE {column} > 0", "column"),
        ("SELECT count(*) FROM ${tabel}", "tabel"),
        ("SELECT count(*) FROM people", "people"),
        ("SELECT count(*) FROM {table} WHERE id / 0 = error('x')", "error"),
    ],
)
def test_a_query_that_gives_no_answer_has_failed(query, told):
    found = run(query, mustBe=0)
    assert (found.passed, found.evaluated) == (False, False)
    assert told in found.message


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("max(90000::INTEGER * id * 40000::INTEGER)", "Overflow in multiplication of INT32 (… * …)!"),
        ("max(CAST(500000000 + id AS DECIMAL(38,30)))", "to DECIMAL(38,30)"),
        ("max(CAST(DATE '290000-01-01' + id AS TIMESTAMP_NS))", "INT32 with value … can't be cast"),
        ("max(CAST(email AS INTEGER))", "Could not convert string '…' to INT32"),
    ],
)
def test_why_a_rule_failed_tells_no_value_of_the_data(expression, told):
    message = run(f"SELECT {expression} FROM {{table}}", mustBe=0).message
    assert told.lower() in message.lower()
    assert not re.search(r"\d{3}|@", message)


@pytest.mark.parametrize("number", ["'NaN'", "'Infinity'"])
def test_a_number_that_is_none_fails_and_can_be_stored(number):
    found = run(f"SELECT CAST({number} AS DOUBLE) FROM {{table}} LIMIT 1", mustBeLessThan=5)
    assert (found.passed, found.value) == (False, number.strip("'").lower()[:3])


def test_a_broken_query_stops_no_other_rule():
    rules = [sql("broken", "SELECT cast('a' AS INT)", mustBe=0), library("n", "rowCount", mustBe=3)]
    with database(PEOPLE) as con:
        found = audit(con, contract(COLUMNS, rules))
    assert not result(found, "broken").passed
    assert result(found, "n").passed


LEGITIMATE = [
    "WITH big AS (SELECT * FROM {table} WHERE spent > 0) SELECT count(*) FROM big",
    "WITH a AS (SELECT 1 AS i), b AS (SELECT * FROM a) SELECT count(*) FROM b",
    "SELECT count(*) FROM {table} p ANTI JOIN crm.internal.other o USING (id)",
    "SELECT count(*) FROM {table} p LEFT JOIN sales.bookings.v1 b ON b.id = p.id WHERE b.id IS NULL",
    "SELECT count(*) FROM (SELECT id, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1)",
    "SELECT count(*) FROM {table} WHERE id NOT IN (SELECT id FROM crm.internal.other)",
    "SELECT count(*) FROM (SELECT lag(id) OVER (PARTITION BY email ORDER BY id) AS l FROM {table}) WHERE l > 9",
    "SELECT count(*) FILTER (WHERE spent < 0) / count(*) FROM {table}",
    "SELECT sum(spent) FROM {table} UNION ALL SELECT 1 LIMIT 1",
    "SELECT count(*) FROM {table} WHERE CASE WHEN id > 1 THEN spent ELSE 0 END BETWEEN 1 AND 2",
    "SELECT count(*) FROM {table} WHERE regexp_matches(email, '^a') OR email LIKE 'b%' OR upper(email) IS NULL",
    "SELECT date_diff('day', min(DATE '2026-01-01'), max(DATE '2026-01-31')) FROM {table}",
    "SELECT count(*) FROM {table} WHERE timezone('UTC', TIMESTAMPTZ '2026-01-01')::DATE - INTERVAL 1 DAY > now()",
    "SELECT len(list_filter(list(id), x -> x > 1)) FROM {table}",
    "SELECT count(DISTINCT (id, email)) FROM {table}",
    "FROM {table} SELECT count(*)",
    "SELECT count(*) FROM {table} WHERE (spent * 100) % 1 <> 0 OR spent::DECIMAL(18,2) <> spent",
    "SELECT approx_quantile(spent, 0.5) FROM {table}",
    "SELECT count(*) FROM (VALUES ('a'), ('b')) AS v(x) WHERE x NOT IN (SELECT email FROM {table})",
]


@pytest.mark.parametrize("query", LEGITIMATE)
def test_honest_queries_pass_the_guard(query):
    with database(PEOPLE) as con:
        con.execute("CREATE TABLE crm.internal.other AS SELECT 1 AS id; ATTACH ':memory:' AS sales")
        con.execute("CREATE SCHEMA sales.bookings; CREATE TABLE sales.bookings.v1 AS SELECT 1 AS id")
        promise = contract(COLUMNS, [sql("rule", query, mustBe=0)])
        found = result(audit(con, promise, allowed_tables=["sales.bookings.v1"]), "rule")
    assert found.evaluated, found.message


HOSTILE = [
    "DROP TABLE {table}",
    "DELETE FROM {table}",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE {table}",
    "WITH x AS (DELETE FROM {table} RETURNING *) SELECT count(*) FROM x",
    "COPY {table} TO '/tmp/stolen.csv'",
    "ATTACH 'x.db'",
    "PRAGMA database_list",
    "CALL duckdb_tables()",
    "SET threads = 1",
    "EXPLAIN SELECT 1",
    "DESCRIBE {table}",
    "SELECT count(*) FROM (DESCRIBE {table})",
    "SELECT count(*) FROM (SHOW TABLES)",
    "SUMMARIZE {table}",
    "PIVOT {table} ON email USING count(*)",
    "SELECT count(*) FROM (PIVOT {table} ON email USING count(*))",
    "SELECT count(*) FROM read_csv('/etc/passwd')",
    "SELECT count(*) FROM '/etc/passwd'",
    "SELECT count(*) FROM \"/etc/passwd.csv\"",
    "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
    "SELECT count(*) FROM {table} LIMIT (SELECT count(*) FROM glob('/*'))",
    "SELECT count(*) FROM {table} ORDER BY (SELECT count(*) FROM glob('/*'))",
    "SELECT count(*) FROM {table} HAVING (SELECT count(*) FROM glob('/*')) > 0",
    "SELECT count(*) FROM {table} QUALIFY (SELECT count(*) FROM glob('/*')) > 0",
    "SELECT count(*) FILTER (WHERE EXISTS (FROM glob('/*'))) FROM {table}",
    "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM glob('/*'))) FROM {table}",
    "SELECT list_transform([1], x -> (SELECT count(*) FROM glob('/*')))",
    "SELECT * REPLACE ((SELECT count(*) FROM glob('/*')) AS id) FROM {table}",
    "VALUES ((SELECT count(*) FROM glob('/*')))",
    "SELECT count(*) FROM {table} JOIN {table} t2 ON (SELECT true FROM glob('/*'))",
    "WITH a AS (SELECT * FROM glob('/*')) SELECT 1",
    "SELECT count(*) FROM {table}, LATERAL (SELECT * FROM glob('/*'))",
    "SELECT count(*) FROM sqlite_scan('x.db', 't')",
    "SELECT count(*) FROM duckdb_secrets()",
    "SELECT count(*) FROM duckdb_settings",
    "SELECT count(*) FROM duckdb_tables",
    "SELECT count(*) FROM information_schema.tables",
    "SELECT count(*) FROM pg_catalog.pg_class",
    "SELECT count(*) FROM sqlite_master",
    "SELECT count(*) FROM query('SELECT 1')",
    "SELECT count(*) FROM query_table('people')",
    "SELECT count(*) FROM json_execute_serialized_sql('{}')",
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT len(range(1000000000))",
    "SELECT len(repeat('x', 1000000000))",
    "SELECT max(levenshtein(email, email)) FROM {table}",
    "SELECT random()",
    "SELECT gen_random_uuid()",
    "SELECT current_setting('home_directory')",
    "SELECT getvariable('x')",
    "SELECT getenv('HOME')",
    "SELECT stats(email) FROM {table}",
    "SELECT current_user",
    "SELECT current_database()",
    "SELECT system.main.current_query()",
    "SELECT count(*) FROM crm.mesh.publications",
    "SELECT count(*) FROM crm.customer_360.v1",
    "SELECT count(*) FROM sales.internal.receipts",
    "SELECT count(*) FROM sales.bookings.v1",
    "SELECT count(*) FROM internal.people",
    "SELECT count(*) FROM {table} AT (VERSION => 1)",
    "SELECT count(*) FROM crm.internal.other AT (TIMESTAMP => now())",
    "SELECT count(*) FROM {table} TABLESAMPLE 10%",
    "SELECT count(*) FROM {table} USING SAMPLE 1",
    "WITH RECURSIVE a AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM a) SELECT count(*) FROM a",
    "WITH \"/etc/passwd\" AS (SELECT 1) SELECT count(*) FROM \"/etc/passwd\"",
    "SELECT (WITH other AS (SELECT 1 AS i) SELECT i FROM other) + (SELECT count(*) FROM other)",
    "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT count(*) FROM a",
    "WITH a AS (SELECT * FROM a) SELECT count(*) FROM a",
    "SELECT CAST('a' AS crm.internal.secret_type)",
    "SELECT CAST(['a'] AS no_such_type[])",
    "SELECT $1",
    "SELECT ?",
    "SELECT error('stop')",
    "SELECT sleep_ms(10000)",
    "SELECT write_log('x')",
    "SELECT nextval('s')",
    f"SELECT {'1 + ' * 4000}1",
    "SELECT '" + "x" * 30_000 + "'",
    "SELECT 1 -- {nope}\0",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: query[:60])
def test_hostile_queries_are_refused_before_they_run(query):
    with database(PEOPLE) as con:
        con.execute("CREATE SCHEMA crm.mesh; CREATE TABLE crm.mesh.publications AS SELECT 1 AS secret")
        con.execute("CREATE TABLE crm.internal.other AS SELECT 1 AS id")
        grants = sql_guard.grants_for(sql_guard.table_node(con, TABLE), "crm", ())
        with pytest.raises(NotEvaluableError):
            sql_guard.check_query(con, sql_guard.fill_placeholders(query, table=TABLE, column=None), grants)
        found = result(audit(con, contract(COLUMNS, [sql("rule", query, mustBe=0)])), "rule")
        assert (found.passed, found.evaluated) == (False, False)
        assert con.execute("SELECT count(*) FROM crm.internal.people").fetchone() == (3,)


def corpus():
    if not CORPUS.exists():
        return []
    return YAML(typ="safe").load(CORPUS.read_text(encoding="utf-8"))["attacks"]


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of attacks is not part of the repository")
def test_the_attack_corpus_reads_nothing_but_granted_tables():
    """A rule may read its own table unmasked; of the corpus, whatever passes must do no more than that."""
    with database(PEOPLE) as con:
        con.execute("CREATE TABLE customers AS SELECT 'CANARY' AS email; ATTACH ':memory:' AS lake")
        con.execute("CREATE TABLE lake.customers AS SELECT 'CANARY' AS email")
        grants = sql_guard.grants_for(sql_guard.table_node(con, TABLE), "crm", ())
        passed = []
        for attack in corpus():
            try:
                sql_guard.check_query(con, attack["sql"], grants)
            except NotEvaluableError:
                continue
            passed.append(attack["id"])
            text = str(con.execute(attack["sql"]).fetchmany(3))
            assert "CANARY" not in text, attack["sql"]
    assert len(passed) < 8, passed  # queries that read no table at all, such as SELECT 1


def test_a_table_at_a_snapshot_is_still_the_audited_table():
    with database(PEOPLE) as con:
        pinned = f"{TABLE} AT (VERSION => 7)"
        grants = sql_guard.grants_for(sql_guard.table_node(con, pinned), "crm", ())
        sql_guard.check_query(con, f"SELECT 1 + 1, count(*) FROM {pinned}", grants)
        for other in (f"{TABLE} AT (VERSION => 8)", "crm.internal.other AT (VERSION => 7)"):
            with pytest.raises(NotEvaluableError):
                sql_guard.check_query(con, f"SELECT count(*) FROM {other}", grants)


def test_a_python_variable_is_no_table():
    secret_frame = None  # DuckDB would look for it by this name
    assert not run("SELECT count(*) FROM secret_frame", mustBe=0).evaluated
    assert secret_frame is None
