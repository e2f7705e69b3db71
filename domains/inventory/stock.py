"""Stock as a consequence of the warehouse's movements, in SQL.

The sum runs over all movements instead of over what is new: a late batch may hold movements that are older than known
ones, which moves every balance after them. It is cheap: 96,990 movements of a year take 0.04 s on two cores.
"""

from __future__ import annotations

from typing import Final

_LEVELS: Final = """
with movements as (
    select
        store_id, product_id, movement_id, movement_type, quantity, _landed_at, _load_id,
        timezone('UTC', moved_at) as moved_at,  -- the warehouse writes UTC without a zone
        sum(quantity) over (
            partition by store_id, product_id order by moved_at, movement_id rows unbounded preceding
        ) as quantity_after
    from {movements}
),
stocks as (
    select
        store_id,
        product_id,
        sum(quantity)::bigint as quantity_on_hand,
        coalesce(sum(quantity) filter (movement_type = 'opening'), 0)::bigint as opening_quantity,
        coalesce(sum(quantity) filter (movement_type = 'replenishment'), 0)::bigint as replenished_quantity,
        coalesce(-sum(quantity) filter (movement_type = 'sale'), 0)::bigint as sold_quantity,
        count(*) as movement_count,
        count_if(quantity_after < 0)::bigint as below_zero_movement_count,
        min(quantity_after)::bigint as lowest_quantity,
        max({{'at': moved_at, 'id': movement_id, 'type': movement_type}}) as last_movement,
        max(moved_at) filter (movement_type = 'sale') as last_sale_at,
        max(moved_at) filter (movement_type = 'replenishment') as last_replenished_at,
        max(_landed_at) as landed_at,
        max(_load_id) as load_id
    from movements
    group by store_id, product_id
),
current_policies as (
    select store_id, product_id, order_up_to_level
    from {policies}
    qualify row_number() over (partition by store_id, product_id order by _landed_at desc, _load_id desc) = 1
)
select
    store_id,
    product_id,
    quantity_on_hand,
    'each' as unit_of_measure,
    case when quantity_on_hand < 0 then 'below_zero' when quantity_on_hand = 0 then 'out_of_stock' else 'in_stock' end
        as stock_status,
    quantity_on_hand < 0 as is_below_zero,
    order_up_to_level,
    -- greatest() leaves nulls out: without a level it would say 0, «nothing to bring».
    if(order_up_to_level is null, null, greatest(order_up_to_level - quantity_on_hand, 0)) as quantity_to_replenish,
    opening_quantity,
    replenished_quantity,
    sold_quantity,
    movement_count,
    below_zero_movement_count,
    lowest_quantity,
    last_movement['type'] as last_movement_type,
    last_movement['at'] as last_movement_at,
    last_sale_at,
    last_replenished_at,
    'derived' as stock_basis,
    landed_at,
    load_id
from stocks
left join current_policies using (store_id, product_id)
order by store_id, product_id
"""


def inventory_levels_sql(movements: str, policies: str) -> str:
    """SELECT of the current stock, one row per store and product that ever had a movement.

    `movements` and `policies` are SQL names of tables with the columns of `sources/stock_movements.odcs.yaml` and
    `sources/stock_policies.odcs.yaml`, each with `_load_id` and `_landed_at`. A stock without a policy has a null
    level. Quantities are pieces, times come out with their zone.
    """
    return _LEVELS.format(movements=movements, policies=policies)
