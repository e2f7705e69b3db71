"""What the index tells of the shipped products."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from platform_resources.catalog.index.derive import most_secret
from platform_resources.catalog.index.entries import PortEntry, ProductEntry
from platform_resources.catalog.index.records import as_json, product_of, term_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_a_product_is_told_with_what_is_promised_and_what_is_served(index):
    found = index.product("crm.customer_360")
    assert (found.domain, found.name, found.hidden) == ("crm", "customer_360", False)
    assert "maria.keller@retailer.example" in found.owners
    port = found.ports[0]
    assert (port.address, port.rows, port.lifecycle) == ("crm.customer_360.v1", 20, "active")
    assert port.publication
    assert port.classification == "restricted"
    assert port.score is not None
    assert port.scores
    columns = {column.name: column for column in port.columns}
    assert columns["household_id"].terms == ("crm.household_id",)
    assert columns["household_id"].type == "BIGINT"


def test_a_term_is_told_with_its_synonyms_and_the_columns_bound_to_it(index):
    term = index.terms()["finance.revenue"]
    assert term.definition
    assert all(column.count(".") in (2, 3) for column in term.columns)
    assert index.terms()["crm.household_id"].columns
    assert index.terms(bound=False)["finance.revenue"] == replace(term, columns=())


def test_what_is_not_there_is_none(index):
    assert index.product("crm.nothing") is None
    assert list(index.products(["crm.nothing", "finance.revenue"])) == ["finance.revenue"]


def test_entries_are_the_same_when_they_were_written_and_read(index):
    for entry in index.each_product():
        assert product_of(as_json(entry)) == entry
    for term in index.terms().values():
        assert term_of(as_json(term)) == term


def test_the_most_secret_classification_is_by_the_councils_order():
    order = ("public", "internal", "confidential", "restricted")
    assert most_secret(["internal", None, "restricted", "public"], order) == "restricted"
    assert most_secret(["zzz", "internal"], order) == "internal"
    assert most_secret(["zzz"], order) == "zzz"
    assert most_secret([None], order) is None


def test_freshness_is_told_for_the_moment_that_is_asked_for():
    port = _port(freshness_promised=3600.0, data_as_of=NOW, published_at=NOW + timedelta(minutes=5))
    assert port.freshness(NOW + timedelta(hours=1)) == "fresh"
    assert port.freshness(NOW + timedelta(hours=1, seconds=1)) == "late"
    assert port.freshness(NOW - timedelta(days=1)) == "fresh"  # clocks of two machines
    assert _port(freshness_promised=None, data_as_of=NOW, published_at=NOW).freshness(NOW) == "unknown"
    assert _port(freshness_promised=60.0, data_as_of=None, published_at=None).freshness(NOW) == "unknown"
    assert _port(freshness_promised=60.0, data_as_of=None, published_at=NOW).freshness(NOW) == "fresh"


def test_a_product_without_ports_is_a_draft():
    entry = ProductEntry("a.b", "a", "b", *(None,) * 4, (), None, (), "active", False, None, 0, ())
    assert entry.lifecycle == "draft"


def _port(**facts) -> PortEntry:
    fields = dict.fromkeys(PortEntry.__dataclass_fields__) | {"address": "a.b.v1", "scores": {}, "columns": ()}
    return PortEntry(**{**fields, **facts})
