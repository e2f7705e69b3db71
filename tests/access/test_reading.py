"""Readings from begin to end, whatever the end: memory, connections, pins, counts."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from platform_resources.access import Condition, ReadQuery
from platform_resources.access.errors import UnavailableError
from platform_resources.lake.lock import pinned_snapshots
from tests.guarded import CUSTOMERS, GuardedMesh

MANY = (
    "SELECT i, ['north', 'south'][1 + i % 2], 'CANARY-' || i || '@canary.example', 'CANARY', 'CANARY-' || i, 909, "
    "i % 100, DATE '2026-01-01' FROM range({rows}) AS numbers(i)"
)


@pytest.fixture
def mesh(copied_mesh: GuardedMesh) -> GuardedMesh:
    return copied_mesh


def served(mesh: GuardedMesh) -> list[dict]:
    return [entry.record for entry in reversed(mesh.access.audit.entries(kind="served"))]


def ana(mesh: GuardedMesh):
    return mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)


def pins(mesh: GuardedMesh) -> frozenset[int]:
    return pinned_snapshots(mesh.settings, "shop")


def test_an_early_close_frees_all_and_tells_what_was_handed_out(mesh: GuardedMesh) -> None:
    mesh.publish(MANY.format(rows=100_000), version="1.0.1")
    reading = ana(mesh).read(batch_rows=2048)
    assert pins(mesh)
    next(iter(reading))
    reading.close()
    reading.close()
    assert not pins(mesh)
    assert list(reading) == []
    with ana(mesh).read_text(form="json") as text:
        begun = next(iter(text))
        text.close()
        assert list(text) == []  # no closing bracket: it must not look whole
    assert begun.startswith(b"[\n{")
    first, second = served(mesh)
    assert (first["rows"], first["outcome"], second["outcome"]) == (2048, "closed", "closed")
    assert 0 < second["bytes"] == len(begun)


def test_a_reading_that_is_never_read_or_dropped_half_way_leaves_nothing_open(mesh: GuardedMesh) -> None:
    ana(mesh).read()
    iterator = iter(ana(mesh).read(batch_rows=2048))
    next(iterator)
    del iterator
    gc.collect()
    assert not pins(mesh)
    ana(mesh).read().table()  # what was dropped is told before the next
    assert [(e["rows"], e["outcome"]) for e in served(mesh)] == [(0, "abandoned"), (40, "abandoned"), (40, "complete")]


def test_damage_met_half_way_is_told_and_on_record(mesh: GuardedMesh) -> None:
    rows = 400_000
    mesh.publish(MANY.format(rows=rows), version="1.0.1")
    largest = max(Path(mesh.settings.data_path("shop")).rglob("*.parquet"), key=lambda file: file.stat().st_size)
    whole = largest.read_bytes()
    largest.write_bytes(whole[: len(whole) // 2] + b"\xff" * 200_000 + whole[len(whole) // 2 + 200_000 :])
    with pytest.raises(UnavailableError) as refused, mesh.access.guard.open(mesh.caller("desk"), CUSTOMERS).read() as r:
        for _ in r:
            pass
    assert "CANARY" not in str(refused.value)
    assert refused.value.__cause__ is None
    (end,) = served(mesh)
    assert end["outcome"] == "failed"
    assert end["rows"] < rows
    assert not pins(mesh)


def test_readers_of_all_kinds_at_once_share_one_guard(mesh: GuardedMesh) -> None:
    callers = [mesh.caller(who) for who in ("ana", "desk", "reggie")]

    def read(number: int) -> tuple[int, int, bool]:
        which = number % 3
        relation = mesh.access.guard.open(callers[which], CUSTOMERS)
        if number % 2:
            with relation.read() as reading:
                seen = reading.table().to_pylist()
        else:
            with relation.read_text(form="ndjson") as text:
                seen = [json.loads(line) for line in b"".join(text).splitlines()]
        return which, len(seen), "CANARY" in str(seen)

    with ThreadPoolExecutor(50) as threads:
        found = set(threads.map(read, range(150)))
    assert found == {(0, 40, False), (1, 40, True), (2, 20, False)}
    assert not pins(mesh)
    assert len(mesh.access.audit.entries(kind="served", limit=1000)) == 150


def test_pages_neither_repeat_nor_lose_a_row_and_show_no_hidden_order(mesh: GuardedMesh) -> None:
    relation = ana(mesh)
    for order in ((), (("region", False),), (("name", True),)):
        seen = []
        for offset in range(0, 40, 7):
            seen += relation.read(ReadQuery(order=order, limit=7, offset=offset)).table()["customer_id"].to_pylist()
        assert sorted(seen) == list(range(1, 41))
    ordered = relation.read(ReadQuery(("customer_id",), order=(("income", True),), limit=40)).table()
    assert ordered["customer_id"].to_pylist() == list(range(1, 41))  # of equal masks the key decides, not the income


def test_filters_see_what_the_reader_sees(mesh: GuardedMesh) -> None:
    def count(*conditions: Condition) -> int:
        return ana(mesh).read(ReadQuery(conditions=conditions)).table().num_rows

    shown = ana(mesh).read(ReadQuery(limit=1)).table().to_pylist()[0]
    assert count(Condition("card", "=", "CANARY-1-card")) == 0
    assert count(Condition("card", "=", shown["card"])) == 1
    assert count(Condition("email", "like", "CANARY-1-%")) == 0
    assert count(Condition("income", ">", "0")) == 0
    assert count(Condition("income", "is null")) == 40
    assert count(Condition("name", "=", "CANARY-1-name")) == 0


def test_usage_is_counted_per_port_column_consumer_and_day(mesh: GuardedMesh) -> None:
    query = ReadQuery(("region", "email"), conditions=(Condition("balance", ">", "100"),))
    for _ in range(3):
        ana(mesh).read(query).table()
    with mesh.access.guard.open(mesh.caller("desk"), CUSTOMERS).read_text(ReadQuery(("region",)), "csv") as text:
        size = len(b"".join(text))
    used = {(u.consumer, u.column): (u.reads, u.rows) for u in mesh.access.usage.of_port(str(CUSTOMERS))}
    assert used == {
        ("ana", None): (3, 93),
        ("ana", "region"): (3, 93),
        ("ana", "email"): (3, 93),
        ("ana", "balance"): (3, 93),
        ("desk", None): (1, 40),
        ("desk", "region"): (1, 40),
    }
    assert [u.bytes for u in mesh.access.usage.of_port(str(CUSTOMERS)) if u.consumer == "desk"] == [size, 0]
    mesh.access.usage.close()
    mesh.access.usage.record(str(CUSTOMERS), "desk", ["region"], 1, 1)
    assert {u.reads for u in mesh.access.usage.of_port(str(CUSTOMERS)) if u.consumer == "desk"} == {2}


def test_csv_and_json_hold_the_same_rows(mesh: GuardedMesh) -> None:
    relation = mesh.access.guard.open(mesh.caller("desk"), CUSTOMERS)
    query = ReadQuery(order=(("customer_id", False),))
    array = json.loads(b"".join(relation.read_text(query, "json")))
    lines = [json.loads(line) for line in b"".join(relation.read_text(query, "ndjson")).splitlines()]
    table = list(csv.DictReader(io.StringIO(b"".join(relation.read_text(query, "csv")).decode(), newline="")))
    assert array == lines
    assert [row["customer_id"] for row in array] == list(range(1, 41))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in array] == [
        {**row, "balance": str(float(row["balance"]))} for row in table
    ]


WAYS = """
import resource, sys
from platform_resources.access import Access, ReadQuery
from platform_resources.lake import MeshSettings, PortAddress
from pathlib import Path
home, project, token, way = sys.argv[1:]
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
with Access(MeshSettings(home=Path(home), project=Path(project)), personas=False) as access:
    relation = access.guard.open(access.authenticate(token), PortAddress("shop", "customers", 1))
    def reading():
        return relation.read() if way == "arrow" else relation.read_text(ReadQuery(), way)
    with reading() as warm:
        next(iter(warm))
    before, most, rows, size = resident(), 0, 0, 0
    with reading() as all_of:
        for number, piece in enumerate(all_of):
            if number % 20 == 0:
                most = max(most, resident())
    print(all_of.rows, all_of.bytes >> 20, most - before)
"""


@pytest.mark.slow
def test_memory_stays_flat_however_much_is_read(mesh: GuardedMesh) -> None:
    mesh.publish(MANY.format(rows=3_000_000), version="1.0.1")
    token = mesh.token("desk")  # in clear: a hash would have a copy made meanwhile
    for way in ("arrow", "ndjson", "json", "csv"):
        command = [sys.executable, "-c", WAYS, str(mesh.settings.home), str(mesh.settings.project), token, way]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
        rows, megabytes, grown = map(int, done.stdout.split())
        assert rows == 3_000_000
        assert megabytes > 200
        assert grown < 150, (way, grown)
