{#- Household × business date; lines that arrive late for an old date correct that date. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='business_date',
    on_schema_change='fail',
    pre_hook="{{ forget_after_rollback(source('bookings', 'v1')) }}"
) }}

select
    household_id,
    business_date,
    count(distinct basket_id) as receipts,
    count(*) as lines,
    cast(sum(gross_bookings) as decimal(18, 2)) as gross_bookings,
    cast(sum(loyalty_discount) as decimal(18, 2)) as loyalty_discount,
    cast(sum(retailer_coupon_match) as decimal(18, 2)) as retailer_coupon_match,
    cast(sum(net_sales) as decimal(18, 2)) as net_sales,
    cast(sum(manufacturer_coupon) as decimal(18, 2)) as manufacturer_coupon,
    cast(sum(customer_spend) as decimal(18, 2)) as customer_spend,
    max(landed_at) as landed_at,
    max(load_id) as load_id
from {{ source('bookings', 'v1') }}
{{ where_day_is_touched(source('bookings', 'v1')) }}
group by household_id, business_date
