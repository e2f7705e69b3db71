"""Commands that change the mesh: run, rollback, maintain, and what fsck says of damage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Mesh
from tests.tiny_mesh import LANDED_AT, land

pytestmark = pytest.mark.slow  # each run is a process that imports Dagster: two minutes in all

NEXT = (4, "dan@post.example", "+1-555-0104", "blue", 2000, "5.00")
FREE = (5, "eve@post.example", "+1-555-0105", "blue", 2001, "-1.00")


def _order_ids(mesh: Mesh) -> list[int]:
    rows = mesh("query", "select order_id from shop.orders.v1 order by 1", "--json").json["rows"]
    return [row["order_id"] for row in rows]


def _state(mesh: Mesh, port: str = "shop.orders.v1") -> dict[str, Any]:
    return next(item for item in mesh("status", "--json").json["products"] if item["port"] == port)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_second_run_builds_nothing_and_new_data_builds_what_reads_it(mesh: Mesh) -> None:
    done = mesh("run", "--json")
    assert (done.code, done.json["built"], done.json["ingested_rows"]) == (0, [], 0)
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    done = mesh("run", "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert (done.json["built"], done.json["ingested_rows"]) == (["shop.orders.v1", "ledger.totals.v1"], 1)
    assert _order_ids(mesh) == [1, 2, 3, 4]
    (totals,) = mesh("query", "select * from ledger.totals.v1", "--json").json["rows"]
    assert (totals["orders"], totals["amount"]) == (4, "35.75")


def test_a_named_product_is_built_whatever_is_due(mesh: Mesh) -> None:
    done = mesh("run", "ledger.totals", "--json")
    assert done.json["built"] == ["ledger.totals.v1"]
    assert mesh("run", "shop", "--json").json["built"] == ["shop.orders.v1"]


def test_a_refused_version_is_told_and_consumers_keep_the_old_one(mesh: Mesh) -> None:
    land(mesh.home, [FREE], LANDED_AT + timedelta(minutes=10))
    done = mesh("run")
    assert done.code == 1
    assert "shop.orders.v1 was not published" in " ".join(done.err.split())
    assert "no_free_orders" in done.err
    assert _order_ids(mesh) == [1, 2, 3]
    orders = _state(mesh)
    assert (orders["publication"], orders["rows"]) == (1, 3)
    assert [failed["check"] for failed in orders["refused"]["failed"]] == ["no_free_orders"]
    assert "newer version refused" in mesh("status").out
    assert "no_free_orders" in mesh("show", "shop.orders").out


def _consent(mesh: Mesh, *versions: str) -> None:
    """The reader of orders agrees to whatever these versions of their contract change."""
    given = ", ".join(f"{{version: {v}, approver: ledger@retailer.example, given: 2026-01-01}}" for v in versions)
    file, end = mesh.project / "domains/ledger/products/totals/product.odps.yaml", "contractId: shop.orders.v1}"
    _edit(file, end, f"{end[:-1]}, customProperties: [{{property: consents, value: [{given}]}}]}}")


def test_a_refused_version_stays_refused_until_it_is_mended(mesh: Mesh) -> None:
    land(mesh.home, [FREE], LANDED_AT + timedelta(minutes=10))
    for _ in range(2):
        done = mesh("run", "--json")
        assert (done.code, list(done.json["refused"])) == (1, ["shop.orders.v1"])
    contract = mesh.project / "domains/shop/products/orders/v1.odcs.yaml"
    _edit(contract, "mustBe: 0", "mustBeLessThan: 2")
    _edit(contract, "version: 1.0.0", "version: 1.1.0")
    _consent(mesh, "1.1.0")
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (0, ["shop.orders.v1", "ledger.totals.v1"])
    assert _order_ids(mesh) == [1, 2, 3, 5]
    assert "refused" not in _state(mesh)


def test_rollback_serves_an_earlier_publication_again(mesh: Mesh) -> None:
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    assert mesh("run", "--json").code == 0
    done = mesh("rollback", "shop.orders.v1", "--to", "1", "--json")
    assert (done.code, done.json["number"], done.json["kind"], done.json["rows"]) == (0, 3, "rollback", 3)
    assert _order_ids(mesh) == [1, 2, 3]
    log = mesh("publications", "shop.orders", "--json").json
    assert [(entry["number"], entry["kind"]) for entry in log] == [(3, "rollback"), (2, "publish"), (1, "publish")]
    assert [entry["number"] for entry in mesh("publications", "shop.orders", "--limit", "1", "--json").json] == [3]
    assert "serves publication #2 again, as #4 (4 rows)" in mesh("rollback", "shop.orders.v1", "--to", "2").out


def test_rollback_to_what_is_not_there_says_so(mesh: Mesh) -> None:
    assert "no publication #9" in mesh("rollback", "shop.orders.v1", "--to", "9").err
    assert "already" in mesh("rollback", "shop.orders.v1", "--to", "1").err
    assert mesh("rollback", "shop.orders", "--to", "1").code in {1, 2}  # a product is no port
    assert mesh("rollback", "shop.orders.v1").code == 2
    assert mesh("rollback", "shop.nothing.v1", "--to", "1").code == 2
    assert _state(mesh)["publication"] == 1


def test_fsck_tells_damage_and_what_to_do(mesh: Mesh) -> None:
    damaged = next((mesh.home / "lakes/shop/data/internal/orders").rglob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-10])
    done = mesh("fsck", "--json")
    assert (done.code, done.json["sound"]) == (1, False)
    findings = [found for lake in done.json["lakes"] for found in lake["findings"]]
    assert any(damaged.name in finding["where"] and finding["damage"] == "truncated" for finding in findings)
    assert all(finding["remedy"] for finding in findings)
    assert damaged.name in "".join(mesh("fsck").err.split())


def test_a_damaged_publication_log_is_told_by_every_command(mesh: Mesh) -> None:
    for file in (mesh.home / "lakes/shop/data/mesh/publications").rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-10])
    done = mesh("fsck", "--json")
    assert done.code == 1
    assert any("publication log can't be read" in found["message"] for found in done.json["lakes"][1]["findings"])
    (problem,) = mesh("status", "--json").json["problems"]
    assert (problem["domain"], "can't be read" in problem["problem"]) == ("shop", True)
    assert _state(mesh, "ledger.totals.v1")["published"] is True
    for command in (("publications", "shop.orders"), ("query", "select * from shop.orders.v1")):
        done = mesh(*command)
        assert done.code == 1, command
        assert "\nmesh: " in "\n" + done.err, command
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    done = mesh("run", "--json")
    assert done.code == 1
    assert done.json["failures"]


def test_maintain_keeps_what_is_published(mesh: Mesh) -> None:
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    assert mesh("run", "--json").code == 0
    done = mesh("maintain", "--json")
    assert [report["domain"] for report in done.json] == ["ledger", "shop"]
    assert _order_ids(mesh) == [1, 2, 3, 4]
    assert mesh("fsck").code == 0


def test_a_product_that_does_not_exist_can_not_be_run(mesh: Mesh) -> None:
    done = mesh("run", "shop.nothing")
    assert done.code == 2
    assert "there is no product 'shop.nothing'" in done.err


def test_a_broken_contract_blocks_its_product_only_and_is_told(mesh: Mesh) -> None:
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    _edit(mesh.project / "domains/ledger/products/totals/v1.odcs.yaml", "physicalType: BIGINT", "physicalType: BIGGINT")
    done = mesh("run", "--json")
    assert done.json["built"] == ["shop.orders.v1"]
    assert (done.code, done.json["ok"]) == (1, False)
    assert "BIGGINT" in done.json["blocked"]["ledger.totals"]
    (problem,) = mesh("status", "--json").json["problems"]
    assert problem["domain"] == "ledger"
    assert "v1.odcs.yaml" in problem["problem"]
    done = mesh("run", "ledger.totals")
    assert done.code == 1
    assert "v1.odcs.yaml" in done.err
    assert "BIGGINT" in done.err


def test_a_broken_source_contract_is_told(mesh: Mesh) -> None:
    _edit(
        mesh.project / "domains/shop/sources/order_lines.odcs.yaml", "element: order_lines.ordered_at", "element: x.y"
    )
    done = mesh("run", "--json")
    assert done.code == 1
    assert "order_lines.odcs.yaml" in "".join(done.json["blocked"].values())


def test_a_model_that_raises_fails_alone_and_is_told(mesh: Mesh) -> None:
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    _edit(mesh.project / "domains/ledger/assets.py", "FROM shop.orders.v1", "FROM shop.orders.v7")
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (1, ["shop.orders.v1"])
    ((step, message),) = done.json["failures"].items()
    assert "totals" in step
    assert "v7" in message
    assert _state(mesh, "ledger.totals.v1")["rows"] == 1


def test_products_that_read_each_other_in_a_circle_are_told(mesh: Mesh) -> None:
    product = mesh.project / "domains/shop/products/orders/product.odps.yaml"
    inputs = 'inputPorts:\n  - {name: ledger.totals, version: "1", contractId: ledger.totals.v1}\n'
    _edit(product, "outputPorts:", inputs + "outputPorts:")
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (1, [])
    assert "circle" in done.json["failures"]["mesh"]
    assert _order_ids(mesh) == [1, 2, 3]


def test_a_domain_that_does_not_import_fails_alone_and_is_told(mesh: Mesh) -> None:
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    (mesh.project / "domains/ledger/definitions.py").write_text("def broken(:\n")
    done = mesh("run")
    assert done.code == 1
    assert "ledger failed" in done.err
    assert "definitions.py" in done.err
    assert _order_ids(mesh) == [1, 2, 3, 4]
    assert _state(mesh, "ledger.totals.v1")["publication"] == 1
    (totals,) = mesh("query", "select orders from ledger.totals.v1", "--json").json["rows"]  # served all the same
    assert totals == {"orders": 3}


def test_a_half_file_is_quarantined_and_the_product_goes_on(mesh: Mesh) -> None:
    good = land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    half = good.with_name("order_lines_20260302T122000Z.parquet")
    half.write_bytes(good.read_bytes()[:200])
    done = mesh("run", "--json")
    assert (done.code, done.json["built"]) == (0, ["shop.orders.v1", "ledger.totals.v1"])
    assert not half.exists()
    assert (mesh.home / "quarantine/shop/order_lines" / half.name).exists()
    assert _order_ids(mesh) == [1, 2, 3, 4]


def test_an_earlier_version_never_shows_what_was_masked_since(mesh: Mesh) -> None:
    contract = mesh.project / "domains/shop/products/orders/v1.odcs.yaml"
    masked = contract.read_text(encoding="utf-8")
    mask = (
        "        customProperties:\n"
        "          - {property: mask, value: {strategy: partial, format: email, clearance: gdpr}}\n"
    )
    assert mask in masked
    _consent(mesh, "1.1.0", "1.2.0")
    contract.write_text(masked.replace(mask, "").replace("version: 1.0.0", "version: 1.1.0"), encoding="utf-8")
    assert mesh("run", "shop.orders").code == 0  # published as 2, without a mask on the address
    contract.write_text(masked.replace("version: 1.0.0", "version: 1.2.0"), encoding="utf-8")
    for step in (["run", "shop.orders"], ["rollback", "shop.orders.v1", "--to", "2"]):
        assert mesh(*step).code == 0
        told = mesh("query", "select customer from shop.orders.v1 order by order_id limit 1", "--json").json
        assert told["rows"] == [{"customer": "a***@mail.example"}]
        assert told["masked"] == {"shop.orders.v1": ["customer"]}


def test_a_rollback_needs_no_sound_contract(mesh: Mesh) -> None:
    assert mesh("run", "shop.orders").code == 0
    land(mesh.home, [NEXT], LANDED_AT + timedelta(minutes=10))
    assert mesh("run", "shop").code == 0
    (mesh.project / "domains/shop/products/orders/v1.odcs.yaml").write_text("no: contract\n", encoding="utf-8")
    done = mesh("rollback", "shop.orders.v1", "--to", "1", "--json")
    assert (done.code, done.json["rows"]) == (0, 3)


def test_what_reads_an_input_that_was_never_built_says_so(empty: Mesh) -> None:
    done = empty("run", "ledger")
    assert done.code == 1
    assert "shop.orders.v1, which was never built; build it first: mesh run shop" in " ".join(done.err.split())


def test_columns_of_one_name_are_all_shown(mesh: Mesh) -> None:
    sql = (
        "select o.order_id, p.order_id from shop.orders.v1 o join shop.orders.v1 p using (order_id) order by 1 limit 1"
    )
    assert mesh("query", sql).code == 0
    assert mesh("query", sql, "--json").json["rows"] == [{"order_id": 1, "order_id_1": 1}]
    assert "[a-z]+" in mesh("query", "select segment ~ '[a-z]+' as \"[a-z]+\" from shop.orders.v1").out
