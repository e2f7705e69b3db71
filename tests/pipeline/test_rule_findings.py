"""`mesh check` tells of the SQL of a rule what its audit would refuse: where it stands, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_resources.contracts import load_mesh
from platform_resources.pipeline.rule_findings import rule_findings
from tests.contracts.conftest import CONTRACT, DOMAIN, PRODUCT, source

QUERY = "SELECT sum(spend) FROM {table}"


def found(tmp_path: Path, query: str) -> list[tuple[str, int, str, str, str]]:
    folder = tmp_path / "domains" / "crm"
    product = folder / "products" / "customer_360"
    product.mkdir(parents=True)
    (folder / "domain.yaml").write_text(DOMAIN)
    (product / "product.odps.yaml").write_text(PRODUCT)  # whose input is sales.bookings.v1
    file = product / "v1.odcs.yaml"
    file.write_text(CONTRACT.replace(QUERY, f"|-\n          {query}"))
    (folder / "sources").mkdir()
    for feed in (source("customers", household_id="BIGINT", email="VARCHAR"), source("stores", store_id="BIGINT")):
        (folder / "sources" / f"{feed.partition('id: crm.source.')[2].split()[0]}.odcs.yaml").write_text(feed)
    findings = rule_findings(load_mesh(folder.parent), {file})
    return [(each.severity, each.line, each.path, each.message, each.remedy) for each in findings]


@pytest.mark.parametrize(
    "query",
    [
        QUERY,
        "SELECT sum(spend) FROM ${table}",
        'SELECT sum(spend) FROM "{model}"',
        "SELECT sum(spend) FROM {object}",
        "SELECT sum(t.spend) FROM {table} AS t JOIN sales.bookings.v1 AS b ON b.household_id = t.household_id",
        "SELECT count(*) FROM crm.internal.households",
    ],
)
def test_a_query_over_the_table_and_what_is_declared_is_sound(tmp_path, query):
    assert found(tmp_path, query) == []


@pytest.mark.parametrize(
    ("query", "message", "remedy"),
    [
        (
            "SELECT count(*) FROM hr.people.v1",
            "it reads hr.people.v1",
            "Add hr.people.v1 to `inputPorts` of the product",
        ),
        ("SELECT count(*) FROM people", "it reads people", "Read {table}, a table of the domain"),
        ("SELECT count(*) FROM sales.internal.receipts", "it reads sales.internal.receipts", "inputPorts"),
        ("SELECT count(*) FROM read_csv('/etc/passwd')", "table function is not allowed", "Write one SELECT"),
        ("SELECT getvariable('x') FROM {table}", "the function getvariable is not allowed", "Write one SELECT"),
        ("SELECT count(*) FROM {table} WHERE {column} > 1", "move the rule to a column", "Write one SELECT"),
        ("SELECT count(*) FROM {table} WHERE x > ${limit}", "unknown placeholder ${limit}", "Write one SELECT"),
        ("SELECT count(* FROM {table}", "the query is no SQL", "Write one SELECT"),
    ],
)
def test_what_an_audit_would_refuse_is_told_where_it_stands(tmp_path, query, message, remedy):
    ((severity, line, path, said, how),) = found(tmp_path, query)
    assert (severity, path) == ("error", "schema[0].quality[1].query")
    text = (tmp_path / "domains/crm/products/customer_360/v1.odcs.yaml").read_text()
    assert query in text.splitlines()[line]
    assert message in said
    assert remedy in how
