-- The floor for crm.customer_360 and crm.customer_lifetime_value: plain DuckDB SQL over the raw Parquet, no audit, no
-- publication. {data} is the folder of the Parquet files. Contact details are not in the data and are left out; the
-- lifetime value is approximated by a straight line on the same rates (DuckDB has no regression on several columns), and
-- its backtest is that line fitted one horizon earlier, so both forecasts and both fits are computed as in the product.

create or replace temp table floor_crm_days as
select
    household_id,
    business_date,
    count(distinct basket_id) as receipts,
    count(*) as lines,
    sum(net_sales + loyalty_discount + retailer_coupon_match) as gross_bookings,
    sum(loyalty_discount) as loyalty_discount,
    sum(retailer_coupon_match) as retailer_coupon_match,
    sum(net_sales) as net_sales,
    sum(manufacturer_coupon) as manufacturer_coupon,
    sum(net_sales - manufacturer_coupon) as customer_spend
from (
    select
        household_id,
        basket_id,
        cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date) as business_date,
        cast(sales_value as decimal(18, 2)) as net_sales,
        cast(retail_disc as decimal(18, 2)) as loyalty_discount,
        cast(coupon_match_disc as decimal(18, 2)) as retailer_coupon_match,
        cast(coupon_disc as decimal(18, 2)) as manufacturer_coupon
    from read_parquet('{data}/transactions.parquet')
) as lines
group by household_id, business_date;

create or replace temp table floor_crm_customer_360 as
with reach as (
    select max(business_date) as as_of_date from floor_crm_days
),
purchases as (
    select
        household_id,
        min(business_date) as first_purchase_date,
        max(business_date) as last_purchase_date,
        count(*) as purchase_days,
        sum(receipts) as receipts,
        sum(lines) as lines,
        sum(gross_bookings) as gross_bookings,
        sum(loyalty_discount) as loyalty_discount,
        sum(retailer_coupon_match) as retailer_coupon_match,
        sum(net_sales) as net_sales,
        sum(manufacturer_coupon) as manufacturer_coupon,
        sum(customer_spend) as customer_spend,
        sum(receipts) filter (where business_date > as_of_date - 91) as receipts_last_91_days,
        sum(customer_spend) filter (where business_date > as_of_date - 91) as customer_spend_last_91_days,
        sum(customer_spend) filter (where business_date > as_of_date - 182 and business_date <= as_of_date - 91)
            as customer_spend_previous_91_days
    from floor_crm_days
    cross join reach
    group by household_id
),
campaigns as (
    select
        contacts.household_id,
        count(*) as campaigns_received,
        count(*) filter (where campaigns.end_date >= as_of_date) as campaigns_running
    from read_parquet('{data}/campaigns.parquet') as contacts
    inner join read_parquet('{data}/campaign_descriptions.parquet') as campaigns using (campaign_id)
    cross join reach
    where campaigns.start_date <= as_of_date
    group by contacts.household_id
)
select
    purchases.*,
    demographics.* exclude (household_id),
    reach.as_of_date - last_purchase_date as days_since_last_purchase,
    cast(customer_spend / receipts as decimal(18, 2)) as average_receipt,
    coalesce(campaigns_received, 0) as campaigns_received,
    coalesce(campaigns_running, 0) as campaigns_running,
    reach.as_of_date
from purchases
cross join reach
left join read_parquet('{data}/demographics.parquet') as demographics using (household_id)
left join campaigns using (household_id);

create or replace temp table floor_crm_customer_lifetime_value as
with spans as (
    select min(business_date) as first_date, max(business_date) as last_date from floor_crm_days
),
cuts as (
    -- the forecast, the backtest, and the training cut of each
    select last_date - cast(92 * steps as integer) as cut, steps, last_date - first_date + 1 - 92 * steps as days
    from spans
    cross join range(3) as s (steps)
),
rates as (
    select
        cuts.steps,
        d.household_id,
        sqrt(coalesce(sum(d.net_sales) filter (where d.business_date > cut - 28 and d.business_date <= cut), 0) * 92 / 28)
        + sqrt(coalesce(sum(d.net_sales) filter (where d.business_date > cut - 91 and d.business_date <= cut), 0) * 92 / 91)
        + sqrt(
            coalesce(sum(d.net_sales) filter (where d.business_date > cut - 273 and d.business_date <= cut), 0) * 92
            / least(any_value(cuts.days), 273)
        ) as rate,
        coalesce(sum(d.net_sales) filter (where d.business_date <= cut), 0) as historic,
        coalesce(sum(d.net_sales) filter (where d.business_date > cut and d.business_date <= cut + 92), 0) as outcome
    from floor_crm_days as d
    cross join cuts
    group by cuts.steps, d.household_id
    having min(d.business_date) <= any_value(cut)
),
fits as (
    select
        steps,
        regr_slope(sqrt(outcome), rate) as slope,
        regr_intercept(sqrt(outcome), rate) as intercept
    from rates
    where steps > 0
    group by steps
),
scales as (
    select steps, slope, intercept, sum(outcome) / sum(power(greatest(slope * rate + intercept, 0), 2)) as scale
    from rates
    inner join fits using (steps)
    group by steps, slope, intercept
),
forecasts as (
    select
        rates.steps,
        household_id,
        historic,
        outcome,
        cast(power(greatest(slope * rate + intercept, 0), 2) * scale as decimal(18, 2)) as predicted
    from rates
    inner join scales on scales.steps = rates.steps + 1
)
select
    now.household_id,
    now.historic as historic_net_sales,
    now.predicted as predicted_net_sales,
    now.historic + now.predicted as lifetime_value,
    ntile(20) over (order by now.historic + now.predicted desc) as value_rank,
    past.predicted as backtest_predicted_net_sales,
    past.outcome as backtest_actual_net_sales
from forecasts as now
left join forecasts as past on past.household_id = now.household_id and past.steps = 1
where now.steps = 0;
