"""Rules that ask what time it is: found by their text, and evaluated without the others."""

import pytest

from platform_resources.quality.clock import clock_rules
from tests.quality.building import audit, column, contract, database, sql

PEOPLE = "SELECT TIMESTAMPTZ '2026-03-01 00:00:00+00' AS seen, 40 AS age"
COLUMNS = [column("seen", "TIMESTAMPTZ"), column("age", "INTEGER")]


@pytest.mark.parametrize(
    ("query", "asks"),
    [
        ("SELECT count(*) FROM {table} WHERE seen < now() - INTERVAL 1 DAY", True),
        ("SELECT count(*) FROM {table} WHERE seen < CURRENT_DATE", True),
        ("SELECT count(*) FROM {table} WHERE age(seen) > INTERVAL 1 YEAR", True),
        ("SELECT count(*) FROM {table} WHERE age (seen) > INTERVAL 1 YEAR", True),
        ("SELECT count(*) FROM {table} WHERE age > 100", False),
        ("SELECT count(*) FROM {table} WHERE nowhere = 1", False),
        ("SELECT count(*) FROM crm.internal.people WHERE seen < now()", False),
    ],
)
def test_which_rules_ask_what_time_it_is(query, asks):
    promise = contract(COLUMNS, rules=[sql("rule", query, mustBe=0)])
    assert clock_rules(promise) == (("rule",) if asks else ())


def test_only_some_checks_are_evaluated():
    rules = [sql("old", "SELECT count(*) FROM {table} WHERE seen < now()", mustBe=0)]
    rules.append(sql("young", "SELECT count(*) FROM {table} WHERE age > 100", mustBe=0))
    promise = contract(COLUMNS, rules=rules)
    with database(PEOPLE) as con:
        found = audit(con, promise, only=clock_rules(promise))
    assert [(one.name, one.passed, one.value) for one in found.results] == [("old", False, 1)]
