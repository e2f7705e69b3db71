"""Reading through the guard, for real: DuckLake, the control database, masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_resources.access import AccessError, Condition, Identity, ReadQuery
from platform_resources.access.errors import (
    DeniedError,
    NotPublishedError,
    RetiredPortError,
    UnavailableError,
    UnknownPortError,
)
from platform_resources.lake import PortAddress, Retention, connect, maintain, retire, roll_back, utc_now
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, customers

REDACTED_REGION = CUSTOMERS_CONTRACT.replace(
    "{{name: region, logicalType: string, physicalType: VARCHAR, required: true, classification: internal}}",
    "{{name: region, logicalType: string, physicalType: VARCHAR, required: true, classification: internal,\n"
    "         customProperties: [{{property: mask, value: {{strategy: redact, clearance: gdpr}}}}]}}",
)

UNWRITABLE = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT abs(-9223372036854775808); END"


@pytest.fixture
def mesh(copied_mesh: GuardedMesh) -> GuardedMesh:
    return copied_mesh


def rows(mesh: GuardedMesh, who: str, query: ReadQuery = ReadQuery(), **how) -> list[dict]:  # noqa: B008
    with mesh.access.guard.open(mesh.caller(who), CUSTOMERS, **how).read(query) as reading:
        return reading.table().to_pylist()


def entries(mesh: GuardedMesh, kind: str) -> list:
    return list(mesh.access.audit.entries(kind=kind))


def test_a_reader_without_clearance_sees_masks_and_one_with_it_the_values(mesh: GuardedMesh) -> None:
    seen = {who: rows(mesh, who, ReadQuery(limit=5)) for who in ("ana", "desk")}
    assert "CANARY" not in str(seen["ana"])
    assert "90900" not in str(seen["ana"])
    assert "CANARY" in str(seen["desk"])


def test_without_a_grant_nothing_is_read_and_the_refusal_is_on_record(mesh: GuardedMesh) -> None:
    with pytest.raises(DeniedError):
        mesh.access.guard.open(mesh.caller("nobody"), CUSTOMERS, door="http")
    (entry,) = entries(mesh, "refused")
    assert (entry.actor, entry.port, entry.record["door"]) == ("nobody", str(CUSTOMERS), "http")


def test_what_is_not_there_looks_alike(mesh: GuardedMesh) -> None:
    for port in (
        PortAddress("shop", "customers", 2),
        PortAddress("shop", "nothing", 1),
        PortAddress("nowhere", "customers", 1),
        PortAddress("../../etc", "customers", 1),
        PortAddress("mesh", "publications", 1),
        PortAddress("shop", 'x" or 1=1', 1),
        PortAddress("shop", "x" * 10_000, 1),
        PortAddress("shop", "customers", -1),
    ):
        with pytest.raises(UnknownPortError) as refused:
            mesh.access.guard.open(mesh.caller("ana"), port)
        assert refused.value.message == f"there is no port {str(port)[:200]}"


def test_a_hidden_product_looks_like_none_even_when_it_is_retired(mesh: GuardedMesh) -> None:
    product = mesh.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml"
    product.write_text(product.read_text() + "customProperties: [{property: visibility, value: granted}]\n")
    with mesh_again(mesh) as again:
        with pytest.raises(UnknownPortError) as refused:
            again.access.guard.open(again.caller("nobody"), CUSTOMERS)
        assert refused.value.message == f"there is no port {CUSTOMERS}"
        assert len(rows(again, "ana")) == 40
        with connect(mesh.settings, own="shop") as con:
            retire(con, mesh.settings, port=CUSTOMERS, run_id="end", now=utc_now())
        with pytest.raises(UnknownPortError):
            again.access.guard.open(again.caller("nobody"), CUSTOMERS)
        with pytest.raises(RetiredPortError):
            again.access.guard.open(again.caller("ana"), CUSTOMERS)


def test_of_a_hidden_port_nothing_is_read_before_it_is_refused(mesh: GuardedMesh) -> None:
    """What is not read takes no time: by it a hidden port would be told from one that isn't there."""
    product = mesh.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml"
    product.write_text(product.read_text() + "customProperties: [{property: visibility, value: granted}]\n")
    next((mesh.settings.home / "lakes" / "shop").glob("catalog.sqlite")).write_bytes(b"no catalog" * 1000)
    for port in (CUSTOMERS, PortAddress("shop", "nothing", 1)):
        with pytest.raises(UnknownPortError):
            mesh.access.guard.open(mesh.caller("nobody"), port)
    with pytest.raises(UnavailableError):
        mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)


def test_what_replaces_a_port_is_named_to_those_who_may_know_of_it(mesh: GuardedMesh) -> None:
    ended = "status: deprecated\ncustomProperties: [{property: replacedBy, value: shop.secrets.v1}]"
    mesh.publish(contract=CUSTOMERS_CONTRACT.format(version="1.0.1", status="active").replace("status: active", ended))
    assert mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS).notice == f"{CUSTOMERS} is deprecated"
    mesh.grant("ana", "shop.secrets.v1")
    told = f"{CUSTOMERS} is deprecated; use shop.secrets.v1"
    assert mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS).notice == told
    with connect(mesh.settings, own="shop") as con:
        retire(con, mesh.settings, port=CUSTOMERS, run_id="end", now=utc_now(), replaced_by="shop.secrets.v1")
    with pytest.raises(RetiredPortError, match=r"read shop\.secrets\.v1 instead"):
        mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    with pytest.raises(RetiredPortError) as refused:
        mesh.access.guard.open(mesh.caller("nobody"), CUSTOMERS)
    assert "secrets" not in refused.value.message + refused.value.remedy


def test_a_publication_that_never_was_is_told_so_to_whoever_may_read_the_port(mesh: GuardedMesh) -> None:
    for number in (0, -1, 2, 10**30):
        with pytest.raises(NotPublishedError):
            mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS, as_of=number)
        with pytest.raises(DeniedError):
            mesh.access.guard.open(mesh.caller("nobody"), CUSTOMERS, as_of=number)


def test_a_publication_is_read_as_it_was(mesh: GuardedMesh) -> None:
    mesh.publish(customers(7), version="1.0.1")
    assert len(rows(mesh, "ana")) == 7
    assert len(rows(mesh, "ana", as_of=1)) == 40


def test_an_expired_publication_is_told_so_before_and_after_it_was_opened(mesh: GuardedMesh) -> None:
    early = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    for patch in range(1, 4):
        mesh.publish(customers(patch), version=f"1.0.{patch}")
    late = utc_now().replace(year=utc_now().year + 1)
    maintain(mesh.settings, "shop", late, Retention(keep_publications=1))
    with pytest.raises(NotPublishedError, match="expired"):
        early.read()
    with pytest.raises(NotPublishedError, match="expired"):
        mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS, as_of=1)
    assert len(rows(mesh, "ana")) == 3


def test_retention_leaves_what_is_being_read(mesh: GuardedMesh) -> None:
    reading = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS).read(batch_rows=2048)
    mesh.publish(customers(1), version="1.0.1")
    mesh.publish(customers(2), version="1.0.2")
    late = utc_now().replace(year=utc_now().year + 1)
    maintain(mesh.settings, "shop", late, Retention(keep_publications=1))
    assert reading.table().num_rows == 40
    assert len(rows(mesh, "ana", as_of=1)) == 40
    maintain(mesh.settings, "shop", late, Retention(keep_publications=1))
    with pytest.raises(NotPublishedError):
        mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS, as_of=1)


def test_a_retired_port_is_gone_for_all_and_its_retirement_is_no_publication(mesh: GuardedMesh) -> None:
    assert len(rows(mesh, "ana")) == 40
    with connect(mesh.settings, own="shop") as con:
        retire(con, mesh.settings, port=CUSTOMERS, run_id="end", now=utc_now(), replaced_by="shop.customers.v2")
    for number in (None, 1, 2):
        with pytest.raises(RetiredPortError, match=r"shop\.customers\.v2"):
            mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS, as_of=number)
    with connect(mesh.settings, own="shop") as con:
        roll_back(con, mesh.settings, port=CUSTOMERS, table="customers", to=1, run_id="back", now=utc_now())
    assert len(rows(mesh, "ana")) == 40
    with pytest.raises(NotPublishedError):
        mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS, as_of=2)


def test_a_mask_of_a_later_contract_hides_earlier_data_even_after_a_rollback(mesh: GuardedMesh) -> None:
    assert {row["region"] for row in rows(mesh, "ana")} == {"north", "south", "east", "west"}
    stricter = REDACTED_REGION.format(version="1.1.0", status="active")
    mesh.publish(contract=stricter)
    hidden = {row["region"] for row in rows(mesh, "ana")}
    assert hidden.isdisjoint({"north", "south", "east", "west"})
    assert {row["region"] for row in rows(mesh, "ana", as_of=1)} == hidden
    with connect(mesh.settings, own="shop") as con:
        roll_back(con, mesh.settings, port=CUSTOMERS, table="customers", to=1, run_id="back", now=utc_now())
    looser = mesh.settings.domains / "shop" / "products" / "customers" / "v1.odcs.yaml"
    looser.write_text(CUSTOMERS_CONTRACT.format(version="1.0.0", status="active"))
    with mesh_again(mesh) as again:  # in another process the documents are read anew
        assert {row["region"] for row in rows(again, "ana")} == hidden


def test_a_mask_that_is_written_but_not_published_yet_holds_within_a_second(mesh: GuardedMesh) -> None:
    file = mesh.settings.domains / "shop" / "products" / "customers" / "v1.odcs.yaml"
    file.write_text(REDACTED_REGION.format(version="1.1.0", status="active"))
    with mesh_again(mesh) as again:
        assert {row["region"] for row in rows(again, "ana")}.isdisjoint({"north", "south"})


def test_a_revoked_grant_and_a_disabled_identity_count_at_once(mesh: GuardedMesh) -> None:
    from platform_resources.control.tables import grants

    caller = mesh.caller("ana")
    mesh.access.guard.open(caller, CUSTOMERS)
    with mesh.access.control.writing() as connection:
        connection.execute(grants.update().where(grants.c.consumer == "ana").values(revoked_at=utc_now()))
    with pytest.raises(DeniedError):
        mesh.access.guard.open(caller, CUSTOMERS)


def test_readers_of_other_regions_never_share_what_is_kept(mesh: GuardedMesh) -> None:
    mesh.identity(Identity("eve", "agent", "Eve", attributes={"regions": ("east",)}, purpose="analytics"))
    mesh.grant("eve", role="customers_region_reader")
    for _ in range(2):
        assert {row["region"] for row in rows(mesh, "reggie")} == {"north", "south"}
        assert {row["region"] for row in rows(mesh, "eve")} == {"east"}
    opened = [mesh.access.guard.open(mesh.caller(who), CUSTOMERS).etag for who in ("reggie", "eve")]
    assert len(set(opened)) == 2


def test_a_read_is_on_record_with_names_and_without_values(mesh: GuardedMesh) -> None:
    query = ReadQuery(
        columns=("region", "email"),
        conditions=(Condition("email", "=", "secret@value.example"), Condition("balance", ">", "77.77")),
        order=(("email", True),),
    )
    mesh.access.guard.open(mesh.caller("reggie"), CUSTOMERS, door="http").read(query).table()
    (read,) = entries(mesh, "read")
    assert read.record["publication"] == 1
    assert read.record["masked"] == {"email": ["partial"]}
    assert read.record["conditions"] == [["email", "="], ["balance", ">"]]
    assert read.record["role"] == "customers_region_reader"
    assert read.record["row_filters"] == ["list_contains(reader.regions, region)"]
    assert read.record["door"] == "http"
    (served,) = entries(mesh, "served")
    assert (served.record["entry"], served.record["rows"], served.record["outcome"]) == (read.sequence, 0, "complete")
    every = str(mesh.access.audit.entries(limit=1000))
    assert not [word for word in ("secret@value", "77.77", "CANARY", "north") if word in every]


def test_what_cannot_be_audited_is_not_read(mesh: GuardedMesh) -> None:
    relation = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    with mesh.access.control.writing() as connection:
        connection.exec_driver_sql(UNWRITABLE)
    with pytest.raises(UnavailableError, match="audit"):
        relation.read()
    with pytest.raises(UnavailableError, match="audit"):
        relation.read_text(form="csv")
    with pytest.raises(UnavailableError, match="audit"):
        mesh.access.guard.open(mesh.caller("nobody"), CUSTOMERS)
    with mesh.access.control.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert relation.read().table().num_rows == 40


def test_an_end_that_cannot_be_audited_is_told_with_the_next_read(mesh: GuardedMesh) -> None:
    relation = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    reading = relation.read()
    with mesh.access.control.writing() as connection:
        connection.exec_driver_sql(UNWRITABLE)
    assert reading.table().num_rows == 40
    with mesh.access.control.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert entries(mesh, "served") == []
    relation.read().table()
    assert [entry.record["rows"] for entry in entries(mesh, "served")] == [40, 40]


def test_the_schema_is_told_without_a_read(mesh: GuardedMesh) -> None:
    view = mesh.access.guard.describe(mesh.caller("ana"), CUSTOMERS)
    shown = {column.name: [mask.strategy for mask in column.masks] for column in view.columns}
    assert shown == {
        "customer_id": [],
        "region": [],
        "email": ["partial"],
        "name": ["redact"],
        "card": ["hash"],
        "income": ["null"],
        "balance": [],
        "joined_on": [],
    }
    assert {column.name: column.type.text for column in view.columns}["balance"] == "DECIMAL(12,2)"
    assert not view.filtered
    assert entries(mesh, "read") == []
    assert mesh.access.guard.policy(CUSTOMERS).roles[0].name == "customers_reader"
    with pytest.raises(UnknownPortError):
        mesh.access.guard.policy(PortAddress("shop", "nothing", 1))


def test_columns_that_a_grant_leaves_out_are_not_there(mesh: GuardedMesh) -> None:
    mesh.identity(Identity("part", "person", "Part", purpose="analytics"))
    mesh.grant("part", role="customers_reader", columns=frozenset({"region", "balance"}))
    assert set(rows(mesh, "part")[0]) == {"region", "balance"}
    relation = mesh.access.guard.open(mesh.caller("part"), CUSTOMERS)
    for query in (
        ReadQuery(columns=("email",)),
        ReadQuery(conditions=(Condition("email", "is null"),)),
        ReadQuery(order=(("income", False),)),
        ReadQuery(columns=("rowid",)),
    ):
        with pytest.raises(AccessError) as refused:
            relation.read(query)
        assert refused.value.status == 400


def test_a_damaged_lake_is_unavailable_and_tells_no_path(mesh: GuardedMesh) -> None:
    for file in Path(mesh.settings.data_path("shop")).rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    with pytest.raises(UnavailableError) as refused:
        rows(mesh, "ana")
    assert str(mesh.settings.home) not in str(refused.value)


def mesh_again(mesh: GuardedMesh):
    """The same mesh as another process would open it."""
    from contextlib import contextmanager

    from platform_resources.access import Access

    @contextmanager
    def opened():
        with Access(mesh.settings, personas=False) as access:
            yield replace(mesh, access=access)

    return opened()
