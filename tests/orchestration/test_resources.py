"""`LakeResource`: connections that end with their block, whatever happens in it."""

from __future__ import annotations

import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from platform_resources.lake import LakeMissingError, MeshSettings, create_lake, writer_lock
from platform_resources.orchestration import LakeResource
from platform_resources.orchestration.resources import lake_resource


def closed(con: duckdb.DuckDBPyConnection) -> bool:
    try:
        con.execute("SELECT 1")
    except duckdb.ConnectionException:
        return True
    return False


def test_the_connection_is_closed_after_an_exception(tiny: MeshSettings) -> None:
    create_lake(tiny, "shop")
    with pytest.raises(KeyError), lake_resource().get_connection(own="shop") as con:
        raise KeyError("in the body")
    assert closed(con)
    with lake_resource().get_connection(own="shop") as con:
        pass
    assert closed(con)


def test_the_connection_of_dagster_duckdb_stays_open_after_an_exception() -> None:
    """Why `LakeResource` closes it: an open one keeps its files and locks until it is collected."""
    with pytest.raises(KeyError), DuckDBResource(database=":memory:").get_connection() as con:
        raise KeyError("in the body")
    assert not closed(con)
    con.close()


def test_own_lake_is_written_and_others_are_read(tiny: MeshSettings) -> None:
    create_lake(tiny, "shop")
    create_lake(tiny, "ledger")
    with lake_resource().get_connection(own="shop", reads=["ledger"]) as con:
        con.execute("CREATE TABLE shop.internal.mine AS SELECT 1 AS one")
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("CREATE TABLE ledger.internal.theirs AS SELECT 1 AS one")


def test_a_lake_that_is_missing_is_named_and_the_next_connection_is_well(tiny: MeshSettings) -> None:
    create_lake(tiny, "shop")
    with pytest.raises(LakeMissingError, match="ledger"), lake_resource().get_connection(reads=["ledger"]):
        pytest.fail("there is no such lake")
    with lake_resource().get_connection(reads=["shop"]) as con:
        assert con.execute("SELECT 1").fetchone() == (1,)


def test_writing_waits_for_the_writer_not_reading(tiny: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    create_lake(tiny, "shop")
    monkeypatch.setenv("MESH_LOCK_TIMEOUT", "0.2")
    with writer_lock(tiny, "shop"), lake_resource().get_connection(reads=["shop"]) as con:
        assert con.execute("SELECT count(*) FROM shop.mesh.publications").fetchone() == (0,)


def test_one_instance_serves_all_definitions() -> None:
    """Merged definitions refuse two resources of one name."""
    assert lake_resource() is lake_resource()
    assert isinstance(lake_resource(), LakeResource)
