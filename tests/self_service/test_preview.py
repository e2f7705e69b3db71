"""What a change would do, seen before it is merged: on a real lake, which it leaves as it is."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from platform_resources.contracts import Origin, load_mesh
from platform_resources.governance import Council, PublishedPort, Rule
from platform_resources.pipeline import published_in
from platform_resources.self_service.preview import ProductPreview, preview_tree
from platform_resources.self_service.revisions import promised_at
from platform_resources.self_service.trees import TreeError
from tests.pipeline.building import CONTRACT, DOMAIN, NOW, PRODUCT, Shop, write_domain

STOCK = CONTRACT.replace("value: gold", "value: silver")  # gold products bind every column to a term
LATER = NOW + timedelta(hours=1)

DESK_PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: desk.counts
name: counts
version: 1.0.0
status: active
domain: desk
description: {purpose: Counts., usage: Read it., limitations: For tests only.}
inputPorts:
  - name: shop.stock
    version: "1"
    contractId: shop.stock.v1
    customProperties:
      - {property: columns, value: [id, version]}
      - {property: purpose, value: counting}
outputPorts:
  - {name: counts, version: "1", contractId: desk.counts.v1}
team:
  name: desk team
  members: [{username: desk@retailer.example, role: owner}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with one publication, whose port is read by a product of another domain."""
    shop = Shop(tmp_path, write_domain(tmp_path, contract=STOCK))
    shop.build(1)
    assert shop.publish("run-1").published
    folder = tmp_path / "domains" / "desk"
    files = {
        "domain.yaml": DOMAIN.replace("shop", "desk"),
        "products/counts/product.odps.yaml": DESK_PRODUCT,
        "products/counts/v1.odcs.yaml": STOCK.replace("shop", "desk").replace("stock", "counts"),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return shop


def published(shop: Shop) -> Mapping[str, PublishedPort]:
    return published_in(shop.settings, ["shop", "desk"])


def look(shop: Shop, *names: str, council: Council | None = None) -> list[ProductPreview]:
    mesh = load_mesh(shop.settings.domains)
    return preview_tree(shop.settings, mesh, council or Council(None), published(shop), LATER, names)


def contract(shop: Shop, text: str) -> None:
    (shop.root / "domains/shop/products/stock/v1.odcs.yaml").write_text(text)


def only_stock(found: list[ProductPreview]) -> ProductPreview:
    return next(item for item in found if item.address == "shop.stock")


def state_of(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(("-shm", "-wal")))
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_without_a_change_there_is_no_news_of_what_is_published(shop: Shop) -> None:
    found = look(shop)
    assert [item.address for item in found] == ["desk.counts"]  # it was never published
    (port,) = found[0].ports
    assert (port.state, port.verdict) == ("new", "waits")
    assert port.trial is not None
    assert "desk.internal.counts is not built yet" in str(port.trial.not_built)


def test_a_product_that_is_named_is_told_of_changed_or_not(shop: Shop) -> None:
    (found,) = look(shop, "shop.stock")
    (port,) = found.ports
    assert (port.state, port.verdict, found.refused) == ("unchanged", "published", False)
    assert port.trial is not None
    assert port.trial.after is not None
    assert port.trial.before is not None
    assert port.trial.after.audit.score == port.trial.before.score == 100


def test_a_change_is_tried_on_the_data_and_nothing_is_written(shop: Shop) -> None:
    changed = STOCK.replace("version: 1.0.0\nstatus", "version: 1.1.0\nstatus").replace(
        "    quality:\n",
        "      - {name: shelf, logicalType: string, physicalType: VARCHAR, required: true, classification: internal,\n"
        "         description: Where it lies., businessName: Shelf}\n"
        "    quality:\n"
        "      - {name: ids_are_small, type: sql, query: 'SELECT max(id) FROM {table}', mustBeLessThan: 50,\n"
        "         dimension: conformity, severity: warning}\n"
        "      - {name: shelves, type: sql, query: 'SELECT count(DISTINCT shelf) FROM {table}', mustBe: 3,\n"
        "         dimension: coverage}\n",
    )
    contract(shop, changed)
    before = state_of(shop.settings.home)
    item = only_stock(look(shop))
    assert state_of(shop.settings.home) == before

    (port,) = item.ports
    assert (port.before, port.after) == ("1.0.0", "1.1.0")
    assert {change.name for change in port.checks if change.before is None} == {
        "required__shelf",
        "ids_are_small",
        "shelves",
    }
    assert port.trial is not None
    after = port.trial.after
    assert after is not None
    assert after.pending == {"shelf": "new"}
    assert set(after.waiting) == {"schema", "required__shelf", "shelves"}  # they need the column
    assert [result.name for result in after.audit.failures] == ["ids_are_small"]
    assert port.trial.before is not None
    assert after.audit.score < port.trial.before.score
    assert (port.verdict, item.refused) == ("waits", False)
    assert port.reasons == ("the next build has to bring shelf (new)",)


def test_a_type_that_the_next_build_has_to_bring(shop: Shop) -> None:
    contract(shop, STOCK.replace("name: version, logicalType: integer, physicalType: BIGINT",
                                 "name: version, logicalType: integer, physicalType: HUGEINT"))  # fmt: skip
    (port,) = only_stock(look(shop)).ports
    assert port.trial is not None
    assert port.trial.after is not None
    assert port.trial.after.pending == {"version": "BIGINT → HUGEINT"}
    assert "schema" in port.trial.after.waiting


def test_what_the_data_does_not_keep_is_refused(shop: Shop) -> None:
    contract(shop, STOCK.replace("mustBe: 100", "mustBe: 101"))
    item = only_stock(look(shop))
    (port,) = item.ports
    assert (port.verdict, item.refused) == ("refused", True)
    assert any("101" in reason for reason in port.reasons)
    (changed,) = port.checks
    assert (changed.name, changed.before, changed.after) == ("every_article", "= 100 rows, error", "= 101 rows, error")


def test_a_promised_column_that_the_table_lost_is_refused(shop: Shop) -> None:
    """Not to be mistaken for one that is still to come."""
    with_more = STOCK.replace("    quality:\n", "    description: Articles.\n    quality:\n", 1)
    contract(shop, with_more)
    from platform_resources.lake import connect
    from platform_resources.pipeline import replace_table

    with connect(shop.settings, own="shop") as con:
        rows = con.sql("SELECT range AS id, now() AS counted_at FROM range(100)")
        replace_table(con, shop.settings, "shop", "stock", rows, "build-2")
    (port,) = only_stock(look(shop)).ports
    assert port.verdict == "refused"
    assert any("version is missing" in reason for reason in port.reasons)


def test_a_breaking_change_names_the_consumers_and_their_fields(shop: Shop) -> None:
    start, end = STOCK.index("      - {name: version"), STOCK.index("      - {name: counted_at")
    text = (STOCK[:start] + STOCK[end:]).replace("SELECT count(DISTINCT version)", "SELECT 1")
    contract(shop, text)
    item = only_stock(look(shop))
    (port,) = item.ports
    assert port.verdict == "refused"
    assert any("desk.counts" in reason and "version" in reason for reason in port.reasons)
    assert port.comparison is not None
    hit = [c.name for c in port.consumers if any(c.reads(change.columns) for change in port.comparison.breaking)]
    assert hit == ["desk.counts"]


def test_sql_of_a_proposed_rule_is_guarded(shop: Shop) -> None:
    query = "SELECT count(*) FROM read_text('/etc/passwd')"
    rule = f'{{name: spy, type: sql, query: "{query}", mustBe: 0, dimension: accuracy}}'
    contract(shop, STOCK.replace("    quality:\n", f"    quality:\n      - {rule}\n"))
    (port,) = only_stock(look(shop)).ports
    assert port.verdict == "refused"
    assert any("spy can't be evaluated" in reason for reason in port.reasons)


def test_rules_on_publications_see_what_was_measured(shop: Shop) -> None:
    rule = Rule(
        "QUA-090", "All of it", "why", "council@retailer.example", "quality", "error", "publication", date(2020, 1, 1),
        Origin(shop.root, 1, ""), require={"field": "score", "atLeast": 100.5}, message="{score} is too little.",
    )  # fmt: skip
    contract(shop, STOCK.replace("title: Stock", "title: Stock") + "tags: [new]\n")
    (port,) = only_stock(look(shop, council=Council(None, rules=(rule,)))).ports
    assert port.verdict == "refused"
    assert any("is too little" in reason for reason in port.reasons)


def test_broken_documents_are_refused_and_hide_no_other(shop: Shop) -> None:
    contract(shop, STOCK.replace("physicalType: BIGINT", "physicalType: NOTHING", 1))
    found = look(shop)
    item = only_stock(found)
    assert item.refused
    assert item.ports == ()
    assert any("no type" in finding.message for finding in item.findings)
    assert {other.address for other in found} == {"desk.counts", "shop.stock"}
    (shop.root / "domains/desk/domain.yaml").write_text("nothing: here\n")
    assert [item.address for item in look(shop, "desk")] == ["desk"]


def test_a_port_that_is_taken_away(shop: Shop) -> None:
    folder = shop.root / "domains/shop/products/stock"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    item = only_stock(look(shop))
    (port,) = item.ports
    assert (port.state, port.after) == ("removed", None)
    assert [consumer.name for consumer in port.consumers] == ["desk.counts"]
    assert (port.verdict, item.refused) == ("refused", True)  # it is read


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_against_a_commit(shop: Shop) -> None:
    git(shop.root, "init", "-q")
    git(shop.root, "add", "domains")
    git(shop.root, "commit", "-qm", "first")
    (shop.root / "domains/shop/products/stock/product.odps.yaml").write_text(PRODUCT.replace("draft", "active"))
    mesh = load_mesh(shop.settings.domains)
    base = promised_at(shop.settings.domains, "HEAD", LATER)
    assert preview_tree(shop.settings, mesh, Council(None), base, LATER) == []
    contract(shop, STOCK + "tags: [new]\n")
    (item,) = preview_tree(shop.settings, load_mesh(shop.settings.domains), Council(None), base, LATER)
    assert [port.state for port in item.ports] == ["changed"]
    for wrong in ("no-such-branch", "--output=x"):
        with pytest.raises(TreeError, match=r"no commit|no git reference"):
            promised_at(shop.settings.domains, wrong, LATER)
