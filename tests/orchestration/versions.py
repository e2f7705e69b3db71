"""Version 2 of the orders beside version 1: its contract, its model, its port, written into the tiny mesh."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_mesh import ORDERS_CONTRACT

ORDERS = "domains/shop/products/orders"
READER = "domains/ledger/products/totals"

MODEL = '''

@python_model("orders_v2", reads=["shop.internal.order_lines"])
def orders_v2(lake):
    """Every order once, the amount in cents, without the telephone number."""
    return lake.sql(
        "SELECT order_id, customer, segment, birth_year, CAST(amount * 100 AS BIGINT) AS amount, "
        "_landed_at AS landed_at, _load_id AS load_id FROM shop.internal.order_lines"
    )
'''

PHONE = """\
      - name: phone
        logicalType: string
        physicalType: VARCHAR
        classification: personal
        description: Telephone number.
        customProperties:
          - {property: mask, value: {strategy: hash, clearance: gdpr}}
"""


def edit(file: Path, *pairs: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")


def no_council(root: Path) -> None:
    """A tier of which least is asked: what is tested here is not what gold demands."""
    for file in (root / "domains").rglob("v*.odcs.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("value: gold", "value: bronze").replace("value: silver", "value: bronze"))


def v2_contract(table: str = "orders_v2") -> str:
    """The contract of v2: no telephone number, the amount in cents when it has a table of its own.

    It allows free orders, which v1 refuses, and refuses large ones, of which v1 warns.
    """
    text = ORDERS_CONTRACT.replace("shop.orders.v1", "shop.orders.v2").replace("version: 1.0.0", "version: 2.0.0")
    text = text.replace("value: gold", "value: bronze").replace("physicalName: orders", f"physicalName: {table}")
    assert PHONE in text
    text = (
        text.replace(PHONE, "")
        .replace("mustBe: 0", "mustBeLessThan: 5")
        .replace("severity: warning", "severity: error")
    )
    if table != "orders":
        old = 'name: amount, logicalType: number, physicalType: "DECIMAL(10,2)"'
        assert old in text
        text = text.replace(old, "name: amount, logicalType: integer, physicalType: BIGINT")
        text = text.replace("mustBeLessThan: 100", "mustBeLessThan: 10000")
    return text


def add_v2(root: Path, table: str = "orders_v2") -> Path:
    """Write v2 beside v1; with its own model, unless it is made of the same table."""
    file = root / ORDERS / "v2.odcs.yaml"
    file.write_text(v2_contract(table), encoding="utf-8")
    port = '  - {name: orders, version: "2", contractId: shop.orders.v2}\n'
    edit(
        root / ORDERS / "product.odps.yaml", ("contractId: shop.orders.v1}\n", f"contractId: shop.orders.v1}}\n{port}")
    )
    if table != "orders":
        models = root / "domains/shop/assets.py"
        models.write_text(models.read_text(encoding="utf-8") + MODEL, encoding="utf-8")
    return file


def move_reader(root: Path) -> None:
    """The ledger reads v2."""
    old = 'version: "1", contractId: shop.orders.v1'
    edit(root / READER / "product.odps.yaml", (old, 'version: "2", contractId: shop.orders.v2'))
    edit(
        root / "domains/ledger/assets.py",
        ("sum(amount)", "CAST(sum(amount) / 100 AS DECIMAL(38,2))"),
        ("shop.orders.v1", "shop.orders.v2"),
    )
