"""What each domain's folder becomes in Dagster, as snapshots: a review of a change of definitions reads these."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from tests.tiny_mesh import REPOSITORY

DOMAINS = ("crm", "finance", "inventory", "sales", "supply_chain")


def definitions(domain: str) -> dg.Definitions:
    return importlib.import_module(f"domains.{domain}.definitions").defs


def _facts(spec: dg.AssetSpec) -> dict[str, Any]:
    """What a reviewer wants to know of an asset; no paths of this machine, no hashes of code."""
    facts: dict[str, Any] = {
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "group": spec.group_name,
        "owners": list(spec.owners),
        "kinds": sorted(spec.kinds),
        "tags": {name: value for name, value in sorted(spec.tags.items()) if name.startswith("mesh/")},
        "skippable": spec.skippable,
    }
    if spec.automation_condition is not None:
        facts["automation"] = spec.automation_condition.get_label()
    if spec.freshness_policy is not None:
        policy = spec.freshness_policy
        facts["freshness"] = {
            "warn": str(policy.warn_window.to_timedelta()),
            "fail": str(policy.fail_window.to_timedelta()),
        }
    if spec.tags.get("mesh/layer") == "port":
        facts["contract_version"] = spec.code_version
        facts["promised"] = {name: value for name, value in spec.metadata.items() if name.startswith("sla/")}
        facts["columns"] = [column.name for column in spec.metadata["dagster/column_schema"].columns]
        facts["portal"] = spec.metadata["portal"].value
        facts["consumers"] = [record.data["name"] for record in _consumers(spec)]
    return facts


def _consumers(spec: dg.AssetSpec) -> list[dg.TableRecord]:
    told = spec.metadata.get("registered_consumers")
    return [] if told is None else told.records


def _checks(defs: dg.Definitions) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for asset in (*(defs.assets or ()), *(defs.asset_checks or ())):
        for check in asset.check_specs if isinstance(asset, dg.AssetsDefinition) else ():
            of = found.setdefault(check.asset_key.to_user_string(), {})
            of[check.name] = "blocks" if check.blocking else "warns"
    return dict(sorted(found.items()))


@pytest.mark.usefixtures("real_project")
@pytest.mark.parametrize("domain", DOMAINS)
class TestEachDomain:
    def test_keys(self, domain: str, snapshot: SnapshotAssertion) -> None:
        specs = definitions(domain).resolve_all_asset_specs()
        assert sorted(spec.key.to_user_string() for spec in specs) == snapshot

    def test_assets(self, domain: str, snapshot: SnapshotAssertion) -> None:
        specs = definitions(domain).resolve_all_asset_specs()
        found = {spec.key.to_user_string(): _facts(spec) for spec in specs if spec.group_name == domain}
        assert dict(sorted(found.items())) == snapshot

    def test_checks(self, domain: str, snapshot: SnapshotAssertion) -> None:
        assert _checks(definitions(domain)) == snapshot

    def test_schedules_and_sensors(self, domain: str, snapshot: SnapshotAssertion) -> None:
        defs = definitions(domain)
        ticking = {item.name: (item.cron_schedule, item.default_status.value) for item in defs.schedules or ()}
        sensors = {item.name: (item.minimum_interval_seconds, item.default_status.value) for item in defs.sensors or ()}
        assert {"schedules": ticking, "sensors": sensors} == snapshot

    def test_every_port_is_described_owned_and_fresh(self, domain: str) -> None:
        """The snapshots show what is there; this says what must be, for products that are yet to come."""
        ports = [s for s in definitions(domain).resolve_all_asset_specs() if s.tags.get("mesh/layer") == "port"]
        assert ports
        for spec in ports:
            assert spec.owners
            assert spec.description
            assert spec.freshness_policy is not None, spec.key
            assert spec.automation_condition is not None
            schema = spec.metadata["dagster/column_schema"]
            assert all(column.description and column.tags for column in schema.columns), spec.key
            assert "mesh/tier" in spec.tags

    def test_every_own_asset_is_in_the_domains_group_with_its_owner(self, domain: str) -> None:
        for spec in definitions(domain).resolve_all_asset_specs():
            if spec.key.path[0] == domain:
                assert spec.group_name == domain
                assert spec.owners, spec.key


def test_the_workspace_names_every_domain() -> None:
    entries = [entry["python_module"] for entry in yaml.safe_load(_workspace())["load_from"]]
    named = {entry["location_name"]: entry["module_name"] for entry in entries}
    folders = sorted(path.parent.name for path in (REPOSITORY / "domains").glob("*/domain.yaml"))
    assert sorted(named) == folders == sorted(DOMAINS)
    assert all(module == f"domains.{name}.definitions" for name, module in named.items())


def test_every_location_of_the_workspace_loads(real_project: Path) -> None:
    for entry in yaml.safe_load(_workspace())["load_from"]:
        dg.Definitions.validate_loadable(importlib.import_module(entry["python_module"]["module_name"]).defs)


def test_all_domains_merge_into_one_location(real_project: Path) -> None:
    merged = importlib.import_module("domains.definitions").defs
    dg.Definitions.validate_loadable(merged)
    keys = {spec.key for spec in merged.resolve_all_asset_specs()}
    assert keys == {spec.key for name in DOMAINS for spec in definitions(name).resolve_all_asset_specs()}


def test_what_a_domain_reads_of_others_is_a_published_port(real_project: Path) -> None:
    ports = {
        spec.key
        for name in DOMAINS
        for spec in definitions(name).resolve_all_asset_specs()
        if spec.tags.get("mesh/layer") == "port"
    }
    for name in DOMAINS:
        for spec in definitions(name).resolve_all_asset_specs():
            foreign = {dep.asset_key for dep in spec.deps if dep.asset_key.path[0] != name}
            if spec.key.path[0] == name:
                assert foreign <= ports, spec.key


def _workspace() -> str:
    return (REPOSITORY / "workspace.yaml").read_text(encoding="utf-8")
