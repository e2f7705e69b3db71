"""How a port's state shows in Dagster: what can run, what is only shown, and what is said of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import MeshSettings, PortAddress, connect, latest_publication, retirement_of
from platform_resources.orchestration import domain_definitions
from platform_resources.orchestration.definitions import refresh_of
from platform_resources.pipeline import ended_ports, take_down
from tests.orchestration.versions import ORDERS, add_v2, edit, move_reader, no_council
from tests.tiny_mesh import LANDED_AT, land

V1, V2 = dg.AssetKey(["shop", "orders", "v1"]), dg.AssetKey(["shop", "orders", "v2"])
TABLE, TABLE_V2 = dg.AssetKey(["shop", "internal", "orders"]), dg.AssetKey(["shop", "internal", "orders_v2"])

Load = Callable[[str], dg.Definitions]


@pytest.fixture
def load(tiny: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Load a domain of the tiny mesh, with v2 beside v1, as its code location loads it; again after an edit."""
    import domains

    no_council(tiny.project)
    add_v2(tiny.project)
    monkeypatch.setattr(domains, "__path__", [str(tiny.domains)])

    def forget() -> None:
        domain_definitions.cache_clear()
        for name in [name for name in sys.modules if name.startswith(("domains.shop", "domains.ledger"))]:
            del sys.modules[name]

    def do(name: str) -> dg.Definitions:
        forget()
        made = domain_definitions(name)
        dg.Definitions.validate_loadable(made)
        return made

    yield do
    forget()


def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def runnable(definitions: dg.Definitions) -> set[dg.AssetKey]:
    return set(definitions.resolve_asset_graph().executable_asset_keys)


def status(tiny: MeshSettings, version: int, old: str, new: str) -> None:
    edit(tiny.project / ORDERS / f"v{version}.odcs.yaml", (f"status: {old}", f"status: {new}"))


def test_each_major_has_its_own_asset_checks_freshness_and_table(load: Load) -> None:
    shop = load("shop")
    found = specs(shop)
    assert {V1, V2, TABLE, TABLE_V2} <= runnable(shop)
    assert [[dep.asset_key for dep in found[port].deps] for port in (V1, V2)] == [[TABLE], [TABLE_V2]]
    assert (found[V1].code_version, found[V2].code_version) == ("1.0.0", "2.0.0")
    assert found[V1].freshness_policy is not None
    assert found[V2].freshness_policy is not None
    checks = {check.key for asset in shop.assets or () for check in getattr(asset, "check_specs", ())}
    assert {key.asset_key for key in checks} == {V1, V2}
    assert "phone" not in [column.name for column in found[V2].metadata["dagster/column_schema"].columns]


def test_both_are_built_and_served_in_one_run(load: Load, tiny: MeshSettings) -> None:
    land(tiny.home)
    with dg.DagsterInstance.ephemeral() as instance:
        done = load("shop").resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    assert done.success
    with connect(tiny, reads=["shop"]) as con:
        types = [con.execute(f"DESCRIBE SELECT amount FROM shop.orders.v{n}").fetchone()[1] for n in (1, 2)]
    assert types == ["DECIMAL(10,2)", "BIGINT"]


def test_a_table_is_built_as_the_contract_says_that_names_it(load: Load, tiny: MeshSettings) -> None:
    edit(tiny.project / ORDERS / "v2.odcs.yaml", ("refresh, value: on_update", 'refresh, value: "30 5 * * *"'))
    found = specs(load("shop"))
    assert found[TABLE].automation_condition.get_label() == "refresh_on_update"
    assert found[TABLE_V2].automation_condition.get_label() == "refresh_on_cron"
    shop = load_domain(tiny.domains / "shop")
    refreshes = [refresh_of(shop, table) for table in ("orders", "orders_v2", "order_lines")]
    assert refreshes == ["on_update", "30 5 * * *", "on_update"]


@pytest.mark.parametrize(("state", "table_runs"), [("draft", True), ("proposed", False), ("retired", False)])
def test_what_is_retired_or_proposed_is_shown_and_can_not_run(
    load: Load, tiny: MeshSettings, state: str, table_runs: bool
) -> None:
    status(tiny, 2, "active", state)
    shop = load("shop")
    found = specs(shop)
    assert found[V2].tags["mesh/status"] == state
    assert state in found[V2].description
    assert ({V2, TABLE_V2} <= runnable(shop)) == table_runs
    assert (found[V2].freshness_policy is not None) == table_runs
    assert (found[TABLE_V2].automation_condition is not None) == table_runs
    assert {V1, TABLE} <= runnable(shop)


def test_a_table_that_others_read_goes_on_being_built(load: Load, tiny: MeshSettings) -> None:
    """v1 has ended, but v2 is made of the table that v1 was made of."""
    move_reader(tiny.project)
    status(tiny, 1, "active", "retired")
    edit(
        tiny.domains / "shop/assets.py",
        ('"orders_v2", reads=["shop.internal.order_lines"]', '"orders_v2", reads=["shop.internal.orders"]'),
    )
    shop = load("shop")
    assert specs(shop)[TABLE].automation_condition is not None
    assert "mesh/idle" not in specs(shop)[TABLE].tags
    edit(tiny.domains / "shop/assets.py", ('reads=["shop.internal.orders"]', 'reads=["shop.internal.order_lines"]'))
    assert specs(load("shop"))[TABLE].automation_condition is None


def test_a_deprecated_port_and_its_reader_say_until_when(load: Load, tiny: MeshSettings) -> None:
    status(tiny, 1, "active", "deprecated")
    edit(
        tiny.project / ORDERS / "v1.odcs.yaml",
        ("slaProperties:\n", "slaProperties:\n  - {property: endOfSupport, value: 2999-03-31}\n"),
        ("\ncustomProperties:\n", "\ncustomProperties:\n  - {property: replacedBy, value: shop.orders.v2}\n"),
    )
    shop = load("shop")
    v1 = specs(shop)[V1]
    assert V1 in runnable(shop)
    assert (v1.tags["mesh/status"], v1.metadata["lifecycle"]) == ("deprecated", "deprecated")
    assert (v1.metadata["end_of_support"], v1.metadata["replaced_by"]) == ("2999-03-31", "shop.orders.v2")
    told = "deprecated, served until 2999-03-31; use shop.orders.v2"
    assert v1.description.startswith(f"**Notice:** {told}; still read by ledger.totals.")
    reader = specs(load("ledger"))[dg.AssetKey(["ledger", "totals", "v1"])]
    assert f"**Notice:** reads shop.orders.v1, which is {told}." in reader.description


def test_the_nightly_maintenance_takes_down_what_has_ended(load: Load, tiny: MeshSettings) -> None:
    land(tiny.home)
    with dg.DagsterInstance.ephemeral() as instance:
        shop = load("shop")
        assert shop.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
        status(tiny, 1, "active", "retired")

        def maintain() -> None:
            assert load("shop").resolve_job_def("shop_maintenance").execute_in_process(instance=instance).success

        address = PortAddress.parse("shop.orders.v1")
        maintain()
        with connect(tiny, reads=["shop"]) as con:
            assert latest_publication(con, address) is not None  # the ledger reads it: the gate holds it
        move_reader(tiny.project)
        maintain()
        with connect(tiny, reads=["shop"]) as con:
            assert latest_publication(con, address) is None
            assert retirement_of(con, address) is not None
            assert latest_publication(con, PortAddress.parse("shop.orders.v2")) is not None


def test_a_product_whose_folder_is_gone_goes_on_being_served(load: Load, tiny: MeshSettings) -> None:
    """As on a stale branch: the consumers who are registered in the folder are gone with it."""
    land(tiny.home)
    move_reader(tiny.project)
    (tiny.project / ORDERS / "consumers.yaml").write_text(
        "consumers:\n  - {name: Service desk, kind: team, contact: desk@retailer.example, purpose: Calls., "
        "ports: [v1], columns: [phone]}\n",
        encoding="utf-8",
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert load("shop").resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    shutil.rmtree(tiny.project / ORDERS)
    assert ended_ports(tiny, "shop", LANDED_AT) == {}
    assert take_down(tiny, "shop", LANDED_AT, "maintenance", ["shop.orders.v1"]) == []
    with connect(tiny, reads=["shop"]) as con:
        assert latest_publication(con, PortAddress.parse("shop.orders.v1")) is not None
        assert con.execute("SELECT count(*) FROM shop.orders.v1").fetchone() == (3,)
