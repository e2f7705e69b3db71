"""`mesh audit PRODUCT`: the rules on the table as it stands, and how each is answered."""

from __future__ import annotations

from tests.cli.conftest import Mesh
from tests.tiny_mesh import land


def test_the_rules_of_a_product_are_checked_now(built: Mesh) -> None:
    done = built("audit", "shop.orders")
    assert (done.code, "all hold" in done.out) == (0, True)
    told = built("audit", "shop.orders", "--json").json
    assert (told["port"], told["passed"]) == ("shop.orders.v1", True)
    assert {result["name"] for result in told["results"]} >= {"schema", "primary_key"}


def test_a_rule_that_fails_now_is_told_and_nothing_is_written(mesh: Mesh) -> None:
    contract = mesh.project / "domains/shop/products/orders/v1.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    before = mesh("publications", "shop.orders", "--json").json
    contract.write_text(
        text.replace(
            "quality:", "quality:\n      - {name: none_at_all, metric: rowCount, mustBe: 0, dimension: coverage}", 1
        ),
        encoding="utf-8",
    )
    done = mesh("audit", "shop.orders.v1")
    assert done.code == 1
    assert "none_at_all" in done.out
    contract.write_text(text, encoding="utf-8")
    assert mesh("publications", "shop.orders", "--json").json == before


def test_each_rule_is_explained_by_its_tier(built: Mesh) -> None:
    rules = built("audit", "shop.orders", "--explain", "--full", "--json").json["rules"]
    assert {rule["tier"] for rule in rules} == {0, 1, 2}
    assert all(rule["how"] and rule["why"] and rule["cost"] for rule in rules)
    told = built("audit", "shop.orders", "--explain", "--full").out
    for words in ("Tier 0: what files know", "Tier 1: one scan", "Tier 2: a query of its own"):
        assert words in told


def test_what_the_last_publication_proved_is_not_asked_again(built: Mesh) -> None:
    """Nothing came since it was built."""
    told = built("audit", "shop.orders", "--explain", "--json").json
    assert told["builds_on"] == {"publication": 1, "proven_rows": 3, "new_rows": 0}
    rules = {rule["check"]: rule for rule in told["rules"]}
    assert (rules["primary_key"]["carried"], rules["primary_key"]["cost"]) == (True, "no rows read")
    assert "3 rows of publication #1 are there as they were" in built("audit", "shop.orders", "--explain").out


def test_what_can_not_be_audited_is_told(empty: Mesh) -> None:
    land(empty.home)
    unknown, unbuilt = empty("audit", "shop.nothing"), empty("audit", "shop.orders")
    assert (unknown.code, "there is no product 'shop.nothing'" in unknown.err) == (2, True)
    assert (unbuilt.code, "mesh run shop.orders" in unbuilt.err) == (1, True)
    typo = empty("audit", "verfy")
    assert typo.code == 2
    assert "verify" in typo.err
