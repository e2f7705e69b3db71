-- The floor for inventory.inventory_levels and supply_chain.demand_forecast: plain DuckDB SQL over the raw Parquet, no
-- audit, no publication. {data} is the folder of the Parquet files. The warehouse's movements are derived as the
-- operational systems do it. The upper bound of demand is a normal one (DuckDB has no negative binomial quantile).

create or replace temp table floor_inventory_sales as
select
    store_id,
    product_id,
    basket_id,
    quantity,
    week,
    timezone('UTC', transaction_timestamp) as moved_at,
    timezone('America/New_York', timezone('UTC', transaction_timestamp)) as local_time
from read_parquet('{data}/transactions.parquet')
semi join (
    select product_id
    from read_parquet('{data}/products.parquet')
    where product_category is null or product_category not in ('COUPON/MISC ITEMS', 'FUEL')
) using (product_id)
where quantity > 0;

create or replace temp table floor_inventory_policies as
select
    store_id,
    product_id,
    cast(ceil(sum(units) / 25 + 2.33 * sqrt(greatest(0, sum(units * units) - sum(units) * sum(units) / 25) / 24)) as bigint)
        as order_up_to_level
from (
    select store_id, product_id, week, sum(quantity) as units, count(*) as lines
    from floor_inventory_sales
    where week between 2 and 26
    group by store_id, product_id, week
) as weekly
group by store_id, product_id
having sum(lines) >= 26;

create or replace temp table floor_inventory_movements as
with sales as (
    select *, greatest(date_trunc('week', local_time - interval 5 hour), timestamp '2016-12-26') as period
    from floor_inventory_sales
    semi join floor_inventory_policies using (store_id, product_id)
)
select
    store_id, product_id, 'opening' as movement_type, order_up_to_level as quantity,
    timezone('America/New_York', timestamp '2017-01-01') as moved_at, 0 as basket_id
from floor_inventory_policies
union all
select
    store_id, product_id, 'replenishment' as movement_type, cast(sum(quantity) as bigint) as quantity,
    timezone('America/New_York', period + interval 7 day + interval 5 hour) as moved_at, 0 as basket_id
from sales
where period < timestamp '2017-12-25'
group by store_id, product_id, period
union all
select store_id, product_id, 'sale' as movement_type, -quantity as quantity, moved_at, basket_id
from sales;

create or replace temp table floor_inventory_levels as
with movements as (
    select
        *,
        sum(quantity) over (
            partition by store_id, product_id order by moved_at, basket_id rows unbounded preceding
        ) as quantity_after
    from floor_inventory_movements
)
select
    store_id,
    product_id,
    cast(sum(quantity) as bigint) as quantity_on_hand,
    any_value(order_up_to_level) as order_up_to_level,
    sum(quantity) filter (movement_type = 'opening') as opening_quantity,
    sum(quantity) filter (movement_type = 'replenishment') as replenished_quantity,
    -sum(quantity) filter (movement_type = 'sale') as sold_quantity,
    count(*) as movement_count,
    count_if(quantity_after < 0) as below_zero_movement_count,
    min(quantity_after) as lowest_quantity,
    arg_max(movement_type, moved_at) as last_movement_type,
    max(moved_at) as last_movement_at,
    max(moved_at) filter (movement_type = 'sale') as last_sale_at,
    max(moved_at) filter (movement_type = 'replenishment') as last_replenished_at
from movements
left join floor_inventory_policies using (store_id, product_id)
group by store_id, product_id;

-- weeks_before counts weeks of seven days back from the last complete day, 2017-12-31; 0 is the last one.
create or replace temp table floor_supply_chain_weekly as
select store_id, product_id, weeks_before, coalesce(pieces, 0) as pieces
from floor_inventory_levels
cross join (select unnest(range(41)) as weeks_before) as weeks
left join (
    select
        store_id, product_id, date_diff('day', cast(local_time as date), date '2017-12-31') // 7 as weeks_before,
        sum(quantity) as pieces
    from floor_inventory_sales
    where local_time >= timestamp '2017-03-20'
    group by store_id, product_id, weeks_before
) as sold using (store_id, product_id, weeks_before);

create or replace temp table floor_supply_chain_forecast as
with origins as (
    select unnest(range(15)) as origin
),
levels as (
    select
        origin, store_id, product_id,
        sum(pieces * pow(0.8, weeks_before - origin)) / sum(pow(0.8, weeks_before - origin)) as level,
        sum(pieces * pow(0.6, weeks_before - origin)) / sum(pow(0.6, weeks_before - origin)) as recent,
        avg(pieces) as mean,
        var_samp(pieces) as variance,
        sum(pieces) filter (weeks_before = origin) as naive_quantity
    from origins
    join floor_supply_chain_weekly on weeks_before between origin and origin + 25
    group by origin, store_id, product_id
),
expected as (
    select
        *,
        level * (sum(recent) over (partition by origin, store_id) + 5) / (sum(level) over (partition by origin, store_id) + 5)
            as forecast_quantity,
        greatest(sum(variance - mean) over (partition by origin) / sum(mean * mean) over (partition by origin), 0)
            as dispersion
    from levels
)
select
    store_id,
    product_id,
    date '2017-12-31' - 7 * cast(origin as integer) as forecast_origin,
    horizon as horizon_weeks,
    origin > 0 as is_backtest,
    forecast_quantity,
    ceil(forecast_quantity + 1.2816 * sqrt(forecast_quantity + dispersion * forecast_quantity * forecast_quantity))
        as forecast_upper_quantity,
    naive_quantity,
    actual.pieces as actual_quantity,
    if(origin = 0 and horizon = 1, quantity_on_hand, null) as quantity_on_hand,
    if(origin = 0 and horizon = 1, greatest(quantity_on_hand, 0) / nullif(forecast_quantity / 7, 0), null) as days_of_cover
from expected
cross join (select unnest([1, 2]) as horizon) as horizons
join floor_inventory_levels using (store_id, product_id)
left join floor_supply_chain_weekly as actual
    on actual.store_id = expected.store_id and actual.product_id = expected.product_id and actual.weeks_before = origin - horizon
where origin = 0 or origin between horizon and horizon + 12;
