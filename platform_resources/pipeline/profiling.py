"""The profile of a version, kept with its audit, and how unusual that is beside the profiles of earlier versions."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.governance import Council
from platform_resources.lake import MeshSettings, PortAddress, Publication
from platform_resources.lake.profiles import Profiled, read_profiles
from platform_resources.pipeline.documents import read_mesh
from platform_resources.quality.anomalies import MOST, Judged, Observed, judge
from platform_resources.quality.profile import Profile, profile

_log = logging.getLogger(__name__)


def profile_record(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, contract: Contract, table_sql: str, now: datetime
) -> dict[str, Any]:
    """The entry of an audit's record, read back by `lake.profiles`; empty when the table can't be profiled.

    Whatever keeps it from that: a profile is advice, and no publication fails for it.
    """
    opened = open_columns(contract, read_mesh(settings)[1])
    try:
        found = profile(con, contract, table_sql, now, opened)
    except duckdb.InterruptException:
        raise
    except Exception:  # noqa: BLE001
        _log.warning("%s can't be profiled", table_sql, exc_info=True)
        return {}
    return {} if found is None else {"profile": found.as_json()}


def open_columns(contract: Contract, council: Council) -> frozenset[str]:
    """Columns whose values may be kept in a log: no mask is written for them, and their classification asks for none.

    A classification that the council doesn't know opens nothing.
    """
    levels = {name: level.fields.get("mask") for name, level in council.classifications.items()}
    return frozenset(
        column.name
        for column in contract.table.columns
        if "mask" not in column.custom and levels.get(column.classification or "") == "none"
    )


def judged(con: duckdb.DuckDBPyConnection, port: PortAddress, snapshot: int) -> Judged:
    """The version of a port that was published from a snapshot, beside those before it.

    After a roll back that is the version that was gone back to: what was published since is not looked at.
    """
    found = read_profiles(con, port, MOST, until=snapshot)
    known = [(one.snapshot, observed) for one in found if (observed := _observed(one)) is not None]
    if not known or known[-1][0] != snapshot:
        return Judged(0, profiled=False)
    return judge([observed for _, observed in known])


def _observed(one: Profiled) -> Observed | None:
    """None for a profile of another form."""
    try:
        return Observed(one.number, one.published_at, one.contract_sha256, Profile.from_json(one.profile))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def judged_when_published(
    con: duckdb.DuckDBPyConnection, port: PortAddress, publication: Publication | None
) -> Judged | None:
    """The same of what was just published, if anything was; None, too, when it can't be judged: it is served."""
    if publication is None:
        return None
    try:
        return judged(con, port, publication.snapshot)
    except duckdb.InterruptException:
        raise
    except Exception:  # noqa: BLE001  (advice on what is served already)
        _log.warning("%s can't be judged", port, exc_info=True)
        return None
