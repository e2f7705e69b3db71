"""A compact profile of one version of a table: what its later versions are compared with to find what is unusual.

Cheap by what it looks at: a table that grows by the day is profiled on its last whole day, which files are pruned to;
another one whole, or on two stretches of it when it is big. Of 6 M rows × 8 columns in a lake: 65 and 173 ms of CPU.
Of more columns fewer rows are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.quality.columns import NUMBERS, Delivered, DeliveredColumn
from platform_resources.quality.evaluate import describe

_WHOLE = 60_000  # rows up to which all of them are looked at ...
_CELLS = 2_000_000  # ... and rows × columns
_MOST_COLUMNS = 300  # that are looked at
_RECENT_DAYS = 8  # in which the day before the newest one is looked for first
_STRETCHES, _STRETCH = 2, 10_000  # of a bigger table: as many, of so many rows
_MOST_VALUES = 500  # a column of more different values has no mix
_ROWS_A_VALUE = 3  # on average: a column of fewer has no mix either
KEPT_VALUES = 100  # of a mix, the most frequent ones: whether one that used to be there is gone is told by them
_LONGEST_VALUE = 80  # characters: a longer text is prose
_DIGITS = 5
_FORM = 2  # of the JSON: what another version of the platform wrote otherwise is not compared with
_LOOKED_AT = "_profiled_rows"
_CATEGORIES = ("text", "integer", "boolean")
_QUANTILES = tuple(at / 20 for at in range(1, 20))
_AROUND = ((0.15, 0.35), (0.4, 0.6), (0.65, 0.85))
_NORMAL = 3.29  # normal deviations from the 5 % to the 95 % quantile


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Of a column that is not open to all who may read, only the shares of nulls and of distinct values."""

    type: str  # DuckDB's own spelling
    nulls: float | None = None  # share of the rows, 0-1; None: not looked at (not promised, or one of too many)
    distinct: float | None = None  # distinct values, as a share of those that are there
    quartiles: tuple[float, ...] | None = None  # each the mean of the quantiles around it: see `_quartiles`
    spread: float | None = None  # the deviation of a normal distribution that is as wide
    mix: Mapping[str, float] | None = None  # value -> share of the rows, of the most frequent ones


@dataclass(frozen=True)
class Profile:
    """`looked_at`: rows that the columns' figures rest on. `day`: the last whole day, when they are those of a day."""

    rows: int
    looked_at: int
    age_seconds: float | None = None  # of the newest row, when it was taken
    day: date | None = None
    day_rows: int | None = None
    gap_days: int | None = None  # from that day to the newest one
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the publication log; `from_json` reads it back. Short names: it is kept with each version."""
        plain = {
            **{"rows": self.rows, "of": self.looked_at, "age": self.age_seconds},
            **{"day": self.day and self.day.isoformat(), "dayRows": self.day_rows, "gap": self.gap_days},
        }
        columns = {name: _column_json(column) for name, column in self.columns.items()}
        known = {name: value for name, value in plain.items() if value is not None}
        return {"form": _FORM, **known, "columns": columns}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Profile:
        """What `as_json` gave; ValueError for what is of another form."""
        if found.get("form") != _FORM:
            raise ValueError(f"a profile of the form {found.get('form')!r}, not {_FORM}")
        day = found.get("day")
        return cls(
            rows=found["rows"],
            looked_at=found["of"],
            age_seconds=found.get("age"),
            day=date.fromisoformat(day) if day else None,
            day_rows=found.get("dayRows"),
            gap_days=found.get("gap"),
            columns={name: _column_from(column) for name, column in found["columns"].items()},
        )


def profile(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table_sql: str,
    now: datetime,
    opened: Collection[str],
) -> Profile | None:
    """Profile a table; None when it can't be read.

    Parameters
    ----------
    con
        a connection on which a temporary table may be made; the lakes are attached at the pinned snapshot.
    contract, table_sql
        as of `evaluate`.
    opened
        columns whose values may be kept: those that no mask hides.
    now
        with time zone.
    """
    try:
        return _Look(con, contract, table_sql, describe(con, table_sql), now, frozenset(opened)).profile()
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return None


def day_column(contract: Contract, delivered: Delivered, opened: Collection[str]) -> DeliveredColumn | None:
    """The open column that says of which day a row is: the first required date, or timestamp of the primary key.

    A moment that is not of the key says when a row was touched last, not what it is about. The newest day of a column
    that is masked is somebody's value.
    """
    found = []
    for column in contract.table.columns:
        has = delivered.find(column.name)
        keyed = column.primary_key_position is not None
        if has is None or column.name not in opened or not (column.required or keyed):
            continue
        if has.family == "date" or (keyed and has.family in ("timestamp", "timestamptz")):
            found.append((not keyed, has))
    return min(found, key=lambda one: one[0])[1] if found else None


@dataclass(frozen=True)
class _Look:
    con: duckdb.DuckDBPyConnection
    contract: Contract
    table_sql: str
    delivered: Delivered
    now: datetime
    opened: frozenset[str]

    def profile(self) -> Profile:
        by_day = day_column(self.contract, self.delivered, self.opened)
        rows, newest, latest = self._whole(by_day)
        day, day_rows = (None, None) if by_day is None or newest is None else self._day_before(by_day, newest)
        if by_day is None or day is None:
            self._look_at(self._stretches(rows))
        else:
            self._look_at(f"WHERE {_of_day(by_day, day)} LIMIT {self._most_rows}")
        try:
            looked_at = self._one(f"SELECT count(*) FROM {_LOOKED_AT}")[0]
            columns = self._columns(looked_at)
        finally:
            self.con.execute(f"DROP TABLE IF EXISTS {_LOOKED_AT}")
        return Profile(
            rows=rows,
            looked_at=looked_at,
            age_seconds=self._age(newest, latest),
            day=day,
            day_rows=day_rows,
            gap_days=None if day is None or newest is None else (newest - day).days,
            columns=columns,
        )

    def _whole(self, by_day: DeliveredColumn | None) -> tuple[int, date | None, datetime | None]:
        """(rows, the newest day, the latest moment of the freshness promise), in one query: files know them.

        None where it is no date of Python's: of years after 9999 and before Christ DuckDB returns a text.
        """
        moment = self._moment
        newest_sql = "NULL" if by_day is None else f"CAST(max({by_day.sql}) AS DATE)"
        latest_sql = "NULL" if moment is None else f"CAST(max({moment.sql}) AS TIMESTAMP)"
        rows, newest, latest = self._one(f"SELECT count(*), {newest_sql}, {latest_sql} FROM {self.table_sql}")
        return rows, newest if isinstance(newest, date) else None, latest if isinstance(latest, datetime) else None

    @cached_property
    def _moment(self) -> DeliveredColumn | None:
        """The column of the freshness promise, where that is open."""
        sla = self.contract.sla_property("freshness")
        name = "" if sla is None or sla.element is None else sla.element.rpartition(".")[2]
        found = self.delivered.find(name)
        is_moment = found is not None and found.family in ("timestamp", "timestamptz")
        return found if found is not None and is_moment and self._is_open(found) else None

    def _day_before(self, column: DeliveredColumn, newest: date) -> tuple[date | None, int | None]:
        """The last day before the newest one, which is over, and its rows; None when there is no other day.

        First looked for in the files of the last days: of all files it takes five times as long.
        """
        recently = date.fromordinal(max(newest.toordinal() - _RECENT_DAYS, 1))
        for since in (f"{column.sql} >= {_moment_of(column, recently)}", "true"):
            found = self.con.execute(
                f"SELECT CAST({column.sql} AS DATE) AS day, count(*) FROM {self.table_sql} "
                f"WHERE {since} AND {column.sql} < {_moment_of(column, newest)} GROUP BY day ORDER BY day DESC LIMIT 1"
            ).fetchone()
            if found is not None:
                return found if isinstance(found[0], date) else (None, None)
        return None, None

    def _age(self, newest: date | None, latest: datetime | None) -> float | None:
        """Of the newest row: by the column of the freshness promise, where that is open, else by the newest day."""
        if self._moment is not None:
            moment = None if latest is None else latest.replace(tzinfo=UTC)
        else:
            moment = None if newest is None else datetime.combine(newest, time(), UTC)
        return None if moment is None else round(max((self.now - moment).total_seconds(), 0.0))

    def _stretches(self, rows: int) -> str:
        """All of a small table; of a big one the same stretches each time, so that each is compared with itself."""
        if rows <= self._most_rows:
            return ""
        length = min(_STRETCH, self._most_rows // _STRETCHES)
        first, last = self._one(f"SELECT min(rowid), max(rowid) FROM {self.table_sql}")
        step = (last - first) // _STRETCHES
        starts = [first + at * step for at in range(_STRETCHES)]
        told = " OR ".join(f"rowid BETWEEN {start} AND {start + length - 1}" for start in starts)
        return f"WHERE {told}"

    def _look_at(self, which: str) -> None:
        names = ", ".join(self._copied(column) for column in self._columns_looked_at) or "1"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_LOOKED_AT} AS SELECT {names} FROM {self.table_sql} {which}")

    @cached_property
    def _columns_looked_at(self) -> list[DeliveredColumn]:
        """Those that are promised; of too many those of the key and the required ones before the others."""
        ranked = sorted(
            self.contract.table.columns, key=lambda one: (one.primary_key_position is None, not one.required)
        )
        found = (self.delivered.find(column.name) for column in ranked)
        return [column for column in found if column is not None][:_MOST_COLUMNS]

    @property
    def _most_rows(self) -> int:
        return min(_WHOLE, _CELLS // max(len(self._columns_looked_at), 1))

    def _copied(self, column: DeliveredColumn) -> str:
        """What is hidden is only counted: its hashes are enough."""
        if self._is_open(column):
            return column.sql
        return f"CASE WHEN {column.sql} IS NOT NULL THEN hash({column.sql}) END AS {column.sql}"

    def _columns(self, rows: int) -> dict[str, ColumnProfile]:
        promised = self._columns_looked_at
        figures = self._one(f"SELECT {', '.join(_figures(c, self._is_amount(c)) for c in promised)} FROM {_LOOKED_AT}")
        known = dict(zip((column.name for column in promised), figures, strict=True))
        mixes = self._mixes([column for column in promised if self._has_mix(column, known[column.name])], rows)
        found = {
            column.name: ColumnProfile(column.type)
            for column in self.delivered.columns
            if not column.name.startswith("_")
        }
        for column in promised:
            filled, distinct, quantiles = known[column.name].values()
            quartiles, spread = _quartiles(quantiles)
            found[column.name] = ColumnProfile(
                type=column.type,
                nulls=_rounded(1 - filled / rows) if rows else None,
                distinct=_rounded(distinct / filled) if filled else None,
                quartiles=quartiles,
                spread=spread,
                mix=mixes.get(column.name),
            )
        return found

    def _is_open(self, column: DeliveredColumn) -> bool:
        return column.name in self.opened

    def _is_amount(self, column: DeliveredColumn) -> bool:
        """A number that is no key: quantiles of numbers that name something tell nothing."""
        promised = self.contract.table.column(column.name)
        is_key = promised is not None and promised.primary_key_position is not None
        return self._is_open(column) and column.family in NUMBERS and not is_key

    def _has_mix(self, column: DeliveredColumn, figures: Mapping[str, Any]) -> bool:
        few = 0 < figures["distinct"] <= min(_MOST_VALUES, max(figures["filled"] // _ROWS_A_VALUE, 1))
        return self._is_open(column) and column.family in _CATEGORIES and few

    def _mixes(self, columns: Sequence[DeliveredColumn], rows: int) -> dict[str, dict[str, float]]:
        """Column -> the shares of its most frequent values, the same ones whenever it is asked; none of prose."""
        if not columns:
            return {}
        wanted = ", ".join(f"histogram(CAST({column.sql} AS VARCHAR))" for column in columns)
        found = {}
        for column, counts in zip(columns, self._one(f"SELECT {wanted} FROM {_LOOKED_AT}"), strict=True):
            most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:KEPT_VALUES]
            if all(len(value) <= _LONGEST_VALUE for value, _ in most):
                found[column.name] = {value: _rounded(count / rows) for value, count in most}
        return found

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self.con.execute(query).fetchone()
        assert row is not None  # of aggregates
        return row


def _figures(column: DeliveredColumn, is_amount: bool) -> str:
    """One struct: (values that are there, distinct ones, quantiles of amounts)."""
    quantiles = "CAST(NULL AS DOUBLE[])"
    if is_amount:
        number = f"CAST({column.sql} AS DOUBLE)"
        quantiles = f"quantile_cont({number}, {list(_QUANTILES)}) FILTER (isfinite({number}))"
    return f"{{'filled': count({column.sql}), 'distinct': count(DISTINCT {column.sql}), 'quantiles': {quantiles}}}"


def _of_day(column: DeliveredColumn, day: date) -> str:
    """A condition of literals: files are skipped by those only."""
    if column.family == "date":
        return f"{column.sql} = {_moment_of(column, day)}"
    start = _moment_of(column, day)
    return f"{column.sql} >= {start} AND {column.sql} < {start} + INTERVAL 1 DAY"


def _moment_of(column: DeliveredColumn, day: date) -> str:
    """Its first one, in the type of the column."""
    return f"CAST('{day.isoformat()}' AS {_as_moment(column)})"


def _as_moment(column: DeliveredColumn) -> str:
    return "TIMESTAMPTZ" if column.family == "timestamptz" else "TIMESTAMP" if column.family == "timestamp" else "DATE"


def _quartiles(quantiles: Sequence[float] | None) -> tuple[tuple[float, ...] | None, float | None]:
    """(quartiles, spread). A single quantile jumps where many rows have the same value; the mean of five moves."""
    if not quantiles or not all(map(math.isfinite, quantiles)):
        return None, None
    found = dict(zip(_QUANTILES, quantiles, strict=True))
    means = [
        sum(near := [value for at, value in found.items() if low <= at <= high]) / len(near) for low, high in _AROUND
    ]
    return tuple(map(_rounded, means)), _rounded((quantiles[-1] - quantiles[0]) / _NORMAL)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _column_json(column: ColumnProfile) -> dict[str, Any]:
    plain = {
        **{"t": column.type, "n": column.nulls, "d": column.distinct},
        **{"q": None if column.quartiles is None else list(column.quartiles)},
        **{"s": column.spread, "m": column.mix},
    }
    return {name: value for name, value in plain.items() if value is not None}


def _column_from(found: Mapping[str, Any]) -> ColumnProfile:
    quartiles = found.get("q")
    return ColumnProfile(
        type=found["t"],
        nulls=found.get("n"),
        distinct=found.get("d"),
        quartiles=None if quartiles is None else tuple(quartiles),
        spread=found.get("s"),
        mix=found.get("m"),
    )
