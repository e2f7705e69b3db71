"""query_product: rows under the same policies as everywhere, as many as a model can hold."""

from __future__ import annotations

import json

import pytest

from tests.guarded import CUSTOMERS, GuardedMesh, customers
from tests.mcp.conftest import Agents

PORT = str(CUSTOMERS)


def test_masks_hold_for_who_has_no_clearance_and_are_lifted_for_who_has(reading_agents: Agents) -> None:
    asked = {"product": PORT, "order": ["customer_id"], "limit": 3}
    masked = reading_agents("ana").told("query_product", **asked)
    assert "CANARY" not in json.dumps(masked)
    assert "90900" not in json.dumps(masked["answer"]["rows"])  # 909 alone may stand in a hash
    assert masked["answer"]["masked"] == {PORT: ["email", "name", "card", "income"]}
    assert masked["hints"][0] == "`masked` names the columns whose values are masked for you."
    clear = reading_agents("desk").told("query_product", **asked)
    assert clear["answer"]["masked"] == {}
    assert clear["answer"]["rows"][0][3] == "CANARY-1-name"
    assert clear["answer"]["purpose"] == "customer_service"


def test_row_filters_of_the_grant_hold_for_rows_and_sql(reading_agents: Agents) -> None:
    reggie = reading_agents("reggie")
    rows = reggie.answer("query_product", product=PORT, columns=["region"], limit=200)["rows"]
    assert {region for (region,) in rows} == {"north", "south"}
    assert reggie.answer("query_product", sql=f"SELECT DISTINCT region FROM {PORT} ORDER BY 1")["rows"] == [
        ["north"],
        ["south"],
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"product": PORT, "filters": [{"column": "region", "value": "nowhere"}]},
        {"sql": f"SELECT region FROM {PORT} WHERE region = 'nowhere'"},
    ],
)
def test_no_row_is_an_answer_too(reading_agents: Agents, asked: dict) -> None:
    result = reading_agents("desk").call("query_product", **asked)
    text = json.loads(result.content[0].text.partition("\n")[2])
    for told in (text, result.structured_content):
        assert (told["answer"]["rows"], told["answer"]["row_count"]) == ([], 0)
        assert "No row" in told["hints"][-1]


def test_the_text_tells_null_in_rows_of_data_only(reading_agents: Agents) -> None:
    """How many rows a publication has is not for who gets some of them: the text has no such member then."""
    reggie = reading_agents("reggie")
    result = reggie.call("get_quality", product=PORT)
    assert [one["rows"] for one in result.structured_content["answer"]["recent"]] == [None]
    assert "null" not in result.content[0].text
    assert '"rows":' in reading_agents("desk").call("get_quality", product=PORT).content[0].text
    cell = reggie.call("query_product", sql=f"SELECT NULL AS n FROM {PORT} LIMIT 1")
    assert '"rows":[[null]]' in cell.content[0].text


@pytest.mark.parametrize(
    "asked",
    [
        {"columns": ["region"], "filters": [{"column": "email", "operator": "like", "value": "CANARY%"}]},
        {"columns": ["region"], "order": ["-email"], "limit": 1},
    ],
)
def test_what_compares_a_masked_column_is_told_so(reading_agents: Agents, asked: dict) -> None:
    masked = reading_agents("ana").told("query_product", product=PORT, **asked)
    assert masked["answer"]["masked"] == {PORT: ["email"]}
    assert "masked values" in masked["hints"][1]
    clear = reading_agents("desk").told("query_product", product=PORT, **asked)
    assert clear["answer"]["rows"]
    assert not any("masked" in hint for hint in clear["hints"])


def test_sql_over_a_masked_column_is_told_so(reading_agents: Agents) -> None:
    asked = {"sql": f"SELECT count(*) FROM {PORT} WHERE email LIKE 'CANARY%'"}
    told = reading_agents("ana").told("query_product", **asked)
    assert told["answer"]["rows"] == [[0]]
    assert told["answer"]["masked"] == {PORT: ["email"]}
    assert "masked value" in told["hints"][1]
    plain = reading_agents("ana").told("query_product", sql=f"SELECT count(*) FROM {PORT} WHERE region = 'north'")
    assert plain["hints"] == []


def test_pages_go_on_in_one_publication_and_for_one_reader(guarded: GuardedMesh, guarded_agents: Agents) -> None:
    ana = guarded_agents("ana")
    asked = {"product": PORT, "columns": ["customer_id"], "limit": 15}
    number = guarded.publish(customers(40)).number
    first = ana.told("query_product", **asked)
    assert first["truncated"]
    assert "`next`" in first["hints"][-1]
    guarded.publish(customers(10))
    second = ana.told("query_product", **asked, cursor=first["next"])
    third = ana.told("query_product", **asked, cursor=second["next"])
    found = [row[0] for page in (first, second, third) for row in page["answer"]["rows"]]
    assert sorted(found) == list(range(1, 41))
    assert {page["answer"]["publications"][PORT] for page in (first, second, third)} == {number}
    assert third["next"] is None
    assert "cursor" in guarded_agents("desk").refusal("query_product", **asked, cursor=first["next"])
    assert "cursor" in ana.refusal("query_product", product=PORT, limit=15, cursor=first["next"])


def test_an_answer_keeps_within_200_rows_and_32_kb(guarded: GuardedMesh, guarded_agents: Agents) -> None:
    guarded.publish("SELECT i, 'north', 'm', repeat('x', 300), 'c', 1, 1, DATE '2026-01-01' FROM range(1, 501) t(i)")
    desk = guarded_agents("desk")
    small = desk.told("query_product", product=PORT, columns=["customer_id"], limit=200)
    assert len(small["answer"]["rows"]) == 200
    assert small["next"]
    wide = desk.told("query_product", product=PORT, limit=200)
    assert 50 < len(wide["answer"]["rows"]) < 200
    rest = desk.told("query_product", product=PORT, limit=200, cursor=wide["next"])
    assert rest["answer"]["rows"][0][0] == wide["answer"]["rows"][-1][0] + 1
    by_sql = desk.told("query_product", sql=f"SELECT * FROM {PORT} ORDER BY customer_id")
    assert by_sql["truncated"]
    assert by_sql["answer"]["row_count"] == len(by_sql["answer"]["rows"]) < 200
    assert f"OFFSET {len(by_sql['answer']['rows'])}" in by_sql["hints"][-1]
    assert "`limit`" not in by_sql["hints"][-1]
    unasked = desk.told("query_product", sql=f"SELECT customer_id FROM {PORT} ORDER BY 1")
    assert unasked["answer"]["row_count"] == len(unasked["answer"]["rows"]) == 200
    fewer = desk.told("query_product", sql=f"SELECT customer_id FROM {PORT} ORDER BY 1", limit=7)
    assert fewer["answer"]["row_count"] == 7
    assert "`limit` (up to 200)" in fewer["hints"][-1]
    assert "cursor" in desk.refusal("query_product", sql=f"SELECT 1 FROM {PORT}", cursor="1")


def test_one_huge_value_is_cut_and_says_so(guarded: GuardedMesh, guarded_agents: Agents) -> None:
    guarded.publish("SELECT i, 'north', 'm', repeat('y', 3000000), 'c', 1, 1, DATE '2026-01-01' FROM range(1, 3) t(i)")
    told = guarded_agents("desk").told("query_product", product=PORT)
    assert "[cut: 3,000,000 characters]" in told["answer"]["rows"][0][3]
    assert told["truncated"]
    assert "Long values were cut" in told["hints"][-1]


def test_numbers_keep_their_digits_and_names_their_order(reading_agents: Agents) -> None:
    sql = (
        f"SELECT 1.10 AS a, 12345678901234567.89 AS b, 9007199254740993 AS c, customer_id AS a, NULL AS n "
        f"FROM {PORT} ORDER BY customer_id LIMIT 1"
    )
    told = reading_agents("ana").answer("query_product", sql=sql)
    assert told["rows"] == [[1.1, "12345678901234567.89", 9007199254740993, 1, None]]
    assert len(told["columns"]) == 5


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        f"SELECT * FROM {PORT}; DROP TABLE x",
        "SELECT * FROM shop.internal.customers",
        "ATTACH 'x.db'",
        f"COPY (SELECT * FROM {PORT}) TO '/tmp/x'",
        "SELECT getenv('HOME')",
        "SELECT",
    ],
)
def test_sql_that_is_no_select_over_ports_is_refused(reading_agents: Agents, sql: str) -> None:
    refusal = reading_agents("ana").refusal("query_product", sql=sql)
    assert "Refused (" in refusal
    assert "internal-error" not in refusal


def test_a_read_is_in_the_audit_log_with_its_door(guarded: GuardedMesh, guarded_agents: Agents) -> None:
    guarded_agents("ana").answer("query_product", product=PORT, limit=1)
    guarded_agents("ana").answer("query_product", sql=f"SELECT count(*) FROM {PORT}")
    guarded_agents("nobody").refusal("query_product", product=PORT)
    entries = [entry for entry in guarded.access.audit.entries() if entry.record.get("door") == "mcp"]
    assert {"ana", "nobody"} <= {entry.actor for entry in entries}
    assert {entry.kind for entry in entries if entry.actor == "nobody"} == {"refused"}
