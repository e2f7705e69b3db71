"""The profile of a version, and how unusual it is beside those that lead to it; both are kept with its audit.

Advice on what is about to be published: whatever keeps it from being made keeps no version from being published.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.governance import Council
from platform_resources.lake import PortAddress
from platform_resources.lake.profiles import Profiled, read_profiles
from platform_resources.quality.anomalies import MOST, Observed, judge
from platform_resources.quality.judgement_record import record_of
from platform_resources.quality.profile import Profile, profile

_log = logging.getLogger(__name__)


def profile_of(
    con: duckdb.DuckDBPyConnection, contract: Contract, council: Council, table_sql: str, now: datetime
) -> Profile | None:
    """None when the table can't be profiled."""
    opened = open_columns(contract, council)
    try:
        return profile(con, contract, table_sql, now, opened)
    except duckdb.InterruptException:
        raise
    except Exception:  # noqa: BLE001
        _log.warning("%s can't be profiled", table_sql, exc_info=True)
        return None


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


def advice_record(
    con: duckdb.DuckDBPyConnection,
    port: PortAddress,
    seen: Profile | None,
    number: int,
    now: datetime,
    contract_sha256: str,
) -> dict[str, Any]:
    """The entries of an audit's record: the profile, which `lake.profiles` reads, and what is unusual about it.

    `con` reads the port's log as it stands now, and `number` is the one that the version is likely to get. What could
    not be profiled has neither entry, what can't be judged no judgement.
    """
    if seen is None:
        return {}
    return {"profile": seen.as_json(), **_judgement(con, port, Observed(number, now, contract_sha256, seen))}


def _judgement(con: duckdb.DuckDBPyConnection, port: PortAddress, seen: Observed) -> dict[str, Any]:
    try:
        known = [_observed(one) for one in read_profiles(con, port, MOST)]
        past = [one for one in known if one is not None and one.number < seen.number and one.at <= seen.at]
        return record_of(judge([*past, seen]), seen.number)
    except duckdb.InterruptException:
        raise
    except Exception:  # noqa: BLE001
        _log.warning("%s can't be judged", port, exc_info=True)
        return {}


def _observed(one: Profiled) -> Observed | None:
    """None for a profile of another form."""
    try:
        return Observed(one.number, one.published_at, one.contract_sha256, Profile.from_json(one.profile))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
