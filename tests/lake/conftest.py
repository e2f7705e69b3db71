"""A lake of its own for each test, and a way to publish a small table in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Promise,
    Publication,
    connect,
    current_snapshot,
    publish,
    write_transaction,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PORT = PortAddress.parse("shop.thing.v1")

PublishRows = Callable[..., Publication]


@pytest.fixture
def settings(tmp_path: Path) -> MeshSettings:
    return MeshSettings(home=tmp_path / "mesh", project=tmp_path)


@pytest.fixture
def publish_rows(settings: MeshSettings) -> PublishRows:
    """Write `rows` rows of one version and publish them; returns the publication."""

    def do(rows: int, version: int = 0, *, run_id: str | None = None, now: datetime = NOW) -> Publication:
        run = run_id or f"run-{version}-{rows}"
        with connect(settings, own="shop") as con:
            with write_transaction(con, settings, "shop", "build", run):
                con.execute("CREATE TABLE IF NOT EXISTS shop.internal.thing (id BIGINT, version BIGINT)")
                con.execute("DELETE FROM shop.internal.thing")
                con.execute("INSERT INTO shop.internal.thing SELECT range, ? FROM range(?)", [version, rows])
            return publish(
                con,
                settings,
                port=PORT,
                table="thing",
                snapshot=current_snapshot(con, "shop"),
                columns=["id", "version"],
                promise=Promise("1.0.0", f"sha-{version}", f"version: {version}\n"),
                audit={"passed": True},
                score=100.0,
                row_count=rows,
                data_as_of=None,
                run_id=run,
                now=now,
            )

    return do
