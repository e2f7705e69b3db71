"""The gate at the load of definitions: a product that breaks a rule is seen as blocked, its siblings live on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import dagster as dg
import pytest

import domains
from platform_resources.lake import MeshSettings
from platform_resources.orchestration import domain_definitions
from tests.orchestration.test_ports import build
from tests.pipeline.test_gate import TAGGED, enact
from tests.tiny_mesh import land

ORDERS, RETURNS = dg.AssetKey(["shop", "orders", "v1"]), dg.AssetKey(["shop", "returns", "v1"])


@pytest.fixture
def two_products(tiny: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeshSettings]:
    """The shop with a second product that has tags; orders has none."""
    products = tiny.domains / "shop" / "products"
    (products / "returns").mkdir()
    for name in ("product.odps.yaml", "v1.odcs.yaml"):
        text = (products / "orders" / name).read_text(encoding="utf-8")
        text = text.replace("name: orders", "name: returns").replace("shop.orders", "shop.returns")
        text = text.replace("element: orders.", "element: returns.")
        (products / "returns" / name).write_text(f"tags: [returns]\n{text}", encoding="utf-8")
    monkeypatch.setattr(domains, "__path__", [*domains.__path__, str(tiny.domains)])
    domain_definitions.cache_clear()
    yield tiny
    domain_definitions.cache_clear()
    for name in [name for name in sys.modules if name.startswith("domains.shop")]:
        del sys.modules[name]


def specs_of(settings: MeshSettings) -> dict[dg.AssetKey, dg.AssetSpec]:
    definitions = domain_definitions("shop")
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def test_what_breaks_a_rule_is_blocked_under_its_own_key_and_its_sibling_lives_on(two_products: MeshSettings) -> None:
    enact(two_products.project, TAGGED.format(grace="2026-02-01"))
    specs = specs_of(two_products)
    assert specs[ORDERS].tags["mesh/blocked"] == "true"
    assert "mesh/blocked" not in specs[RETURNS].tags
    graph = domain_definitions("shop").resolve_asset_graph()
    assert RETURNS in graph.executable_asset_keys
    assert ORDERS not in graph.executable_asset_keys
    assert dg.AssetKey(["shop", "internal", "orders"]) in graph.executable_asset_keys
    told = specs[ORDERS].description or ""
    assert "domains/shop/products/orders/v1.odcs.yaml" in told
    assert "`shop.orders.v1` has no tags." in told
    assert "Add `tags: [stock]`." in told


def test_without_the_rule_both_are_there(two_products: MeshSettings) -> None:
    specs = specs_of(two_products)
    assert not [key for key, spec in specs.items() if "mesh/blocked" in spec.tags]
    assert {ORDERS, RETURNS} <= specs.keys()


def test_the_check_of_a_port_tells_findings_and_fails_when_one_blocks(
    tiny: MeshSettings, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tiny.home)
    with dg.DagsterInstance.ephemeral() as instance:
        enact(tiny.project, TAGGED.format(grace="2099-12-31"))
        graced = build(shop, instance)
        assert graced.success
        (check,) = [item for item in graced.get_asset_check_evaluations() if item.check_name == "governance"]
        assert check.passed
        (row,) = check.metadata["findings"].records
        assert row.data["standing"] == "grace"
        assert row.data["until"] == "2099-12-31"
        enact(tiny.project, TAGGED.format(grace="2026-02-01"))
        held = build(shop, instance)
        assert not held.success
        (check,) = [item for item in held.get_asset_check_evaluations() if item.check_name == "governance"]
        assert not check.passed
        assert "has no tags" in (check.description or "")


def test_what_is_wrong_with_one_major_leaves_the_other_alone(two_products: MeshSettings) -> None:
    """A draft v2 that breaks a rule must not keep v1, which everybody reads, from being refreshed."""
    folder = two_products.domains / "shop" / "products" / "returns"
    first = (folder / "v1.odcs.yaml").read_text(encoding="utf-8")
    second = first.replace("tags: [returns]\n", "").replace("id: shop.returns.v1", "id: shop.returns.v2")
    (folder / "v2.odcs.yaml").write_text(second.replace("version: 1.0.0", "version: 2.0.0"), encoding="utf-8")
    offered = folder / "product.odps.yaml"
    port = '  - {name: returns, version: "1", contractId: shop.returns.v1}\n'
    text = offered.read_text(encoding="utf-8")
    assert port in text
    offered.write_text(text.replace(port, port + port.replace('"1"', '"2"').replace(".v1", ".v2")), encoding="utf-8")
    enact(two_products.project, TAGGED.format(grace="2026-02-01"))
    specs = specs_of(two_products)
    assert specs[dg.AssetKey(["shop", "returns", "v2"])].tags["mesh/blocked"] == "true"
    assert "mesh/blocked" not in specs[RETURNS].tags
    assert RETURNS in domain_definitions("shop").resolve_asset_graph().executable_asset_keys


def test_a_port_whose_table_nothing_builds_is_blocked_and_the_slip_is_named(two_products: MeshSettings) -> None:
    """A typo in the name of a model would leave the port publishing what its table last held, as if it were fresh."""
    models = two_products.domains / "shop" / "assets.py"
    text = models.read_text(encoding="utf-8")
    assert '@python_model("orders"' in text
    models.write_text(text.replace('@python_model("orders"', '@python_model("ordres"'), encoding="utf-8")
    spec = specs_of(two_products)[ORDERS]
    assert spec.tags["mesh/blocked"] == "true"
    assert "No model builds shop.internal.orders" in (spec.description or "")
    assert "There is a model `ordres`" in (spec.description or "")
