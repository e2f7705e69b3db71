"""The derived stock."""

from operational_systems.source_year import connect
from operational_systems.warehouse import derive

ON_HAND = """
    select *, sum(quantity) over (partition by store_id, product_id order by moved_at, movement_id) as on_hand
    from stock_movements join stock_policies using (store_id, product_id)
"""


def test_levels_never_use_a_week_after_26():
    query = "from stock_policies order by all"
    with connect() as whole, connect() as half:
        derive(whole)
        half.execute("create temp table early as from source_transactions where week <= 26")
        half.execute("create or replace view source_transactions as from early")
        derive(half)
        assert half.execute(query).fetchall() == whole.execute(query).fetchall()


def test_stocked_are_pieces_that_sell_more_than_once_a_week(history):
    assert history.query("""
        select count(*), count(distinct (store_id, product_id)), min(order_up_to_level) > 0,
            count(*) filter (product_category in ('FUEL', 'COUPON/MISC ITEMS'))
        from stock_policies join products using (product_id)
    """) == [(809, 809, True, 0)]


def test_the_shipped_year_has_about_99_105_movements(history):
    assert history.query("""
        select movement_type, count(*) from stock_movements where to_local(moved_at) < timestamp '2026-11-16'
        group by 1 order by 1
    """) == [("opening", 809), ("replenishment", 29_492), ("sale", 66_689)]


def test_sales_are_those_of_the_point_of_sale(two_years):
    assert two_years.query("""
        with sold as (
            select store_id, product_id, transaction_timestamp as moment, -quantity as quantity
            from receipts semi join stock_policies using (store_id, product_id) where quantity > 0),
        moved as (
            select store_id, product_id, moved_at as moment, quantity from stock_movements where movement_type = 'sale')
        select (select count(*) from (from sold except all from moved)),
            (select count(*) from (from moved except all from sold)), (select count(*) > 130000 from moved)
    """) == [(0, 0, True)]


def test_every_monday_at_five_fills_up_to_the_level_in_every_year(two_years):
    assert two_years.query(f"""
        select bool_and(on_hand = order_up_to_level), bool_and(quantity > 0),
            list(distinct dayname(to_local(moved_at))) filter (movement_type = 'replenishment'),
            list(distinct to_local(moved_at)::time::varchar) filter (movement_type = 'replenishment')
        from ({ON_HAND}) where movement_type <> 'sale'
    """) == [(True, True, ["Monday"], ["05:00:00"])]


def test_some_later_stock_goes_below_zero_by_itself(history):
    [(share,)] = history.query(f"""
        select round(100 * avg((on_hand < 0)::integer), 2) from ({ON_HAND})
        where to_local(moved_at) >= timestamp '2026-05-11 05:00' and to_local(moved_at) < timestamp '2026-11-16'
    """)
    assert 0.7 < share < 0.9
