{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
    pre_hook="{{ forget_after_rollback(source('bookings', 'v1')) }}"
) }}

with booked_lines as (
    select *
    from {{ source('bookings', 'v1') }}
    {{ where_day_is_touched(source('bookings', 'v1')) }}
)

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
    currency_code,
    max(landed_at) as landed_at,
    max(load_id) as load_id
from booked_lines
-- Currency is part of the group so that two currencies could never be added up; today there is only USD.
group by business_date, store_id, department, currency_code
