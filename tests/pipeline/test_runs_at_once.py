"""Runs at the same time, of one domain and of several: nothing is lost, nothing fails."""

from __future__ import annotations

import json
import subprocess
import sys

from platform_resources.lake import PortAddress, connect, fsck, publications
from tests.pipeline.building import REPOSITORY, STOCK_ROWS, Shop, write_domain

ROUNDS = 8
RUN = """
import json, sys
from pathlib import Path
from platform_resources.contracts import load_domain
from tests.pipeline.building import build_stock, publish_stock, settings_of

root, name, base, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
settings, domain = settings_of(root), load_domain(root / "domains" / name)
told = []
for version in range(base, base + rounds):
    build_stock(settings, version, domain=name)
    outcome = publish_stock(settings, domain, f"run-{version}")
    told.append([outcome.snapshot, outcome.publication.number, outcome.publication.snapshot])
print(json.dumps(told))
"""
INGEST = """
import sys
from pathlib import Path
from platform_resources.contracts import load_domain
from tests.pipeline.building import Shop

shop = Shop(Path(sys.argv[1]), load_domain(Path(sys.argv[1]) / "domains" / "shop"))
for number in range(int(sys.argv[2])):
    shop.till.land(f"f{number:02}.parquet", [number])
    assert shop.ingest(f"ingest-{number}").files == 1
"""


def start(code: str, shop: Shop, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(shop.root), *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE)


def test_runs_of_one_domain_and_of_another_at_once(shop: Shop) -> None:
    write_domain(shop.root, name="depot")
    runs = {
        (name, base): start(RUN, shop, name, base, ROUNDS)
        for name, base in (("shop", 1000), ("shop", 2000), ("depot", 3000))
    }
    ingest = start(INGEST, shop, ROUNDS)
    told = {run: json.loads(process.communicate(timeout=300)[0]) for run, process in runs.items()}
    ingest.communicate(timeout=300)
    assert [process.returncode for process in (*runs.values(), ingest)] == [0, 0, 0, 0]

    assert shop.ids() == list(range(ROUNDS))
    for name in ("shop", "depot"):
        port = PortAddress.parse(f"{name}.stock.v1")
        with connect(shop.settings, reads=[name]) as con:
            log = publications(con, name, port)
            served = con.execute(f"SELECT count(*), min(version), max(version) FROM {port.sql}").fetchone()
            table = f"{name}.internal.stock AT (VERSION => {log[0].snapshot})"
            stood = con.execute(f"SELECT count(*), min(version), max(version) FROM {table}").fetchone()
        assert served == stood
        assert served[0] == STOCK_ROWS
        assert served[1] == served[2]
        assert [p.number for p in log] == list(range(len(log), 0, -1))
        assert [p.snapshot for p in log] == sorted((p.snapshot for p in log), reverse=True)
        made = {p.number for p in log}
        for (domain, _), publications_of_run in told.items():
            if domain == name:  # what a run built is served, by its own publication or by a later one
                assert all(number in made and by >= snapshot for snapshot, number, by in publications_of_run)
        last = max(of[-1][0] for (domain, _), of in told.items() if domain == name)
        assert log[0].snapshot >= last
        assert fsck(shop.settings, name).findings == ()
    assert len(told["depot", 3000]) == ROUNDS
