"""Documents are cheap to read and check, however many there are, and what checks them is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from platform_resources.contracts import load_mesh
from tests.contracts.conftest import CONTRACT, DOMAIN, PRODUCT, source
from tests.work import calls_of


def write_mesh(folder: Path, products: int) -> Path:
    domain = folder / "crm"
    (domain / "sources").mkdir(parents=True)
    (domain / "domain.yaml").write_text(DOMAIN)
    columns = {"customers": {"household_id": "BIGINT", "email": "VARCHAR"}, "stores": {"store_id": "BIGINT"}}
    for name, of_feed in columns.items():
        (domain / "sources" / f"{name}.odcs.yaml").write_text(source(name, **of_feed))
    for number in range(products):
        product = domain / "products" / f"product_{number}"
        product.mkdir(parents=True)
        for file, text in (("v1.odcs.yaml", CONTRACT), ("product.odps.yaml", PRODUCT)):
            (product / file).write_text(text.replace("customer_360", product.name))
    return folder


def calls_for(folder: Path, products: int) -> int:
    mesh = load_mesh(folder)
    assert (len(mesh.ports), mesh.findings) == (products, [])
    return calls_of(lambda: load_mesh(folder))


def test_the_cost_of_a_document_does_not_grow_with_their_number(tmp_path: Path) -> None:
    few = calls_for(write_mesh(tmp_path / "few", 25), 25)
    many = calls_for(write_mesh(tmp_path / "many", 200), 200)
    assert many / few < 8 * 1.1
    assert many / 200 < 10_000  # for a contract and its product: 1.2 ms on an idle core


def test_checking_sound_documents_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("dagster", "pandas", "pyarrow", "duckdb", "jsonschema", "ruamel.yaml", "pydantic", "sqlglot")
    code = (
        "import sys; from pathlib import Path; from platform_resources.contracts import load_mesh;"
        f"assert not load_mesh(Path({str(write_mesh(tmp_path / 'mesh', 1))!r})).findings;"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
