"""Which feeds the operational systems land, and under what names."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Feed:
    """One folder of the landing zone.

    A ticking feed lands a file with every batch, with zero rows when nothing happened (a heartbeat); the others land
    one only when they have rows. `key` and `droppable` are the columns that the faults of the same names hit.
    """

    system: str
    name: str
    ticks: bool
    key: str
    droppable: str
    currency: str | None = None

    @property
    def address(self) -> str:
        """The folder below the landing zone, `<system>/<feed>`."""
        return f"{self.system}/{self.name}"

    def file_name(self, extracted_at: datetime, again: bool = False) -> str:
        """`again`: the other name under which a batch is delivered twice."""
        return f"{self.name}_{extracted_at.astimezone(UTC):%Y%m%dT%H%M%SZ}{'_again' if again else ''}.parquet"


RECEIPTS = Feed("point_of_sale", "receipts", True, key="basket_id", droppable="sales_value", currency="currency_code")
CONTROL_TOTALS = Feed("point_of_sale", "control_totals", True, key="batch", droppable="sales_value")
COUPON_REDEMPTIONS = Feed("point_of_sale", "coupon_redemptions", True, key="household_id", droppable="coupon_upc")
PRODUCTS = Feed("point_of_sale", "products", False, key="product_id", droppable="department")
CUSTOMERS = Feed("crm_system", "customers", True, key="household_id", droppable="email")
CAMPAIGN_CONTACTS = Feed("crm_system", "campaign_contacts", False, key="campaign_id", droppable="campaign_type")
STOCK_MOVEMENTS = Feed("warehouse", "stock_movements", True, key="movement_id", droppable="quantity")
STOCK_POLICIES = Feed("warehouse", "stock_policies", False, key="store_id", droppable="order_up_to_level")

FEEDS: dict[str, Feed] = {
    feed.address: feed
    for feed in (
        RECEIPTS,
        CONTROL_TOTALS,
        COUPON_REDEMPTIONS,
        PRODUCTS,
        CUSTOMERS,
        CAMPAIGN_CONTACTS,
        STOCK_MOVEMENTS,
        STOCK_POLICIES,
    )
}
