"""The CRM system: demographics from the data set, names and contacts made up.

The data set has no direct identifiers. Those here are **synthetic**: made by `faker` from the household's number, the
e-mail addresses under the reserved domain example.com, the phone numbers in the 555-01xx range kept for fiction.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb
from faker import Faker

from operational_systems.business_calendar import Interval

_MINUTE = 60
CHANGES_PER_TEN_MINUTES = 3
_COLUMNS = """
    household_id, first_name, last_name, email, phone, age, income, home_ownership, marital_status, household_size,
    household_comp, kids_count, updated_at
"""


def changes(households: Sequence[int], interval: Interval) -> dict[int, datetime]:
    """Household -> moment (UTC) of its last change of contact in the interval. About three households change in ten
    minutes; which and when depends on the minute alone, so any cut into batches delivers the same.
    """
    first = -(-int(interval.start.timestamp()) // _MINUTE)
    last = -(-int(interval.end.timestamp()) // _MINUTE)
    changed: dict[int, datetime] = {}
    for minute in range(first, last):
        draw = zlib.crc32(minute.to_bytes(8, "big"))
        if draw % 10 < CHANGES_PER_TEN_MINUTES:
            household = households[draw // 10 % len(households)]
            changed[household] = datetime.fromtimestamp(minute * _MINUTE, UTC)
    return changed


def households(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Every household with a receipt, in order."""
    rows = connection.execute("select distinct household_id from source_transactions order by 1").fetchall()
    return [household for (household,) in rows]


def make_customers(
    connection: duckdb.DuckDBPyConnection, table: str, updated: dict[int, datetime], original: bool
) -> None:
    """Make `table`: a full row per household of `updated`. `original`: with the contacts that the
    household had first, otherwise with those that it has since its moment of `updated`.
    """
    fake = Faker("en_US")
    numbers, first_names, last_names, emails, phones, moments = [], [], [], [], [], []
    for household, moment in sorted(updated.items()):
        version = 0 if original else int(moment.timestamp())
        fake.seed_instance(household)
        first, last = fake.first_name(), fake.last_name()
        if version:
            fake.seed_instance(f"{household}/{version}")
        numbers.append(household)
        first_names.append(first)
        last_names.append(last)
        emails.append(f"{first}.{last}.{household}{fake.numerify('-###') if version else ''}@example.com".lower())
        phones.append(fake.numerify("+1-%##-555-01##"))
        moments.append(moment.astimezone(UTC).replace(tzinfo=None))
    connection.execute(
        f"""
        create or replace temp table {table} as
        select {_COLUMNS}
        from (select unnest($numbers::bigint[]) as household_id, unnest($first_names::varchar[]) as first_name,
                unnest($last_names::varchar[]) as last_name, unnest($emails::varchar[]) as email,
                unnest($phones::varchar[]) as phone, unnest($moments::timestamp[]) as updated_at)
        left join source_demographics using (household_id)
        order by updated_at, household_id
        """,
        {
            "numbers": numbers,
            "first_names": first_names,
            "last_names": last_names,
            "emails": emails,
            "phones": phones,
            "moments": moments,
        },
    )
