"""The one clock of the platform: functions take `now` as a value, and only the edges call this."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
