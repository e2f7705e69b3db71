"""Many readers at once while publications go on: no error, and each answer is of one publication."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median, quantiles

import httpx
import pytest

from platform_resources.serving.limits import ApiLimits
from tests.guarded import make_mesh
from tests.serving.conftest import DATA, serve
from tests.serving.publishing import ROWS, publish_number
from tests.serving.test_data import rows_of
from tests.tiny_mesh import REPOSITORY

FORMS = ("json", "ndjson", "csv", "parquet", "arrow")
SHARE = {"ana": 1.0, "desk": 1.0, "reggie": 0.5}  # of the rows that a reader sees
PLENTY = ApiLimits(requests_per_minute=10**7, streams=100, open_streams=200)


class Readers:
    """Threads that read and judge each answer until told to stop."""

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self.url = url
        self.tokens = tokens
        self.milliseconds: list[float] = []
        self.wrong: list[str] = []
        self.publications: set[int] = set()
        self._stop = threading.Event()

    def run(self, count: int, seconds: float) -> None:
        threads = [threading.Thread(target=self._read, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while (waited := time.monotonic() - began) < seconds or (len(self.publications) < 2 and waited < 120):
            time.sleep(0.1)
        self._stop.set()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()

    def _read(self, number: int) -> None:
        who = list(SHARE)[number % len(SHARE)]
        chance = random.Random(number)
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False) as client:
            while not self._stop.is_set() and not self.wrong:
                query = {"format": chance.choice(FORMS), "columns": "customer_id,balance,email"}
                small = chance.random() < 0.5
                query |= {"limit": "20"} if small else {"limit": "10000"} if query["format"] == "json" else {}
                began = time.perf_counter()
                try:
                    answer = client.get(DATA, params=query)
                    self.milliseconds.append((time.perf_counter() - began) * 1000)
                    self._judge(who, answer, 20 if small else int(ROWS * SHARE[who]))
                except (httpx.HTTPError, AssertionError) as error:
                    self.wrong.append(f"{who} {query}: {error!r}")

    def _judge(self, who: str, answer: httpx.Response, count: int) -> None:
        rows = rows_of(answer)
        publication = int(answer.headers["Mesh-Publication"])
        self.publications.add(publication)
        assert len(rows) == count, f"{len(rows)} rows"
        assert {float(row["balance"]) for row in rows} == {float(publication)}, "torn"
        assert ("CANARY" in answer.text if who == "desk" else "CANARY" not in answer.text) or b"PAR1" in answer.content


def load(folder: Path, readers: int, seconds: float) -> None:
    mesh = make_mesh(folder)
    publish_number(mesh.settings, 2)
    command = [
        sys.executable,
        "-m",
        "tests.serving.publishing",
        str(mesh.settings.home),
        str(mesh.settings.project),
        "1",
    ]
    with serve(mesh, limits=PLENTY) as api:
        publishing = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        try:
            crowd = Readers(api.url, mesh.tokens)
            crowd.run(readers, seconds)
            assert publishing.poll() is None, "publishing failed"
        finally:
            publishing.kill()
            made = len(publishing.stdout.read().split())
            publishing.wait()
            publishing.stdout.close()
        assert crowd.wrong == []
        assert made > 0
        assert len(crowd.publications) > 1
        assert api.mesh.access.audit.verify().sound
    mesh.access.close()
    late = quantiles(crowd.milliseconds, n=100)[-1]
    told = (
        f"{readers} readers, {seconds:g} s: {len(crowd.milliseconds)} answers of {len(crowd.publications)} publications"
    )
    print(f"{told}, {made} made meanwhile; median {median(crowd.milliseconds):.0f} ms, p99 {late:.0f} ms")  # noqa: T201


def test_readers_see_whole_publications_while_others_are_made(tmp_path: Path) -> None:
    load(tmp_path, readers=12, seconds=8)


@pytest.mark.slow
def test_fifty_readers(tmp_path: Path) -> None:
    load(tmp_path, readers=50, seconds=12)
