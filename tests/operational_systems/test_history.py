"""The first batch: the shipped year and the days since."""

from decimal import Decimal

import duckdb

from operational_systems.source_year import connect

COLUMNS = {
    "receipts": {
        "basket_id": "BIGINT",
        "product_id": "BIGINT",
        "household_id": "BIGINT",
        "store_id": "BIGINT",
        "quantity": "BIGINT",
        "sales_value": "DECIMAL(10,2)",
        "retail_disc": "DECIMAL(10,2)",
        "coupon_disc": "DECIMAL(10,2)",
        "coupon_match_disc": "DECIMAL(10,2)",
        "currency_code": "VARCHAR",
        "transaction_timestamp": "TIMESTAMP",
    },
    "control_totals": {
        "batch": "VARCHAR",
        "lines": "BIGINT",
        "receipts": "BIGINT",
        "sales_value": "DECIMAL(18,2)",
        "retail_disc": "DECIMAL(18,2)",
        "coupon_disc": "DECIMAL(18,2)",
        "coupon_match_disc": "DECIMAL(18,2)",
        "extracted_at": "TIMESTAMP",
    },
    "coupon_redemptions": {
        "household_id": "BIGINT",
        "coupon_upc": "VARCHAR",
        "campaign_id": "BIGINT",
        "redemption_date": "DATE",
        "redeemed_at": "TIMESTAMP",
    },
    "products": {
        "product_id": "BIGINT",
        "manufacturer_id": "BIGINT",
        "department": "VARCHAR",
        "brand": "VARCHAR",
        "product_category": "VARCHAR",
        "product_type": "VARCHAR",
        "package_size": "VARCHAR",
    },
    "customers": {
        "household_id": "BIGINT",
        "first_name": "VARCHAR",
        "last_name": "VARCHAR",
        "email": "VARCHAR",
        "phone": "VARCHAR",
        "age": "VARCHAR",
        "income": "VARCHAR",
        "home_ownership": "VARCHAR",
        "marital_status": "VARCHAR",
        "household_size": "VARCHAR",
        "household_comp": "VARCHAR",
        "kids_count": "VARCHAR",
        "updated_at": "TIMESTAMP",
    },
    "campaign_contacts": {
        "campaign_id": "BIGINT",
        "household_id": "BIGINT",
        "campaign_type": "VARCHAR",
        "start_date": "DATE",
        "end_date": "DATE",
    },
    "stock_movements": {
        "movement_id": "BIGINT",
        "store_id": "BIGINT",
        "product_id": "BIGINT",
        "movement_type": "VARCHAR",
        "quantity": "BIGINT",
        "moved_at": "TIMESTAMP",
    },
    "stock_policies": {"store_id": "BIGINT", "product_id": "BIGINT", "order_up_to_level": "BIGINT"},
}
SHIPPED_YEAR = "to_local(transaction_timestamp) < timestamp '2026-11-16'"


def test_the_shipped_year_is_whole_to_the_cent(history):
    assert history.query(f"""
        select count(*), sum(sales_value), sum(retail_disc), sum(coupon_match_disc), sum(coupon_disc),
            min(to_local(transaction_timestamp)::date)::varchar, max(to_local(transaction_timestamp)::date)::varchar,
            count(distinct to_local(transaction_timestamp)::date)
        from receipts where {SHIPPED_YEAR}
    """) == [
        (
            1_469_307,
            Decimal("4596039.58"),
            Decimal("791650.64"),
            Decimal("4542.65"),
            Decimal("26359.90"),
            "2025-11-16",
            "2026-11-15",
            364,
        )
    ]


def test_history_goes_on_to_the_first_start_and_not_beyond(history, first_start):
    [(last,)] = history.query("select max(transaction_timestamp) from receipts")
    assert 0 <= (first_start.replace(tzinfo=None) - last).total_seconds() < 600


def test_columns_are_as_agreed(history):
    for name, columns in COLUMNS.items():
        described = history.query(f"describe {name}")
        assert {column: kind for column, kind, *_ in described} == columns | {"filename": "VARCHAR"}, name


def test_receipts_are_one_file_a_local_month_and_say_how_far_they_reach(history):
    files = history.files("point_of_sale/receipts")
    assert [file.name for file in files[:2] + files[-2:]] == [
        "receipts_20251201T050000Z.parquet",
        "receipts_20260101T050000Z.parquet",
        "receipts_20261101T040000Z.parquet",
        "receipts_20261120T220000Z.parquet",
    ]
    assert len(files) == 13
    with duckdb.connect() as connection:
        for file in files:
            metadata = connection.execute(
                "select decode(value) from parquet_kv_metadata(?) where decode(key) = 'extracted_at'", [str(file)]
            ).fetchall()
            [(extracted_at,)] = metadata
            assert f"receipts_{extracted_at.replace('-', '').replace(':', '')}.parquet" == file.name
            late = connection.execute(
                "select count(*) from read_parquet(?) where transaction_timestamp >= ?::timestamp",
                [str(file), extracted_at.removesuffix("Z")],
            ).fetchone()
            assert late == (0,)


def test_every_file_has_its_name_when_it_appears(history):
    assert [name for name in history.landed() if name.rsplit("/", 1)[1].startswith(".")] == []


def test_control_totals_match_every_receipts_file(history):
    assert history.query("""
        with landed as (
            select parse_filename(filename) as batch, count(*) as lines, count(distinct basket_id) as receipts,
                sum(sales_value) as sales_value, sum(retail_disc) as retail_disc, sum(coupon_disc) as coupon_disc,
                sum(coupon_match_disc) as coupon_match_disc
            from receipts group by all)
        select count(*), count(landed.batch),
            count(*) filter ((landed.lines, landed.receipts, landed.sales_value, landed.retail_disc, landed.coupon_disc,
                landed.coupon_match_disc) = (totals.lines, totals.receipts, totals.sales_value, totals.retail_disc,
                totals.coupon_disc, totals.coupon_match_disc))
        from control_totals as totals full join landed using (batch)
    """) == [(13, 13, 13)]


def test_business_date_and_weekday_keep_across_the_clock_changes(history):

    with connect() as connection:
        days = connection.execute("""
            select (to_local(transaction_timestamp)::date + 463 * 7)::varchar, count(*),
                sum(sales_value::decimal(10, 2))
            from source_transactions group by 1 order by 1
        """).fetchall()
    landed = history.query(f"""
        select to_local(transaction_timestamp)::date::varchar, count(*), sum(sales_value) from receipts
        where {SHIPPED_YEAR} group by 1 order by 1
    """)
    assert landed == days


def test_the_trap_of_the_zone_is_kept(history):
    [(share,)] = history.query(f"""
        select round(100 * avg((transaction_timestamp::date <> to_local(transaction_timestamp)::date)::integer), 1)
        from receipts where {SHIPPED_YEAR}
    """)
    assert 16 < share < 18


def test_every_redemption_finds_its_receipt_at_any_moment(history):
    assert history.query("""
        select count(*), count(*) filter (not exists (
            from receipts where receipts.household_id = redeemed.household_id
                and to_local(transaction_timestamp)::date = redemption_date
                and transaction_timestamp <= redeemed_at))
        from coupon_redemptions as redeemed where redemption_date < date '2026-11-16'
    """) == [(2_102, 0)]


def test_master_data_is_whole(history):
    assert history.query("""
        select (select count(*) from products), (select count(*) from campaign_contacts where campaign_id < 100),
            (select count(*) from customers), (select count(age) from customers)
    """) == [(92_331, 6_589, 2_469, 801)]
