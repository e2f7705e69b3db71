"""Faults of a year's feeds: what a day's lines look like when something went wrong before they landed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

FaultKind = Literal["dropped store", "doubled batch", "currency change", "null wave", "frozen feed"]
KINDS: tuple[FaultKind, ...] = ("dropped store", "doubled batch", "currency change", "null wave", "frozen feed")
LASTS = 7  # days; a doubled batch is one day's
_AMOUNTS = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
# Units of another currency for a dollar: amounts are wrong, the code beside them still says USD.
_RATES = (("CAD", 1.37), ("EUR", 0.92), ("GBP", 0.79), ("MXN", 18.0), ("JPY", 150.0))


@dataclass(frozen=True)
class Fault:
    """One fault, from a day of landing on. `size`: the rank of the store, the rate, or the share of nulls."""

    kind: FaultKind
    day: date
    size: float
    told: str

    @property
    def until(self) -> date:
        return self.day + timedelta(days=1 if self.kind == "doubled batch" else LASTS)

    def receipts(self, day: date) -> str:
        """SELECT of the receipts that land on a day."""
        lines = _landed("receipts", day)
        if not self._holds(day):
            return lines
        match self.kind:
            case "currency change":
                amounts = ", ".join(
                    f"CAST(round({name} * {self.size}, 2) AS DECIMAL(10, 2)) AS {name}" for name in _AMOUNTS
                )
                return f"SELECT * REPLACE ({amounts}) FROM ({lines})"
            case "null wave":
                lost = f"hash(basket_id, product_id) % 1000 < {int(1000 * self.size)}"
                return f"SELECT * REPLACE (if({lost}, NULL, quantity) AS quantity) FROM ({lines})"
            case _:
                return self._of_either(lines, "basket_id + 5000000000000 AS basket_id")

    def movements(self, day: date) -> str:
        """SELECT of the stock movements that land on a day."""
        lines = _landed("stock_movements", day)
        return self._of_either(lines, "movement_id + 5000000000 AS movement_id") if self._holds(day) else lines

    def _of_either(self, lines: str, other_key: str) -> str:
        """What becomes of the lines of a till or of a warehouse."""
        match self.kind:
            case "dropped store":
                return f"{lines} AND store_id <> {self._store}"
            case "doubled batch":
                return f"{lines} UNION ALL SELECT * REPLACE ({other_key}) FROM ({lines})"
            case "frozen feed":
                return f"{lines} AND false"
            case _:
                return lines

    def customers(self, day: date) -> str:
        """SELECT of the customers as the CRM knows them on a day."""
        if self.kind != "null wave" or not self._holds(day):
            return "SELECT * FROM landed.customers"
        lost = f"hash(household_id) % 1000 < {int(1000 * self.size)}"
        return f"SELECT * REPLACE (if({lost}, NULL, phone) AS phone) FROM landed.customers"

    def _holds(self, day: date) -> bool:
        return self.day <= day < self.until

    @property
    def _store(self) -> str:
        """One of the stores that sold most in the four weeks before."""
        return (
            f"(SELECT store_id FROM landed.receipts WHERE landed_on BETWEEN DATE '{self.day - timedelta(days=28)}' "
            f"AND DATE '{self.day - timedelta(days=1)}' GROUP BY ALL ORDER BY count(*) DESC, store_id "
            f"LIMIT 1 OFFSET {int(self.size)})"
        )


class NoFault:
    """The year as it was."""

    def receipts(self, day: date) -> str:
        return _landed("receipts", day)

    def movements(self, day: date) -> str:
        return _landed("stock_movements", day)

    def customers(self, _day: date) -> str:
        return "SELECT * FROM landed.customers"


def _landed(feed: str, day: date) -> str:
    return f"SELECT * FROM landed.{feed} WHERE landed_on = DATE '{day}'"


def faults_between(first: date, last: date, seed: int, each: int) -> list[Fault]:
    """`each` faults of every kind, on days and of sizes that the seed draws."""
    draw = random.Random(seed)
    found = []
    for kind in KINDS:
        for number in range(each):
            day = first + timedelta(days=draw.randrange((last - first).days - LASTS))
            found.append(_drawn(kind, day, number, draw))
    return found


def _drawn(kind: FaultKind, day: date, number: int, draw: random.Random) -> Fault:
    match kind:
        case "dropped store":
            rank = draw.randrange(10)
            return Fault(kind, day, rank, f"number {rank + 1} of the stores by lines")
        case "currency change":
            code, rate = _RATES[number % len(_RATES)]
            return Fault(kind, day, rate, f"amounts in {code} ({rate:g}), the code still says USD")
        case "null wave":
            share = draw.choice((0.02, 0.05, 0.1, 0.25, 0.5))
            return Fault(kind, day, share, f"{share:.0%} of quantities and phones")
        case "doubled batch":
            return Fault(kind, day, 2, "once more under other receipt numbers, so that no key repeats")
        case "frozen feed":
            return Fault(kind, day, 0, f"nothing lands for {LASTS} days, publications go on")
