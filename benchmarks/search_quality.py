"""How good search is: judged queries over the shipped products, alone and among 500 others that use the same words.

    python -m benchmarks.search_quality

Search was tuned on one set of queries: these have aims, and tell how well it does what it was made for. The other set
is held out: newcomers' questions on which nothing is tuned. They tell what to expect where nobody foresaw the question.

nDCG@10 has gains of 2^grade - 1 (Burges et al. 2005); a first place is a product of the query's highest grade.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ruamel.yaml import YAML

from platform_resources.catalog.index import Changes, ColumnEntry, PortEntry, ProductEntry, TermEntry
from platform_resources.catalog.search import Asked, Search

TUNED, HELD_OUT = (Path(__file__).with_name(name) for name in ("search_queries.yaml", "search_questions.yaml"))
AIM_NDCG, AIM_FIRST = 0.95, 0.90
DISTRACTORS = 500
_NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)

Find = Callable[[str], Sequence[str]]  # query -> addresses of products, best first


@dataclass(frozen=True)
class JudgedQuery:
    query: str
    by: str  # analyst, manager, engineer or agent
    grades: Mapping[str, int]  # product -> 3 it is the one, 2 good, 1 related


@dataclass(frozen=True)
class Measured:
    query: JudgedQuery
    found: tuple[str, ...]
    ndcg: float  # @10

    @property
    def is_first(self) -> bool:
        return bool(self.found) and self.query.grades.get(self.found[0]) == max(self.query.grades.values())


def judged_queries(file: Path = TUNED) -> list[JudgedQuery]:
    return [JudgedQuery(**item) for item in YAML(typ="safe").load(file)["queries"]]


def ndcg(found: Sequence[str], grades: Mapping[str, int], at: int = 10) -> float:
    """1 for the best order that there is.

    >>> ndcg(["a", "b"], {"a": 3, "b": 1}), ndcg(["x"], {"a": 3})
    (1.0, 0.0)
    """
    best = _gain(sorted(grades.values(), reverse=True)[:at])
    return _gain([grades.get(product, 0) for product in found[:at]]) / best


def _gain(grades: Iterable[int]) -> float:
    return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades))


def measure(find: Find, queries: Iterable[JudgedQuery]) -> list[Measured]:
    told = [(query, tuple(find(query.query))) for query in queries]
    return [Measured(query, found, ndcg(found, query.grades)) for query, found in told]


def figures(measured: Sequence[Measured]) -> tuple[float, float]:
    """Mean nDCG@10, and the share of queries whose first hit is the one."""
    count = len(measured)
    return sum(item.ndcg for item in measured) / count, sum(item.is_first for item in measured) / count


class FixedEntries:
    """Products and terms as a catalog's index that never changes."""

    def __init__(self, products: Iterable[ProductEntry], terms: Mapping[str, TermEntry]) -> None:
        self._products = {entry.address: entry for entry in sorted(products, key=lambda entry: entry.address)}
        self._terms = terms

    def renew(self) -> int:
        return 1

    def changed_since(self, revision: int) -> Changes:
        known = revision == 1
        return Changes(1, not known, () if known else tuple(self._products), () if known else tuple(self._terms))

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]:
        wanted = self._products if addresses is None else addresses
        return {address: self._products[address] for address in wanted if address in self._products}

    def each_product(self) -> Iterator[ProductEntry]:
        return iter(self._products.values())

    def terms(self, *, bound: bool) -> Mapping[str, TermEntry]:  # noqa: ARG002  (with these nothing is saved)
        return self._terms


def finder(folder: Path, products: Iterable[ProductEntry], terms: Mapping[str, TermEntry]) -> Find:
    """Search over some products by one who may know of all that are not hidden."""
    search = Search(folder, FixedEntries(products, terms))

    def find(query: str) -> list[str]:
        found = search.find(Asked(query, limit=10), lambda _: False, datetime.now(UTC))
        return [hit.product.address for hit in found.hits]

    return find


# Other subjects than those of the judged queries, told in the same words as theirs.
_SUBJECTS = (
    "supplier_invoices payroll_runs energy_meters fleet_trips web_sessions support_tickets shelf_audits parking_tickets"
    " job_applications contracts_register training_courses lease_payments machine_sensors waste_disposal cash_counts"
    " press_mentions claims_register travel_expenses recall_notices planogram_versions recipe_book cleaning_rounds"
    " loyalty_app_crashes delivery_slots price_labels"
)
_KINDS = (
    "daily history snapshot plan audit summary archive trend by_region by_supplier by_month quality events review"
    " budget overview detail backlog calendar index"
)
_DOMAINS = "procurement people facilities logistics digital service legal treasury marketing operations_support"
_COLUMNS = (
    "store_id product_id customer_number business_date currency_code quantity status amount net_amount gross_amount"
    " discount created_at updated_at landed_at load_id department region supplier_id employee_id category"
    " unit_of_measure total_value expected_value forecast_date segment period_start period_end receipt_number"
    " stock_code household_count level model_version channel priority reason valid_from valid_to score basis"
)
_SENTENCES = (
    "One row per {subject} with its amount, status and store.",
    "For teams that report revenue, cost and demand beside each other.",
    "Covers every store, customer and product that the {subject} touches, refreshed daily.",
    "Used with sales, stock and forecast data to plan the week.",
    "Values are net of discounts and coupons; the history begins with the first receipt.",
    "Shows what customers and households caused, and what the warehouse did about it.",
)
_TAGS = "operations finance plan history daily supplier people quality audit customer stock sales forecast"


def distractors(count: int = DISTRACTORS) -> list[ProductEntry]:
    """Made-up products, the same in every run."""
    chance = random.Random(7)
    names = [f"{subject}_{kind}" for subject in _SUBJECTS.split() for kind in _KINDS.split()]
    return [_distractor(name, chance) for name in chance.sample(names, count)]


def _distractor(name: str, chance: random.Random) -> ProductEntry:
    domain, subject = chance.choice(_DOMAINS.split()), name.replace("_", " ")
    address = f"{domain}.{name}"
    columns = tuple(
        ColumnEntry(column, column.replace("_", " ").capitalize(), chance.choice(_SENTENCES).format(subject=subject),
                    "VARCHAR", "internal", ())
        for column in chance.sample(_COLUMNS.split(), 15)
    )  # fmt: skip
    owner, tags = f"{domain}.owner@retailer.example", tuple(chance.sample(_TAGS.split(), 2))
    purpose, usage = (" ".join(chance.sample(_SENTENCES, 2)).format(subject=subject) for _ in range(2))
    port = PortEntry(
        *(f"{address}.v1", 1, subject.capitalize(), purpose, usage, None, (owner,), tags, "1.0.0", "active"),
        *(chance.choice(["gold", "silver", "bronze"]), "internal", timedelta(days=1).total_seconds(), 3),
        *(chance.uniform(90, 100), {}, _NOW, _NOW, 100, chance.randrange(5), 10, 1, columns, ()),
    )
    return ProductEntry(
        *(address, domain, name, subject.capitalize(), purpose, usage, None, (owner,), domain.capitalize()),
        *(tags, "active", False, None, 0, (port,)),
    )


def main() -> None:
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415  (only when run)
    from tests.shipped import make_shipped  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shipped = make_shipped(folder / "mesh")
        with shipped.access() as access:
            view = CatalogView(shipped.settings, access.guard.lakes, access.control)
            view.index.renew(at_once=True)
            products, terms = list(view.index.each_product()), view.index.terms()
            view.close()
        alone = finder(folder / "alone", products, terms)
        among = finder(folder / "among", [*products, *distractors()], terms)
        for title, find in (("shipped products", alone), (f"among {DISTRACTORS} others", among)):
            for file, aims in (
                (TUNED, (f" (aim {AIM_NDCG})", f" (aim {AIM_FIRST:.0%})")),
                (HELD_OUT, ("", ", held out")),
            ):
                _print(title, measure(find, judged_queries(file)), aims)


def _print(title: str, told: Sequence[Measured], aims: tuple[str, str]) -> None:
    mean, first = figures(told)
    print(f"{title}, {len(told)} queries: nDCG@10 {mean:.3f}{aims[0]}, first place {first:.1%}{aims[1]}")
    for item in told:
        if item.ndcg < AIM_NDCG or not item.is_first:
            found = ", ".join(item.found[:4]) or "nothing"
            print(f"  {item.ndcg:.2f} {item.query.query!r}: {found}; judged {item.query.grades}")


if __name__ == "__main__":
    main()
