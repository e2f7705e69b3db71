"""Commands that only look: status, show, publications, fsck, and what they say when there is nothing to see."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Mesh


def test_status_tells_version_rows_score_and_freshness_of_every_port(built: Mesh) -> None:
    products = {item["port"]: item for item in built("status", "--json").json["products"]}
    assert list(products) == ["ledger.totals.v1", "shop.orders.v1"]
    orders = products["shop.orders.v1"]
    assert orders["published"] is True
    assert (orders["publication"], orders["rows"], orders["score"]) == (1, 3, 100.0)
    assert orders["published_contract_version"] == "1.0.0"
    assert orders["owner"] == "shop@retailer.example"
    assert orders["data_as_of"] == "2026-03-02T12:00:00+00:00"
    assert orders["freshness"]["state"] == "fresh"
    assert orders["freshness"]["promised_seconds"] == 3650 * 86400
    assert products["ledger.totals.v1"]["freshness"]["state"] == "fresh"


def test_status_for_people_has_a_line_per_port(built: Mesh) -> None:
    lines = built("status").out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["product", "ledger.totals.v1", "shop.orders.v1"]
    assert "fresh" in lines[2]


def test_status_before_anything_was_built(empty: Mesh) -> None:
    done = empty("status", "--json")
    assert done.code == 0
    assert [item["published"] for item in done.json["products"]] == [False, False]
    assert not empty.home.exists() or not (empty.home / "lakes").exists()  # looking creates nothing


def test_show_tells_the_promise_and_the_columns(built: Mesh) -> None:
    page = built("show", "shop.orders", "--json").json
    assert page["port"] == "shop.orders.v1"
    assert page["purpose"] == "One row per order."
    columns = {column["name"]: column for column in page["columns"]}
    assert columns["order_id"] | {"description": ""} == {
        "name": "order_id",
        "type": "BIGINT",
        "required": True,
        "primary_key_position": 1,
        "classification": "internal",
        "description": "",
    }
    assert columns["segment"]["classification"] == "restricted"
    assert page["audit"]["passed"] is True
    assert not page["audit"].keys() & {"profile", "proven", "anomalies"}, "short names, that only the platform reads"


def test_show_tells_completeness_in_percent_and_how_the_score_went(built: Mesh) -> None:
    page = built("show", "shop.orders", "--json").json
    assert (page["completeness"]["percent"], page["completeness"]["bad"], page["accuracy"]) == (100, 0, None)
    assert page["completeness"]["values"] == 3 * len(page["completeness"]["columns"])
    history = page["history"]
    assert [one["number"] for one in history["publications"]] == [1]
    assert history["series"]["score"] == [page["score"]]
    assert history["series"]["completeness"] == [100]
    assert history["trends"] == {}, "of one publication there is none"
    assert "100 %" in built("show", "shop.orders").out


def test_show_never_tells_a_masked_value(built: Mesh) -> None:
    told = built("show", "shop.orders", "--json").out + built("show", "shop.orders.v1").out
    for secret in ("ada@mail.example", "+1-555-0101", "1970"):
        assert secret not in told


def test_show_for_people_names_owner_promise_and_use(built: Mesh) -> None:
    out = built("show", "shop.orders.v1").out
    for text in ("shop@retailer.example", "One row per order.", "fresh", "Limitations", "birth_year"):
        assert text in out


def test_publications_lists_the_log(built: Mesh) -> None:
    (entry,) = built("publications", "shop.orders", "--json").json
    assert (entry["port"], entry["number"], entry["kind"], entry["rows"]) == ("shop.orders.v1", 1, "publish", 3)
    assert "publish" in built("publications", "shop.orders.v1").out


def test_fsck_finds_a_new_mesh_sound(built: Mesh) -> None:
    done = built("fsck", "--json")
    assert (done.code, done.json["sound"]) == (0, True)
    assert [lake["domain"] for lake in done.json["lakes"]] == ["ledger", "shop"]
    assert "sound" in built("fsck").out


@pytest.mark.parametrize("command", [("show",), ("publications",)])
def test_a_product_that_does_not_exist_is_told_and_asked_wrongly(built: Mesh, command: tuple[str, ...]) -> None:
    done = built(*command, "shop.order")
    assert done.code == 2
    assert "there is no product 'shop.order'" in done.err
    assert "shop.orders.v1" in done.err  # a near name is offered


def test_a_product_that_was_never_published_says_how_to_build_it(empty: Mesh) -> None:
    done = empty("publications", "shop.orders")
    assert (done.code, done.out) == (1, "")
    assert "mesh run shop.orders" in done.err
    done = empty("query", "select * from shop.orders.v1")
    assert done.code == 1
    assert "mesh run shop" in done.err
    done = empty("rollback", "shop.orders.v1", "--to", "1")
    assert done.code == 1
    assert "never published" in done.err


def test_fsck_and_maintain_of_a_mesh_without_lakes(empty: Mesh) -> None:
    assert empty("fsck", "--json").json == {"sound": True, "lakes": []}
    assert empty("maintain", "--json").json == []


def test_an_unknown_command_or_option_is_asked_wrongly(built: Mesh) -> None:
    assert built("publish").code == 2
    assert built("status", "--yaml").code == 2
    assert built("--help").code == 0
