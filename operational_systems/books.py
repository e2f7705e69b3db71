"""What the source systems know beyond the receipts, derived once per home and kept in three small Parquet files.

Deriving takes a second and a tick must not: the files are only a memory, and are derived again when they are missing.
"""

from pathlib import Path

import duckdb

from operational_systems.source_year import quoted
from operational_systems.state import publish_file
from operational_systems.warehouse import derive

_BOOKS = ("book_stock_movements", "stock_policies", "book_coupon_redemptions")


def open_books(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the relations `book_stock_movements`, `stock_policies` and `book_coupon_redemptions`."""
    paths = {name: folder / f"{name}.parquet" for name in _BOOKS}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        derive(connection)
        _time_redemptions(connection)
        for name, path in paths.items():
            temporary = path.with_name(f".{path.name}.tmp")
            connection.execute(f"copy {name} to {quoted(temporary)} (format parquet)")
            publish_file(temporary, path)
        return
    for name, path in paths.items():
        connection.execute(f"create view {name} as from {quoted(path)}")


def _time_redemptions(connection: duckdb.DuckDBPyConnection) -> None:
    """The data set has only the day of a redemption. It is timed with the household's last receipt with a coupon on
    that day (its last receipt where none has one: 167 of 2,102), so both fall due in the same batch and a redemption
    never waits for its receipt.
    """
    connection.execute("""
        create or replace temp table book_coupon_redemptions as
        with days as (select distinct household_id, redemption_date::date as redemption_date
                      from source_coupon_redemptions),
        receipts as (
            select household_id, redemption_date,
                coalesce(max(transaction_timestamp) filter (coupon_disc > 0), max(transaction_timestamp)) as moment
            from source_transactions semi join days using (household_id)
            join days using (household_id)
            where to_local(transaction_timestamp)::date = redemption_date
            group by all)
        select redeemed.household_id, coupon_upc::varchar as coupon_upc, campaign_id,
            redeemed.redemption_date::date as redemption_date,
            coalesce(moment, to_utc(redeemed.redemption_date::timestamp + interval 12 hour)) as moment
        from source_coupon_redemptions as redeemed
        left join receipts on receipts.household_id = redeemed.household_id
            and receipts.redemption_date = redeemed.redemption_date::date
        order by moment, redeemed.household_id, coupon_upc, campaign_id
    """)
