"""Of many documents only the newest stay unpacked; what is said of the others is the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from platform_resources.contracts import Document, load_mesh, load_product
from platform_resources.contracts import documents as module
from tests.tiny_mesh import REPOSITORY

PRODUCTS = sorted((REPOSITORY / "domains").glob("*/products/*/product.odps.yaml"))


@pytest.fixture
def none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_BYTES", 0)


@pytest.mark.parametrize("file", PRODUCTS, ids=lambda file: file.parent.name)
def test_a_packed_product_says_the_same(file: Path, monkeypatch: pytest.MonkeyPatch):
    fresh = load_product(file)
    monkeypatch.setattr(module, "_KEPT_BYTES", 0)
    packed = load_product(file)
    assert packed == fresh
    for one, other in zip(packed.ports, fresh.ports, strict=True):
        assert one.contract.tables == other.contract.tables
        assert one.contract.table == other.contract.table
        assert one.contract.document.data == other.contract.document.data
        assert one.contract.document.raw == file.with_name(f"v{one.major}.odcs.yaml").read_bytes()
        assert dict(one.contract.document.lines) == dict(other.contract.document.lines)


@pytest.mark.usefixtures("none_stays")
def test_many_threads_may_unpack_one_contract():
    contract = load_product(PRODUCTS[0]).ports[0].contract
    expected = [column.name for column in contract.table.columns]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: [column.name for column in contract.table.columns], range(200)))
    assert found == [expected] * 200


@pytest.mark.usefixtures("none_stays")
def test_a_packed_contract_holds_no_tree_and_no_columns():
    """10,000 contracts must fit in 200 MB: what stays of each is its bytes and its columns, compressed."""
    for product in load_mesh(REPOSITORY / "domains").products:
        for port in product.ports:
            document = port.contract.document
            assert document._tree is None
            assert document._view is None
            assert len(document._packed) < len(document.raw) / 2
            assert len(document._packed_view.compressed) < len(document.raw) / 2


def test_data_that_was_handed_over_stays():
    document = Document(Path("made.yaml"), b"", {"a": 1}, module.Lines(1, {}))
    assert document.data == {"a": 1}
    assert document.view is None
