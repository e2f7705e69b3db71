"""Waivers: they hold for one rule, product and time; then the rule blocks again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import load_mesh
from platform_resources.governance import Judgement, judge
from tests.council_files import rule, sound_council, waiver
from tests.tiny_mesh import write_project

ORDERS = "domains/shop/products/orders/v1.odcs.yaml"
HOLDS = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    """The judgements on a mesh in which two columns have no description, under some waivers."""
    project = write_project(tmp_path / "project")
    file = project / ORDERS
    text = file.read_text(encoding="utf-8")
    text = text.replace("description: What was paid.", "businessName: Amount")
    file.write_text(text.replace("        description: Telephone number.\n", ""), encoding="utf-8")

    def judgements(now: datetime, *waivers: dict[str, Any], **changes: Any) -> list[Judgement]:
        council = sound_council(tmp_path / f"council{sum(1 for _ in tmp_path.iterdir())}", [rule(**changes)], waivers)
        return judge(load_mesh(project / "domains"), council, {}, now)

    return judgements


def by_column(judgements: list[Judgement]) -> dict[str | None, Judgement]:
    return {item.column: item for item in judgements}


def test_without_a_waiver_the_product_is_blocked(judged: Any) -> None:
    found = judged(HOLDS)
    assert [item.standing for item in found] == ["blocks", "blocks"]
    assert all(item.is_on("shop.orders.v1") for item in found)


def test_a_waiver_lets_the_product_pass_and_says_who_until_when_and_why(judged: Any) -> None:
    found = judged(HOLDS, waiver())
    assert {item.standing for item in found} == {"waived"}
    assert not any(item.blocks for item in found)
    finding = found[0].finding
    assert finding.severity == "info"
    assert finding.message.endswith("Waived by privacy@retailer.example until 2026-03-31: The words are being written.")
    assert found[0].until == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("day", "says"),
    [(16, "until 2026-03-31: The words are being written."), (17, "It ends in 14 days; then this blocks again."),
     (30, "It ends in 1 day; then this blocks again."), (31, "It ends today; then this blocks again.")],
)  # fmt: skip
def test_a_waiver_that_is_about_to_end_says_so(judged: Any, day: int, says: str) -> None:
    found = judged(datetime(2026, 3, day, 23, tzinfo=UTC), waiver())
    assert found[0].standing == "waived"
    assert found[0].finding.message.endswith(says)


def test_an_expired_waiver_blocks_again_and_says_so(judged: Any) -> None:
    found = judged(datetime(2026, 4, 1, tzinfo=UTC), waiver())
    assert {item.standing for item in found} == {"blocks"}
    assert found[0].finding.message.endswith("The waiver approved by privacy@retailer.example expired on 2026-03-31.")
    assert found[0].finding.severity == "error"


def test_a_waiver_does_not_hold_before_it_is_granted(judged: Any) -> None:
    found = judged(datetime(2026, 1, 31, tzinfo=UTC), waiver())
    assert {item.standing for item in found} == {"blocks"}
    assert "waive" not in found[0].finding.message.lower()


def test_of_two_waivers_the_one_that_holds_counts(judged: Any) -> None:
    first, second = waiver(), waiver(granted="2026-04-01", until="2026-05-31", reason="Still writing")
    assert judged(datetime(2026, 4, 2, tzinfo=UTC), first, second)[0].standing == "waived"
    assert judged(datetime(2026, 3, 2, tzinfo=UTC), first, second)[0].until == date(2026, 3, 31)


def test_a_waiver_for_columns_leaves_the_others_blocked(judged: Any) -> None:
    found = by_column(judged(HOLDS, waiver(columns=["phone"])))
    assert (found["phone"].standing, found["amount"].standing) == ("waived", "blocks")


def test_a_waiver_is_for_one_product(judged: Any) -> None:
    found = judged(HOLDS, waiver(product="ledger.totals"))
    assert {item.standing for item in found} == {"blocks"}


def test_what_only_warns_can_be_waived_and_what_is_announced_need_not(judged: Any) -> None:
    assert judged(HOLDS, waiver(), severity="warning")[0].standing == "waived"
    assert judged(HOLDS, waiver(), graceUntil="2026-12-31")[0].standing == "waived"
    assert judged(HOLDS, waiver(), effectiveFrom="2027-01-01")[0].standing == "announced"


def test_nobody_waives_for_a_product_of_their_own(judged: Any) -> None:
    found = judged(HOLDS, waiver(approver="shop@retailer.example"))
    own = [item for item in found if item.finding.code == "own-waiver"]
    assert len(own) == 1
    assert (own[0].product, own[0].finding.severity, own[0].finding.path) == (None, "error", "approver")
    text = own[0].finding.file.read_text(encoding="utf-8").splitlines()
    assert text[own[0].finding.line - 1].startswith("approver:")
    assert {item.standing for item in found} == {"blocks"}


def test_a_waiver_for_a_product_that_is_not_there_is_told(judged: Any) -> None:
    found = judged(HOLDS, waiver(product="shop.orderz"))
    stray = [item for item in found if item.finding.code == "unknown-product"]
    assert [item.finding.path for item in stray] == ["product"]
    assert stray[0].finding.remedy == "Mend the name, or delete the file."
