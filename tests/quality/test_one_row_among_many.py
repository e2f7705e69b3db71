"""One row that breaks a rule is found among 60 million, for every kind of rule, and named; memory stays bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from platform_resources.lake.connection import connect
from platform_resources.lake.settings import MeshSettings
from platform_resources.quality import evaluate, sample_failures
from tests.quality.building import NOW, column, contract, library, relationship, sql

ROWS = 60_000_000
TABLE = "crm.internal.people"
# Rule -> (its column, the row that breaks it, what stands there)
BROKEN = {
    "required__store": ("store", 29_999_999, None),
    "range__amount": ("amount", 30_000_001, -7),
    "enum__kind": ("kind", 30_100_003, "rented"),
    "pattern__code": ("code", 30_200_005, "A1"),
    "length__note": ("note", 30_300_007, "too long"),
    "primary_key": ("id", 30_400_009, 12_345_678),
    "relationships__parent": ("parent", 30_500_011, 99),
    "no_refund": ("refund", 30_600_013, True),
}
GOOD = {
    "id": "i::INTEGER",
    "store": "(i % 50)::UTINYINT",
    "amount": "(i % 100)::TINYINT",
    "kind": "'sold'",
    "code": "'AB'",
    "note": "''",
    "parent": "(i % 20)::UTINYINT",
    "refund": "false",
}
PROMISE = contract(
    [
        column("id", primary_key_position=1),
        column("store", required=True),
        column("amount", options={"minimum": 0, "maximum": 99}),
        column("kind", enum=("sold", "lent")),
        column("code", options={"pattern": "^[A-Z]{2}$"}),
        column("note", options={"maxLength": 5}),
        column("parent"),
        column("refund"),
    ],
    [
        sql("no_refund", "SELECT count(*) FROM {table} WHERE refund", mustBe=0),
        library("many", "rowCount", mustBe=ROWS),
    ],
    [relationship(["parent"], "parents", ["k"])],
)


# Audits the lake in the folder that it is given, and prints what failed and the megabytes that it took at most.
AUDIT = """
import json, resource, sys
from pathlib import Path
from tests.quality.test_one_row_among_many import audited
found = audited(Path(sys.argv[1]))
print(json.dumps([found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def fill(settings: MeshSettings, folder: Path) -> None:
    """60 million rows in a lake, with one wrong value in the middle of each column."""
    wrong = {name: (row, value) for name, row, value in BROKEN.values()}
    spoilt = ", ".join(
        f"CASE i WHEN {wrong[name][0]} THEN {literal(wrong[name][1])} ELSE {good} END AS {name}"
        for name, good in GOOD.items()
    )
    good = ", ".join(f"{value} AS {name}" for name, value in GOOD.items())
    first, last = 29_900_000, 30_700_000
    with connect(settings) as con:
        con.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS crm (DATA_PATH '{folder}/data')")
        con.execute("CREATE SCHEMA crm.internal")
        con.execute("CREATE TABLE crm.internal.parents AS SELECT i AS k FROM range(20) AS r(i)")
        con.execute(f"CREATE TABLE {TABLE} AS SELECT {good} FROM range({first}) AS r(i)")
        con.execute(f"INSERT INTO {TABLE} SELECT {spoilt} FROM range({first}, {last}) AS r(i)")
        con.execute(f"INSERT INTO {TABLE} SELECT {good} FROM range({last}, {ROWS}) AS r(i)")


def literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def audited(folder: Path) -> dict[str, tuple[int | None, list[dict[str, object]]]]:
    """Rule that failed -> number of rows that break it, and some of them."""
    with connect(MeshSettings(project=folder, home=folder / "home")) as con:
        con.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS crm (READ_ONLY)")
        found = evaluate(con, PROMISE, TABLE, NOW)
        assert found.rows == ROWS
        return {r.name: (r.failed_rows, sample_failures(con, PROMISE, TABLE, r.check)) for r in found.failures}


@pytest.mark.slow
def test_one_row_among_60_million(tmp_path: Path) -> None:
    (tmp_path / "domains").mkdir()
    fill(MeshSettings(project=tmp_path, home=tmp_path / "home"), tmp_path)
    done = subprocess.run([sys.executable, "-c", AUDIT, str(tmp_path)], check=True, stdout=subprocess.PIPE, text=True)
    found, megabytes = json.loads(done.stdout)
    assert {name: count for name, (count, _) in found.items()} == dict.fromkeys(BROKEN, 1)
    for name, (where, row, value) in BROKEN.items():
        rows = found[name][1]
        assert {sample[where] for sample in rows} == {value}, name
        assert {sample["id"] for sample in rows} == ({value} if where == "id" else {row}), name
    assert len(found["primary_key"][1]) == 2
    assert megabytes < 1_000
