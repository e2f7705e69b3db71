"""SQL of consumers, for real: parse tree, masked copy, confined process."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_resources.access import Access, AccessError, SqlLimits
from platform_resources.access.errors import BadQueryError, LimitExceededError, TooManyRequestsError, UnknownPortError
from platform_resources.lake import PortAddress
from tests.access.legitimate_queries import LEGITIMATE, REFUSED
from tests.access.sql_mesh import CANARY, make_sql_mesh
from tests.guarded import CUSTOMERS, GuardedMesh, customers

C, V = "shop.customers.v1", "shop.visits.v1"
CROSS = f"from {C} a, {C} b, {C} c, {C} d, {C} e, {C} f, {C} g"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    made = make_sql_mesh(tmp_path_factory.mktemp("sql"))
    yield made
    made.access.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[GuardedMesh]:
    """A mesh for a test that changes it."""
    made = make_sql_mesh(tmp_path)
    yield made
    made.access.close()


def ask(mesh: GuardedMesh, sql: str, who: str = "ana", **options: Any) -> list[dict[str, Any]]:
    with mesh.access.sql.run(mesh.caller(who), sql, **options) as reading:
        return reading.table().to_pylist()


def refusal(mesh: GuardedMesh, sql: str, who: str = "ana", **options: Any) -> AccessError:
    with pytest.raises(AccessError) as refused:
        ask(mesh, sql, who, **options)
    return refused.value


def entries(mesh: GuardedMesh) -> list[Any]:
    """The audit log, oldest first: (kind, actor, port, record)."""
    from sqlalchemy import select

    from platform_resources.control.tables import audit

    with mesh.access.control.reading() as connection:
        found = connection.execute(select(audit).order_by(audit.c.sequence)).mappings().all()
    return [(row["kind"], row["actor"], row["port"], json.loads(row["record"])) for row in found]


def copies(mesh: GuardedMesh) -> list[Path]:
    return sorted(mesh.access.guard.copies.folder.rglob("*.duckdb"))


@pytest.mark.parametrize("sql", LEGITIMATE)
def test_what_analysts_ask_is_answered(mesh: GuardedMesh, sql: str) -> None:
    assert not CANARY.search(str(ask(mesh, sql)))


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_refused_says_so(mesh: GuardedMesh, sql: str) -> None:
    assert refusal(mesh, sql).code == "bad-query"


def test_each_reader_gets_its_own_rows_and_masks(mesh: GuardedMesh) -> None:
    sql = f"select region, email, income from {C} order by customer_id limit 4"
    assert [row["email"] for row in ask(mesh, sql)] == ["C***@canary.example"] * 4
    assert ask(mesh, sql, "desk")[0]["email"] == "CANARY-1-mail@canary.example"
    assert {row["region"] for row in ask(mesh, f"select distinct region from {C}", "reggie")} == {"north", "south"}
    assert ask(mesh, f"select count(*) as n from {C}", "reggie") == [{"n": 20}]


def test_what_may_not_be_read_looks_as_if_it_were_not_there(mesh: GuardedMesh) -> None:
    for sql in ("select * from shop.nothing.v1", "select * from nowhere.nothing.v1"):
        assert isinstance(refusal(mesh, sql), UnknownPortError)
    told = refusal(mesh, f"select * from {C}, shop.secrets.v1")
    assert told.status in (403, 404)
    assert not CANARY.search(str(told))
    assert refusal(mesh, f"select * from {C}", "nobody").status in (403, 404)


def test_a_column_that_was_not_granted_is_unknown(own: GuardedMesh) -> None:
    from platform_resources.access import Identity

    own.identity(Identity("part", "person", "Part", purpose="analytics"))
    own.grant("part", role="customers_reader", columns=frozenset({"customer_id", "region"}))
    assert set(ask(own, f"select * from {C}", "part")[0]) == {"customer_id", "region"}
    told = refusal(own, f"select balance from {C}", "part")
    assert "balance" in told.message
    assert told.remedy == f"{C} has customer_id, region"
    assert isinstance(told, BadQueryError)


def test_an_error_tells_the_place_and_no_value(mesh: GuardedMesh) -> None:
    told = refusal(mesh, f"select region,\n  nope from {C}")
    assert (told.facts["line"], "nope" in told.message) == (2, True)
    assert "customer_id" in told.remedy
    for sql in (
        f"select cast(email as integer) from {C}",
        f"select cast(name as date) from {C}",
        f"select cast(balance as tinyint) from {C}",
        f"select strptime(card, '%Y') from {C}",
    ):
        told = refusal(mesh, sql)
        assert not re.search(r"\*\*\*|\d\d\.\d|@|[0-9a-f]{16}", told.message), told.message


def test_a_number_that_no_answer_can_hold_is_told(mesh: GuardedMesh) -> None:
    told = refusal(mesh, f"select 170141183460469231731687303715884105727::hugeint from {C}")
    assert isinstance(told, BadQueryError)
    assert "CAST" in told.remedy
    assert ask(mesh, f"select sum(customer_id)::hugeint as n from {C}") == [{"n": 820}]


def test_the_audit_log_has_a_query_before_its_first_row_and_what_was_served(own: GuardedMesh) -> None:
    sql = f"select c.region, sum(v.amount) from {C} c join {V} v using (customer_id) where c.email like 'C%' group by 1"
    with own.access.sql.run(own.caller("ana"), sql, door="cli") as reading:
        begun = {port: record for kind, actor, port, record in entries(own) if (kind, actor) == ("sql", "ana")}
        rows = reading.table().num_rows
    assert set(begun) == {C, V} == set(reading.entries)
    assert begun[C]["sql_sha256"] == hashlib.sha256(sql.encode()).hexdigest()
    assert begun[C]["columns"] == ["customer_id", "region", "email"]
    assert begun[C]["masked"] == {"email": ["partial"]}
    assert (begun[C]["publication"], begun[C]["purpose"], begun[C]["door"]) == (1, "analytics", "cli")
    assert begun[V]["columns"] == ["customer_id", "amount"]
    served = {port: record for kind, _, port, record in entries(own) if kind == "served"}
    assert {(r["rows"], r["outcome"], r["entry"] == reading.entries[p]) for p, r in served.items()} == {
        (rows, "complete", True)
    }
    assert "like" not in str(entries(own))
    refusal(own, f"select cast(email as integer) from {C}")
    assert entries(own)[-1][3]["outcome"] == "failed"


def test_use_is_counted_by_port_and_column(own: GuardedMesh) -> None:
    ask(own, f"select region from {C} where email like 'C%' limit 3")
    own.access.usage.flush()
    used = {count.column: (count.reads, count.rows) for count in own.access.usage.of_port(C) if count.consumer == "ana"}
    assert used == {None: (1, 3), "region": (1, 3), "email": (1, 3)}


def test_columns_that_are_not_told_are_not_shown(mesh: GuardedMesh) -> None:
    with mesh.access.sql.run(mesh.caller("ana"), f"select count(*) as n from {C}") as reading:
        assert reading.columns == {C: ()}
        assert reading.table().to_pylist() == [{"n": 40}]
    with mesh.access.sql.run(mesh.caller("ana"), f"select o from {C} o") as reading:
        assert len(reading.columns[C]) == 8
        assert set(reading.table().to_pylist()[0]["o"]) == set(reading.columns[C])


def test_an_answer_ends_at_its_limits_and_says_so(mesh: GuardedMesh) -> None:
    ana = mesh.caller("ana")
    with mesh.access.sql.run(ana, f"select * from {C} a, {C} b", limits=SqlLimits(rows=100)) as reading:
        assert (reading.table().num_rows, reading.truncated) == (100, True)
    with mesh.access.sql.run(ana, f"select customer_id from {C}", limits=SqlLimits(rows=40)) as reading:
        assert (reading.table().num_rows, reading.truncated) == (40, False)
    with mesh.access.sql.run(ana, f"select * from {C} a, {V}, {C} b", limits=SqlLimits(bytes=1 << 20)) as reading:
        assert reading.table().nbytes <= 1 << 20
        assert reading.truncated
    with mesh.access.sql.run(ana, f"select * from {C} where false") as reading:
        table = reading.table()
        assert (table.num_rows, table.num_columns) == (0, 8)


def test_too_much_time_or_memory_ends_the_query_and_nothing_else(mesh: GuardedMesh) -> None:
    short = SqlLimits(seconds=0.5, memory=128 << 20)
    told = refusal(mesh, f"select sum(a.customer_id * b.customer_id) {CROSS}", limits=short)
    assert isinstance(told, LimitExceededError)
    told = refusal(mesh, f"select list(a.email || b.email) {CROSS}", limits=SqlLimits(seconds=20, memory=64 << 20))
    assert isinstance(told, LimitExceededError)
    assert ask(mesh, f"select count(*) as n from {C}") == [{"n": 40}]


def test_a_reader_that_stops_reading_frees_its_place(mesh: GuardedMesh) -> None:
    ana = mesh.caller("ana")
    for _ in range(4):
        reading = mesh.access.sql.run(ana, f"select * from {C} a, {C} b, {C} c")
        next(iter(reading))
        reading.close()
    assert ask(mesh, f"select count(*) as n from {C}") == [{"n": 40}]


def test_more_queries_than_places_wait_and_then_are_turned_away(mesh: GuardedMesh) -> None:
    ana = mesh.caller("ana")
    slow = [mesh.access.sql.run(ana, f"select * from {C} a, {C} b, {C} c") for _ in range(2)]
    with pytest.raises(TooManyRequestsError):
        mesh.access.sql.run(ana, f"select count(*) from {C}", limits=SqlLimits(wait=0.1))
    threading.Timer(0.3, slow[0].close).start()
    assert ask(mesh, f"select count(*) as n from {C}") == [{"n": 40}]
    slow[1].close()


def test_queries_of_many_threads_are_each_answered(mesh: GuardedMesh) -> None:
    ana, answers = mesh.caller("ana"), []

    def read(number: int) -> None:
        with mesh.access.sql.run(ana, f"select {number} as k, count(*) as n from {C}") as reading:
            answers.extend(reading.table().to_pylist())

    threads = [threading.Thread(target=read, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row["k"] for row in answers) == list(range(8))
    assert {row["n"] for row in answers} == {40}


def test_a_dead_zygote_is_replaced(mesh: GuardedMesh) -> None:
    ask(mesh, f"select 1 from {C}")
    zygote = mesh.access.sql._sandbox._workers._zygote
    assert zygote is not None
    zygote.kill()
    zygote.wait()
    assert ask(mesh, f"select count(*) as n from {C}") == [{"n": 40}]


def test_a_worker_ends_with_its_reading_and_its_parent(mesh: GuardedMesh) -> None:
    reading = mesh.access.sql.run(mesh.caller("ana"), f"select * from {C} a, {C} b, {C} c")
    pid = reading._answer._worker.pid
    held = reading._answer.confinement
    assert "no_new_privileges" in held
    assert "dies_with_parent" in held
    assert pid is not None
    assert Path(f"/proc/{pid}").exists()
    zygote = mesh.access.sql._sandbox._workers._zygote
    assert zygote is not None
    zygote.kill()
    _gone(pid)
    with pytest.raises(LimitExceededError):
        reading.table()


def test_a_worker_holds_copies_only_and_can_open_nothing(mesh: GuardedMesh) -> None:
    reading = mesh.access.sql.run(mesh.caller("ana"), f"select * from {C} a, {C} b, {C} c")
    pid = reading._answer._worker.pid
    limits = Path(f"/proc/{pid}/limits").read_text()
    for name in ("Max open files", "Max file size", "Max core file size", "Max processes"):
        assert re.search(rf"{name}\s+0\s+0", limits), limits
    if os.geteuid() == 0:
        open_files = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
        private = [file for file in open_files if str(mesh.settings.home) in file]
        assert private
        assert all(file.startswith(str(mesh.settings.home / "copies")) for file in private)
        assert "Uid:\t65534\t65534\t65534\t65534" in Path(f"/proc/{pid}/status").read_text()
    reading.close()


def _gone(pid: int) -> None:
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < until, "the worker lives on"
        time.sleep(0.01)


# Copies


def relation(mesh: GuardedMesh, who: str = "ana") -> Any:
    return mesh.access.guard.open(mesh.caller(who), CUSTOMERS)


def test_a_copy_is_private_and_holds_masked_values_only(own: GuardedMesh) -> None:
    file = own.access.guard.copies.of(relation(own))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert own.access.guard.copies.folder.stat().st_mode & 0o777 == 0o700
    content = file.read_bytes()
    assert b"CANARY-" not in content
    for income in range(909_000_001, 909_000_041):
        assert income.to_bytes(8, "little") not in content
    assert own.access.guard.copies.of(relation(own)) == file
    assert own.access.guard.copies.of(relation(own, "desk")) != file
    assert [f.name for f in file.parent.iterdir() if f.suffix != ".duckdb"] == []


def test_a_copy_may_be_deleted_at_any_time(own: GuardedMesh) -> None:
    sql = f"select * from {C} a, {C} b, {C} c"
    with own.access.sql.run(own.caller("ana"), sql) as reading:
        for file in copies(own):
            file.unlink()
        assert reading.table().num_rows == 64_000
    assert ask(own, f"select count(*) as n from {C}") == [{"n": 40}]


def test_a_new_publication_is_read_at_once_and_its_forerunner_goes(own: GuardedMesh) -> None:
    assert ask(own, f"select count(*) as n from {C}") == [{"n": 40}]
    own.publish(customers(7))
    assert ask(own, f"select count(*) as n from {C}") == [{"n": 7}]
    assert len(copies(own)) == 2
    own.access.guard.copies.sweep(time.time() + 1000)
    assert [file.name.split("-")[0] for file in copies(own)] == ["2"]


def test_copies_keep_to_their_limit(own: GuardedMesh) -> None:
    kept = own.access.guard.copies
    for who in ("ana", "desk", "reggie"):
        kept.of(relation(own, who))
    sizes = [file.stat().st_size for file in copies(own)]
    kept.limit = sum(sizes) - 1
    assert kept.sweep() == 0  # all in use a moment ago
    for age, file in zip((300, 200, 100), copies(own), strict=True):
        os.utime(file, (time.time() - age,) * 2)
    oldest = copies(own)[0]
    assert kept.sweep() == 1
    assert oldest not in copies(own)


def test_what_a_dead_maker_left_is_cleared_away(own: GuardedMesh) -> None:
    file = own.access.guard.copies.of(relation(own))
    left = file.with_name("1-x.1.y.making")
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    own.access.guard.copies.sweep()
    assert not left.exists()
    assert file.exists()


def _make_copy(settings: Any, token: str, barrier: Any, made: Any) -> None:
    with Access(settings, personas=False) as access:
        opened = access.guard.open(access.authenticate(token), PortAddress("shop", "customers", 1))
        barrier.wait(60)
        file = access.guard.copies.of(opened)
        made.put((str(file), file.stat().st_ino))


def test_of_many_processes_one_makes_the_copy(own: GuardedMesh) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, made = context.Barrier(3), context.Queue()
    token = own.token("ana")
    processes = [context.Process(target=_make_copy, args=(own.settings, token, barrier, made)) for _ in range(3)]
    for process in processes:
        process.start()
    found = {made.get(timeout=120) for _ in processes}
    for process in processes:
        process.join()
    assert len(found) == 1
