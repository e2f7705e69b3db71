"""A port's past: versions of earlier days in its publication log, with the profiles that are handed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from platform_resources.lake import MeshSettings, PortAddress, connect, newest_entry
from platform_resources.pipeline.profiling import advice_record
from platform_resources.quality.profile import Profile


def write_past(settings: MeshSettings, port: PortAddress, profiles: Sequence[Profile], newest: datetime) -> None:
    """Rows like the port's newest one, one a day up to `newest`, numbered before it; it moves up to make room."""
    log = f"{port.domain}.mesh.publications"
    count, start = len(profiles), newest - timedelta(days=len(profiles) - 1)
    with connect(settings, own=port.domain) as con:
        con.execute(f"UPDATE {log} SET number = number + {count} WHERE port = ?", [str(port)])
        con.execute("CREATE TEMP TABLE past (number BIGINT, published_at TIMESTAMPTZ, profile JSON)")
        con.executemany(
            "INSERT INTO past VALUES (?, ?, ?)",
            [(at + 1, start + timedelta(days=at), json.dumps(one.as_json())) for at, one in enumerate(profiles)],
        )
        con.execute(
            f"""
            INSERT INTO {log} BY NAME
            SELECT l.* REPLACE (
                past.number AS number, past.published_at AS published_at, 'publish' AS kind,
                'past-' || past.number AS run_id,
                json_merge_patch(l.audit, json_object('profile', past.profile)) AS audit
            )
            FROM (FROM {log} WHERE port = ? ORDER BY number DESC LIMIT 1) AS l, past
            """,
            [str(port)],
        )


def set_profile(settings: MeshSettings, port: PortAddress, profile: Profile) -> None:
    """The newest row as if its version had been profiled so, and judged beside those before it."""
    log = f"{port.domain}.mesh.publications"
    with connect(settings, own=port.domain) as con:
        newest = newest_entry(con, port)
        advice = advice_record(con, port, profile, newest.number, newest.published_at, newest.contract_sha256)
        con.execute(
            f"UPDATE {log} SET audit = json_merge_patch(audit, ?::JSON) WHERE port = ? AND number = {newest.number}",
            [json.dumps(advice), str(port)],
        )


def forget_judgement(settings: MeshSettings, port: PortAddress) -> None:
    """The newest row as an earlier version of the platform wrote it."""
    log = f"{port.domain}.mesh.publications"
    with connect(settings, own=port.domain) as con:
        con.execute(
            f"""UPDATE {log} SET audit = json_merge_patch(audit, '{{"anomalies": null}}')
            WHERE port = ? AND number = (SELECT max(number) FROM {log} WHERE port = ?)""",
            [str(port), str(port)],
        )
