"""What is remembered of alerts, on SQLite and on PostgreSQL: whoever looks at once, nobody is told twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from platform_resources.control import ControlDatabase
from platform_resources.control.tables import alert_notices, alerts
from platform_resources.lake import utc_now
from platform_resources.operations.alerts import ledger
from platform_resources.operations.alerts.model import Channel, PortLook, Trouble
from tests.control.conftest import control, postgres, postgres_url, settings  # noqa: F401  (fixtures)

PORT, OTHER = "shop.orders.v1", "shop_2.orders.v1"
LATE = PortLook(PORT, (Trouble(PORT, "late", "error", None, "cause", "effect"),))
FINE = PortLook(PORT)
NOW = utc_now()


def note(
    control: ControlDatabase,  # noqa: F811
    look: PortLook | None,
    after: timedelta = timedelta(0),
    gone: tuple[str, ...] = (),
) -> None:
    channels = {port: [Channel("slack #c", "slack", "https://x")] for port in (PORT, OTHER)}
    ledger.note(control, [look] if look else [], channels, gone, timedelta(days=1), NOW + after)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_a_look_that_began_before_another_ended_changes_nothing(control: ControlDatabase) -> None:  # noqa: F811
    note(control, LATE, seconds(10))
    note(control, FINE, seconds(5))
    assert [one.kind for one in ledger.open_alerts(control)] == ["late"]
    note(control, FINE, seconds(20))
    note(control, LATE, seconds(15))
    assert ledger.open_alerts(control) == []
    assert [notice.event for _, notice in ledger.claim(control, NOW + seconds(60))] == ["over"]


def test_what_a_process_died_over_is_told_by_the_next_one(control: ControlDatabase) -> None:  # noqa: F811
    note(control, LATE)
    assert len(ledger.claim(control, NOW)) == 1
    assert ledger.claim(control, NOW + timedelta(minutes=1)) == []
    assert len(ledger.claim(control, NOW + timedelta(minutes=6))) == 1


def test_of_many_that_look_at_once_one_tells(control: ControlDatabase) -> None:  # noqa: F811
    control.engine  # noqa: B018  (migrated before they start)

    def look(_: int) -> int:
        note(control, LATE)
        return len(ledger.claim(control, NOW))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(look, range(16))) == 1
    assert len(ledger.open_alerts(control)) == 1


def test_each_domain_claims_its_own(control: ControlDatabase) -> None:  # noqa: F811
    note(control, LATE)
    note(control, PortLook(OTHER, (Trouble(OTHER, "held", "error", None, "cause", "effect"),)))
    assert [alert.port for alert, _ in ledger.claim(control, NOW, "shop")] == [PORT]
    assert [alert.port for alert, _ in ledger.claim(control, NOW, "shop_2")] == [OTHER]


def test_a_port_that_is_gone_is_not_told_of_any_more(control: ControlDatabase) -> None:  # noqa: F811
    note(control, LATE)
    note(control, None, seconds(10), gone=(PORT,))
    assert ledger.open_alerts(control) == []
    assert ledger.claim(control, NOW + timedelta(days=1)) == []


def test_what_is_over_is_forgotten_after_a_season(control: ControlDatabase) -> None:  # noqa: F811
    note(control, LATE)
    note(control, FINE, seconds(10))
    note(control, None, timedelta(days=89))
    assert rows(control) == (1, 2)
    note(control, None, timedelta(days=91))
    assert rows(control) == (0, 0)


def rows(control: ControlDatabase) -> tuple[int, int]:  # noqa: F811
    with control.reading() as connection:
        counted = [
            connection.execute(select(func.count()).select_from(table)).scalar() for table in (alerts, alert_notices)
        ]
    return counted[0] or 0, counted[1] or 0
