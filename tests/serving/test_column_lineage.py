"""What is told of the lineage of columns and of the impact of an event, to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from platform_resources.access.errors import BadQueryError, NotFoundError, UnknownPortError
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress, connect, create_lake, utc_now
from platform_resources.lake.column_lineage import TableLineage, record_lineage
from platform_resources.lineage.model import as_record
from platform_resources.serving.column_lineage import ColumnLineage, get_column_lineage, get_path, sources_of_port
from platform_resources.serving.impact import Impact, get_impact
from platform_resources.serving.lineage import Lineage, get_lineage
from platform_resources.serving.readers import Reader
from tests.catalog.test_lineage_graph import edge
from tests.cli.quick import QuickMesh
from tests.shipped import ShippedMesh, hide, make_shipped

RECEIPTS, BOOKINGS, REVENUE = "sales.internal.receipts", "sales.bookings.v1", "finance.revenue.v1"
CUSTOMERS, FORECAST = "crm.customer_360.v1", "supply_chain.demand_forecast.v1"
HOUSEHOLD = "household_id"
RECORDED = {
    "sales": (
        "bookings",
        [
            (f"{RECEIPTS}.sales_value", "net_sales"),
            (f"{RECEIPTS}.store_id", "store_id"),
            (f"{RECEIPTS}.{HOUSEHOLD}", HOUSEHOLD),
        ],
    ),
    "finance": ("revenue", [(f"{BOOKINGS}.net_sales", "net_revenue"), (f"{BOOKINGS}.store_id", None)]),
    "crm": (
        "customer_360",
        [
            (f"{BOOKINGS}.net_sales", "net_sales"),
            (f"{BOOKINGS}.{HOUSEHOLD}", HOUSEHOLD),
            (f"{BOOKINGS}.{HOUSEHOLD}", None),
        ],
    ),
}
SERVED = {"sales": BOOKINGS, "finance": REVENUE, "crm": CUSTOMERS}
Reading = Callable[[str], Reader]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    """Three of the shipped products published, with lineage of a few columns; of the others their documents tell."""
    made = make_shipped(tmp_path_factory.mktemp("lineage"), publications=0)
    for domain, (table, columns) in RECORDED.items():
        address = f"{domain}.internal.{table}"
        found = [edge(s, f"{address}.{c}" if c else address, "AGGREGATION" if c else "JOIN") for s, c in columns]
        lineage = TableLineage(table, tuple(map(tuple, as_record(found))), tuple(source for source, _ in columns))
        create_lake(made.settings, domain)
        with connect(made.settings, own=domain) as con:
            record_lineage(con, made.settings, domain, [lineage], "run", utc_now())
        made.publish(SERVED[domain])
    return made


@contextmanager
def readers(mesh: ShippedMesh) -> Iterator[Reading]:
    with mesh.access() as access, closing(CatalogView(mesh.settings, access.guard.lakes, access.control)) as view:
        yield lambda persona: Reader(mesh.caller(access, persona), access, view)


@pytest.fixture(scope="module")
def reading(mesh: ShippedMesh) -> Iterator[Reading]:
    with readers(mesh) as made:
        yield made


def lineage(reader: Reader, address: str, depth: int = 50) -> ColumnLineage:
    port, column = address.rsplit(".", 1)
    return get_column_lineage(reader, reader.port(PortAddress.parse(port)), column, depth)


def ports(reader: Reader, address: str, depth: int = 50) -> Lineage:
    return get_lineage(reader, reader.port(PortAddress.parse(address)), depth)


def impact(reader: Reader, address: str, column: str | None = None, event: str = "change") -> Impact:
    return get_impact(reader, reader.port(PortAddress.parse(address)), event, column)  # type: ignore[arg-type]


def test_a_column_comes_from_a_feed_and_goes_to_other_domains(reading: Reading) -> None:
    found = lineage(reading("analyst"), f"{BOOKINGS}.net_sales")
    assert [(n.column, n.dataset, n.kind, n.distance) for n in found.upstream] == [
        (f"{RECEIPTS}.sales_value", RECEIPTS, "feed", 1)
    ]
    down = {node.column: node.distance for node in found.downstream}
    assert down.items() >= {f"{CUSTOMERS}.net_sales": 1, f"{REVENUE}.net_revenue": 1, FORECAST: 1}.items()
    known = {(e.source, e.target): (e.subtype, e.known_from, e.observed) for e in found.edges}
    assert known[f"{BOOKINGS}.net_sales", f"{REVENUE}.net_revenue"] == ("AGGREGATION", "sql", True)
    assert known[BOOKINGS, FORECAST] == ("", "input", None)
    assert REVENUE in {n.column for n in lineage(reading("analyst"), f"{BOOKINGS}.store_id").downstream}


def test_what_a_column_is_made_of_is_told_from_what_decides_over_its_rows(reading: Reading) -> None:
    made = lineage(reading("analyst"), f"{REVENUE}.net_revenue")
    assert {node.column: node.type for node in made.upstream} == {
        **{f"{BOOKINGS}.net_sales": "DIRECT", f"{RECEIPTS}.sales_value": "DIRECT", f"{BOOKINGS}.store_id": "INDIRECT"}
    }
    assert made.told.startswith(
        f"{REVENUE}.net_revenue is made of 2 columns; 1 column only decides over it or its rows. {REVENUE}.net_revenue "
    )
    joined = lineage(reading("analyst"), f"{BOOKINGS}.store_id")
    assert {node.type for node in joined.downstream if node.column == REVENUE} == {"INDIRECT"}
    assert joined.told.endswith("; it only decides over 1 whole port.")


def test_the_key_of_a_join_that_is_a_value_too_is_followed_to_where_it_comes_from(reading: Reading) -> None:
    found = lineage(reading("analyst"), f"{CUSTOMERS}.{HOUSEHOLD}")
    assert [(node.column, node.distance, node.type) for node in found.upstream] == [
        (f"{BOOKINGS}.{HOUSEHOLD}", 1, "DIRECT"),
        (f"{RECEIPTS}.{HOUSEHOLD}", 2, "DIRECT"),
    ]
    assert f"{CUSTOMERS}.{HOUSEHOLD} is made of 2 columns. " in found.told


def test_a_port_tells_the_feeds_that_it_reads(reading: Reading) -> None:
    near, far = ports(reading("analyst"), BOOKINGS, 1), ports(reading("analyst"), REVENUE)
    assert [(node.port, node.kind, node.lifecycle, node.distance) for node in near.upstream] == [
        (RECEIPTS, "feed", None, 1)
    ]
    read = {(edge.source, edge.target): edge.columns for edge in near.edges}
    assert read[RECEIPTS, BOOKINGS] == ["household_id", "sales_value", "store_id"]
    assert near.told.startswith(f"{BOOKINGS} reads 1 feed ({RECEIPTS}); it is read by ")
    assert {node.port: node.distance for node in far.upstream} == {BOOKINGS: 1, RECEIPTS: 2}
    assert far.told.startswith(
        f"{REVENUE} reads 1 port ({BOOKINGS}) and 1 feed ({RECEIPTS}), directly or through others; "
    )
    assert RECEIPTS not in {node.port for node in ports(reading("analyst"), REVENUE, 1).upstream}


def test_depth_ends_the_walk(reading: Reading) -> None:
    whole, near = (lineage(reading("analyst"), f"{REVENUE}.net_revenue", depth) for depth in (50, 1))
    assert {node.column for node in whole.upstream} - {node.column for node in near.upstream} == {
        f"{RECEIPTS}.sales_value"  # the join's key is told, and what that is made of is not
    }


def test_the_ways_between_two_columns(reading: Reading) -> None:
    found = get_path(reading("analyst"), f"{RECEIPTS}.sales_value", f"{REVENUE}.net_revenue")
    assert [[edge.target for edge in way] for way in found.paths] == [
        [f"{BOOKINGS}.net_sales", f"{REVENUE}.net_revenue"]
    ]
    assert get_path(reading("analyst"), f"{REVENUE}.net_revenue", f"{BOOKINGS}.net_sales").paths == []


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        (f"{BOOKINGS}.net_sale", NotFoundError, "sales.bookings.v1 has no column net_sale"),
        ("sales.nothing.v1.x", UnknownPortError, "there is no port sales.nothing.v1"),
        ("sales.internal.nothing.x", NotFoundError, "there is no column sales.internal.nothing.x"),
        (BOOKINGS, BadQueryError, "sales.bookings.v1 is no column"),
        ("a.b.c.d", BadQueryError, "'a.b.c' is no port address"),
    ],
)
def test_what_is_no_column_is_told_so(reading: Reading, source: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        get_path(reading("analyst"), source, f"{REVENUE}.net_revenue")


def test_a_change_of_a_column_hits_fields_and_consumers(reading: Reading) -> None:
    found = impact(reading("operator"), BOOKINGS, "net_sales")
    hit = {item.column: (item.distance, item.through) for item in found.columns}
    assert hit[f"{REVENUE}.net_revenue"] == (1, [f"{BOOKINGS}.net_sales", f"{REVENUE}.net_revenue"])
    assert hit[f"{FORECAST}.store_id"][0] == 1  # nobody recorded what it reads, so all of it counts
    assert f"{REVENUE}.gross_bookings" not in hit
    assert found.consumers is not None
    consumers = {who.name: who for who in found.consumers}
    assert consumers["Group Controlling"].columns == [f"{REVENUE}.net_revenue"]
    assert consumers["finance.revenue"].ports == [BOOKINGS]
    assert found.consumer_count == len(consumers)
    assert "marta.lindqvist@retailer.example" in found.owners
    assert found.told.startswith(
        f"A change of {BOOKINGS}.net_sales hits {len(hit)} columns of {len(found.ports)} ports ("
    )


def test_an_outage_hits_more_than_a_column_and_the_end_has_a_day(reading: Reading) -> None:
    column, whole = impact(reading("analyst"), BOOKINGS, "net_sales"), impact(reading("analyst"), BOOKINGS)
    assert {item.column for item in column.columns} < {item.column for item in whole.columns}
    assert f"{REVENUE}.gross_bookings" in {item.column for item in whole.columns}  # by the join on store_id
    assert impact(reading("analyst"), REVENUE, event="outage").told.startswith(
        "An outage of finance.revenue.v1 hits no"
    )
    assert impact(reading("analyst"), REVENUE, event="deprecation").until is None


def test_names_of_consumers_are_for_who_answers_for_them(reading: Reading) -> None:
    """The owner of crm is told of hers; what reads another domain's ports is counted, and named to its owners."""
    assert impact(reading("analyst"), BOOKINGS, "net_sales").consumers is None
    assert impact(reading("analyst"), BOOKINGS, "net_sales").consumer_count > 0
    assert impact(reading("maria.keller@retailer.example"), BOOKINGS).consumers is None
    told = impact(reading("maria.keller@retailer.example"), CUSTOMERS).consumers
    assert told
    assert {port for who in told for port in who.ports} == {CUSTOMERS}


def test_sources_of_a_whole_port(reading: Reading) -> None:
    reader = reading("analyst")
    found = sources_of_port(reader, reader.port(PortAddress.parse(REVENUE)))
    assert [(edge.source, edge.target) for edge in found] == [
        (f"{BOOKINGS}.store_id", REVENUE),
        (f"{BOOKINGS}.net_sales", f"{REVENUE}.net_revenue"),
    ]


def test_the_command_line_tells_the_same(mesh: ShippedMesh) -> None:
    run = QuickMesh(mesh.settings.project, mesh.settings.home)
    told = run("lineage", f"{REVENUE}.net_revenue", "--up")
    assert (told.code, f"{BOOKINGS}.net_sales" in told.out, "flows into" in told.out) == (0, True, False)
    assert "aggregation" in told.out
    assert "is made of 2 columns; 1 column only decides over it" in " ".join(told.out.split())
    assert told.out.index(f"{RECEIPTS}.sales_value") < told.out.index(f"{BOOKINGS}.store_id")
    assert f"reads: {RECEIPTS} (feed)" in run("lineage", BOOKINGS, "--up").out
    assert run("lineage", "finance.revenue", "--json").json["columns"][1]["target"] == f"{REVENUE}.net_revenue"
    way = run("lineage", "path", f"{RECEIPTS}.sales_value", f"{REVENUE}.net_revenue")
    assert way.out.index(f"{BOOKINGS}.net_sales") < way.out.index(f"{REVENUE}.net_revenue")
    hit = run("impact", f"{BOOKINGS}.net_sales", "--as", "operator")
    assert "Group Controlling" in hit.out
    assert run("impact", BOOKINGS, "--event", "outage", "--json").json["event"] == "outage"
    for wrong in (["lineage", "nonsense"], ["lineage", "path", REVENUE], ["impact", "a.b.c.d"]):
        refused = run(*wrong)
        assert refused.code == 2, refused
        assert "mesh:" in refused.err


def test_what_is_hidden_is_neither_named_counted_nor_passed_through(mesh: ShippedMesh) -> None:
    """Hidden bookings: revenue has no upstream, their feed is unknown, and their consumers are nobody's business."""
    file = mesh.settings.domains / "sales" / "products" / "bookings" / "product.odps.yaml"
    before = file.read_text(encoding="utf-8")
    hide(mesh, "sales.bookings")
    try:
        with readers(mesh) as reading:
            desk = reading("service-desk")
            for answer in (lineage(desk, f"{REVENUE}.net_revenue"), lineage(desk, f"{CUSTOMERS}.net_sales")):
                assert (answer.upstream, answer.edges) == ([], [])
            assert sources_of_port(desk, desk.port(PortAddress.parse(REVENUE))) == []
            whole = ports(desk, REVENUE)
            assert (whole.upstream, whole.edges) == ([], [])
            assert "sales" not in whole.told
            for source in (f"{RECEIPTS}.sales_value", f"{RECEIPTS}.nothing"):
                with pytest.raises(NotFoundError, match=f"there is no column {source}"):
                    get_path(desk, source, f"{REVENUE}.net_revenue")
            for source in (f"{BOOKINGS}.net_sales", f"{BOOKINGS}.nothing"):
                with pytest.raises(UnknownPortError, match=f"there is no port {BOOKINGS}"):
                    get_path(desk, source, f"{REVENUE}.net_revenue")
            assert lineage(reading("operator"), f"{REVENUE}.net_revenue").upstream
    finally:
        file.write_text(before, encoding="utf-8")
