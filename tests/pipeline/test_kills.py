"""`kill -9` in the middle of ingest, build, audit and publish, again and again.

After every kill the port serves a complete version that was audited, the next run succeeds, and in the end nothing is
lost and nothing is left lying about.
"""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import timedelta
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import PortAddress, Retention, connect, fsck, maintain, publications, utc_now
from tests.pipeline.building import STOCK_FAULTS, STOCK_ROWS, Shop
from tests.warm import fork_server

KILLS_PER_PHASE = 26
# Phase -> module and function that begins it, and about how long it lasts, in seconds.
PHASES = {
    "ingest": ("ingest", "_take", 0.12),
    "build": ("publishing", "replace_table", 0.12),
    "audit": ("publishing", "evaluate", 0.08),
    "publish": ("publishing", "publish", 0.16),
}
FAULTS = [None, None, *(fault for fault in STOCK_FAULTS if fault)]


def run_until_killed(root: Path, version: int, fault: str | None, phase: str, tell: Connection) -> None:
    """One run; it tells when the phase begins, and its outcome if it lives to see one."""
    building = import_module("tests.pipeline.building")
    module_name, function, _ = PHASES[phase]
    module = import_module(f"platform_resources.pipeline.{module_name}")
    step = getattr(module, function)

    def told_step(*arguments, **more):
        tell.send(phase)
        return step(*arguments, **more)

    setattr(module, function, told_step)
    if phase == "build":
        building.replace_table = told_step
    shop = Shop(root, load_domain(root / "domains" / "shop"))
    shop.ingest(f"killed-{version}")
    shop.build(version, fault)
    outcome = shop.publish(f"killed-{version}")
    tell.send(("published", version) if outcome.published else ("refused", version))
    time.sleep(60)


def killed_run(shop: Shop, version: int, fault: str | None, phase: str, after: float | None) -> object:
    """What the run told last before it was killed: seconds after its phase had begun, or once it was through."""
    hear, tell = fork_server.Pipe(duplex=False)
    process = fork_server.Process(target=run_until_killed, args=(shop.root, version, fault, phase, tell))
    process.start()
    tell.close()
    told = None
    try:
        # A faulty version is refused, and never gets to its publication.
        while told is None or (isinstance(told, str) and told != phase):
            assert hear.poll(60), f"the run never got to {phase}"
            told = hear.recv()
        if after is None:
            assert hear.poll(60), "the run never came to its end"
            told = hear.recv()
        else:
            time.sleep(after)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    while hear.poll():
        try:
            told = hear.recv()
        except EOFError:
            break
    hear.close()
    assert process.exitcode == -signal.SIGKILL
    process.close()
    return told


@pytest.mark.slow(seconds=130)
def test_a_hundred_kills_lose_nothing(shop: Shop) -> None:
    chance = random.Random(20260302)
    shop.build(1)
    shop.publish("first")
    good, served, landed, orphans = {1}, 1, 0, 0
    plan = [phase for phase in PHASES for _ in range(KILLS_PER_PHASE)]
    chance.shuffle(plan)
    outcomes: dict[str, int] = {}
    for number, phase in enumerate(plan, start=1):
        version, fault = 2 * number, None if phase == "publish" else FAULTS[number % len(FAULTS)]
        shop.till.land(f"f{number:03}.parquet", [landed])
        landed += 1
        through = phase == "publish" and number % 4 == 0  # whatever time the machine takes to publish
        told = killed_run(shop, version, fault, phase, None if through else chance.uniform(0, PHASES[phase][2]))
        if fault is None:
            good.add(version)

        rows, filled, ids, low, high = shop.query(
            "SELECT count(*), count(version), count(DISTINCT id), min(version), max(version) FROM shop.stock.v1"
        )[0]
        assert (rows, filled, ids) == (STOCK_ROWS,) * 3
        assert low == high
        assert low in good
        assert low >= served, "the port went back"
        if told == ("published", version):
            assert low == version, "a publication was acknowledged and lost"
        served = low
        outcome = "published" if low == version else "left as it was"
        outcomes[f"{phase}: {outcome}"] = outcomes.get(f"{phase}: {outcome}", 0) + 1

        if number % 8 == 0:  # between, the next run finds what several killed ones left
            shop.ingest(f"run-{number}")
            shop.build(version + 1)
            assert shop.publish(f"run-{number}").published
            good.add(version + 1)
            served = version + 1
        if number % KILLS_PER_PHASE == 0:
            orphans += clean_up(shop, number)

    assert len(plan) >= 100
    assert {"publish: published", "publish: left as it was"} <= set(outcomes), outcomes
    assert shop.ids() == list(range(landed))
    assert fsck(shop.settings, "shop").findings == ()
    with connect(shop.settings, reads=["shop"]) as con:
        log = publications(con, "shop", PortAddress.parse("shop.stock.v1"))
    assert [p.number for p in log] == list(range(len(log), 0, -1))

    orphans += clean_up(shop, len(plan) + 1)
    clean_up(shop, len(plan) + 2)  # what the last merge replaced
    report = fsck(shop.settings, "shop")
    assert report.findings == ()
    assert orphans > 0, "no kill left an orphan behind, which proves nothing about their clean-up"
    assert len(list((shop.settings.lake_folder("shop") / "data").rglob("*.parquet"))) == report.files
    assert shop.ids() == list(range(landed))
    assert shop.query("SELECT count(*), min(version), max(version) FROM shop.stock.v1") == [
        (STOCK_ROWS, served, served)
    ]
    print(f"\n{len(plan)} kills: {outcomes}, {orphans} orphans")  # noqa: T201  (shown with -s)


def clean_up(shop: Shop, days: int) -> int:
    """Maintenance so many days later; the number of orphans that it deleted."""
    later = utc_now() + timedelta(days=30 + days)  # DuckLake stamps snapshots with the wall clock
    return maintain(shop.settings, "shop", later, Retention(keep_publications=3)).orphans_deleted
