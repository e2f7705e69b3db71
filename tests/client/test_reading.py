"""One suite over both doors: what a reader gets does not depend on the door."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from platform_resources.client import (
    BadQueryError,
    DeniedError,
    DeprecatedPortWarning,
    Mesh,
    MeshError,
    NotFoundError,
    PersonaWarning,
    UnauthenticatedError,
)
from tests.client.conftest import DOORS, PORT, READERS
from tests.guarded import CUSTOMERS_CONTRACT
from tests.serving.conftest import Api

ORDER = "customer_id"
doors = pytest.mark.parametrize("door", DOORS)


@pytest.fixture
def connect(shared: Api, connecting):
    return connecting(shared)


@pytest.mark.parametrize("who", READERS)
def test_both_doors_give_the_same_table(who: str, connect) -> None:
    over_http, in_process = (connect(who, door).read(PORT, order=ORDER) for door in DOORS)
    assert over_http.arrow().equals(in_process.arrow())
    for fact in ("publication", "contract_version", "masked", "notice"):
        assert getattr(over_http, fact) == getattr(in_process, fact), fact
    assert over_http.arrow().num_rows == (20 if who == "reggie" else 40)
    assert ("CANARY" in str(over_http.arrow().to_pylist())) == (who == "desk")


@doors
def test_every_frame_holds_the_same_rows(door: str, connect) -> None:
    reading = connect("ana", door).read(PORT, columns=["customer_id", "region", "balance", "joined_on"], order=ORDER)
    rows = reading.arrow().to_pylist()
    assert list(reading) == rows
    assert len(reading) == 40
    assert reading.polars().to_dicts() == rows
    assert isinstance(reading.polars(), pl.DataFrame)
    assert reading.pandas()["customer_id"].tolist() == [row["customer_id"] for row in rows]
    assert reading.duckdb().aggregate("sum(balance)").fetchone() == (sum(row["balance"] for row in rows),)
    con = duckdb.connect()
    assert reading.duckdb(con).query("mine", "SELECT count(*) FROM mine").fetchone() == (40,)
    assert rows[0] == {
        "customer_id": 1,
        "region": "south",
        "balance": Decimal("10.50"),
        "joined_on": datetime.datetime(2026, 1, 2),
    }


@doors
def test_batches_are_streamed_and_can_be_read_again(door: str, connect) -> None:
    reading = connect("ana", door).read(PORT, order=ORDER)
    streamed = pa.Table.from_batches(reading.batches())
    assert streamed.num_rows == 40
    assert reading.arrow().equals(streamed)
    assert pa.Table.from_batches(reading.batches()).equals(streamed)


@doors
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"region": "north"}, lambda row: row["region"] == "north"),
        ({"region": ["north", "east"]}, lambda row: row["region"] in ("north", "east")),
        ({"email": None}, lambda row: row["email"] is None),
        ([("balance", ">=", 100), ("balance", "<", Decimal("150.5"))], lambda row: 100 <= row["balance"] < 150.5),
        (
            [("joined_on", ">", datetime.datetime(2026, 1, 20))],
            lambda row: row["joined_on"] > datetime.datetime(2026, 1, 20),
        ),
        ([("region", "like", "%th")], lambda row: row["region"].endswith("th")),
        ([("region", "not in", ["north", "a,b", 'c"d'])], lambda row: row["region"] != "north"),
        ([("customer_id", "!=", 7), ("email", "is not null")], lambda row: row["customer_id"] != 7 and row["email"]),
    ],
)
def test_conditions_mean_the_same_through_both_doors(door: str, where, expected, connect) -> None:
    mesh = connect("ana", door)
    every = mesh.read(PORT, order=ORDER).arrow().to_pylist()
    assert mesh.read(PORT, where=where, order=ORDER).arrow().to_pylist() == [row for row in every if expected(row)]


@doors
def test_columns_order_and_limit(door: str, connect) -> None:
    reading = connect("ana", door).read(PORT, columns="region,customer_id", order="region,-customer_id", limit=3)
    assert reading.arrow().to_pylist() == [{"region": "east", "customer_id": i} for i in (38, 34, 30)]
    with pytest.raises(BadQueryError, match="1 or more"):
        connect("ana", door).read(PORT, limit=0)


@doors
def test_filters_see_masked_values(door: str, connect) -> None:
    asked = [("name", "like", "%CANARY%")]
    assert len(connect("ana", door).read(PORT, where=asked)) == 0
    assert len(connect("desk", door).read(PORT, where=asked)) == 40


@doors
@pytest.mark.parametrize(
    ("who", "ask", "kind", "code"),
    [
        ("nobody", {}, DeniedError, "denied"),
        ("ana", {"columns": ["secret"]}, BadQueryError, "bad-query"),
        ("ana", {"as_of": 99}, NotFoundError, "not-published"),
        ("ana", {"purpose": "curiosity"}, DeniedError, "denied"),
        ("ana", {"where": [("balance", ">", "many")]}, BadQueryError, "bad-query"),
    ],
)
def test_refusals_are_the_same_through_both_doors(door: str, who: str, ask, kind, code: str, connect) -> None:
    with pytest.raises(kind) as refused:
        connect(who, door).read(PORT, **ask)
    assert refused.value.code == code
    assert refused.value.message


@doors
def test_an_unknown_port_a_product_and_a_wrong_token(door: str, shared: Api, connect, connecting) -> None:
    with pytest.raises(NotFoundError):
        connect("ana", door).read("shop.orders.v1")
    with pytest.raises(BadQueryError, match=r"one of its ports.*shop\.customers\.v1 \(active\)"):
        connect("ana", door).read("shop.customers")
    with pytest.raises(BadQueryError, match="no address"):
        connect("ana", door).read("customers; drop table")
    with pytest.raises(UnauthenticatedError):
        Mesh(shared.url if door == "http" else None, token="mesh_0123456789_wrong").read(PORT)


@doors
def test_a_reading_tells_what_it_is(door: str, connect) -> None:
    reading = connect("ana", door).read(PORT, columns=["customer_id", "email"], order=ORDER)
    assert repr(reading) == f"{PORT} · #1 · masked: email · not read yet"
    reading.arrow()
    assert repr(reading).splitlines()[:3] == [
        f"{PORT} · #1 · masked: email · 40 rows",
        "customer_id  email",
        "1            C***@canary.example",
    ]


@doors
def test_sql_over_ports(door: str, connect) -> None:
    reading = connect("ana", door).sql(f"select region, count(*) as n from {PORT} group by all order by region")
    assert reading.arrow().to_pylist() == [{"region": r, "n": 10} for r in ("east", "north", "south", "west")]
    with pytest.raises(MeshError):
        connect("ana", door).sql("select * from read_csv('/etc/passwd')").arrow()


@doors
def test_products_and_what_a_reader_gets_of_them(door: str, connect) -> None:
    mesh = connect("ana", door)
    (product,) = mesh.products()
    assert (product.address, product.ports[0].address, product.ports[0].rows) == ("shop.customers", PORT, 40)
    assert mesh.products("nothing like that") == ()
    assert "shop.customers.v1" in repr(mesh.products())
    columns = {column.name: column for column in mesh.describe(PORT).columns}
    assert (columns["email"].masked, columns["region"].masked) == (True, False)
    assert not any(column.masked for column in connect("desk", door).describe(PORT).columns)
    assert "email" in repr(mesh.describe(PORT))


@doors
def test_access_is_asked_for(door: str, own: Api, connecting) -> None:
    token = own.mesh.token("nobody", scopes=("read", "request"))
    own.mesh.tokens["nobody"] = token
    asked = connecting(own)("nobody", door).request_access(PORT, reason="A report", purpose="analytics")
    assert (asked["state"], asked["consumer"], asked["port"]) == ("pending", "nobody", PORT)


@doors
def test_an_earlier_publication_is_read_and_a_reading_stays_with_its_own(door: str, own: Api, connecting) -> None:
    mesh = connecting(own)("ana", door)
    before = mesh.read(PORT, order=ORDER)
    first = pa.Table.from_batches(before.batches())
    own.mesh.publish("SELECT 1, 'north', NULL, NULL, NULL, NULL, 1.5, TIMESTAMP '2026-01-01'")
    assert mesh.read(PORT).publication == 2
    assert len(mesh.read(PORT)) == 1
    assert len(mesh.read(PORT, as_of=1)) == 40
    assert before.arrow().equals(first)


@doors
def test_a_deprecated_port_is_told_once(door: str, own: Api, connecting) -> None:
    ending = CUSTOMERS_CONTRACT.format(version="1.0.1", status="deprecated").replace(
        "slaProperties:", "slaProperties:\n  - {property: endOfSupport, value: '2099-12-31'}"
    )
    own.mesh.publish(contract=ending)
    mesh = connecting(own)("ana", door)
    with pytest.warns(DeprecatedPortWarning, match="2099-12-31"):
        reading = mesh.read(PORT)
    assert "deprecated" in (reading.notice or "")
    assert mesh.read(PORT).notice == reading.notice  # no second warning: it would fail the test


def test_without_a_token_the_demo_persona_reads_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.guarded import write_project

    write_project(tmp_path / "project")
    monkeypatch.delenv("MESH_TOKEN", raising=False)
    monkeypatch.delenv("MESH_HOME", raising=False)
    monkeypatch.delenv("MESH_PROJECT", raising=False)
    with pytest.warns(PersonaWarning, match="analyst"):
        mesh = Mesh(tmp_path / "project")
    with mesh, pytest.raises(NotFoundError):
        mesh.read(PORT)


def test_over_http_nothing_of_the_platform_is_imported() -> None:
    script = (
        "import sys; from platform_resources.client import Mesh; Mesh('http://127.0.0.1:1', token='t');"
        "print(sorted(m for m in sys.modules if m.startswith('platform_resources.')"
        " and not m.startswith('platform_resources.client') or m in ('duckdb', 'pandas', 'polars', 'sqlalchemy')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
