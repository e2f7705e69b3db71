{#
  One row per household that the CRM knows or that has bought: a full join, because a receipt of a household that the
  CRM has not sent yet must not vanish from the totals (it shows as missing contact details, which a rule counts).
#}
{{ config(materialized='table') }}

with days as (

    select * from {{ ref('customer_days') }}

),

reach as (

    select
        max(business_date) as as_of_date,
        max(landed_at) as data_as_of,
        max(load_id) as bookings_load_id
    from days

),

contacts as (

    -- the CRM sends every change as a whole new row; updated_at is UTC without a zone
    select *
    from {{ source('internal', 'customers') }}
    qualify row_number() over (partition by household_id order by updated_at desc, _load_id desc) = 1

),

purchases as (

    select
        days.household_id,
        min(days.business_date) as first_purchase_date,
        max(days.business_date) as last_purchase_date,
        count(*) as purchase_days,
        sum(days.receipts) as receipts,
        sum(days.lines) as lines,
        sum(days.gross_bookings) as gross_bookings,
        sum(days.loyalty_discount) as loyalty_discount,
        sum(days.retailer_coupon_match) as retailer_coupon_match,
        sum(days.net_sales) as net_sales,
        sum(days.manufacturer_coupon) as manufacturer_coupon,
        sum(days.customer_spend) as customer_spend,
        sum(days.receipts) filter (where days.business_date > reach.as_of_date - 91) as receipts_last_91_days,
        sum(days.customer_spend) filter (where days.business_date > reach.as_of_date - 91)
            as customer_spend_last_91_days,
        sum(days.customer_spend) filter (
            where days.business_date > reach.as_of_date - 182 and days.business_date <= reach.as_of_date - 91
        ) as customer_spend_previous_91_days
    from days
    cross join reach
    group by days.household_id

),

campaigns as (

    select
        contacted.household_id,
        count(*) as campaigns_received,
        count(*) filter (where contacted.end_date >= reach.as_of_date) as campaigns_running
    from (
        select distinct household_id, campaign_id, start_date, end_date
        from {{ source('internal', 'campaign_contacts') }}
    ) as contacted
    cross join reach
    where contacted.start_date <= reach.as_of_date
    group by contacted.household_id

),

households as (

    select household_id from contacts
    union
    select household_id from purchases

)

select
    cast(households.household_id as bigint) as household_id,
    contacts.first_name,
    contacts.last_name,
    contacts.email,
    contacts.phone,
    contacts.age,
    contacts.income,
    contacts.home_ownership,
    contacts.marital_status,
    contacts.household_size,
    contacts.household_comp,
    contacts.kids_count,
    contacts.age is not null as demographics_known,
    timezone('UTC', contacts.updated_at) as contact_updated_at,
    purchases.first_purchase_date,
    purchases.last_purchase_date,
    cast(reach.as_of_date - purchases.last_purchase_date as integer) as days_since_last_purchase,
    case
        when purchases.last_purchase_date is null then 'prospect'
        when reach.as_of_date - purchases.last_purchase_date > 91 then 'lapsed'
        when reach.as_of_date - purchases.last_purchase_date > 28 then 'lapsing'
        when reach.as_of_date - purchases.first_purchase_date <= 28 then 'new'
        else 'active'
    end as lifecycle_stage,
    cast(coalesce(purchases.purchase_days, 0) as bigint) as purchase_days,
    cast(coalesce(purchases.receipts, 0) as bigint) as receipts,
    cast(coalesce(purchases.lines, 0) as bigint) as lines,
    cast(coalesce(purchases.gross_bookings, 0) as decimal(18, 2)) as gross_bookings,
    cast(coalesce(purchases.loyalty_discount, 0) as decimal(18, 2)) as loyalty_discount,
    cast(coalesce(purchases.retailer_coupon_match, 0) as decimal(18, 2)) as retailer_coupon_match,
    cast(coalesce(purchases.net_sales, 0) as decimal(18, 2)) as net_sales,
    cast(coalesce(purchases.manufacturer_coupon, 0) as decimal(18, 2)) as manufacturer_coupon,
    cast(coalesce(purchases.customer_spend, 0) as decimal(18, 2)) as customer_spend,
    cast(purchases.customer_spend / purchases.receipts as decimal(18, 2)) as average_receipt,
    cast(coalesce(purchases.receipts_last_91_days, 0) as bigint) as receipts_last_91_days,
    cast(coalesce(purchases.customer_spend_last_91_days, 0) as decimal(18, 2)) as customer_spend_last_91_days,
    cast(coalesce(purchases.customer_spend_previous_91_days, 0) as decimal(18, 2)) as customer_spend_previous_91_days,
    cast(coalesce(campaigns.campaigns_received, 0) as bigint) as campaigns_received,
    cast(coalesce(campaigns.campaigns_running, 0) as bigint) as campaigns_running,
    'USD' as currency_code,
    reach.as_of_date,
    reach.data_as_of,
    reach.bookings_load_id
from households
cross join reach
left join contacts on households.household_id = contacts.household_id
left join purchases on households.household_id = purchases.household_id
left join campaigns on households.household_id = campaigns.household_id
