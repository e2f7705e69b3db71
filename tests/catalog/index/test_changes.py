"""What another process did is found, and only what changed is told."""

from __future__ import annotations

import shutil
import time

from tests.catalog.index.conftest import run_python
from tests.shipped import hide

PUBLISH = """
import sys
from pathlib import Path
from platform_resources.lake import MeshSettings
from tests.shipped import ShippedMesh
ShippedMesh(MeshSettings(home=Path(sys.argv[1]), project=Path(sys.argv[2]))).publish("finance.revenue.v1")
"""
SECONDS = 30  # to wait for what takes well below one


def test_what_another_process_published_is_found(shipped, index):
    before = index.product("finance.revenue")
    revision = index.renew(at_once=True)
    run_python(shipped, PUBLISH, str(shipped.settings.home), str(shipped.settings.project))
    until = time.monotonic() + SECONDS
    while index.renew() == revision and time.monotonic() < until:
        time.sleep(0.05)
    found = index.product("finance.revenue").ports[0]
    assert (found.publication or 0) > (before.ports[0].publication or 0)
    assert index.changed_since(revision).products == ("finance.revenue",)


def test_only_what_changed_is_told(shipped, index):
    revision = index.renew(at_once=True)
    assert index.changed_since(revision).products == ()
    file = shipped.settings.domains / "sales" / "products" / "bookings" / "product.odps.yaml"
    text = file.read_text()
    hide(shipped, "sales.bookings")
    later = index.renew(at_once=True)
    changes = index.changed_since(revision)
    assert (changes.products, changes.terms, changes.everything) == (("sales.bookings",), (), False)
    assert changes.revision == later > revision
    assert index.product("sales.bookings").hidden
    file.write_text(text)
    index.renew(at_once=True)
    assert not index.product("sales.bookings").hidden
    everything = index.changed_since(0)
    assert everything.everything
    assert "finance.revenue" in everything.products


def test_what_is_gone_is_told_as_changed(shipped, index, tmp_path):
    revision = index.renew(at_once=True)
    folder = shipped.settings.domains / "finance"
    shutil.move(folder, tmp_path)
    index.renew(at_once=True)
    changes = index.changed_since(revision)
    assert "finance.revenue" in changes.products
    assert index.product("finance.revenue") is None
    assert "finance.revenue" in changes.terms
    assert index.edges_of_ports("finance.revenue.v1") == ()
    shutil.move(tmp_path / "finance", folder)
    index.renew(at_once=True)
    assert index.product("finance.revenue") is not None
