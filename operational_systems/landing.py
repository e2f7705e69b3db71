"""Files in the landing zone: written aside, named when whole.

A file bears in its Parquet metadata `extracted_at` (ISO 8601, UTC): what happened before that moment is in this file
or an earlier one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from operational_systems.faults import Fault, FaultKind, corrupted_select
from operational_systems.feeds import FEEDS, Feed
from operational_systems.source_year import quoted
from operational_systems.state import publish_file, write_atomically


@dataclass(frozen=True)
class Zone:
    """The folders of one home: `landing`, where the mesh reads; `held_back`, files that land with the next batch;
    `good_copies`, the right content of files that landed wrong.
    """

    landing: Path
    held_back: Path
    good_copies: Path

    @classmethod
    def of(cls, home: Path) -> "Zone":
        """The zone of a home."""
        own = home / "operational_systems"
        return cls(home / "landing", own / "held_back", own / "good_copies")


def land(
    connection: duckdb.DuckDBPyConnection, zone: Zone, feed: Feed, extracted_at: datetime, relation: str, anew: bool
) -> Path:
    """Land the rows of `relation` as one file. A file of that name that is there already stays when `anew` is false:
    the batch was interrupted after it had landed, and somebody may have read it.
    """
    path = zone.landing / feed.address / feed.file_name(extracted_at)
    if anew or not path.exists():
        _write(connection, path, f"from {relation}", extracted_at)
    return path


def land_faulty(
    connection: duckdb.DuckDBPyConnection,
    zone: Zone,
    fault: Fault,
    extracted_at: datetime,
    relation: str,
    spare: str,
    anew: bool,
) -> Path | None:
    """Land the file of the faulty feed as the fault has it, after putting the right one aside. `spare`: the relation
    to spoil a row of when the batch is empty. The file that shows the fault; None when it is that nothing lands.
    """
    feed = fault.feed
    name = feed.file_name(extracted_at)
    path = zone.landing / feed.address / name
    if fault.kind is FaultKind.LATE:
        _write(connection, zone.held_back / feed.address / name, f"from {relation}", extracted_at)
        return None
    if fault.kind is FaultKind.TWICE:
        path = land(connection, zone, feed, extracted_at, relation, anew)
        return _deliver_again(connection, zone, feed, extracted_at, path)
    if path.exists() and not anew:
        return path
    good = zone.good_copies / feed.address / name
    _write(connection, good, f"from {relation}", extracted_at)
    if fault.kind is FaultKind.HALF_FILE:
        content = good.read_bytes()
        write_atomically(path, content[: len(content) // 2])
    else:
        _write(connection, path, corrupted_select(fault, spare), extracted_at)
    return path


def _deliver_again(
    connection: duckdb.DuckDBPyConnection, zone: Zone, feed: Feed, extracted_at: datetime, path: Path
) -> Path:
    """The same bytes under another name. An empty batch twice would show nothing, so then it is the newest batch with
    rows that comes again, as long as its file is in the landing zone.
    """
    again = path.with_name(feed.file_name(extracted_at, again=True))
    spoilt = {kept.name for kept in (zone.good_copies / feed.address).glob("*.parquet")}
    candidates = [
        landed
        for landed in sorted(path.parent.glob(f"{feed.name}_*Z.parquet"), reverse=True)
        if landed.name <= path.name and landed.name not in spoilt
    ]
    for landed in candidates:
        rows = connection.execute(f"select sum(num_rows) from parquet_file_metadata({quoted(landed)})").fetchone()
        if rows and rows[0]:
            path = landed
            break
    write_atomically(again, path.read_bytes())
    return again


def release_late(zone: Zone, before: datetime) -> list[Path]:
    """Land what an earlier batch held back, that is one extracted before `before`."""
    return _release(zone, zone.held_back, before)


def repair(zone: Zone) -> list[Path]:
    """Land everything that was held back, and the right content of all files that landed wrong."""
    return _release(zone, zone.held_back, None) + _release(zone, zone.good_copies, None)


def _release(zone: Zone, folder: Path, before: datetime | None) -> list[Path]:
    landed = []
    for feed in FEEDS.values():
        for kept in sorted((folder / feed.address).glob(f"{feed.name}_*.parquet")):
            if before is not None and kept.name >= feed.file_name(before):
                continue
            path = zone.landing / kept.relative_to(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            kept.replace(path)
            landed.append(path)
    return landed


def _write(connection: duckdb.DuckDBPyConnection, path: Path, select: str, extracted_at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    stamp = extracted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    connection.execute(
        f"copy ({select}) to {quoted(temporary)}"
        f" (format parquet, compression zstd, kv_metadata {{extracted_at: {quoted(stamp)}}})"
    )
    publish_file(temporary, path)
