"""The real tills with every fault they can have: Sales loses and doubles nothing, and the books agree in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from operational_systems import FEEDS, Fault, FaultKind, Replay
from platform_resources.contracts import Domain, load_domain
from platform_resources.lake import MeshSettings, connect
from platform_resources.pipeline import IngestReport, ingest
from tests.pipeline.building import REPOSITORY

RECEIPTS = FEEDS["point_of_sale/receipts"]
FIRST_START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # a Friday, 17:00 in the stores

SAID = {
    FaultKind.DROPPED_COLUMN: "column sales_value is missing; the contract receipts.odcs.yaml promises it",
    FaultKind.NULL_KEY: "required__basket_id: ",
    FaultKind.FOREIGN_CURRENCY: "currency_is_usd: ",
    FaultKind.HALF_FILE: "not a whole Parquet file: ",
}
# Batches whose own closing report disagrees with what was ingested of them.
DISAGREEING = """
    SELECT c.batch FROM sales.internal.control_totals c
    LEFT JOIN (
        SELECT _landed_at, count(*) AS lines, sum(sales_value) AS sales_value FROM sales.internal.receipts GROUP BY 1
    ) r ON r._landed_at = timezone('UTC', c.extracted_at)
    WHERE (c.lines, c.sales_value) <> (coalesce(r.lines, 0), coalesce(r.sales_value, 0))
    ORDER BY 1
"""


@dataclass
class Company:
    """The operational systems and the ingest of Sales; `now` goes on by a tick at a time."""

    settings: MeshSettings
    domain: Domain
    now: datetime = FIRST_START

    @property
    def replay(self) -> Replay:
        return Replay(self.settings.home)

    def tick(self, fault: Fault | None = None) -> None:
        self.replay.land_due(self.now, fault)
        self.now += timedelta(minutes=10)

    def ingest(self) -> dict[str, IngestReport]:
        with connect(self.settings, own="sales") as con:
            return {
                source.table.name: ingest(con, self.settings, "sales", source, "run", self.now)
                for source in self.domain.sources
            }

    def query(self, sql: str) -> list[tuple]:
        with connect(self.settings, reads=["sales"]) as con:
            return con.execute(sql).fetchall()

    def disagreeing(self) -> list[str]:
        return [batch for (batch,) in self.query(DISAGREEING)]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    settings = MeshSettings(home=tmp_path_factory.mktemp("mesh"), project=REPOSITORY)
    company = Company(settings, load_domain(REPOSITORY / "domains" / "sales"))
    company.tick()
    reports = company.ingest()
    assert not any(report.quarantined or report.duplicates for report in reports.values())
    assert company.query("SELECT count(*) >= 1469307 FROM sales.internal.receipts") == [(True,)]  # a year and some days
    assert company.disagreeing() == []
    return company


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_is_told_and_the_mended_file_is_taken(company, kind):
    batch = RECEIPTS.file_name(company.now)
    company.tick(Fault(kind, RECEIPTS))
    reports = company.ingest()
    receipts = reports.pop("receipts")
    assert all(report.files <= 1 and not report.quarantined for report in reports.values())
    if kind is FaultKind.TWICE:
        assert (receipts.files, len(receipts.duplicates), receipts.quarantined) == (1, 1, ())
    elif kind is FaultKind.LATE:
        assert (receipts.files, receipts.duplicates, receipts.quarantined) == (0, (), ())
    else:
        (refused,) = receipts.quarantined
        assert refused.file == batch
        assert any(re.match(SAID[kind], reason) for reason in refused.reasons), refused.reasons
        assert refused.moved_to.with_name(f"{batch}.reason.json").is_file()
    assert company.disagreeing() == ([] if kind is FaultKind.TWICE else [batch])

    company.tick()  # the next batch is good, whatever became of the last
    expected = 2 if kind is FaultKind.LATE else 1
    assert company.ingest()["receipts"].files == expected
    company.replay.repair()
    assert company.ingest()["receipts"].files == (0 if kind in (FaultKind.TWICE, FaultKind.LATE) else 1)
    assert company.disagreeing() == []
    twice = "SELECT basket_id, product_id FROM sales.internal.receipts GROUP BY ALL HAVING count(*) > 1"
    assert company.query(twice) == []
    assert all(report.files == 0 for report in company.ingest().values())
