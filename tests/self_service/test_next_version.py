"""The next major of a port: a draft beside the one that everybody reads, which takes nothing of its end along."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_resources.contracts import load_mesh
from platform_resources.contracts.lifecycle import lifecycle_of, replacement_of
from platform_resources.self_service.next_version import VersionError, next_version
from tests.tiny_mesh import write_project


def test_a_new_major_is_a_draft_without_the_end_of_the_old_one(tmp_path: Path) -> None:
    domains = write_project(tmp_path) / "domains"
    file = domains / "shop/products/orders/v1.odcs.yaml"
    text = file.read_text(encoding="utf-8").replace("status: active", "status: deprecated")
    text = text.replace(
        "slaProperties:\n", "slaProperties:\n  - {property: endOfSupport, value: 2999-01-01}  # agreed\n"
    )
    text = text.replace(
        "\ncustomProperties:\n", "\ncustomProperties:\n  - {property: replacedBy, value: shop.orders.v2}\n"
    )
    file.write_text(text, encoding="utf-8")
    product, _ = load_mesh(domains).ports["shop.orders.v1"]
    made = next_version(product)
    mesh = load_mesh(domains)
    assert not [finding for finding in mesh.findings if finding.severity == "error"]
    product, v2 = mesh.ports[made.address]
    assert (made.address, v2.contract.version) == ("shop.orders.v2", "2.0.0")
    assert lifecycle_of(product, v2) == "draft"
    assert v2.contract.end_of_support is None
    assert replacement_of(v2) is None
    assert v2.contract.freshness is not None
    assert file.read_text(encoding="utf-8") == text
    with pytest.raises(VersionError, match="is there already"):
        (domains / "shop/products/orders/v3.odcs.yaml").write_text("")
        next_version(product)


def test_nothing_is_written_when_the_documents_could_not_be_used_with_it(tmp_path: Path) -> None:
    """Somebody broke the product's file since the mesh was read."""
    domains = write_project(tmp_path) / "domains"
    product, _ = load_mesh(domains).ports["shop.orders.v1"]
    text = product.file.read_text(encoding="utf-8").replace("status: active", "status: nonsense")
    product.file.write_text(text, encoding="utf-8")
    with pytest.raises(VersionError, match="nothing was written") as told:
        next_version(product)
    assert "domains/shop/products/orders/product.odps.yaml" in str(told.value)
    assert product.file.read_text(encoding="utf-8") == text
    assert not (product.file.parent / "v2.odcs.yaml").exists()
