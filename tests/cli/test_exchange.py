"""`mesh export` and `mesh import`, as a person or a pipeline calls them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Mesh
from tests.tiny_mesh import ORDERS_CONTRACT, write_project

FOLDER = "domains/shop/products/orders"


def test_export_is_byte_for_byte(built: Mesh, tmp_path: Path) -> None:
    contract = (built.project / FOLDER / "v1.odcs.yaml").read_text()
    assert built("export", "shop.orders").out == contract
    assert built("export", "shop.orders.v1", "--published").out == contract
    assert (
        built("export", "shop.orders", "--format", "odps").out
        == (built.project / FOLDER / "product.odps.yaml").read_text()
    )
    assert built("export", "shop.orders", "-o", str(tmp_path)).code == 0
    assert (tmp_path / "shop.orders.v1.odcs.yaml").read_text() == contract


def test_export_of_what_is_published_and_not_what_is_edited(mesh: Mesh) -> None:
    file = mesh.project / FOLDER / "v1.odcs.yaml"
    before = file.read_text()
    file.write_text(before + "tags: [new]\n")
    assert mesh("export", "shop.orders").out == before + "tags: [new]\n"
    assert mesh("export", "shop.orders", "--published").out == before


def test_export_overwrites_only_when_asked(built: Mesh, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("mine")
    refused = built("export", "shop.orders", "-o", str(target))
    assert (refused.code, target.read_text()) == (1, "mine")
    assert "--force" in refused.err
    assert built("export", "shop.orders", "-o", str(target), "--force").code == 0
    assert built("export", "shop.orders", "-o", str(target)).code == 0  # it says the same


def test_export_that_is_asked_wrongly(built: Mesh) -> None:
    assert "did you mean shop.orders?" in built("export", "shop.order").err
    assert built("export", "shop.order").code == 2
    assert built("export", "shop.orders.v9").code == 2
    assert built("export", "shop.orders", "--format", "bundle").code == 2
    assert built("export", "shop.orders", "--format", "odps", "--published").code == 2


def test_a_bundle_travels_to_another_project(built: Mesh, tmp_path: Path) -> None:
    bundle = tmp_path / "orders.zip"
    assert built("export", "shop.orders", "--format", "bundle", "-o", str(bundle)).code == 0
    other = Mesh(write_project(tmp_path / "other"), tmp_path / "home")
    shutil.rmtree(other.project / FOLDER)
    tried = other("import", str(bundle), "--dry-run")
    assert tried.code == 0, tried.out + tried.err
    assert "every byte kept" in tried.out
    assert not (other.project / FOLDER).exists()
    assert other("import", str(bundle)).code == 0
    for name in ("product.odps.yaml", "v1.odcs.yaml"):
        assert (other.project / FOLDER / name).read_bytes() == (built.project / FOLDER / name).read_bytes()
    assert other("check").code == 0
    again = other("import", str(bundle))
    assert (again.code, "nothing to write" in again.out) == (0, True)


def test_import_tells_what_it_changes_and_what_is_left_to_mend(mesh: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "foreign.yaml"
    foreign = ORDERS_CONTRACT.replace("name: orders\n", "name: ORDERS ALL\n").replace("version: 1.0.0", "version: v1")
    file.write_text(foreign[: foreign.index("slaProperties:")] + foreign[foreign.index("team:") :])
    done = mesh("import", str(file), "--into", "shop.all_orders")
    assert done.code == 1  # the freshness is nobody's to make up
    assert "v1 → 1.0.0" in done.out
    assert "ORDERS ALL → all_orders" in done.out
    assert "promises no freshness" in done.out
    assert (mesh.project / "domains/shop/products/all_orders/product.odps.yaml").is_file()


def test_import_refuses_to_overwrite(mesh: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "v1.odcs.yaml"
    file.write_text(ORDERS_CONTRACT + "tags: [other]\n")
    before = (mesh.project / FOLDER / "v1.odcs.yaml").read_text()
    done = mesh("import", str(file))
    assert done.code == 1
    assert "--force" in done.err
    assert (mesh.project / FOLDER / "v1.odcs.yaml").read_text() == before
    assert mesh("import", str(file), "--json").json["written"] is False
    assert mesh("import", str(file), "--force").code == 0
    assert (mesh.project / FOLDER / "v1.odcs.yaml").read_text() == ORDERS_CONTRACT + "tags: [other]\n"


def test_import_that_is_asked_wrongly(built: Mesh, tmp_path: Path) -> None:
    (tmp_path / "no.yaml").write_text("a: 1\n")
    (tmp_path / "bad.odcs.yaml").write_text("a: &x 1\nb: *x\n")
    assert built("import", str(tmp_path / "missing.yaml")).code == 2
    assert built("import", str(tmp_path / "no.yaml")).code == 2
    refused = built("import", str(tmp_path / "bad.odcs.yaml"))
    assert refused.code == 1
    assert "bad.odcs.yaml:1" in refused.err
