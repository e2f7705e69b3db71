"""Every landed file is taken exactly once, however often the ingest runs, is killed, or runs twice at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import connect, fsck
from platform_resources.pipeline import IngestError, new_files, waiting_in_quarantine
from tests.pipeline.building import NOW, REPOSITORY, SOURCE, Shop, minutes
from tests.warm import fork_server

INGEST = """
import sys
from pathlib import Path
from tests.pipeline.building import Shop
from platform_resources.contracts import load_domain

root, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
shop = Shop(root, load_domain(root / "domains" / "shop"))
for number in range(times):
    report = shop.ingest(f"{name}-{number}")
    print(report.files, report.rows, len(report.quarantined), len(report.duplicates), flush=True)
"""


def ingest_killed(root: Path, module_name: str, function: str, when: str) -> None:
    """An ingest that kills its own process at the first call of one of its steps."""
    module = import_module(f"platform_resources.pipeline.{module_name}")
    step = getattr(module, function)

    def killed(*arguments, **more):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        step(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, function, killed)
    Shop(root, load_domain(root / "domains" / "shop")).ingest("killed")


def process(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=REPOSITORY, text=True, stdout=subprocess.PIPE
    )


def test_new_files_are_taken_once(shop):
    shop.till.land("a.parquet", [1, 2])
    shop.till.land("b.parquet", [3], extracted_at=NOW + minutes(10))
    first = shop.ingest()
    assert (first.files, first.rows, first.load_id, first.watermark) == (2, 3, 1, NOW + minutes(10))
    again = shop.ingest()
    assert (again.files, again.rows, again.load_id, again.watermark) == (0, 0, None, NOW + minutes(10))
    assert shop.ids() == [1, 2, 3]
    assert shop.till.names() == ["a.parquet", "b.parquet"]


def test_rows_bear_their_load_and_the_moment_of_their_extraction(shop):
    shop.till.land("b.parquet", [1], extracted_at=NOW)
    shop.ingest()
    shop.till.land("a.parquet", [2], extracted_at=NOW - minutes(30))
    shop.ingest()
    assert shop.query("SELECT id, _load_id, _landed_at FROM shop.internal.lines ORDER BY id") == [
        (1, 1, NOW),
        (2, 2, NOW - minutes(30)),
    ]


def test_nothing_landed_yet_is_nothing_to_do(shop):
    shop.till.folder.rmdir()
    assert shop.ingest().files == 0
    assert shop.ids() == []


def test_the_same_content_under_another_name_is_noted_not_taken(shop):
    file = shop.till.land("a.parquet", [1, 2])
    shop.ingest()
    shutil.copy(file, file.with_name("a_again.parquet"))
    report = shop.ingest()
    assert (report.files, report.duplicates, report.quarantined) == (0, ("a_again.parquet",), ())
    assert shop.ingest().duplicates == ()
    assert shop.ids() == [1, 2]


def test_the_same_content_twice_in_one_ingest_is_taken_once(shop):
    file = shop.till.land("a.parquet", [1, 2])
    shutil.copy(file, file.with_name("b.parquet"))
    report = shop.ingest()
    assert (report.files, report.duplicates) == (1, ("b.parquet",))
    assert shop.ids() == [1, 2]


def test_other_content_under_a_name_that_was_taken_is_refused_for_good(shop):
    first = shop.till.land("a.parquet", [1]).read_bytes()
    shop.ingest()
    for attempt in (2, 3):
        shop.till.land("a.parquet", [attempt])
        (refused,) = shop.ingest().quarantined
        assert refused.file == "a.parquet"
        assert "ingested with other content; land corrections under a new name" in refused.reasons[0]
    # What was taken is still known by its content after the refusals.
    (shop.till.folder / "a.parquet").write_bytes(first)
    (shop.till.folder / "z.parquet").write_bytes(first)
    assert shop.ingest().duplicates == ("a.parquet", "z.parquet")
    assert shop.ids() == [1]
    assert len([name for name in shop.quarantine() if name.endswith(".parquet")]) == 2


def test_a_file_that_is_only_touched_is_not_taken_again(shop):
    file = shop.till.land("a.parquet", [1])
    shop.ingest()
    os.utime(file, ns=(0, 0))
    assert shop.ingest().duplicates == ("a.parquet",)
    assert shop.ingest().duplicates == ()
    assert shop.ids() == [1]


def test_a_file_that_its_sender_removes_later_stays_ingested(shop):
    shop.till.land("a.parquet", [1]).unlink()
    assert shop.ingest().files == 0
    shop.till.land("b.parquet", [2])
    shop.ingest()
    (shop.till.folder / "b.parquet").unlink()
    assert shop.ingest().files == 0
    assert shop.ids() == [2]


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_ingest(shop, monkeypatch):
    shop.till.land("good.parquet", [1])
    changing = shop.till.land("changing.parquet", [2])
    longer = shop.till.land("longer.parquet", [2, 3]).read_bytes()
    (shop.till.folder / "longer.parquet").unlink()
    module = sys.modules["platform_resources.pipeline.ingest"]
    insert = module._insert

    def insert_after_the_change(*arguments):
        if changing.stat().st_size != len(longer):
            changing.write_bytes(longer)
        return insert(*arguments)

    monkeypatch.setattr(module, "_insert", insert_after_the_change)
    report = shop.ingest()
    assert (report.files, report.quarantined) == (1, ())
    assert shop.ids() == [1]
    assert shop.ingest().files == 1
    assert shop.ids() == [1, 2, 3]


SEAMS = [
    ("ingest", "_prepare_table", "before"),
    ("ingest", "admit", "before"),
    ("admission", "scan", "before"),  # looked at, not judged
    ("ingest", "_take", "before"),  # judged, nothing written
    ("ingest", "_insert", "after"),  # rows written, transaction open
    ("ingest", "record", "after"),  # ledger written, transaction open
    ("ingest", "_take", "after"),  # committed, nothing moved
    ("quarantine", "_write_whole", "after"),  # reason written, file not moved
    ("quarantine", "_move", "after"),  # first of two files moved
    ("ingest", "watermark", "before"),  # all done, nothing told
]


@pytest.mark.parametrize(("module", "function", "when"), SEAMS, ids=lambda value: str(value))
def test_killed_between_any_two_steps_nothing_is_lost_or_doubled(shop, module, function, when):
    shop.till.land("a.parquet", [1, 2])
    shop.ingest()
    shop.till.land("b.parquet", [3, 4])
    shop.till.land("bad.parquet", [5], currency="'EUR'")
    shop.till.land("worse.parquet", [6, 6])
    killed = fork_server.Process(target=ingest_killed, args=(shop.root, module, function, when))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    shop.ingest("after")
    assert shop.ids() == [1, 2, 3, 4]
    refused = {"bad.parquet", "worse.parquet"}
    assert shop.quarantine() == refused | {f"{name}.reason.json" for name in refused}
    assert shop.till.names() == ["a.parquet", "b.parquet"]
    outcomes = "SELECT file, count(*), any_value(outcome) FROM shop.mesh.ingested_files GROUP BY file ORDER BY file"
    assert shop.query(outcomes) == [
        ("a.parquet", 1, "taken"),
        ("b.parquet", 1, "taken"),
        ("bad.parquet", 1, "quarantined"),
        ("worse.parquet", 1, "quarantined"),
    ]
    assert fsck(shop.settings, "shop").findings == ()


def test_two_ingests_at_once_take_every_file_once(shop):
    files = 60
    for number in range(files):
        shop.till.land(f"f{number:02}.parquet", [number], extracted_at=NOW + minutes(number))
    for number in range(5):
        shop.till.land(f"bad{number}.parquet", [1000 + number], currency="'EUR'")
    running = [process(INGEST, shop.root, f"p{n}", 4) for n in range(3)]
    for number in range(files, files + 20):  # landing goes on meanwhile
        shop.till.land(f"f{number:02}.parquet", [number], extracted_at=NOW + minutes(number))
    told = [line.split() for p in running for line in p.communicate(timeout=120)[0].splitlines()]
    assert [p.returncode for p in running] == [0, 0, 0]
    rest = shop.ingest("rest")
    assert shop.ids() == list(range(files + 20))
    assert sum(int(taken) for taken, *_ in told) + rest.files == files + 20
    assert sum(int(refused) for _, _, refused, _ in told) == 5
    assert len(shop.quarantine()) == 10


def test_a_repeated_key_in_two_ingests_at_once_is_taken_once(shop):
    for number in range(6):
        shop.till.land(f"f{number}.parquet", [7, 100 + number], extracted_at=NOW + minutes(number))
    running = [process(INGEST, shop.root, f"p{n}", 1) for n in range(3)]
    for one in running:
        one.communicate(timeout=60)
    assert [one.returncode for one in running] == [0, 0, 0]
    assert shop.ids() == [7, 100]


def test_a_name_full_of_wildcards_is_a_name(shop):
    for number, name in enumerate(
        ["a*.parquet", "ab.parquet", "a[b].parquet", "a?.parquet", "it's.parquet", "ü .parquet"]
    ):
        shop.till.land(name.replace("'", ""), [number]).rename(shop.till.folder / name)
    report = shop.ingest()
    assert (report.files, report.rows) == (6, 6)
    assert shop.ids() == list(range(6))


def test_a_home_whose_name_looks_like_a_partition_or_a_pattern(tmp_path):
    root = tmp_path / "amount=5" / "[x]*"
    root.mkdir(parents=True)
    shop = Shop(root)
    shop.till.land("a.parquet", [1])
    assert shop.ingest().files == 1
    assert shop.query("SELECT amount::VARCHAR FROM shop.internal.lines") == [("1.00",)]


def test_a_new_column_in_the_files_is_tolerated_whatever_its_type(shop):
    shop.till.land("a.parquet", [1])
    shop.till.land("b.parquet", [2], columns="42 AS colour, id, amount, currency, landed_at")
    shop.till.land("c.parquet", [3], columns="landed_at, {'x': 1} AS colour, currency, amount, id")
    assert shop.ingest().files == 3
    assert shop.ids() == [1, 2, 3]


def test_a_contract_that_gains_a_column(shop):
    shop.till.land("a.parquet", [1])
    shop.ingest()
    shop.redefine(
        SOURCE.replace(
            "      - {name: landed_at",
            "      - {name: till, logicalType: integer, physicalType: BIGINT}\n      - {name: landed_at",
        )
    )
    old = shop.till.land("b.parquet", [2])
    shop.till.land("c.parquet", [3], columns="id, amount, currency, landed_at, 9::BIGINT AS till")
    report = shop.ingest()
    assert report.files == 1
    assert "column till is missing" in report.quarantined[0].reasons[0]
    assert shop.query("SELECT id, till FROM shop.internal.lines ORDER BY id") == [(1, None), (3, 9)]
    assert not old.exists()


def test_a_column_named_like_our_own_bookkeeping(shop):
    shop.till.land("a.parquet", [1], columns="*, 1 AS stamp, 2 AS file, 3 AS filename, 4 AS _load_id")
    assert shop.ingest().files == 1
    assert shop.query("SELECT landed_at::VARCHAR, _load_id FROM shop.internal.lines") == [("2026-03-02 11:55:00", 1)]


def test_a_contract_whose_type_grows(shop):
    shop.redefine(SOURCE.replace("physicalType: BIGINT", "physicalType: INTEGER"))
    shop.till.land("a.parquet", [1], columns="id::INTEGER AS id, amount, currency, landed_at")
    shop.ingest()
    shop.redefine(SOURCE)
    shop.till.land("b.parquet", [1 << 40])
    assert shop.ingest().files == 1
    assert shop.ids() == [1, 1 << 40]


def test_a_contract_whose_type_can_not_be_changed_says_so_and_rounds_nothing(shop):
    shop.till.land("a.parquet", [1])
    shop.ingest()
    shop.redefine(SOURCE.replace("DECIMAL(10,2)", "DECIMAL(10,4)"))
    shop.till.land("b.parquet", [2], amount="1.2345::DECIMAL(10,4)")
    with pytest.raises(IngestError, match=r"shop.internal.lines can't become what lines.odcs.yaml says now.*new name"):
        shop.ingest()
    assert shop.ids() == [1]
    assert shop.till.names() == ["a.parquet", "b.parquet"]


def test_looking_for_news_reads_no_file(shop):
    shop.till.land("a.parquet", [1])
    shop.ingest()
    with connect(shop.settings, reads=["shop"]) as con:
        assert new_files(con, shop.settings, "shop", shop.source) == []
        late = shop.till.land("b.parquet", [2])
        late.write_bytes(b"anything")
        assert new_files(con, shop.settings, "shop", shop.source) == [late]


def test_what_waits_in_quarantine_is_told_until_it_is_mended(shop):
    def waiting():
        with connect(shop.settings, reads=["shop"]) as con:
            return [(w.file, w.path.exists()) for w in waiting_in_quarantine(con, shop.settings, "shop")]

    shop.till.land("a.parquet", [1], currency="'EUR'")
    shop.ingest()
    assert waiting() == [("a.parquet", True)]
    shop.till.land("a.parquet", [1])
    shop.ingest(now=NOW + minutes(1))
    assert waiting() == []
    shop.till.land("a.parquet", [2])
    shop.ingest(now=NOW + minutes(2))
    assert len(waiting()) == 1
    note = json.loads(next(Path(shop.settings.quarantine).rglob("*.reason.json")).read_text())
    assert note["source"] == "shop.lines"
