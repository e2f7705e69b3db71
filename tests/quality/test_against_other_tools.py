"""Our verdicts are those of datacontract-cli and Soda, rule by rule, on the same contract and data.

Both are installed in an environment of their own. The data are copies of one good table, each spoilt in one way.
Where a verdict differs, `DIFFERENT` says why; a difference that is not in it, and one that is gone, fails the test.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from benchmarks.processes import ROOT
from benchmarks.quality.environments import environment
from benchmarks.quality.peers.odcs_document import write_document
from benchmarks.quality.peers.promised import task_of
from benchmarks.quality.peers.rules import write_task
from benchmarks.quality.peers.soda_contracts import write_contracts
from benchmarks.quality.peers.tools import QUIET, TOOLS
from platform_resources.contracts import Contract, contract_of_text
from platform_resources.quality import evaluate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PROMISE = yaml.safe_load("""
apiVersion: v3.2.0
kind: DataContract
id: crm.orders.v1
name: Orders
version: 1.0.0
status: active
domain: crm
description: {purpose: Each kind of rule once.}
schema:
  - name: orders
    physicalName: orders
    relationships: [{type: foreignKey, from: orders.customer, to: customers.id}]
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER, primaryKey: true, primaryKeyPosition: 1}
      - {name: line, physicalType: INTEGER, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}
      - {name: serial, logicalType: string, physicalType: VARCHAR, unique: true}
      - {name: customer, logicalType: integer, physicalType: INTEGER}
      - {name: status, logicalType: string, physicalType: VARCHAR, enum: [{value: open}, {value: paid}]}
      - name: code
        logicalType: string
        physicalType: VARCHAR
        logicalTypeOptions: {pattern: "^[A-Z]{2}[0-9]+$", maxLength: 5}
      - {name: word, logicalType: string, physicalType: VARCHAR, logicalTypeOptions: {pattern: "[a-z]+", minLength: 2}}
      - name: amount
        logicalType: number
        physicalType: DECIMAL(9,2)
        logicalTypeOptions: {minimum: 0, maximum: 100}
      - {name: share, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {minimum: 0, maximum: 1}}
      - {name: weight, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {exclusiveMinimum: 0}}
      - name: day
        logicalType: date
        physicalType: DATE
        logicalTypeOptions: {minimum: "2026-01-01", maximum: "2026-12-31"}
      - name: email
        logicalType: string
        physicalType: VARCHAR
        quality:
          - {name: email_known, metric: nullValues, unit: percent, mustBeLessThan: 20}
          - name: email_meant
            metric: missingValues
            arguments: {missingValues: [null, "", "N/A"]}
            mustBeLessOrEqualTo: 1
          - {name: email_form, metric: invalidValues, arguments: {pattern: "^.+@.+$"}, mustBe: 0}
    quality:
      - {name: enough_rows, metric: rowCount, mustBeBetween: [5, 50]}
      - {name: mean_amount, type: sql, query: "SELECT avg(amount) FROM {table}", mustBeGreaterThan: 5}
      - {name: no_doubles, metric: duplicateValues, arguments: {properties: [customer, day]}, mustBeLessOrEqualTo: 1}
      - {name: no_future, type: sql, query: "SELECT count(*) FROM {table} WHERE day > DATE '2026-06-01'", mustBe: 0}
""")  # fmt: skip
ROWS = """
    SELECT i AS id, 1 AS line, 'S' || i AS serial, 1 + i % 3 AS customer, 'open' AS status, 'AB' || i AS code,
        'word' AS word, (10 + i)::DECIMAL(9,2) AS amount, 0.5::DOUBLE AS share, 1.5::DOUBLE AS weight,
        DATE '2026-01-01' + i AS day, 'a' || i || '@b' AS email
    FROM (SELECT i::INTEGER AS i FROM range(10) r(i))
"""
# What is done to a copy of the good table.
SPOILT = {
    "good": "",
    "empty": "DELETE FROM {t}",
    "one_row": "DELETE FROM {t} WHERE id > 0",
    "all_null": "UPDATE {t} SET serial = NULL, customer = NULL, status = NULL, code = NULL, word = NULL, "
    "amount = NULL, share = NULL, weight = NULL, day = NULL, email = NULL",
    "key_null": "UPDATE {t} SET line = NULL WHERE id = 3",
    "key_twice": "INSERT INTO {t} SELECT * REPLACE ('T' AS serial) FROM {t} WHERE id = 3",
    "key_null_twice": "UPDATE {t} SET id = NULL WHERE id < 2",
    "row_twice": "INSERT INTO {t} FROM {t} WHERE id = 3",
    "row_three_times": "INSERT INTO {t} SELECT x.* FROM {t} AS x, range(2) WHERE id = 3",
    "serial_null_twice": "UPDATE {t} SET serial = NULL WHERE id < 2",
    "serial_case": "UPDATE {t} SET serial = 's2' WHERE id = 3",
    "orphan": "UPDATE {t} SET customer = 99 WHERE id = 3",
    "status_unknown": "UPDATE {t} SET status = 'lost' WHERE id = 3",
    "status_case": "UPDATE {t} SET status = 'Open' WHERE id = 3",
    "status_empty": "UPDATE {t} SET status = '' WHERE id = 3",
    "code_wrong": "UPDATE {t} SET code = 'ab1' WHERE id = 3",
    "code_long": "UPDATE {t} SET code = 'AB1234' WHERE id = 3",
    "code_line_end": "UPDATE {t} SET code = 'AB1' || chr(10) WHERE id = 3",
    "word_part": "UPDATE {t} SET word = 'A word' WHERE id = 3",
    "word_short": "UPDATE {t} SET word = 'w' WHERE id = 3",
    "word_two_bytes": "UPDATE {t} SET word = 'ü' WHERE id = 3",
    "amount_below": "UPDATE {t} SET amount = -0.01 WHERE id = 3",
    "amount_at_limit": "UPDATE {t} SET amount = 100 WHERE id = 3",
    "amount_above": "UPDATE {t} SET amount = 100.01 WHERE id = 3",
    "share_nan": "UPDATE {t} SET share = 'nan' WHERE id = 3",
    "share_infinite": "UPDATE {t} SET share = 'inf' WHERE id = 3",
    "share_minus_zero": "UPDATE {t} SET share = '-0.0' WHERE id = 3",
    "weight_zero": "UPDATE {t} SET weight = 0 WHERE id = 3",
    "weight_nan": "UPDATE {t} SET weight = 'nan' WHERE id = 3",
    "day_early": "UPDATE {t} SET day = DATE '2025-12-31' WHERE id = 3",
    "day_future": "UPDATE {t} SET day = DATE '2026-07-01' WHERE id = 3",
    "email_some_null": "UPDATE {t} SET email = NULL WHERE id < 2",
    "email_na": "UPDATE {t} SET email = 'N/A' WHERE id = 3",
    "email_na_twice": "UPDATE {t} SET email = CASE id WHEN 3 THEN 'N/A' ELSE '' END WHERE id IN (3, 4)",
    "amount_small": "UPDATE {t} SET amount = 1",
    "column_missing": "ALTER TABLE {t} DROP COLUMN word",
    "column_other_type": "ALTER TABLE {t} ALTER share TYPE DECIMAL(9,2)",
    "column_text": "ALTER TABLE {t} ALTER share TYPE VARCHAR",
    "column_more": "ALTER TABLE {t} ADD COLUMN more INTEGER",
}
# Verdicts of others that are not ours: why -> (tool, table, rule).
DIFFERENT = {
    "One check of Soda judges both: the columns are those promised, in their types, and no others.": {
        ("soda", "column_missing", "extra_columns"),
        ("soda", "column_other_type", "extra_columns"),
        ("soda", "column_text", "extra_columns"),
    },
    "Soda takes rows without a value for equal; to SQL's UNIQUE, to datacontract-cli and to us they are not.": {
        ("soda", "all_null", "no_doubles"),
        ("soda", "key_null_twice", "primary_key"),
    },
    "DuckDB sorts NaN above all numbers, so it is above a lower limit to them; to us it is not a number.": {
        ("soda", "weight_nan", "range__weight"),
        ("datacontract", "weight_nan", "range__weight"),
    },
    "datacontract-cli counts the values that repeat, here one; we and Soda the rows too many, here two.": {
        ("datacontract", "row_three_times", "no_doubles"),
    },
    "In a DuckDB database datacontract-cli compares kinds of types: DECIMAL and DOUBLE are both numbers.": {
        ("datacontract", "column_other_type", "schema"),
    },
}
# What others don't answer: why -> (tool, table, rule); None stands for all rules without a query of their own.
UNANSWERED = {
    "datacontract-cli has no rule against columns that nobody promised.": {
        ("datacontract", case, "extra_columns") for case in SPOILT
    },
    "Soda asks for most rules in one query: one column that is not there, or is text, and none is answered.": {
        ("soda", "column_missing", None),
        ("soda", "column_text", None),
    },
    "To Soda a query that returns NULL is not evaluated; to datacontract-cli and us it does not keep its threshold.": {
        ("soda", "empty", "mean_amount"),
        ("soda", "all_null", "mean_amount"),
    },
}
OF_THEIR_OWN = ("schema", "extra_columns", "mean_amount", "no_future")


def contracts_of_cases() -> dict[str, dict[str, Any]]:
    """The promise once for each spoilt table, under the table's name."""
    made = {}
    for case in SPOILT:
        document = copy.deepcopy(PROMISE)
        table = document["schema"][0]
        table["name"] = table["physicalName"] = case
        table["relationships"][0]["from"] = f"{case}.customer"
        made[case] = document
    return made


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """All tables, once where we look for them and once where the others do."""
    path = tmp_path / "cases.duckdb"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS crm; CREATE SCHEMA crm.internal")
        for schema in ("crm.internal", "crm.main"):
            con.execute(f"CREATE TABLE {schema}.customers AS SELECT i::INTEGER AS id FROM range(1, 4) r(i)")
            for case, change in SPOILT.items():
                con.execute(f"CREATE TABLE {schema}.{case} AS {ROWS}; {change.format(t=f'{schema}.{case}')}")
    return path


Verdicts = dict[tuple[str, str], bool]  # (case, rule) -> it holds


def our_verdicts(path: Path, contracts: Mapping[str, Contract]) -> Verdicts:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS crm (READ_ONLY)")
        return {
            (case, result.name): result.passed
            for case, contract in contracts.items()
            for result in evaluate(con, contract, f'"crm"."internal"."{case}"', NOW).results
        }


def their_verdicts(python: Path, tool: str, task: Path, work: Path) -> Verdicts:
    """Of the rules that a tool evaluated."""
    module = next(one.module for one in TOOLS if one.name == tool)
    command = [str(python), "-m", module, str(task), str(work), str(work)]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return {tuple(name.split(".")): name not in told["failed"] for name in told["asked"]}  # type: ignore[misc]


def expected_unanswered(ours: Verdicts) -> set[tuple[str, str, str]]:
    told = set().union(*UNANSWERED.values())
    whole = {(tool, case) for tool, case, rule in told if rule is None}
    together = {
        (tool, case, rule) for tool, case in whole for of, rule in ours if of == case and rule not in OF_THEIR_OWN
    }
    return {key for key in told if key[2] is not None} | together


@pytest.mark.slow
def test_verdicts_agree_rule_by_rule(tmp_path: Path, database: Path) -> None:
    documents = contracts_of_cases()
    contracts = {case: contract_of_text(yaml.safe_dump(made), f"{case}.yaml") for case, made in documents.items()}
    task = task_of(contracts, f"{NOW:%Y-%m-%d}")
    write_task(task, tmp_path / "task.json")
    write_contracts(task, database, tmp_path)
    write_document(documents | {"customers": _CUSTOMERS}, task.today, database, tmp_path)
    tools = [tool for tool in TOOLS if tool.name in ("datacontract", "soda")]
    needed = sorted({requirement for tool in tools for requirement in tool.requirements})
    python = environment(tmp_path, "tools", needed) / "python"

    ours = our_verdicts(database, contracts)
    different, unanswered = set(), set()
    for tool in tools:
        theirs = their_verdicts(python, tool.name, tmp_path / "task.json", tmp_path)
        unanswered |= {(tool.name, *key) for key in ours.keys() - theirs.keys()}
        different |= {(tool.name, *key) for key, holds in theirs.items() if holds != ours[key]}
    assert different == set().union(*DIFFERENT.values())
    assert unanswered == expected_unanswered(ours)


_CUSTOMERS = {
    "schema": [
        {"name": "customers", "physicalName": "customers", "properties": [{"name": "id", "logicalType": "integer"}]}
    ]
}
