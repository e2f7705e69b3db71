{#-
  Household × business date. A tick touches one or two dates: those are recomputed whole from the bookings port and
  swapped, so lines that arrive late for an old date correct that date. The mark is the load id, not a time: a late
  batch carries an old landed_at but always a new load id. Dates and marks are written as literals, because DuckLake
  prunes files by literals only; the upper mark keeps out what Sales publishes while this runs.
  A port that was rolled back behind this table's mark leaves no trace of which rows are now wrong: start over.
-#}
{%- set port = source('bookings', 'v1') -%}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='business_date',
        on_schema_change='fail',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where (select max(load_id) from "
            ~ "{{ source('bookings', 'v1') }}) < (select max(load_id) from {{ this }}){% endif %}",
    )
}}

{%- set seen_up_to = none -%}
{%- set touched = none -%}
{%- if is_incremental() -%}
    {%- set seen_up_to = run_query('select coalesce(max(load_id), 0) from ' ~ this).columns[0].values()[0] -%}
    {%- set booked_up_to = run_query('select coalesce(max(load_id), 0) from ' ~ port).columns[0].values()[0] -%}
    {%- if booked_up_to >= seen_up_to -%}
        {%- set touched = run_query(
            'select distinct business_date from ' ~ port
            ~ ' where load_id > ' ~ seen_up_to ~ ' and load_id <= ' ~ booked_up_to ~ ' order by 1'
        ).columns[0].values() -%}
    {%- endif -%}
{%- endif %}

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
from {{ port }}
{% if touched is not none -%}
where
    load_id <= {{ booked_up_to }}
    {% if touched | length == 0 -%}
    and false
    {%- else -%}
    and business_date in (
        {%- for day in touched %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
    )
    {%- endif %}
{%- endif %}
group by household_id, business_date
