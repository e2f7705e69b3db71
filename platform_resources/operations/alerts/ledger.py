"""Alerts and their messages in the control database. Whoever looks at once, each message is made and claimed once.

Every change is one `writing` transaction, which is alone among writers. A look that began before another one ended an
alert, or saw it later, changes nothing. A message is claimed before it is sent: a process that dies in between leaves
it to be sent again after `_LEASE`, so a channel may hear something twice after a crash, but never misses it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, true

from platform_resources.control import ControlDatabase
from platform_resources.control.tables import alert_notices, alerts
from platform_resources.operations.alerts.model import KINDS, Alert, Channel, Event, Notice, PortLook, Trouble

_LEASE = timedelta(minutes=5)  # longer than a round takes
_AT_ONCE = 16  # messages of a round, half a minute at most (a sensor may take one); the others wait for the next
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)  # between two attempts
_GIVEN_UP = timedelta(days=1)  # after which an end is not told any more
_KEPT = timedelta(days=90)  # since the end of an alert


def note(
    control: ControlDatabase,
    looks: Sequence[PortLook],
    channels: Mapping[str, Sequence[Channel]],
    gone: Collection[str],
    repeat: timedelta,
    now: datetime,
) -> None:
    """Bring the alerts to what was seen at `now`, and make the messages that are due.

    `channels`: of each port with an alert; those with a problem get none. `gone`: ports that exist no more.
    """
    with control.writing() as connection:
        lasting = connection.execute(select(alerts).where(alerts.c.ended_at.is_(None))).mappings()
        known = {(alert.port, alert.kind): alert for alert in map(_alert, lasting)}
        for look in looks:
            _bring(connection, look, known, channels.get(look.port, ()), repeat, now)
        if gone:
            _end(connection, alerts.c.port.in_(gone), now)
        _forget(connection, now - _KEPT)


def open_alerts(control: ControlDatabase, domain: str | None = None) -> list[Alert]:
    """What lasts, by port."""
    with control.reading() as connection:
        query = select(alerts).where(alerts.c.ended_at.is_(None), _of(domain)).order_by(alerts.c.port, alerts.c.id)
        return [_alert(row) for row in connection.execute(query).mappings()]


def notices_of(control: ControlDatabase, of: Iterable[Alert]) -> dict[int, list[Notice]]:
    """Alert -> its messages, oldest first."""
    found: dict[int, list[Notice]] = {alert.id: [] for alert in of}
    with control.reading() as connection:
        one = alert_notices.c
        rows = connection.execute(select(alert_notices).where(one.alert.in_(found)).order_by(one.made_at, one.id))
        for row in rows.mappings():
            found[row["alert"]].append(Notice(**row))
    return found


def claim(control: ControlDatabase, now: datetime, domain: str | None = None) -> list[tuple[Alert, Notice]]:
    """Messages that are to be sent now; nobody else gets them for `_LEASE`."""
    one = alert_notices.c
    with control.writing() as connection:
        query = select(alert_notices).join(alerts, alerts.c.id == one.alert).where(one.next_at <= now, _of(domain))
        rows = connection.execute(query.order_by(one.next_at).limit(_AT_ONCE)).mappings()
        notices = [Notice(**row) for row in rows]
        known = select(alerts).where(alerts.c.id.in_({notice.alert for notice in notices}))
        of = {row["id"]: _alert(row) for row in connection.execute(known).mappings()}
        claimed = alert_notices.update().where(one.id.in_([notice.id for notice in notices]))
        connection.execute(claimed.values(next_at=now + _LEASE))
    return [(of[notice.alert], notice) for notice in notices]


def told(control: ControlDatabase, notice: Notice, now: datetime) -> None:
    """The channel has taken it."""
    with control.writing() as connection:
        changed = alert_notices.update().where(alert_notices.c.id == notice.id)
        values = {"next_at": None, "sent_at": now, "error": None, "attempts": notice.attempts + 1}
        connection.execute(changed.values(**values))


def not_told(control: ControlDatabase, notice: Notice, error: str, now: datetime) -> None:
    """Try again later, twice as late each time; the end of an alert is not told a day later."""
    later: datetime | None = now + min(_FIRST * 2 ** min(notice.attempts, 10), _LONGEST)
    if notice.event == "over" and now - notice.made_at > _GIVEN_UP:
        later = None
    with control.writing() as connection:
        one = alert_notices.c
        mine = (one.id == notice.id, one.next_at.is_not(None))  # else a later message has overtaken it
        connection.execute(alert_notices.update().where(*mine).values(next_at=later))
        changed = alert_notices.update().where(one.id == notice.id)
        connection.execute(changed.values(error=error, attempts=notice.attempts + 1))


def _bring(
    connection: Connection,
    look: PortLook,
    known: Mapping[tuple[str, str], Alert],
    channels: Sequence[Channel],
    repeat: timedelta,
    now: datetime,
) -> None:
    found = {trouble.kind: trouble for trouble in look.troubles}
    for kind in sorted(KINDS - look.unknown):
        alert, trouble = known.get((look.port, kind)), found.get(kind)
        if alert is None and trouble is not None:
            alert = _begin(connection, trouble, now)
        elif alert is not None and alert.seen_at <= now:
            alert = _change(connection, alert, trouble, now)
        if alert is not None:
            for channel in channels:
                if channel.problem is None:
                    _tell(connection, alert, channel.name, repeat, now)


def _begin(connection: Connection, trouble: Trouble, now: datetime) -> Alert | None:
    """None when somebody who looked later has seen its end."""
    one = alerts.c
    later = select(one.id).where(one.port == trouble.port, one.kind == trouble.kind, one.ended_at >= now)
    if connection.execute(later).first() is not None:
        return None
    values = {
        "port": trouble.port,
        "kind": trouble.kind,
        "severity": trouble.severity,
        "cause": trouble.cause,
        "effect": trouble.effect,
        "began_at": trouble.since or now,
        "seen_at": now,
    }
    made = connection.execute(alerts.insert().values(**values)).inserted_primary_key
    return Alert(made[0], **values)


def _change(connection: Connection, alert: Alert, trouble: Trouble | None, now: datetime) -> Alert:
    if trouble is None:
        values: dict[str, Any] = {"seen_at": now, "ended_at": now}
        _overtake(connection, alert_notices.c.alert == alert.id)
    else:
        told = {"severity": trouble.severity, "cause": trouble.cause, "effect": trouble.effect}
        values = {"seen_at": now, **told}
    connection.execute(alerts.update().where(alerts.c.id == alert.id).values(**values))
    return replace(alert, **values)


def _tell(connection: Connection, alert: Alert, channel: str, repeat: timedelta, now: datetime) -> None:
    """Make the message that a channel is due, if any; older ones that it did not get are overtaken."""
    one = alert_notices.c
    mine = (one.alert == alert.id, one.channel == channel)
    newest = select(alert_notices).where(*mine).order_by(one.made_at.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    event = _due(alert, None if row is None else Notice(**row), repeat, now)
    if event is None:
        return
    _overtake(connection, *mine)
    values = {"id": uuid.uuid4().hex, "alert": alert.id, "event": event, "severity": alert.severity, "attempts": 0}
    connection.execute(alert_notices.insert().values(**values, channel=channel, made_at=now, next_at=now))


def _due(alert: Alert, last: Notice | None, repeat: timedelta, now: datetime) -> Event | None:
    """What a channel is to be told that was told `last`. Pure."""
    if last is None:
        return "begins" if alert.ended_at is None else None
    if alert.ended_at is not None:
        return "over"
    if (last.severity, alert.severity) == ("warning", "error"):
        return "worse"
    return "lasts" if now - last.made_at >= repeat else None


def _overtake(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Messages that were not sent are not to be sent any more."""
    unsent = alert_notices.c.sent_at.is_(None)
    connection.execute(alert_notices.update().where(*which, unsent).values(next_at=None))


def _end(connection: Connection, of: ColumnElement[bool], now: datetime) -> None:
    """End alerts without a word: nobody is left who could be told."""
    ending = select(alerts.c.id).where(of, alerts.c.ended_at.is_(None))
    _overtake(connection, alert_notices.c.alert.in_(ending))
    connection.execute(alerts.update().where(of, alerts.c.ended_at.is_(None)).values(ended_at=now, seen_at=now))


def _forget(connection: Connection, before: datetime) -> None:
    old = select(alerts.c.id).where(alerts.c.ended_at < before)
    connection.execute(alert_notices.delete().where(alert_notices.c.alert.in_(old)))
    connection.execute(alerts.delete().where(alerts.c.ended_at < before))


def _of(domain: str | None) -> ColumnElement[bool]:
    return true() if domain is None else alerts.c.port.startswith(f"{domain}.", autoescape=True)


def _alert(row: Mapping[str, Any]) -> Alert:
    return Alert(**row)
