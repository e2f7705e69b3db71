"""One domain's mistake is its own: the other four load and publish, and the message says where to look."""

from __future__ import annotations

import pytest

from tests.mesh.conftest import Mesh, ports_of

pytestmark = pytest.mark.slow

DAILY = {"crm.customer_lifetime_value.v1", "supply_chain.demand_forecast.v1"}


def test_a_broken_dbt_model(mesh: Mesh) -> None:
    mesh.edit("dbt_project/models/finance/revenue.sql", "count(*) as line_count", "count(* as line_count")
    mesh = mesh.ticks(120)
    done = mesh("run", "--json")
    report = done.json
    assert (done.code, report["ok"]) == (1, False)
    assert ports_of("crm", "inventory", "sales") - DAILY <= set(report["built"])
    assert "finance.revenue.v1" not in report["built"]
    (message,) = report["failures"].values()
    assert "revenue" in message
    assert "finance" in message
    assert mesh.status()["finance.revenue.v1"]["publication"] == 1


def test_a_dbt_model_that_can_not_be_parsed(mesh: Mesh) -> None:
    mesh.edit("dbt_project/models/finance/revenue.sql", "source('bookings', 'v1')", "source('bookings', 'v1'")
    done = mesh("run", "--json")
    assert done.code == 1
    assert list(done.json["failures"]) == ["finance"]
    assert "revenue.sql" in done.json["failures"]["finance"]


def test_a_broken_contract(mesh: Mesh) -> None:
    mesh.edit("domains/crm/products/customer_360/v1.odcs.yaml", "version: 1.2.0", "version: one")
    mesh = mesh.ticks(120)
    done = mesh("run", "--json")
    report = done.json
    assert (done.code, report["ok"], report["failures"]) == (1, False, {})
    assert "customer_360" in report["blocked"]["crm.customer_360"]
    assert ports_of("finance", "inventory", "sales") <= set(report["built"])
    (problem,) = mesh("status", "--json").json["problems"]
    assert problem["domain"] == "crm"
    assert "v1.odcs.yaml" in problem["problem"]


def test_a_location_that_does_not_import(mesh: Mesh) -> None:
    (mesh.project / "domains/finance/definitions.py").write_text('defs = domain_definitions("finance"\n')
    mesh = mesh.ticks(120)
    done = mesh("run")
    assert done.code == 1
    assert "finance failed" in done.err
    assert "definitions.py" in done.err
    status = mesh.status()
    assert {status[port]["publication"] for port in ports_of("crm", "inventory", "sales") - DAILY} == {2}
    assert status["finance.revenue.v1"]["publication"] == 1  # served all the same
    assert mesh.query("select count(*) > 200000 as served from finance.revenue.v1") == [{"served": True}]
