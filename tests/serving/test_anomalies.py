"""What is unusual, as the API and the page of a product tell it: and to whom what is told."""

from __future__ import annotations

import html
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from platform_resources.access import Identity
from platform_resources.lake import MeshSettings, Publication, connect, newest_entry, utc_now
from platform_resources.orchestration.anomalies import anomalies_result
from platform_resources.quality.anomalies import NOT_JUDGED
from platform_resources.quality.judgement_record import judged_in
from platform_resources.quality.profile import ColumnProfile, Profile
from tests.cli.quick import QuickMesh
from tests.guarded import CUSTOMERS
from tests.histories import forget_judgement, set_profile, write_past
from tests.mcp.conftest import agents_of
from tests.portal.conftest import Browser
from tests.serving.conftest import Api

PORT = "/api/v1/products/shop/customers/v1"
USUAL = Profile(
    rows=40,
    looked_at=40,
    age_seconds=60,
    columns={
        "region": ColumnProfile("VARCHAR", 0.0, 0.1, mix={"north": 0.5, "south": 0.5}),
        "income": ColumnProfile("BIGINT", 0.0, 0.9),
        "balance": ColumnProfile("DECIMAL(12,2)", 0.0, 0.9, (10.0, 20.0, 40.0), 12.0),
    },
)


def changed(name: str, **facts: object) -> Profile:
    return replace(USUAL, columns={**USUAL.columns, name: replace(USUAL.columns[name], **facts)})


@pytest.fixture
def unusual(api: Api) -> Api:
    """A month as ever; then half of the rows, amounts in another currency, and incomes that are gone."""
    write_past(api.mesh.settings, CUSTOMERS, [USUAL] * 30, utc_now() - timedelta(days=1))
    wrong = changed("balance", quartiles=(0.1, 0.2, 0.4))
    wrong = replace(wrong, rows=20, columns={**wrong.columns, "income": ColumnProfile("BIGINT", 1.0, None)})
    set_profile(api.mesh.settings, CUSTOMERS, wrong)
    return api


def newest(settings: MeshSettings) -> Publication:
    with connect(settings, reads=[CUSTOMERS.domain]) as con:
        found = newest_entry(con, CUSTOMERS)
    assert found is not None
    return found


def page(api: Api) -> str:
    """Ana's."""
    with Browser(api.url) as browser:
        assert browser.sign_in(api.mesh.tokens["ana"]).status_code == 303
        return browser.get("/products/shop/customers").text


def figures(api: Api, who: str) -> tuple[list[str], int]:
    answer = api.get(who, f"{PORT}/anomalies")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return sorted(one["figure"] for one in told["anomalies"]), told["withheld"]


def test_each_anomaly_says_what_was_seen_what_was_expected_and_since_when(unusual: Api) -> None:
    told = unusual.get("ana", f"{PORT}/anomalies").json()
    assert (told["publication"], told["learning"], told["watched_figures"]) == (31, False, 12)
    rows = next(one for one in told["anomalies"] if one["kind"] == "rows")
    assert (rows["seen"], rows["expected"]) == (pytest.approx(20), pytest.approx(40))
    assert rows["low"] < 40 < rows["high"] < 50
    assert rows["says"].startswith("rows: 20, expected 40 (")
    assert (rows["since_publication"], rows["versions"]) == (31, 1)
    assert [point["publication"] for point in rows["points"]][-2:] == [30, 31]
    assert [point["unusual"] for point in rows["points"]][-2:] == [False, True]


def test_of_a_column_is_told_who_sees_it_in_clear_and_of_rows_who_sees_them_all(unusual: Api) -> None:
    columns = ["rows", "upper quartile of balance"]
    assert figures(unusual, "ana") == (columns, 1), "incomes are masked"
    assert figures(unusual, "desk") == (["rows", "share of nulls in income", "upper quartile of balance"], 0), (
        "cleared for them"
    )
    assert figures(unusual, "reggie") == ([], 3), "it reads some rows only"


def test_columns_that_a_grant_leaves_out_are_not_told(unusual: Api) -> None:
    unusual.mesh.identity(Identity("clerk", "person", "Clerk", purpose="analytics"))
    unusual.mesh.grant("clerk", role="customers_reader", columns=frozenset({"region"}))
    with unusual.client(unusual.mesh.token("clerk")) as clerk:
        found = clerk.get(f"{PORT}/anomalies").json()
    assert [one["figure"] for one in found["anomalies"]] == ["rows"]


def test_without_a_grant_no_column_is_told_but_to_owners(unusual: Api) -> None:
    assert figures(unusual, "nobody") == (["rows"], 2)
    unusual.mesh.identity(Identity("shop@retailer.example", "person", "Shop", purpose="analytics"))
    with unusual.client(unusual.mesh.token("shop@retailer.example")) as owner:
        told = owner.get(f"{PORT}/anomalies").json()["anomalies"]
    assert sorted(one["figure"] for one in told) == ["rows", "upper quartile of balance"]


def test_the_schema_is_told_to_owners(api: Api) -> None:
    write_past(api.mesh.settings, CUSTOMERS, [USUAL] * 30, utc_now() - timedelta(days=1))
    set_profile(api.mesh.settings, CUSTOMERS, replace(USUAL, columns={**USUAL.columns, "pin": ColumnProfile("INT")}))
    api.mesh.identity(Identity("shop@retailer.example", "person", "Shop", purpose="analytics"))
    assert figures(api, "ana") == ([], 1)
    with api.client(api.mesh.token("shop@retailer.example")) as owner:
        (told,) = owner.get(f"{PORT}/anomalies").json()["anomalies"]
    assert told["says"] == "columns and types, under the same contract: pin is new"


def test_a_product_without_a_past_is_still_learning(api: Api) -> None:
    told = api.get("ana", f"{PORT}/anomalies").json()
    assert not told["judged"], "nothing was profiled"
    set_profile(api.mesh.settings, CUSTOMERS, USUAL)
    told = api.get("ana", f"{PORT}/anomalies").json()
    facts = ("judged", "learning", "known_versions", "needed_versions", "anomalies")
    assert [told[name] for name in facts] == [True, True, 0, 14, []]
    assert "Still learning: 0 of 14 versions" in page(api)


def test_every_door_tells_the_same_of_a_version(unusual: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """None judges again: what judging needs, numpy among it, is imported by none."""
    monkeypatch.setitem(sys.modules, "platform_resources.quality.foretelling", None)
    settings = unusual.mesh.settings
    desk = unusual.get("desk", f"{PORT}/anomalies").json()["anomalies"]
    said = {one["figure"]: one["says"] for one in desk}
    assert len(said) == 3
    (kept,) = QuickMesh(settings.project, settings.home)("anomalies", "shop.customers", "--json").json["ports"]
    assert {one["figure"]: one["says"] for one in kept["anomalies"]} == said
    judged = judged_in(newest(settings).audit)
    check = anomalies_result(dg.AssetKey(CUSTOMERS.key), judged)
    assert check.description == "; ".join(one["says"] for one in kept["anomalies"])
    with contextmanager(agents_of)(unusual.mesh) as agents:
        for who, told in (("desk", said), ("ana", {name: text for name, text in said.items() if "income" not in name})):
            answer = agents(who).answer("get_quality", product=str(CUSTOMERS))
            assert {one["figure"]: f"{one['figure']}: {one['says']}" for one in answer["unusual"]["figures"]} == told
            assert answer["unusual"]["withheld"] == 3 - len(told)
            assert "3 figures unusual beside earlier versions" in answer["summary"]
    shown = page(unusual)
    for text in said.values():
        assert (html.escape(text.partition(": ")[2]) in shown) == ("nulls in income" not in text)


def test_a_version_without_a_judgement_is_neither_usual_nor_learning(unusual: Api) -> None:
    settings = unusual.mesh.settings
    forget_judgement(settings, CUSTOMERS)
    told = unusual.get("ana", f"{PORT}/anomalies").json()
    assert [told[name] for name in ("publication", "judged", "learning", "anomalies")] == [31, False, False, []]
    shown = page(unusual)
    assert "Not judged: publication #31" in shown
    assert "Still learning" not in shown
    assert NOT_JUDGED in QuickMesh(settings.project, settings.home)("anomalies", "shop.customers").out
    check = anomalies_result(dg.AssetKey(CUSTOMERS.key), judged_in(newest(settings).audit))
    assert (check.passed, check.description) == (True, NOT_JUDGED)
    with contextmanager(agents_of)(unusual.mesh) as agents:
        assert not agents("ana").answer("get_quality", product=str(CUSTOMERS))["unusual"]["judged"]


def test_the_page_shows_each_with_its_plot(unusual: Api) -> None:
    told = page(unusual)
    assert "<td>20, expected 40 (" in told
    assert told.count('id="plot-unusual-') == 4  # a title and a description of each
    assert "1 more is in columns or rows that you don't see" in told
    assert "nulls in income" not in told


def test_a_value_with_a_colon_is_not_cut(api: Api) -> None:
    mixed = replace(changed("region", mix={"a: b": 0.5, "south": 0.5}), rows=4000, looked_at=4000)
    write_past(api.mesh.settings, CUSTOMERS, [mixed] * 30, utc_now() - timedelta(days=1))
    other = changed("region", mix={"a: b": 0.1, "south": 0.9})
    set_profile(api.mesh.settings, CUSTOMERS, replace(other, rows=4000, looked_at=4000))
    (told,) = api.get("ana", f"{PORT}/anomalies").json()["anomalies"]
    assert "'a: b' in region" in told["figure"]
    shown = page(api)
    assert "<td>10 % on " in shown
    assert "B&#39; in region: 10 %" not in shown, "nor beside the plot"


def test_who_may_not_know_of_a_product_is_told_nothing(unusual: Api) -> None:
    product = unusual.mesh.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml"
    product.write_text(product.read_text() + "customProperties:\n  - {property: visibility, value: granted}\n")
    assert unusual.get("ana", f"{PORT}/anomalies").status_code == 200
    assert unusual.get("nobody", f"{PORT}/anomalies").status_code == 404
