"""What the models of a product see of other domains: declared and granted input ports, masked, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest
from sqlalchemy import update

from platform_resources.access import Access, Caller, Grant, Identity
from platform_resources.access.errors import DeniedError
from platform_resources.access.inputs.facade import guarded_inputs, refused_inputs
from platform_resources.access.relations.usage import Usage
from platform_resources.access.requests.grants import add_grant, grants_to
from platform_resources.contracts import Product, load_domain
from platform_resources.control.tables import audit, grants
from platform_resources.lake import LakeMissingError, MeshSettings, PortAddress, connect, create_lake, utc_now
from platform_resources.orchestration.resources import lake_resource
from tests.guarded import publish_rows
from tests.tiny_mesh import LANDED_AT, ORDERS, ORDERS_CONTRACT, REPOSITORY

PORT = PortAddress("shop", "orders", 1)
READER = "ledger.totals"
ROLES = """\
roles:
  - {role: orders_reader, access: read, firstLevelApprovers: shop@retailer.example}
  - role: orders_gdpr_reader
    access: read
    firstLevelApprovers: shop@retailer.example
    secondLevelApprovers: privacy@retailer.example
    customProperties: [{property: clearances, value: [gdpr]}]
"""
CONTRACT = ORDERS_CONTRACT + ROLES


@pytest.fixture
def mesh(tiny: MeshSettings) -> Iterator[Access]:
    """The tiny mesh with `shop.orders.v1` published, and an undeclared product beside it."""
    (tiny.domains / "shop" / "products" / "orders" / "v1.odcs.yaml").write_text(CONTRACT)
    shutil.copy(REPOSITORY / "governance" / "purposes.yaml", tiny.project / "governance")
    publish_rows(tiny, PORT, CONTRACT, [(*order, LANDED_AT, 1) for order in ORDERS])
    other = CONTRACT.replace("shop.orders.v1", "shop.returns.v1").replace("physicalName: orders", "physicalName: back")
    publish_rows(tiny, PortAddress("shop", "returns", 1), other, [])
    create_lake(tiny, "ledger")
    with Access(tiny, personas=False) as access:
        yield access


def reader(settings: MeshSettings) -> Product:
    return load_domain(settings.domains / "ledger").products[0]


def rows(settings: MeshSettings, sql: str) -> list[tuple]:
    """What a model of the reading product gets."""
    with lake_resource().get_connection(own="ledger", builds=[reader(settings)]) as con:
        return con.execute(sql).fetchall()


def grant(mesh: Access, **facts: object) -> int:
    now = utc_now()
    given: dict = {"role": "orders_gdpr_reader", "purpose": "data_product", "clearances": frozenset({"gdpr"})}
    given |= {"starts_at": now, "ends_at": now + timedelta(days=9), "granted_by": ("shop@retailer.example",), **facts}
    return add_grant(mesh.control, Grant(0, READER, str(PORT), **given))


def test_a_declared_port_is_read_by_policy_and_personal_columns_come_masked(mesh: Access) -> None:
    seen = rows(mesh.settings, "SELECT order_id, customer, segment, birth_year, amount FROM shop.orders.v1")
    assert [(row[0], str(row[4])) for row in sorted(seen)] == [(order[0], order[5]) for order in ORDERS]
    for order in ORDERS:
        assert order[1] not in str(seen)
    assert {row[3] for row in seen} == {None}
    with mesh.control.reading() as connection:
        (given,) = grants_to(connection, READER)
    assert (given.role, given.purpose, given.granted_by) == ("orders_reader", "data_product", ("policy",))


def test_nothing_else_of_the_domain_is_there(mesh: Access) -> None:
    for table in ("shop.internal.orders", "shop.mesh.publications", "shop.returns.v1", "shop.mesh.contracts"):
        with pytest.raises(duckdb.CatalogException):
            rows(mesh.settings, f"SELECT count(*) FROM {table}")
    found = rows(mesh.settings, "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'shop'")
    tables = rows(mesh.settings, "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'shop'")
    assert {*found, *tables} - {row for row in found if row[0] in ("main", "information_schema", "pg_catalog")} == {
        ("orders", "v1")
    }


def test_the_key_of_a_hash_is_in_nothing_that_a_model_can_look_at(mesh: Access) -> None:
    (plain,) = rows(mesh.settings, "SELECT count(DISTINCT phone) FROM shop.orders.v1")[0]
    assert plain == len(ORDERS)
    texts = rows(
        mesh.settings, "SELECT sql FROM duckdb_views() WHERE NOT internal UNION ALL SELECT sql FROM duckdb_tables()"
    )
    assert not any("sha256(" in str(text) for text in texts)


def test_every_column_is_shown_in_clear_once_that_was_granted(mesh: Access) -> None:
    number = grant(mesh)
    seen = rows(mesh.settings, "SELECT customer FROM shop.orders.v1")
    assert {row[0] for row in seen} == {order[1] for order in ORDERS}
    with mesh.control.writing() as connection:
        assert connection.execute(update(grants).where(grants.c.id == number).values(ends_at=utc_now())).rowcount == 1
    seen = rows(mesh.settings, "SELECT customer FROM shop.orders.v1")  # it ended: back to what policy gives
    assert not {row[0] for row in seen} & {order[1] for order in ORDERS}


@pytest.mark.parametrize("by_policy_before", [False, True])
def test_what_was_approved_and_taken_back_is_not_given_by_policy(mesh: Access, by_policy_before: bool) -> None:
    if by_policy_before:
        rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")
    operator = Caller(Identity("operator", "person", "Op", administrator=True), frozenset({"admin"}))
    mesh.requests.revoke(operator, grant(mesh), "A breach.")
    with pytest.raises(DeniedError, match="A breach"):
        rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")
    grant(mesh, role="orders_reader", clearances=frozenset())
    assert len(rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")) == len(ORDERS)


def test_a_product_that_gives_a_grant_back_reads_by_policy_again(mesh: Access) -> None:
    (owner,) = reader(mesh.settings).owners
    caller = Caller(Identity(owner, "person", "Owner", domain="ledger"), frozenset({"request"}))
    mesh.requests.revoke(caller, grant(mesh), "Not needed any more.")
    assert len(rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")) == len(ORDERS)


def test_of_columns_that_were_not_granted_there_is_no_trace(mesh: Access) -> None:
    grant(mesh, columns=frozenset({"order_id", "amount"}))
    assert rows(mesh.settings, "SELECT * FROM shop.orders.v1 ORDER BY ALL LIMIT 1")[0][0] == 1
    with pytest.raises(duckdb.BinderException):
        rows(mesh.settings, "SELECT customer FROM shop.orders.v1")


def test_what_the_owner_took_back_is_not_read_and_the_build_says_so(mesh: Access) -> None:
    rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")
    with mesh.control.reading() as connection:
        (given,) = grants_to(connection, READER)
    owner = Caller(Identity("shop@retailer.example", "person", "Owner", domain="shop"), frozenset({"approve"}))
    mesh.requests.revoke(owner, given.id, "You double count refunds.")
    told = refused_inputs(mesh.settings, [reader(mesh.settings)])[READER]
    for part in (str(PORT), owner.identity.id, "You double count refunds", f"--for {READER}"):
        assert part in told
    with pytest.raises(DeniedError, match="double count"):
        rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")
    grant(mesh)  # asked for, approved
    assert len(rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")) == len(ORDERS)
    assert refused_inputs(mesh.settings, [reader(mesh.settings)]) == {}


def test_a_port_for_those_with_a_grant_is_not_given_by_policy(mesh: Access) -> None:
    file = mesh.settings.domains / "shop" / "products" / "orders" / "product.odps.yaml"
    file.write_text(file.read_text() + "customProperties: [{property: visibility, value: granted}]\n")
    assert "mesh access request" in refused_inputs(mesh.settings, [reader(mesh.settings)])[READER]
    grant(mesh, role="orders_reader", clearances=frozenset())
    assert len(rows(mesh.settings, "SELECT 1 FROM shop.orders.v1")) == len(ORDERS)


def test_the_most_restrictive_of_two_products_counts(mesh: Access) -> None:
    grant(mesh)
    first = reader(mesh.settings)
    second = replace(first, name="other")
    with connect(mesh.settings) as con, guarded_inputs(con, mesh.settings, [first, second]):
        seen = con.execute("SELECT customer FROM shop.orders.v1").fetchall()
    assert not {row[0] for row in seen} & {order[1] for order in ORDERS}


def test_a_run_reads_one_publication(mesh: Access) -> None:
    with lake_resource().get_connection(own="ledger", builds=[reader(mesh.settings)]) as con:
        before = con.execute("SELECT count(*), sum(amount) FROM shop.orders.v1").fetchone()
        publish_rows(mesh.settings, PORT, CONTRACT, [(*ORDERS[0], LANDED_AT, 2)])
        assert con.execute("SELECT count(*), sum(amount) FROM shop.orders.v1").fetchone() == before
    assert rows(mesh.settings, "SELECT count(*) FROM shop.orders.v1") == [(1,)]


def test_each_run_is_one_entry_and_one_read(mesh: Access) -> None:
    for run in ("one", "two"):
        with lake_resource().get_connection(own="ledger", builds=[reader(mesh.settings)], run=run) as con:
            con.execute("SELECT count(*) FROM shop.orders.v1")
    with mesh.control.reading() as connection:
        entries = connection.execute(audit.select().where(audit.c.kind == "read")).mappings().all()
    assert [entry["actor"] for entry in entries] == [READER, READER]
    assert ['"run": "one"' in entries[0]["record"], '"run": "two"' in entries[1]["record"]] == [True, True]
    used = Usage(mesh.control).of_port(str(PORT))
    assert [(item.consumer, item.reads) for item in used if item.column is None] == [(READER, 2)]


def test_a_domain_that_has_built_nothing_is_told(tiny: MeshSettings) -> None:
    with pytest.raises(LakeMissingError, match="shop"):
        rows(tiny, "SELECT 1")
