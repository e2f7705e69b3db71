"""The gate at the publication: what breaks the council's rules is not published, whatever its audit says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from platform_resources.lake import (
    PortAddress,
    PublicationError,
    connect,
    latest_publication,
    latest_refusal,
    publications,
    retire,
    roll_back,
)
from platform_resources.pipeline import govern, published_in, publishing
from tests.pipeline.building import CONTRACT, NOW, STOCK_ROWS, Shop

PORT = PortAddress.parse("shop.stock.v1")
SERVED = "SELECT count(*), min(version) FROM shop.stock.v1"
COUNCIL = """\
name: The council
owner: council@retailer.example
approvers: [council@retailer.example]
"""
TAGGED = """\
id: DOC-100
title: Contracts say their tags
reason: Without tags nobody finds them.
owner: council@retailer.example
family: documentation
severity: error
effectiveFrom: 2026-01-01
graceUntil: {grace}
appliesTo: contract
require: {{field: tags, exists: true}}
message: "`{{id}}` has no tags."
remedy: "Add `tags: [stock]`."
examples:
  - failing: {{id: shop.stock.v1}}
    mended: {{id: shop.stock.v1, tags: [stock]}}
"""
SCORED = """\
id: QUA-100
title: The score is high enough
reason: Consumers rely on it.
owner: council@retailer.example
family: quality
severity: error
effectiveFrom: 2026-01-01
appliesTo: publication
require: {field: score, atLeast: 99}
message: "It scores {score}."
remedy: "Mend the checks that fail, or the data."
examples:
  - failing: {score: 50}
    mended: {score: 99.5}
"""
WARNING = """\
      - {name: is_old, type: sql, query: "SELECT count(*) FROM {table} WHERE version > 1", mustBe: 0, severity: warning,
         dimension: accuracy}
slaProperties:
"""


def enact(root: Path, *rules: str) -> None:
    folder = root / "governance" / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "governance" / "council.yaml").write_text(COUNCIL, encoding="utf-8")
    for rule in rules:
        name = rule.split("\n", 1)[0].removeprefix("id: ")
        (folder / f"{name}-a-rule.yaml").write_text(rule, encoding="utf-8")


def promise(shop: Shop, contract: str) -> None:
    """Edit the contract in the working tree and load it anew."""
    file = shop.root / "domains/shop/products/stock/v1.odcs.yaml"
    file.write_text(contract, encoding="utf-8")
    shop.domain = govern(shop.settings, "shop", NOW).usable.domain


def refused_by(shop: Shop) -> list[tuple[str, str]]:
    with connect(shop.settings, reads=["shop"]) as con:
        refusal = latest_refusal(con, PORT)
    return [(item["code"], item["standing"]) for item in refusal.audit["governance"]]


def test_a_rule_that_is_broken_refuses_a_version_whose_audit_passed(shop: Shop) -> None:
    shop.build(1)
    assert shop.publish("run-1").published
    enact(shop.root, TAGGED.format(grace="2026-02-01"))
    shop.build(2)
    outcome = shop.publish("run-2")
    assert outcome.audit.passed
    assert not outcome.published
    assert refused_by(shop) == [("DOC-100", "blocks")]
    assert shop.query(SERVED) == [(STOCK_ROWS, 1)]


def test_a_grace_that_ends_between_load_and_publication_blocks(shop: Shop) -> None:
    enact(shop.root, TAGGED.format(grace="2026-03-01"))
    loaded = govern(shop.settings, "shop", datetime(2026, 2, 28, tzinfo=UTC))
    assert [item.standing for item in loaded.judgements] == ["grace"]
    assert not loaded.blocked
    shop.domain = loaded.usable.domain
    shop.build(1)
    outcome = shop.publish("run-1", NOW)
    assert not outcome.published
    assert [item.standing for item in outcome.judgements] == ["blocks"]


def test_a_rule_in_grace_is_published_and_told_with_its_end(shop: Shop) -> None:
    enact(shop.root, TAGGED.format(grace="2026-12-31"))
    shop.build(1)
    assert shop.publish("run-1").published
    with connect(shop.settings, reads=["shop"]) as con:
        (told,) = latest_publication(con, PORT).audit["governance"]
    assert (told["code"], told["standing"], told["until"]) == ("DOC-100", "grace", "2026-12-31")
    assert told["file"] == "domains/shop/products/stock/v1.odcs.yaml"


def test_a_rule_on_publications_judges_the_version_at_hand(shop: Shop) -> None:
    enact(shop.root, SCORED)
    promise(shop, CONTRACT.replace("slaProperties:\n", WARNING))
    shop.build(1)
    assert shop.publish("run-1").published
    shop.build(2)
    outcome = shop.publish("run-2")
    assert outcome.audit.passed
    assert not outcome.published
    assert refused_by(shop) == [("QUA-100", "blocks")]
    assert shop.query(SERVED) == [(STOCK_ROWS, 1)]


def test_documents_that_broke_since_they_were_loaded_refuse_the_version(shop: Shop) -> None:
    shop.build(1)
    file = shop.root / "domains/shop/products/stock/product.odps.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("role: owner", "rank: owner"), encoding="utf-8")
    outcome = shop.publish("run-1")
    assert not outcome.published
    assert {item.finding.file.name for item in outcome.judgements} == {"product.odps.yaml"}


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ("members: [{username: shop@retailer.example, role: owner}]", "owner-missing"),
        ("  - {property: freshness, value: P3650D, element: stock.counted_at}\n", "freshness-missing"),
    ],
)
def test_owner_schema_and_freshness_hold_without_any_council_and_no_waiver_helps(
    shop: Shop, spoilt: str, code: str
) -> None:
    assert spoilt in CONTRACT
    other = {
        "owner-missing": "members: [{username: nobody}]",
        "freshness-missing": "  - {property: retention, value: P3Y}\n",
    }
    enact(shop.root)
    waivers = shop.root / "governance" / "waivers"
    waivers.mkdir()
    (waivers / "w.yaml").write_text(
        f"rule: {code}\nproduct: shop.stock\napprover: council@retailer.example\nreason: We are in a hurry.\n"
        "granted: 2026-03-01\nuntil: 2026-06-30\n",
        encoding="utf-8",
    )
    file = shop.root / "domains/shop/products/stock/v1.odcs.yaml"
    file.write_text(CONTRACT.replace(spoilt, other[code]), encoding="utf-8")
    loaded = govern(shop.settings, "shop", NOW)
    assert loaded.held or not loaded.usable.domain.products
    assert code in {finding.code for finding in loaded.blocked["shop.stock"]}


def test_a_damaged_lake_leaves_the_domain_loadable(shop: Shop) -> None:
    shop.build(1)
    shop.publish("run-1")
    shop.settings.catalog_file("shop").write_bytes(b"not a catalog")
    assert [product.name for product in govern(shop.settings, "shop", NOW).usable.domain.products] == ["stock"]


def test_what_happens_to_the_documents_during_the_audit_is_heeded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The promise that is logged is the one that was judged, or nothing is published."""
    file, audited = shop.root / "domains/shop/products/stock/v1.odcs.yaml", publishing.evaluate

    def publish_while(run_id: str, meanwhile: Callable[[], None]) -> list[str]:
        def evaluate(*arguments: Any, **options: Any) -> Any:
            audit = audited(*arguments, **options)
            meanwhile()
            return audit

        monkeypatch.setattr(publishing, "evaluate", evaluate)
        outcome = shop.publish(run_id)
        assert not outcome.published
        return [item.finding.code for item in outcome.judgements if item.blocks]

    shop.build(1)
    edited = CONTRACT.replace("name: Stock", "name: Stock of the shop")
    assert publish_while("run-1", lambda: file.write_text(edited, encoding="utf-8")) == ["changed-meanwhile"]
    retired = CONTRACT.replace("status: active", "status: retired")
    file.write_text(CONTRACT, encoding="utf-8")
    assert publish_while("run-2", lambda: file.write_text(retired, encoding="utf-8")) == ["changed-meanwhile"]
    file.write_text(CONTRACT, encoding="utf-8")
    descriptor = shop.root / "domains/shop/domain.yaml"
    assert publish_while("run-3", lambda: descriptor.write_text("name: [", encoding="utf-8")) == ["yaml-syntax"]


def test_a_port_that_is_retired_during_the_audit_stays_retired(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.build(1)
    assert shop.publish("run-1").published
    audited = publishing.evaluate

    def evaluate(*arguments: Any, **options: Any) -> Any:
        audit = audited(*arguments, **options)
        with connect(shop.settings, own="shop") as con:
            retire(con, shop.settings, port=PORT, run_id="end", now=NOW, reason="Nobody reads it.")
        return audit

    monkeypatch.setattr(publishing, "evaluate", evaluate)
    shop.build(2)
    with pytest.raises(PublicationError, match="was retired while"):
        shop.publish("run-2")
    with connect(shop.settings, reads=["shop"]) as con:
        assert latest_publication(con, PORT) is None


def test_a_rollback_takes_no_promise_back(shop: Shop) -> None:
    """Else a roll back to an old contract would let a break of the newer one pass."""
    shop.build(1)
    assert shop.publish("run-1").published
    promise(
        shop, CONTRACT.replace("version: 1.0.0", "version: 1.1.0").replace("name: Stock", "name: Stock of the shop")
    )
    shop.build(2)
    assert shop.publish("run-2").published
    with connect(shop.settings, own="shop") as con:
        roll_back(con, shop.settings, port=PORT, table="stock", to=1, run_id="back", now=NOW)
    (known,) = published_in(shop.settings, ["shop"]).values()
    assert (known.version, known.number) == ("1.1.0", 3)


def test_an_editors_lock_file_stops_nobody(shop: Shop) -> None:
    (shop.root / "domains/shop/.#domain.yaml").symlink_to("somebody@a-host.1:2")
    assert govern(shop.settings, "shop", NOW).usable.domain.products


def test_a_version_keeps_the_weights_and_the_score_that_it_was_published_with(shop: Shop) -> None:
    enact(shop.root)
    promise(shop, CONTRACT.replace("slaProperties:\n", WARNING))
    for version, more in ((2, ""), (3, "scoreWeights: {accuracy: 9}\n")):
        (shop.root / "governance" / "council.yaml").write_text(COUNCIL + more, encoding="utf-8")
        shop.build(version)
        assert shop.publish(f"run-{version}").published
    with connect(shop.settings, reads=["shop"]) as con:
        newer, older = publications(con, "shop", PORT)
    assert older.audit["weights"]["accuracy"] == {"weight": 1.0, "said_by": "nobody"}
    assert newer.audit["weights"]["accuracy"] == {"weight": 9.0, "said_by": "council"}
    assert newer.score < older.score, "the same rule is broken, and weighs more"
    assert older.score == older.audit["score"]
