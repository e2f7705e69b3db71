"""`mesh diff`: what is told of a change, to people and to programs, and how it ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Mesh

V1 = "domains/shop/products/orders/v1.odcs.yaml"
DESK = """\
consumers:
  - {name: Fraud desk, kind: team, contact: fraud@retailer.example, purpose: Thieves., ports: [v1], columns: [phone]}
"""
MASK, NO_MASK = "strategy: partial, format: email", "strategy: partial, format: name"


def edit(mesh: Mesh, *pairs: tuple[str, str], file: str = V1) -> None:
    path = mesh.project / file
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def commit(folder: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@retailer.example", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it was"]):
        subprocess.run([*git, *command], cwd=folder, check=True, capture_output=True)


def changes(record: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {change["field"]: (change["effect"], change["breaks"]) for change in record["changes"]}


def test_nothing_has_changed(built: Mesh) -> None:
    done = built("diff")
    assert (done.code, done.out.strip()) == (0, "nothing has changed")
    assert built("diff", "shop.orders").out.strip() == "shop.orders.v1 is as published: 1.0.0"
    assert built("diff", "--json").json == {"diffs": [], "notes": []}


def test_the_working_tree_against_what_is_published(mesh: Mesh) -> None:
    edit(mesh, (MASK, NO_MASK), ("- name: segment", "- name: segments"), ("Year of birth", "Birth year"))
    (mesh.project / "domains/shop/products/orders/consumers.yaml").write_text(DESK)
    done = mesh("diff", "--json")
    assert done.code == 1
    (record,) = done.json["diffs"]
    assert (record["port"], record["before"], record["after"]) == ("shop.orders.v1", "1.0.0 published", "1.0.0 here")
    assert changes(record) == {
        "customer.mask": ("both", ["consumers"]),
        "segments": ("tightens", ["producers"]),
        "segment": ("loosens", ["consumers"]),
        "birth_year.description": ("neutral", []),
    }
    assert record["renamed"] == {"segment": "segments"}
    assert (record["suggested_version"], record["version_is_enough"]) == ("2.0.0", False)
    hits = {consumer["name"]: consumer["hit_by"] for consumer in record["consumers"]}
    assert len(hits["ledger.totals"]) == 2
    assert hits["Fraud desk"] == []
    page = mesh("diff", "shop").out
    for told in ("customer.mask", "{format: email} → {format: name}", "another part of the value",
                 "seems to be called `segments` now", "ledger.totals", "all columns", "2 break consumers",
                 "suggested version 2.0.0, 1.0.0 is not enough"):  # fmt: skip
        assert told in page, page


def test_a_perspective_decides_about_the_exit_code(mesh: Mesh) -> None:
    edit(mesh, ("value: P3650D", "value: P10D"), ("version: 1.0.0", "version: 1.1.0"))
    assert mesh("diff").code == 0
    done = mesh("diff", "--perspective", "producers")
    assert done.code == 1
    assert "suggested version 1.1.0, 1.1.0 is enough" in done.out
    assert "ledger.totals" not in done.out  # no consumer is hit


def test_a_port_that_is_gone_breaks_who_reads_it(mesh: Mesh) -> None:
    shutil.rmtree(mesh.project / "domains/shop/products/orders")
    done = mesh("diff")
    assert done.code == 1
    assert "shop.orders.v1  1.0.0 published → gone" in done.out
    assert "ledger.totals" in done.out


def test_against_a_git_revision(empty: Mesh) -> None:
    commit(empty.project)
    edit(empty, ("value: P3650D", "value: P3651D"))
    done = empty("diff", "--against", "HEAD", "--json")
    assert done.code == 1
    (record,) = done.json["diffs"]
    assert record["before"] == "1.0.0 in HEAD"
    assert changes(record) == {"freshness": ("loosens", ["consumers"])}
    published = empty("diff")  # nothing is published: nothing to break
    assert published.code == 0
    assert "shop.orders.v1 is not published yet, so nothing is compared" in published.out


def test_two_files(empty: Mesh) -> None:
    old = empty.project / "old.odcs.yaml"
    old.write_text((empty.project / V1).read_text())
    edit(empty, ("DECIMAL(10,2)", "DOUBLE"))
    done = empty("diff", "old.odcs.yaml", V1)
    assert done.code == 1
    assert "DECIMAL(10,2) → DOUBLE" in done.out
    assert "ledger.totals" in done.out  # the id is the address of a port of this mesh
    assert empty("diff", V1, V1).code == 0


def test_two_ports_of_a_product(empty: Mesh) -> None:
    text = (empty.project / V1).read_text()
    v2 = text.replace("version: 1.0.0", "version: 2.0.0").replace("orders.v1", "orders.v2")
    (empty.project / "domains/shop/products/orders/v2.odcs.yaml").write_text(v2.replace(MASK, NO_MASK))
    port = '  - {name: orders, version: "1", contractId: shop.orders.v1}\n'
    edit(empty, (port, port + port.replace("1", "2")), file="domains/shop/products/orders/product.odps.yaml")
    done = empty("diff", "shop.orders.v1", "shop.orders.v2", "--json")
    (record,) = done.json["diffs"]
    assert changes(record)["customer.mask"] == ("both", ["consumers"])
    assert (record["suggested_version"], record["version_is_enough"]) == ("2.0.0", True)


def test_a_product_with_errors_is_not_compared(mesh: Mesh) -> None:
    edit(mesh, ("logicalType: integer", "logicalType: whole"))
    done = mesh("diff", "shop.orders")
    assert "shop.orders can't be compared: its documents have errors (mesh check shop.orders)" in done.out
    (mesh.project / "domains/shop/products/orders/consumers.yaml").write_text(DESK)
    (mesh.project / "old.odcs.yaml").write_text((mesh.project / V1).read_text().replace("P3650D", "P1D"))
    assert "Fraud desk" in mesh("diff", "old.odcs.yaml", V1).out  # files are compared, and who reads them is known


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shop.ordres"], "there is no product 'shop.ordres'; did you mean shop.orders"),
        (["shop.orders.v1", "shop.orders.v9"], "there is no port 'shop.orders.v9'; did you mean"),
        (["old.yaml"], "name two contract files"),
        (["old.yaml", V1], "The file doesn't exist"),
        (["domains/shop/domain.yaml", V1], "its kind is not said"),
        (["domains/shop/products/orders/product.odps.yaml", V1], "its kind is DataProduct"),
        ([V1, V1, "--against", "HEAD"], "--against compares products"),
        (["--against", "no-such-thing"], "git"),
        (["--perspective", "everybody"], "everybody"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(empty: Mesh, arguments: list[str], told: str) -> None:
    done = empty("diff", *arguments)
    assert done.code == 2
    assert told in done.err
