"""Plots, the picture of a lineage, examples and differences: from values to what stands on the page."""

from __future__ import annotations

import os
import re
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_resources.contracts import contract_of_text
from platform_resources.contracts.changes import compare_contracts
from platform_resources.serving.column_lineage import ColumnEdge, ColumnLineage, ColumnNode
from platform_resources.serving.lineage import Edge, Lineage, Node
from platform_resources.serving.portal.lineage_picture import (
    MOST_BOXES,
    column_picture,
    layers_of,
    port_picture,
)
from platform_resources.serving.portal.pages import environment
from platform_resources.serving.portal.plots import (
    Figure,
    age_figure,
    availability_figure,
    reads_figure,
    score_figure,
)
from platform_resources.serving.portal.plots_drawn import Plotter, fitted
from platform_resources.serving.portal.product_diff import difference_of
from platform_resources.serving.portal.product_page import support_link
from platform_resources.serving.portal.product_usage import examples_of, select
from platform_resources.serving.quality import PublicationOut
from tests.guarded import CUSTOMERS_CONTRACT

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOSTILE = "\"><script>alert(1)</script><a href='javascript:x'>&{{7*7}}"


def published(number: int, **facts: object) -> PublicationOut:
    at = NOW - timedelta(hours=10 - number)
    known = {
        **{"number": number, "kind": "publish", "contract_version": "1.0.0", "rows": 100 * number, "columns": ["a"]},
        **{"score": 90.0 + number, "scores": {"accuracy": 80.0 + number}, "data_as_of": at, "published_at": at},
        **{"completeness_percent": 98.0 + number / 10, "accuracy_percent": None},
    }
    return PublicationOut(**known | facts)


@pytest.fixture(scope="module")
def plotter() -> Iterator[Plotter]:
    made = Plotter()
    yield made
    made.close()


def log(*numbers: int) -> list[PublicationOut]:
    return [published(number) for number in sorted(numbers, reverse=True)]


def test_figures_are_pictures_and_tables(plotter: Plotter) -> None:
    days = [(date(2026, 11, day), 100 - day / 10) for day in range(1, 8)]
    figures = [
        score_figure(log(1, 2, 3)),
        age_figure(log(1, 2, 3), 3000),
        availability_figure(days, 99.9),
        reads_figure([(day, 3) for day, _ in days]),
    ]
    assert all(figures)
    for drawn in plotter.draw([figure for figure in figures if figure is not None]):
        assert drawn.svg is not None
        root = ET.fromstring(drawn.svg)
        ids = root.attrib["aria-labelledby"].split()
        assert [child.attrib["id"] for child in root[:2]] == ids
        assert "var(--plot-" in drawn.svg
        assert not re.search(r"#[0-9a-f]{3,6}\b|white|black", re.sub(r">[^<]*<", "><", drawn.svg))
        assert all(len(row) == len(drawn.figure.head) for row in drawn.figure.rows)


def test_completeness_and_accuracy_stand_beside_the_scores_of_these_names() -> None:
    measured = [published(n, accuracy_percent=99.5 if n > 1 else None) for n in (3, 2, 1)]
    figure = score_figure(measured, "falling 0.4 a week")
    assert figure is not None
    assert figure.head[2:] == ("Score", "Accuracy", "Accuracy, %", "Completeness, %")
    assert [row[2:] for row in figure.rows] == [
        ("93", "83", "99.5", "98.3"),
        ("92", "82", "99.5", "98.2"),
        ("91", "81", "", "98.1"),
    ]
    assert "the score went from 91 to 93, falling 0.4 a week; the lowest of any figure was 81." in figure.says


def test_figures_need_something_to_show() -> None:
    assert score_figure(log(1)) is None
    assert age_figure(log(1, 2), 60) is None
    assert availability_figure([], 99) is None
    assert reads_figure([]) is None


def test_the_age_is_the_oldest_that_readers_got() -> None:
    figure = age_figure(log(1, 2, 9), 3600 * 2)
    assert figure is not None
    assert [row[2] for row in figure.rows] == ["7 hours", "1 hour"]
    assert "1 of them got older than that" in figure.says


def test_no_text_of_a_plot_is_markup(plotter: Plotter) -> None:
    log_ = [published(n, scores={HOSTILE: 90.0}) for n in (2, 1)]
    (drawn,) = plotter.draw([score_figure(log_)])  # type: ignore[list-item]
    assert drawn.svg is not None
    named = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn.svg).iter()}
    assert named <= {"svg", "title", "desc", "g", "path", "text", "line"}


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:x"><text>x</text></a>',
        '<g onload="x"/>',
        '<path style="fill:url(x)"/>',
        "<foreignObject/>",
        '<image xlink:href="x" xmlns:xlink="http://www.w3.org/1999/xlink"/>',
        "<g>",
    ],
)
def test_a_picture_that_is_more_than_one_is_not_shown(inside: str) -> None:
    figure = reads_figure([(date(2026, 1, 1), 2)])
    assert figure is not None
    whole = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{}</svg>'
    assert fitted(whole.format("<g/>"), figure) is not None
    assert fitted(whole.format(inside), figure) is None


def test_a_plot_that_can_not_be_drawn_is_told_as_a_table(plotter: Plotter) -> None:
    broken = Figure("x", "Broken", "", {"mark": 7}, ("a",), (("1",),))
    drawn = plotter.draw([broken])[0]
    assert (drawn.svg, drawn.figure.rows) == (None, (("1",),))
    assert plotter.draw([reads_figure([(date(2026, 1, 1), 2)])])[0].svg is not None  # type: ignore[list-item]


def test_the_process_that_draws_is_begun_again_and_ends_when_it_is_idle() -> None:
    plotter = Plotter(idle=0.2)
    try:
        figures = [reads_figure([(date(2026, 1, day), day)]) for day in (1, 2, 3)]
        assert plotter.process_id is None
        assert plotter.draw([figures[0]])[0].svg is not None  # type: ignore[list-item]
        os.kill(plotter.process_id or 0, 9)
        time.sleep(0.05)
        assert plotter.draw([figures[1]])[0].svg is not None  # type: ignore[list-item]
        until = time.monotonic() + 20
        while plotter.process_id is not None and time.monotonic() < until:
            time.sleep(0.02)
        assert plotter.process_id is None
        assert plotter.draw([figures[0]])[0].svg is not None  # type: ignore[list-item]  (kept)
        assert plotter.process_id is None
    finally:
        plotter.close()


def lineage(edges: list[tuple[str, str]], here: str = "b.x.v1") -> Lineage:
    up = [_node(s, "active") for s, t in edges if t == here]
    down = [_node(t, "deprecated") for s, t in edges if s == here]
    told = [Edge(source=s, target=t, columns=["c"], purpose=HOSTILE) for s, t in edges]
    return Lineage(port=here, upstream=up, downstream=down, edges=told, told="It is read.")


def _node(address: str, lifecycle: Literal["active", "deprecated"]) -> Node:
    feed = address.split(".")[1] == "internal"
    return Node(port=address, kind="feed" if feed else "port", lifecycle=None if feed else lifecycle, distance=1)


def drawn(picture: object, macro: str = "picture") -> str:
    made = environment().from_string(f'{{% import "product_parts.html" as part %}}{{{{ part.{macro}(it) }}}}')
    return made.render(it=picture)


def test_a_lineage_goes_from_left_to_right() -> None:
    picture = port_picture(lineage([("a.x.v1", "b.x.v1"), ("b.x.v1", "c.x.v1")]))
    places = {box.id: box.x for box in picture.boxes}
    assert places["a.x.v1"] < places["b.x.v1"] < places["c.x.v1"]
    svg = ET.fromstring(re.search(r"<svg.*</svg>", drawn(picture), re.DOTALL)[0])  # type: ignore[index]
    links = [element.attrib["href"] for element in svg.iter() if element.tag.rpartition("}")[2] == "a"]
    assert "/products/a/x?port=v1" in links


def test_a_feed_stands_before_its_port_and_has_no_page() -> None:
    found = lineage([("b.internal.tills", "b.x.v1"), ("a.x.v1", "b.x.v1")])
    boxes = {box.id: box for box in port_picture(found).boxes}
    assert (boxes["b.internal.tills"].kind, boxes["b.internal.tills"].href) == ("feed", None)
    assert boxes["b.internal.tills"].x < boxes["b.x.v1"].x
    told = drawn(found, "edges")
    assert "b.internal.tills <small>feed</small>" in told
    assert re.findall(r'href="([^"]*)"', told) == [f"/products/{p}/x?port=v1" for p in ("b", "a", "b")]


def test_no_name_of_a_lineage_is_markup() -> None:
    text = drawn(port_picture(lineage([(f"a.{HOSTILE}.v1", "b.x.v1")])))
    assert "<script" not in text
    assert "49" not in text
    assert "href='javascript" not in text


def test_a_big_lineage_shows_the_nearest() -> None:
    picture = port_picture(lineage([(f"a.x{number:03}.v1", "b.x.v1") for number in range(100)]))
    assert len(picture.boxes) == MOST_BOXES
    assert picture.left_out == 101 - MOST_BOXES


def test_columns_stand_in_their_ports_and_what_is_masked_is_marked() -> None:
    node = {"kind": "port", "distance": 1, "type": "INDIRECT"}
    edge = {"known_from": "sql", "observed": None, "subtype": "IDENTITY"}
    picture = column_picture(
        ColumnLineage(
            column="b.x.v1.total",
            upstream=[
                ColumnNode(column="a.x.v1.email", dataset="a.x.v1", **node),
                ColumnNode(column="a.feed.amount", dataset="a.feed", kind="feed", distance=2, type="INDIRECT"),
            ],
            downstream=[],
            edges=[
                ColumnEdge(source="a.x.v1.email", target="b.x.v1.total", type="INDIRECT", masked=True, **edge),
                ColumnEdge(source="a.feed.amount", target="a.x.v1.email", type="DIRECT", masked=False, **edge),
            ],
            told="It is made of nothing.",
        )
    )
    assert [link.style for link in picture.links] == ["masked", "direct"]
    boxes = {box.id: box for box in picture.boxes}
    assert boxes["a.feed"].x < boxes["a.x.v1"].x < boxes["b.x.v1"].x
    assert [row.name for row in boxes["b.x.v1"].rows if row.chosen] == ["total"]
    assert boxes["a.feed"].rows[0].href == ""


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=25))
def test_every_line_without_a_circle_goes_to_the_right(pairs: list[tuple[int, int]]) -> None:
    rising = [(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    names = {str(number): number for number in range(-4, 5)}
    edges = [(s, t) if int(s) < int(t) else (t, s) for s, t in rising]
    layers = layers_of(names, edges, names)
    layer = {name: i for i, found in enumerate(layers) for name in found}
    assert sorted(layer) == sorted(names)
    assert all(layer[s] < layer[t] for s, t in edges)


def test_lines_in_a_circle_are_drawn_all_the_same() -> None:
    circle = [("a", "b"), ("b", "c"), ("c", "a")]
    layers = layers_of("abc", circle, {"a": 0, "b": 1, "c": 2})
    assert sorted(name for layer in layers for name in layer) == ["a", "b", "c"]


def test_examples_quote_what_must_be() -> None:
    assert select("crm.order.v1", ["select", "Upper", 'a"b', "plain"]) == (
        'select "select", "Upper", "a""b", plain from crm."order".v1 limit 10'.replace('"order"', '"order"')
    )
    hostile = examples_of("crm.customers.v1", ["x'; rm -rf /", 'q"'], "o'brien", "https://mesh.example")
    for example in hostile[1:]:
        parts = shlex.split(example.text)
        assert "rm" not in parts
    compile(hostile[0].text, "example", "exec")
    assert not any("mesh_" in example.text for example in hostile)


def test_a_difference_tells_contract_rows_scores_and_columns() -> None:
    before = contract_of_text(CUSTOMERS_CONTRACT.format(version="1.0.0", status="active"), "a.yaml")
    text = CUSTOMERS_CONTRACT.format(version="2.0.0", status="active").replace("name: region,", "name: area,")
    after = contract_of_text(text, "b.yaml")
    found = difference_of(
        published(1, columns=["customer_id", "region"]),
        published(3, columns=["customer_id", "area"], scores={"accuracy": 79.5, "coverage": 100.0}),
        compare_contracts(before, after),
    )
    assert (found.columns_added, found.columns_removed) == (("area",), ("region",))
    assert found.breaking
    told = {line.name: (line.before, line.after, line.change, line.better) for line in (*found.facts, *found.scores)}
    assert told["Rows"] == ("100", "300", "+200 (+200.0%)", None)
    assert told["Score"] == ("91", "93", "+2", True)
    assert told["Accuracy"] == ("81", "79.5", "-1.5", False)
    assert told["Coverage"] == ("–", "100", "", None)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", " javascript:x", "vbscript:x"]
)
def test_support_is_no_way_to_run_script(url: str) -> None:
    assert support_link({"channel": "#x", "url": url}).href is None
    assert support_link({"channel": "#x", "url": "https://chat.example/x"}).href == "https://chat.example/x"
