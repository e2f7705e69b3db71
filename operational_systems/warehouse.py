"""The warehouse system. Its stock is *derived*: the data set has sales but no stock.

Stocked is what a store sold often in weeks 2 to 26, more than one receipt line a week, and what is counted in pieces
(fuel is measured in 1/1000 gallon). Each store and product has an order-up-to level that would have covered a week's
demand 99 times of 100 in those weeks; every Monday at 05:00 local time it is filled up to that level; in between, the
real sales take from it. Weeks after 26 are never looked at for the level, so some stocks go below zero later, as
forecasts do: 0.84 % of the later movements. That is a finding for the domains, not an error.
"""

import duckdb

FIRST_FITTING_WEEK, LAST_FITTING_WEEK = 2, 26
FITTING_WEEKS = LAST_FITTING_WEEK - FIRST_FITTING_WEEK + 1
LINES_TO_BE_STOCKED = FITTING_WEEKS + 1
SERVICE_FACTOR = 2.33  # one-sided 99 % of a normal distribution
NOT_PIECES = ("COUPON/MISC ITEMS", "FUEL")
REPLENISHED_AT_HOUR = 5


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables `stock_policies` (store_id, product_id, order_up_to_level) and `book_stock_movements`
    (movement_id, store_id, product_id, movement_type, quantity, moment, years), in the data set's own UTC.

    `years`: 'first' and 'later' mark the first Monday's replenishment, which fills up after one Sunday in the shipped
    year and after the whole last week of the year before in later ones.
    """
    connection.execute(f"""
        create or replace temp table piece_sales as
        select store_id, product_id, basket_id, quantity, week, transaction_timestamp as moment
        from source_transactions semi join (
            select product_id from source_products
            where product_category is null or product_category not in {NOT_PIECES}) using (product_id)
        where quantity > 0
    """)
    connection.execute(f"""
        create or replace temp table stock_policies as
        with weekly as (
            select store_id, product_id, week, sum(quantity) as units, count(*) as lines
            from piece_sales where week between {FIRST_FITTING_WEEK} and {LAST_FITTING_WEEK} group by all)
        select store_id, product_id,
            ceil(sum(units) / {FITTING_WEEKS} + {SERVICE_FACTOR} * sqrt(greatest(0,
                sum(units * units) - sum(units) * sum(units) / {FITTING_WEEKS}) / {FITTING_WEEKS - 1}))::bigint
            as order_up_to_level
        from weekly group by all having sum(lines) >= {LINES_TO_BE_STOCKED} order by all
    """)
    connection.execute(f"""
        create or replace temp table book_stock_movements as
        with sales as (
            select store_id, product_id, basket_id, quantity, moment, to_local(moment) as local,
                date_trunc('week', local - interval {REPLENISHED_AT_HOUR} hour)::timestamp as period
            from piece_sales semi join stock_policies using (store_id, product_id)),
        replenished as (
            select store_id, product_id, sum(quantity) as quantity, 'every' as years,
                period + interval 7 day as monday
            from sales where period >= timestamp '2017-01-02' and period < timestamp '2017-12-25' group by all
            union all by name
            select store_id, product_id, sum(quantity) as quantity, 'first' as years, timestamp '2017-01-02' as monday
            from sales where period < timestamp '2017-01-02' group by all
            union all by name
            select store_id, product_id, sum(quantity) as quantity, 'later' as years, timestamp '2017-01-02' as monday
            from sales
            where period >= timestamp '2017-12-25'
                or (period < timestamp '2017-01-02' and local >= timestamp '2017-01-02')
            group by all),
        movements as (
            select store_id, product_id, 'opening' as movement_type, order_up_to_level as quantity, 'first' as years,
                to_utc(timestamp '2017-01-01') as moment, 0 as basket_id
            from stock_policies
            union all by name
            select store_id, product_id, 'replenishment' as movement_type, quantity, years,
                to_utc(monday + interval {REPLENISHED_AT_HOUR} hour) as moment, 0 as basket_id
            from replenished
            union all by name
            select store_id, product_id, 'sale' as movement_type, -quantity as quantity, 'every' as years, moment,
                basket_id
            from sales)
        select row_number() over (order by moment, basket_id, store_id, product_id, years) as movement_id,
            store_id, product_id, movement_type, quantity::bigint as quantity, moment, years
        from movements order by movement_id
    """)
