"""A revoked grant opens nothing, in no process and in no stream, a second later."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access import ReadQuery
from platform_resources.access.errors import DeniedError
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh
from tests.tiny_mesh import environment

# Reads again and again; says when it began to read what it got, and when it was refused.
READER = """
import sys, time
from platform_resources.access import Access, AccessError, ReadQuery
from platform_resources.lake import MeshSettings, PortAddress

with Access(MeshSettings.from_env(), personas=False) as access:
    while True:
        began = time.time()
        try:
            relation = access.guard.open(access.authenticate(sys.argv[1]), PortAddress.parse("shop.customers.v1"))
            with relation.read(ReadQuery(limit=1)) as reading:
                assert reading.table().num_rows == 1
        except AccessError as error:
            print("refused", began, error.code, flush=True)
            break
        print("read", began, flush=True)
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    made.token("ana", scopes=("read", "request"))
    yield made
    made.access.close()


def test_another_process_refuses_within_a_second(mesh: GuardedMesh) -> None:
    (grant,) = mesh.access.requests.grants(mesh.caller("ana"))
    command = [sys.executable, "-c", READER, mesh.tokens["ana"]]
    env = environment(mesh.settings.project, mesh.settings.home)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline().startswith("read ")
        mesh.access.requests.revoke(mesh.caller("ana"), grant.id, "Not needed any more.")
        revoked = time.time()
        *read, last = process.stdout.read().splitlines()
    assert last.startswith("refused ")
    assert last.endswith(" denied")
    assert all(float(line.split()[1]) < revoked + 1 for line in read)


def test_an_open_stream_is_cut(mesh: GuardedMesh) -> None:
    (grant,) = mesh.access.requests.grants(mesh.caller("ana"))
    relation = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    with relation.read(ReadQuery(), batch_rows=1) as reading:
        batches = iter(reading)
        next(batches)
        time.sleep(0.6)
        next(batches)  # looked again: the grant holds
        mesh.access.requests.revoke(mesh.caller("ana"), grant.id, "Not needed any more.")
        time.sleep(0.6)
        with pytest.raises(DeniedError, match="ended"):
            for _ in batches:
                pass
