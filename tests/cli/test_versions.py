"""Two majors of a port side by side, and the end of one, as its owner and its readers live through it."""

from __future__ import annotations

import math
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Mesh
from tests.made_once import copy_of
from tests.orchestration.versions import ORDERS, READER, add_v2, edit, move_reader, no_council
from tests.tiny_mesh import LANDED_AT, land, write_project

pytestmark = pytest.mark.slow  # each step is a process, most of them import Dagster

NEXT = (4, "dan@post.example", "+1-555-0104", "blue", 2000, "5.00")
FREE = (5, "eve@post.example", "+1-555-0105", "blue", 2001, "-1.00")
LARGE = (6, "fay@post.example", "+1-555-0106", "blue", 2002, "250.00")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """The tiny mesh with v1 published and v2 beside it, and the ledger reading v1."""
    folder = tmp_path_factory.mktemp("versions")
    copy_of("tiny-versions", _make_published, folder, oldest=math.inf)
    return Mesh(folder / "project", folder / "home")


def _make_published(folder: Path) -> None:
    mesh = Mesh(write_project(folder / "project"), folder / "home")
    no_council(mesh.project)
    land(mesh.home)
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (0, ["shop.orders.v1", "ledger.totals.v1"]), done.out
    add_v2(mesh.project)
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (0, ["shop.orders.v2"]), done.out


@pytest.fixture
def mesh(published: Mesh, tmp_path: Path) -> Mesh:
    copy = Mesh(tmp_path / "project", tmp_path / "home")
    shutil.copytree(published.project, copy.project)
    shutil.copytree(published.home, copy.home)
    return copy


def state(mesh: Mesh, port: str) -> dict[str, Any]:
    return next(item for item in mesh("status", "--json").json["products"] if item["port"] == port)


def rows(mesh: Mesh, sql: str) -> list[dict[str, Any]]:
    return mesh("query", sql, "--json").json["rows"]


def total(mesh: Mesh) -> str:
    return str(rows(mesh, "select amount from ledger.totals.v1")[0]["amount"])


class TestSideBySide:
    def test_each_is_served_by_its_own_contract(self, published: Mesh) -> None:
        sql = "select a.amount as dollars, b.amount as cents, a.phone from shop.orders.v1 a join shop.orders.v2 b "
        (row,) = rows(published, sql + "using (order_id) where order_id = 2")
        assert (row["dollars"], row["cents"]) == ("20.50", 2050)
        assert "phone" in published("query", "select phone from shop.orders.v2").err
        v1, v2 = state(published, "shop.orders.v1"), state(published, "shop.orders.v2")
        assert (v1["contract_version"], v2["contract_version"]) == ("1.0.0", "2.0.0")
        assert (v1["publication"], v2["publication"]) == (1, 1)
        log = published("publications", "shop.orders.v2", "--json").json
        assert [(entry["number"], entry["contract_version"]) for entry in log] == [(1, "2.0.0")]

    def test_show_tells_the_newest_active_one_and_names_the_other(self, published: Mesh) -> None:
        told = published("show", "shop.orders").out
        assert told.startswith("shop.orders.v2")
        assert "shop.orders.v1 (active)" in told
        assert published("show", "shop.orders.v1").out.startswith("shop.orders.v1")
        assert "read by" in published("show", "shop.orders.v1").out
        assert published("fsck").code == 0

    def test_both_follow_new_data_and_the_reader_of_v1_is_refreshed_once(self, mesh: Mesh) -> None:
        land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
        done = mesh("run", "--json")
        assert sorted(done.json["built"]) == ["ledger.totals.v1", "shop.orders.v1", "shop.orders.v2"]
        assert (total(mesh), mesh("run", "--json").json["built"]) == ("35.75", [])

    def test_one_port_is_built_without_the_other(self, mesh: Mesh) -> None:
        assert mesh("run", "shop.orders.v2", "--json").json["built"] == ["shop.orders.v2"]
        assert (state(mesh, "shop.orders.v1")["publication"], state(mesh, "shop.orders.v2")["publication"]) == (1, 2)

    def test_a_refused_v2_does_not_touch_v1(self, mesh: Mesh) -> None:
        land(mesh.home, [LARGE], LANDED_AT + timedelta(minutes=10))
        done = mesh("run", "--json")
        assert (done.code, list(done.json["refused"])) == (1, ["shop.orders.v2"])
        assert sorted(done.json["built"]) == ["ledger.totals.v1", "shop.orders.v1"]
        assert len(rows(mesh, "select order_id from shop.orders.v1")) == 4
        assert len(rows(mesh, "select order_id from shop.orders.v2")) == 3
        assert ("refused" in state(mesh, "shop.orders.v1"), "refused" in state(mesh, "shop.orders.v2")) == (False, True)

    def test_a_refused_v1_does_not_hold_v2(self, mesh: Mesh) -> None:
        land(mesh.home, [FREE], LANDED_AT + timedelta(minutes=10))
        done = mesh("run", "--json")
        assert (done.json["built"], list(done.json["refused"])) == (["shop.orders.v2"], ["shop.orders.v1"])
        assert total(mesh) == "30.75"

    def test_a_broken_model_of_v2_does_not_touch_v1(self, mesh: Mesh) -> None:
        edit(mesh.project / "domains/shop/assets.py", ("amount * 100", "price * 100"))
        land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
        done = mesh("run", "--json")
        assert sorted(done.json["built"]) == ["ledger.totals.v1", "shop.orders.v1"]
        assert done.code == 1
        assert list(done.json["failures"]) == ["shop_orders_v2_model"]

    def test_both_may_be_made_of_one_table(self, tmp_path: Path) -> None:
        mesh = Mesh(write_project(tmp_path / "project"), tmp_path / "home")
        no_council(mesh.project)
        add_v2(mesh.project, table="orders")
        land(mesh.home)
        done = mesh("run", "--json")
        assert sorted(done.json["built"]) == ["ledger.totals.v1", "shop.orders.v1", "shop.orders.v2"], done.out
        names = set(rows(mesh, "select * from shop.orders.v1 limit 1")[0])
        assert set(rows(mesh, "select * from shop.orders.v2 limit 1")[0]) == names - {"phone"}
        for port in ("shop.orders.v1", "shop.orders.v2"):
            assert state(mesh, port)["warnings"] == []
            assert state(mesh, port)["score"] == 100.0


class TestDraft:
    def test_a_draft_is_built_published_and_shown_as_one(self, mesh: Mesh) -> None:
        edit(mesh.project / ORDERS / "v2.odcs.yaml", ("status: active", "status: draft"))
        assert mesh("run", "--json").json["built"] == ["shop.orders.v2"]
        assert state(mesh, "shop.orders.v2")["status"] == "draft"
        assert "draft" in mesh("status").out
        assert mesh("show", "shop.orders").out.startswith("shop.orders.v1")

    def test_what_is_proposed_is_neither_built_nor_published(self, tmp_path: Path) -> None:
        mesh = Mesh(write_project(tmp_path / "project"), tmp_path / "home")
        no_council(mesh.project)
        edit(add_v2(mesh.project), ("status: active", "status: proposed"))
        land(mesh.home)
        assert "shop.orders.v2" not in mesh("run", "--json").json["built"]
        proposed = state(mesh, "shop.orders.v2")
        assert (proposed["status"], proposed["published"]) == ("proposed", False)
        assert "proposed: nothing of it is built" in mesh("run", "shop.orders.v2").out


class TestTheEnd:
    def test_from_deprecated_to_retired(self, mesh: Mesh) -> None:
        done = mesh("deprecate", "shop.orders.v1", "--until", "2999-03-31")
        assert done.code == 0
        assert "shop.orders.v1 is deprecated: served until 2999-03-31" in done.out
        assert "ledger.totals" in done.out
        assert mesh("run", "--json").code == 0
        v1, reader = state(mesh, "shop.orders.v1"), state(mesh, "ledger.totals.v1")
        assert (v1["status"], v1["publication"], v1["lifecycle"]["replaced_by"]) == ("deprecated", 2, "shop.orders.v2")
        assert v1["published_contract_version"] == "1.1.0"  # a notice is a change of the promise
        assert "still read by ledger.totals" in v1["lifecycle"]["notices"][0]
        assert reader["lifecycle"]["notices"][0].startswith("reads shop.orders.v1, which is deprecated")
        told = mesh("query", "select count(*) from shop.orders.v1")
        assert "shop.orders.v1 is deprecated, served until 2999-03-31; use shop.orders.v2" in told.err

        done = mesh("retire", "shop.orders.v1")
        assert done.code == 1
        assert "is still read by ledger.totals" in done.err
        assert state(mesh, "shop.orders.v1")["published"]

        move_reader(mesh.project)
        assert mesh("run", "--json").json["built"] == ["ledger.totals.v1"]
        done = mesh("retire", "shop.orders.v1", "--reason", "cents are exact")
        assert (done.code, "not served any more" in done.out) == (0, True), done.err
        ended = state(mesh, "shop.orders.v1")
        assert (ended["status"], ended["published"]) == ("retired", False)
        assert ended["lifecycle"]["retired"]["reason"] == "cents are exact"
        done = mesh("query", "select * from shop.orders.v1")
        assert done.code == 1
        assert "cents are exact; read shop.orders.v2 instead" in done.err
        kinds = [entry["kind"] for entry in mesh("publications", "shop.orders.v1", "--json").json]
        assert kinds == ["retire", "publish", "publish"]

        land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
        done = mesh("run", "--json")
        assert (done.code, sorted(done.json["built"])) == (0, ["ledger.totals.v1", "shop.orders.v2"])
        assert total(mesh) in ("35.75", "35.7500")
        assert mesh("fsck").code == 0
        assert mesh("retire", "shop.orders.v1").code == 0  # once more is no error

        done = mesh("rollback", "shop.orders.v1", "--to", "1")
        assert done.code == 1
        assert "change its `status`" in done.err
        edit(mesh.project / ORDERS / "v1.odcs.yaml", ("status: retired", "status: deprecated"))
        assert mesh("rollback", "shop.orders.v1", "--to", "1").code == 0
        assert len(rows(mesh, "select order_id from shop.orders.v1")) == 3

    def test_a_retirement_in_git_alone_is_done_by_the_next_run(self, mesh: Mesh) -> None:
        move_reader(mesh.project)
        assert mesh("run", "--json").code == 0
        edit(mesh.project / ORDERS / "v1.odcs.yaml", ("status: active", "status: retired"))
        assert mesh("run", "ledger", "--json").json["retired"] == {}  # of another domain
        done = mesh("run", "--json")
        assert (done.code, list(done.json["retired"])) == (0, ["shop.orders.v1"])
        assert not state(mesh, "shop.orders.v1")["published"]
        assert mesh("run", "--json").json["retired"] == {}

    def test_a_port_that_is_removed_from_the_documents_is_told_and_served_on(self, mesh: Mesh) -> None:
        move_reader(mesh.project)
        assert mesh("run", "--json").code == 0
        (mesh.project / ORDERS / "v1.odcs.yaml").unlink()
        port = '  - {name: orders, version: "1", contractId: shop.orders.v1}\n'
        edit(mesh.project / ORDERS / "product.odps.yaml", (port, ""))
        done = mesh("run", "--json")
        assert (done.code, done.json["retired"]) == (0, {})
        assert len(rows(mesh, "select order_id from shop.orders.v1")) == 3
        told = mesh("check", "shop").out
        assert "shop.orders.v1 is published, but no document offers it any more" in " ".join(told.split())

    def test_a_retirement_that_would_hit_a_reader_is_held_and_the_port_served(self, mesh: Mesh) -> None:
        edit(mesh.project / ORDERS / "v1.odcs.yaml", ("status: active", "status: retired"))
        done = mesh("run", "--json")
        assert done.code == 1
        assert "is to be retired, but is read by ledger.totals" in done.json["blocked"]["shop.orders.v1"]
        assert done.json["retired"] == {}
        assert len(rows(mesh, "select order_id from shop.orders.v1")) == 3
        assert mesh("run", "ledger", "--json").json["built"] == ["ledger.totals.v1"]  # it reads what is served

    def test_force_needs_a_reason_and_the_reader_is_told_why_its_build_fails(self, mesh: Mesh) -> None:
        assert mesh("retire", "shop.orders.v1", "--force").code == 2
        done = mesh("retire", "shop.orders.v1", "--force", "--reason", "the till is gone", "--json")
        assert (done.code, done.json["readers"], done.json["taken_down"]) == (0, ["ledger.totals"], True)
        done = mesh("run", "ledger.totals", "--json")
        assert done.code == 1
        (message,) = done.json["failures"].values()
        assert "shop.orders.v1 was retired on" in message
        assert "the till is gone; read shop.orders.v2 instead" in message
        assert total(mesh) == "30.75"  # what was published of it stays
        assert "reads shop.orders.v1, which is retired; use shop.orders.v2" in mesh("status").out

    def test_what_the_gate_holds_is_not_retired_and_its_contract_left_alone(self, mesh: Mesh) -> None:
        move_reader(mesh.project)
        assert mesh("run", "--json").code == 0
        product, contract = mesh.project / ORDERS / "product.odps.yaml", mesh.project / ORDERS / "v1.odcs.yaml"
        unknown = 'inputPorts:\n  - {name: crm.nothing, version: "1", contractId: crm.nothing.v1}\n'
        edit(product, ("outputPorts:\n", f"{unknown}outputPorts:\n"))
        before = contract.read_bytes()
        done = mesh("retire", "shop.orders.v1")
        assert done.code == 1
        assert "nothing was changed" in done.err
        assert "domains/shop/products/orders/product.odps.yaml" in done.err
        assert "reads crm.nothing.v1, which no domain offers" in " ".join(done.err.split())
        assert contract.read_bytes() == before
        assert state(mesh, "shop.orders.v1")["published"]

    def test_what_is_asked_wrongly_is_told(self, published: Mesh) -> None:
        before = (published.project / ORDERS / "v1.odcs.yaml").read_bytes()
        for arguments, said in (
            (("deprecate", "shop.orders.v1", "--until", "2020-01-01"), "is past"),
            (("deprecate", "shop.orders.v9", "--until", "2999-01-01"), "there is no port shop.orders.v9"),
            (("deprecate", "shop.orders.v1", "--until", "soon"), "soon"),
            (("deprecate", "shop.orders.v1", "--until", "2999-01-01", "--replaced-by", "shop.orders.v1"), "itself"),
            (("deprecate", "shop.orders.v1", "--until", "2999-01-01", "--replaced-by", "shop.x.v1"), "no port shop.x"),
            (("retire", "shop.nothing.v1"), "there is no port shop.nothing.v1"),
        ):
            done = published(*arguments)
            assert done.code == 2, arguments
            assert said in done.err, arguments
        assert (published.project / ORDERS / "v1.odcs.yaml").read_bytes() == before
        assert "version" in (published.project / READER / "product.odps.yaml").read_text()
