"""`mesh preview` and `mesh whatif`, as a person or a pipeline calls them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Mesh

RULE = """\
id: DOC-090
title: Contracts say how they may be used
reason: For the test.
owner: council@retailer.example
family: documentation
severity: error
effectiveFrom: 2030-01-01
appliesTo: contract
require: {field: tags, contains: approved}
message: "{name} is not tagged approved."
remedy: Tag it.
examples:
  - failing: {name: Orders}
    mended: {name: Orders, tags: [approved]}
"""


def orders(mesh: Mesh) -> Path:
    return mesh.project / "domains/shop/products/orders/v1.odcs.yaml"


def test_preview_of_an_unchanged_tree_is_one_line(built: Mesh) -> None:
    done = built("preview")
    assert done.code == 0, done.out + done.err
    assert done.out.count("\n") == 1
    assert done.out.startswith("nothing would change")


def test_preview_tells_the_change_the_score_and_the_verdict(mesh: Mesh) -> None:
    text = orders(mesh).read_text()
    orders(mesh).write_text(text.replace("mustBeLessThan: 100", "mustBeLessThan: 20"))
    done = mesh("preview")
    assert "shop.orders.v1" in done.out
    assert "orders_stay_small" in done.out
    assert "would be published" in done.out
    record = mesh("preview", "--json").json["products"][0]["ports"][0]
    assert record["score"]["after"] < record["score"]["before"]
    assert record["checks"] == [{"name": "orders_stay_small", "before": "< 100, warning", "after": "< 20, warning"}]
    assert record["contract"]["changes"][0]["effect"] == "tightens"


def test_preview_ends_with_one_when_something_would_be_refused(mesh: Mesh) -> None:
    orders(mesh).write_text(orders(mesh).read_text().replace("count_if(amount <= 0)", "count_if(amount <= 1)"))
    done = mesh("preview", "shop.orders")
    assert done.code == 1
    assert "would be refused" in done.out
    assert mesh("preview", "shop.orders", "--json").json["products"][0]["ports"][0]["verdict"] == "refused"


def test_preview_of_broken_documents(mesh: Mesh) -> None:
    orders(mesh).write_text("nothing: here\n")
    done = mesh("preview")
    assert done.code == 1
    assert "would be refused" in done.out
    assert "v1.odcs.yaml:1" in done.out


def test_preview_that_is_asked_wrongly(built: Mesh) -> None:
    assert built("preview", "shop.nothing").code == 2
    wrong = built("preview", "--against", "no-such-branch")
    assert wrong.code == 2
    assert "mesh:" in wrong.err


def test_whatif_is_a_question(built: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(RULE)
    done = built("whatif", str(file))
    assert done.code == 0, done.out + done.err
    assert "2 of 2 products would be refused" in done.out
    assert "Orders is not tagged approved." in done.out
    assert "2 of 2 publications would have been refused" in done.out
    answer = built("whatif", str(file), "--json").json
    assert answer["refused"] == answer["publications"] == 2
    assert [item["product"] for item in answer["failing"]] == ["ledger.totals", "shop.orders"]
    assert {stretch["port"] for stretch in answer["would_have_failed"]} == {"ledger.totals.v1", "shop.orders.v1"}


def test_whatif_of_a_broken_rule(built: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(RULE.replace("contains: approved", "holds: approved"))
    done = built("whatif", str(file))
    assert done.code == 2
    assert "holds" in done.err
    assert built("whatif", str(file), "--json").json["findings"]
    assert built("whatif", str(tmp_path / "none.yaml")).code == 2
