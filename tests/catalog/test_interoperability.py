"""Columns of one semantic type, joined on what is really published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_resources.catalog import JoinReport, prove_joins
from platform_resources.contracts import load_mesh
from platform_resources.governance import Council, load_council
from platform_resources.lake import MeshSettings
from tests.joining import CUSTOMERS, VISITS, publish_rows, write_joining_project

KNOWN = [(1, "NY", "1.00"), (2, "NJ", "2.00"), (3, "CT", "3.00")]


@pytest.fixture
def settings(tmp_path: Path) -> MeshSettings:
    return write_joining_project(tmp_path)


def council(settings: MeshSettings) -> Council:
    found = load_council(settings.project / "governance")
    assert set(found.semantic_types) == {"customer_id", "region_code", "money"}, found.findings
    return found


def prove(settings: MeshSettings, **only: str) -> JoinReport:
    return prove_joins(settings, load_mesh(settings.domains), council(settings), **only)


def test_every_value_finds_its_partner(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1.00"), (1, "NY", "1.00"), (3, "NJ", "0.00")])
    report = prove(settings)
    by_type = {join.type: join for join in report.joins}
    join = by_type["customer_id"]
    assert (join.column, join.against) == (f"{VISITS}.customer_id", f"{CUSTOMERS}.customer_id")
    assert (join.distinct, join.matched, join.rate, join.rows_rate) == (2, 2, 100.0, 100.0)
    assert join.holds
    assert join.examples == ()
    assert set(by_type) == {"customer_id", "region_code"}  # amounts are of one type, but nothing to join
    assert {form.type for form in report.forms} == {"customer_id", "region_code", "money"}
    assert not any(form.drifts for form in report.forms)
    assert report.holds


def test_values_without_a_partner_are_counted_by_value_and_by_row(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1"), (1, "NY", "1"), (77, "NY", "1"), (88, "NY", "1"), (88, "NY", "1")])
    (join,) = prove(settings, type_id="customer_id").joins
    assert (join.distinct, join.matched, join.rows_rate) == (3, 1, 40.0)
    assert join.examples == ("88", "77")  # the most frequent first
    assert not join.holds


def test_less_than_all_can_be_tolerated_for_one_column(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1"), (2, "NY", "1"), (3, "NY", "1"), (4, "NY", "1")])
    types = council(settings).semantic_types
    tolerant = {"column": f"{VISITS}.customer_id", "joinRate": 75, "reason": "Guests have no number."}
    kind = replace(types["customer_id"], fields={**types["customer_id"].fields, "tolerates": [tolerant]})
    (join,) = prove_joins(settings, load_mesh(settings.domains), Council(None, semantic_types={kind.id: kind})).joins
    assert (join.rate, join.promised, join.reason, join.holds) == (75.0, 75.0, "Guests have no number.", True)


def test_without_a_reference_the_smaller_set_must_be_in_the_larger(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1"), (1, "XX", "1")])
    (join,) = prove(settings, type_id="region_code").joins
    assert (join.column, join.distinct, join.matched, join.promised) == (f"{VISITS}.region_code", 2, 1, 50.0)
    assert join.mutual
    assert join.holds


def test_nulls_are_no_values_and_a_column_of_nothing_breaks_nothing(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(None, None, "1"), (None, "NY", "1")])
    report = prove(settings)
    join = next(join for join in report.joins if join.type == "customer_id")
    assert (join.distinct, join.rate, join.holds) == (0, 100.0, True)
    shares = {form.column: form.null_share for form in report.forms}
    assert shares[f"{VISITS}.customer_id"] == 100.0
    assert shares[f"{VISITS}.region_code"] == 50.0


def test_another_physical_type_is_a_drift_and_joins_as_text(tmp_path: Path) -> None:
    settings = write_joining_project(tmp_path, physical="VARCHAR")
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [("1", "NY", "1"), ("002", "NY", "1")])
    report = prove(settings, type_id="customer_id")
    (join,) = report.joins
    assert (join.matched, join.distinct, join.examples) == (1, 2, ("002",))
    drifting = {form.column: form for form in report.forms if form.drifts}
    form = drifting[f"{VISITS}.customer_id"]
    assert (form.physical_type, form.expected_type, form.drift_share) == ("VARCHAR", "BIGINT", None)


def test_values_off_the_form_are_a_share_of_the_values(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, [(1, "NY", "1"), (2, "ny", "-1"), (0, None, "1"), (3, "NYC", "1")])
    shares = {form.column: form.drift_share for form in prove(settings).forms}
    assert shares[f"{CUSTOMERS}.customer_id"] == 25.0
    assert shares[f"{CUSTOMERS}.region_code"] == pytest.approx(200 / 3)
    assert shares[f"{CUSTOMERS}.amount"] == 25.0


@pytest.mark.parametrize("classification", ["personal", "restricted"])
def test_values_of_secret_columns_are_never_shown(tmp_path: Path, classification: str) -> None:
    settings = write_joining_project(tmp_path, classification=classification)
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(99, "NY", "1")])
    (join,) = prove(settings, type_id="customer_id").joins
    assert (join.matched, join.examples) == (0, None)
    # Also when only the version that is served says so.
    for file in settings.domains.glob("*/products/*/v1.odcs.yaml"):
        file.write_text(file.read_text().replace(f"classification: {classification}", "classification: internal"))
    (join,) = prove(settings, type_id="customer_id").joins
    assert join.examples is None


def test_what_is_not_published_is_told_and_stops_nothing(settings: MeshSettings) -> None:
    report = prove(settings)
    assert (report.joins, report.forms, report.holds) == ((), (), True)
    assert [text.partition(":")[0] for text in report.unproved] == ["ledger", "shop"]
    publish_rows(settings, VISITS, [(1, "NY", "1")])
    report = prove(settings)
    assert [form.column for form in report.forms if form.type == "customer_id"] == [f"{VISITS}.customer_id"]
    assert any("mesh run shop" in text for text in report.unproved)


def test_a_damaged_lake_is_told_and_the_others_are_measured(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1")])
    for file in settings.lake_folder("ledger").rglob("*.parquet"):
        file.unlink()
    report = prove(settings)
    assert report.joins == ()
    assert {form.column.partition(".")[0] for form in report.forms} == {"shop"}
    assert any("ledger" in text and "fsck" in text for text in report.unproved)


def test_a_reference_that_is_nowhere_is_told(settings: MeshSettings) -> None:
    publish_rows(settings, VISITS, [(1, "NY", "1")])
    kind = replace(council(settings).semantic_types["customer_id"], reference="crm.customers.v1.customer_id")
    report = prove_joins(settings, load_mesh(settings.domains), Council(None, semantic_types={kind.id: kind}))
    assert report.joins == ()
    assert any("crm.customers.v1.customer_id" in text for text in report.unproved)


def test_of_one_domain_only_its_own_columns_and_their_references_are_read(settings: MeshSettings) -> None:
    publish_rows(settings, CUSTOMERS, KNOWN)
    publish_rows(settings, VISITS, [(1, "NY", "1")])
    report = prove(settings, domain="ledger")
    assert {join.type for join in report.joins} == {"customer_id", "region_code"}
    assert {form.column.partition(".")[0] for form in report.forms} == {"ledger"}
