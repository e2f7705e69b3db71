"""While one process builds and publishes, half of it bad, others read: never an unaudited or failed version."""

from __future__ import annotations

import json
import subprocess
import sys

from platform_resources.lake import PortAddress, connect, publications
from tests.pipeline.building import REPOSITORY, STOCK_ROWS, Shop

READS = 600  # by each of two readers

# Odd versions are good; even ones are broken in one way after the other.
WRITER = """
import itertools, json, sys
from pathlib import Path
from platform_resources.contracts import load_domain
from tests.pipeline.building import STOCK_FAULTS, Shop

root, stop = Path(sys.argv[1]), Path(sys.argv[2])
shop = Shop(root, load_domain(root / "domains" / "shop"))
faults = itertools.cycle([fault for fault in STOCK_FAULTS if fault])
told = {"published": 0, "refused": 0}
for version in itertools.count(3):
    shop.build(version, None if version % 2 else next(faults))
    outcome = shop.publish(f"run-{version}")
    assert outcome.published == bool(version % 2), (version, outcome.audit.failures)
    told["published" if outcome.published else "refused"] += 1
    if stop.exists():
        break
print(json.dumps(told))
"""
READER = """
import json, sys
from pathlib import Path
from platform_resources.lake import connect
from tests.pipeline.building import STOCK_ROWS, settings_of

settings, reads = settings_of(Path(sys.argv[1])), int(sys.argv[2])
done, bad, versions = 0, [], []
while done < reads:
    with connect(settings, reads=["shop"]) as con:
        for _ in range(30):
            found = con.execute(
                "SELECT count(*), count(version), count(DISTINCT id), min(version), max(version) FROM shop.stock.v1"
            ).fetchone()
            rows, filled, ids, low, high = found
            if (rows, filled, ids) != (STOCK_ROWS,) * 3 or low != high or low % 2 == 0:
                bad.append(found)
            versions.append(low)
            done += 1
print(json.dumps({"reads": done, "bad": bad, "seen": len(set(versions)), "back": sorted(versions) != versions}))
"""


def test_readers_never_see_a_version_that_did_not_pass(shop: Shop, tmp_path) -> None:
    shop.build(1)
    shop.publish("run-1")
    stop = tmp_path / "stop"

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(shop.root), *map(str, arguments)],
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
        )

    writer = start(WRITER, stop)
    readers = [start(READER, READS) for _ in range(2)]
    told = [json.loads(reader.communicate(timeout=300)[0]) for reader in readers]
    stop.touch()
    written = json.loads(writer.communicate(timeout=60)[0])

    assert sum(t["reads"] for t in told) >= 1_000
    assert [bad for t in told for bad in t["bad"]] == []
    assert not any(t["back"] for t in told)
    assert min(t["seen"] for t in told) >= 3, "the readers saw too few versions to prove anything"
    assert min(written.values()) >= 5, written
    with connect(shop.settings, reads=["shop"]) as con:
        log = publications(con, "shop", PortAddress.parse("shop.stock.v1"))
        assert [p.number for p in log] == list(range(written["published"] + 1, 0, -1))
        assert {p.row_count for p in log} == {STOCK_ROWS}
        assert con.execute("SELECT count(*) FROM shop.mesh.refusals").fetchone() == (written["refused"],)
