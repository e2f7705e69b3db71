"""`mesh fit` and `mesh rate`, as the demo personas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.quick import QuickMesh
from tests.shipped import make_shipped


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> QuickMesh:
    folder: Path = tmp_path_factory.mktemp("shipped")
    shipped = make_shipped(folder, publications=1)
    return QuickMesh(shipped.settings.project, shipped.settings.home)


def test_needs_on_the_command_line_get_verdicts_with_evidence(mesh: QuickMesh) -> None:
    needs = ("--max-age", "PT30M", "--min", "completeness=80", "--term", "client id", "--history", "P1Y")
    told = mesh("fit", *needs, "--purpose", "analytics")
    assert told.code == 0
    assert "yes  sales.bookings.v1" in told.out
    assert "promises 15 minutes" in told.out
    assert "yes 1" in told.err
    as_json = mesh("fit", "crm.customer_360", *needs, "--json")
    assert [one["port"] for one in json.loads(as_json.out)["fits"]] == ["crm.customer_360.v1"]


def test_nothing_that_fits_is_told_by_the_exit_code(mesh: QuickMesh) -> None:
    told = mesh("fit", "--clear", "email", "--as", "analyst")
    assert told.code == 1
    assert "clearance gdpr" in told.out
    flat = " ".join(told.out.split())
    assert flat.index("crm.customer_360.v1") < flat.index("it has no such column")
    assert "mesh access request crm.customer_360.v1 --role customer_360_gdpr_reader" in flat
    assert "approved by maria.keller@retailer.example, then privacy@retailer.example" in flat


def test_a_request_that_would_be_refused_is_not_advised(mesh: QuickMesh) -> None:
    told = mesh("fit", "crm.customer_360", "--clear", "email", "--as", "maria.keller@retailer.example")
    flat = " ".join(told.out.split())
    assert "ask customer_360_gdpr_reader: shows email in clear; nobody may decide when you ask: " in flat
    assert "maria.keller@retailer.example asks for it; an owner of crm.customer_360.v1" in flat
    assert "mesh access request" not in flat


def test_exit_codes_are_told_by_the_help(mesh: QuickMesh) -> None:
    told = " ".join(mesh("fit", "--help").out.split())
    assert "0: something fits; 1: nothing does; 2: a need makes no sense" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--max-age", "30 min"), "--max-age: '30 min' is no duration"),
        (("--min", "completeness"), "--min completeness=98"),
        (("--min", "complete=3"), "did you mean completeness?"),
        (("--min-score", "200"), "--min-score:"),
        (("--term", "clint id"), "did you mean client id"),
        (("crm.customer_36",), "PRODUCTS: there is no product or port"),
        (("crm", "--clear", "email"), "did you mean crm.customer_360 or crm.customer_lifetime_value?"),
        (("--purpose", "analytic"), "did you mean analytics?"),
    ],
)
def test_wrong_needs_are_told_by_their_flag(mesh: QuickMesh, arguments: tuple[str, ...], told: str) -> None:
    found = mesh("fit", *arguments)
    assert found.code == 2
    assert told in found.err


def test_a_product_is_rated_by_who_reads_it(mesh: QuickMesh) -> None:
    assert "has 5 of 5 stars from 1 rating" in mesh("rate", "crm.customer_360", "5", "--comment", "Good.").out
    assert "has 3.5 of 5 stars from 2 ratings" in mesh("rate", "crm.customer_360", "2", "--as", "service-desk").out
    found = json.loads(mesh("rate", "crm.customer_360", "3", "--json").out)
    assert (found["count"], found["average"]) == (2, 2.5)
    for arguments, why in (
        (("sales.bookings", "4", "--as", "service-desk"), "rated by those who read it"),
        (("crm.customer_360", "4", "--as", "maria.keller@retailer.example"), "owners don't rate"),
        (("crm.nothing", "4"), "there is no product crm.nothing"),
        (("crm.customer_360", "4", "--comment", "x" * 2001), "comment:"),
    ):
        refused = mesh("rate", *arguments)
        assert refused.code != 0
        assert why in refused.err
    assert mesh("rate", "crm.customer_360", "6").code == 2
