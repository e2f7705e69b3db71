"""One domain's mistake is its own: the others load and publish, and the message says where to look.

A code location that does not import is tested on the tiny mesh: tests/cli/test_running.py.
"""

from __future__ import annotations

import pytest

from tests.mesh.conftest import Mesh, ports_of

pytestmark = pytest.mark.slow


def test_a_broken_dbt_model_and_a_broken_contract(mesh: Mesh) -> None:
    """Of two domains, in one run."""
    mesh.edit("dbt_project/models/finance/revenue.sql", "count(*) as line_count", "count(* as line_count")
    mesh.edit("domains/crm/products/customer_360/v1.odcs.yaml", "version: 1.2.0", "version: one")
    mesh = mesh.ticks(120)
    done = mesh("run", "--json")
    report = done.json
    assert (done.code, report["ok"]) == (1, False)
    assert ports_of("inventory", "sales") <= set(report["built"])
    assert not {"crm.customer_360.v1", "finance.revenue.v1"} & set(report["built"])
    (message,) = report["failures"].values()
    assert "revenue" in message
    assert "finance" in message
    assert "customer_360" in report["blocked"]["crm.customer_360"]
    assert mesh.status()["finance.revenue.v1"]["publication"] == 1
    (problem,) = mesh("status", "--json").json["problems"]
    assert problem["domain"] == "crm"
    assert "v1.odcs.yaml" in problem["problem"]


def test_a_dbt_model_that_can_not_be_parsed(mesh: Mesh) -> None:
    mesh.edit("dbt_project/models/finance/revenue.sql", "source('bookings', 'v1')", "source('bookings', 'v1'")
    done = mesh("run", "--json")
    assert done.code == 1
    assert list(done.json["failures"]) == ["finance"]
    assert "revenue.sql" in done.json["failures"]["finance"]
