"""One database for the examples of a property test: a new one for each of 100 would take most of its time."""

import duckdb
import pytest


@pytest.fixture(scope="session")
def database_of():
    """A function that puts an Arrow table into `crm.internal.people` and returns the connection."""
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS crm; CREATE SCHEMA crm.internal")

    def fill(rows):
        con.register("rows_of_example", rows)
        con.execute("CREATE OR REPLACE TABLE crm.internal.people AS SELECT * FROM rows_of_example")
        con.unregister("rows_of_example")
        return con

    yield fill
    con.close()
