"""One definition of a consumer, wherever consumers are counted; and a look in the portal makes nobody one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from platform_resources.access import ReadQuery
from platform_resources.access.callers.names import team_consumer
from platform_resources.access.model import Grant
from platform_resources.access.requests.grants import add_grant
from platform_resources.catalog import by_preference_now
from platform_resources.catalog.index.derive import Rated, product_entry
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress, connect, retire, utc_now
from platform_resources.quality import compile_checks
from platform_resources.serving.consumers import get_consumers
from platform_resources.serving.impact import get_impact
from platform_resources.serving.lineage import get_lineage
from platform_resources.serving.portal.first_rows import first_rows
from platform_resources.serving.portal.product_page import schema_for
from platform_resources.serving.portal.samples import failing_rows, why_not
from platform_resources.serving.product_metrics import get_metrics
from platform_resources.serving.products import get_product
from platform_resources.serving.readers import Reader
from tests.shipped import make_shipped

CUSTOMERS = PortAddress("crm", "customer_360", 1)
BOOKINGS = PortAddress("sales", "bookings", 1)
Reading = Callable[[str], Reader]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """The mesh as a persona may know of it, each time anew."""
    mesh = make_shipped(tmp_path, publications=1)
    with mesh.access() as access, closing(CatalogView(mesh.settings, access.guard.lakes, access.control)) as view:
        yield lambda who: Reader(mesh.caller(access, who), access, view)


def counts(reader: Reader, port: PortAddress) -> tuple[int, str, str]:
    """As the page's consumers, its impact and its figures tell them."""
    state = reader.port(port)
    figures = {one.name: one.says for one in get_metrics(reader, port.domain, port.product).metrics}
    return get_consumers(reader, state).count, get_impact(reader, state).told, figures["impact"]


def test_consumers_are_counted_alike_and_who_looks_is_none(reading: Reading) -> None:
    analyst = reading("analyst")
    count, hits, figure = before = counts(analyst, CUSTOMERS)
    assert f"it has {count} consumer" in figure
    assert f"{count} consumer" in hits or f"{count} of them its own" in hits

    state = analyst.port(CUSTOMERS)
    schema, purpose = schema_for(analyst, state)
    check = next(one for one in compile_checks(state.port.contract) if why_not(one, state, schema) is None)
    assert first_rows(analyst, state, purpose).rows
    assert failing_rows(analyst, state, check.name, schema, purpose).why is None
    assert counts(reading("analyst"), CUSTOMERS) == before
    kinds = [entry.kind for entry in analyst.access.audit.entries()]
    assert {"read", "sql"} <= set(kinds), "a look is on record all the same"

    with analyst.access.guard.open(analyst.caller, CUSTOMERS, purpose=purpose).read(ReadQuery(limit=1)) as rows:
        rows.table()
    reader, other = reading("analyst"), reading("maria.keller@retailer.example")
    assert counts(reader, CUSTOMERS)[0] == counts(other, CUSTOMERS)[0] == count + 1
    assert counts(reader, CUSTOMERS)[2] == counts(other, CUSTOMERS)[2]
    assert counts(reader, CUSTOMERS)[1].endswith(", you among them.")
    assert "you among" not in counts(other, CUSTOMERS)[1]
    state = reader.port(CUSTOMERS)
    assert (get_consumers(reader, state).you, get_consumers(other, state).you) == (True, False)
    assert (get_impact(reader, state).you, get_impact(other, state).you) == (True, False)


@pytest.mark.parametrize("granted", [False, True])
def test_a_member_of_a_registered_team_is_told_to_be_a_consumer(reading: Reading, granted: bool) -> None:
    """The team of its documents is the caller's, be there a grant to it or none."""
    stranger, team = reading("operator"), "Marketing Analytics"
    if granted:
        now = utc_now()
        grant = Grant(0, team_consumer(team), str(CUSTOMERS), None, "analytics", now + timedelta(days=1), now)
        add_grant(stranger.access.control, grant)
    identity = replace(stranger.caller.identity, teams=frozenset({team}))
    member = replace(stranger, caller=replace(stranger.caller, identity=identity))
    for reader, is_one in ((member, True), (stranger, False)):
        state = reader.port(CUSTOMERS)
        assert (get_consumers(reader, state).you, get_impact(reader, state).you) == (is_one, is_one)


def test_the_port_to_read_first_is_one_that_is_there(reading: Reading) -> None:
    """The newest one was taken down, though its documents call it active still."""
    first = reading("analyst").port(BOOKINGS)
    assert first.publication is not None
    second = replace(first.port, major=2, address="sales.bookings.v2")
    gone = replace(first, port=second, lifecycle="retired")
    assert by_preference_now([gone, first]) == [first, gone]
    product = replace(first.product, ports=(first.port, second))
    log = {first.port.address: first.publication, second.address: replace(first.publication, kind="retire")}
    entry = product_entry(product, log, (), {}, {}, Rated())
    assert (entry.lifecycle, [port.lifecycle for port in entry.ports]) == ("active", ["active", "retired"])


def test_what_was_taken_down_is_retired_in_lineage_too(reading: Reading) -> None:
    """Its documents call it active still."""
    reader = reading("analyst")
    with connect(reader.access.settings, own="sales") as con:
        retire(con, reader.access.settings, port=BOOKINGS, run_id="end", now=utc_now())
    reader = reading("analyst")
    reader.view.index.renew(at_once=True)
    revenue = get_lineage(reader, reader.port(PortAddress("finance", "revenue", 1)), 1)
    assert {node.port: node.lifecycle for node in revenue.upstream}[str(BOOKINGS)] == "retired"
    assert get_product(reader, "sales", "bookings").ports[0].lifecycle == "retired"
