"""`mesh lineage`, `mesh impact`: where columns come from and go to, and what an event would hit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from platform_resources.catalog import PortState, by_preference_now
from platform_resources.cli.common import AsOption, JsonFlag, catalog_reader
from platform_resources.cli.output import DIM, console, errors, fail, print_json, table
from platform_resources.lake import InvalidNameError, PortAddress

if TYPE_CHECKING:
    from platform_resources.serving.column_lineage import ColumnEdge, ColumnLineage, ColumnNode
    from platform_resources.serving.impact import Impact
    from platform_resources.serving.lineage import Lineage, Node
    from platform_resources.serving.readers import Reader

_FORM = "write a port or a column: crm.customer_360.v1, sales.bookings.v1.net_sales"
_PORT_PARTS = 3
_MOST = 40  # columns of an impact that a terminal shows


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(lineage)
    app.command()(impact)


def lineage(
    of: Annotated[
        list[str],
        typer.Argument(metavar="PORT[.COLUMN] | path COLUMN COLUMN", help="Of what; or the ways between two columns."),
    ],
    up: Annotated[bool, typer.Option("--up", help="Only where it comes from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only where it goes to.")] = False,
    depth: Annotated[int, typer.Option(min=1, max=50, help="Steps to follow.")] = 50,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Where a port or column comes from and goes to: mesh lineage finance.revenue.v1.net_revenue.

    Two columns: mesh lineage path sales.bookings.v1.net_sales finance.revenue.v1.net_revenue.
    """
    both = up == down
    with catalog_reader(as_) as reader:
        if of[0] == "path":
            if len(of) != 3:
                fail("a path is between two columns: mesh lineage path COLUMN COLUMN", code=2)
            _tell_path(reader, of[1], of[2], json_output)
            return
        if len(of) != 1:
            fail(f"one at a time: {_FORM}", code=2)
        state, column = _asked(reader, of[0])
        if column is None:
            _tell_port(reader, state, depth, (up or both, down or both), json_output)
        else:
            _tell_column(reader, state, column, depth, (up or both, down or both), json_output)


def impact(
    of: Annotated[str, typer.Argument(metavar="PORT[.COLUMN]", help="What changes, ends or fails.")],
    event: Annotated[Literal["change", "deprecation", "outage"], typer.Option(help="What happens to it.")] = "change",
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Which columns, ports and consumers a change, a deprecation or an outage hits: mesh impact sales.bookings.v1."""
    from platform_resources.serving.impact import get_impact  # noqa: PLC0415  (keeps `mesh --help` quick)

    with catalog_reader(as_) as reader:
        state, column = _asked(reader, of)
        found = get_impact(reader, state, event, column)
    if json_output:
        print_json(found.model_dump(mode="json"))
    else:
        _print_impact(found)


def _asked(reader: Reader, text: str) -> tuple[PortState, str | None]:
    """The port that is meant and its column; of a product without a version the port to read first."""
    parts = text.strip().split(".", _PORT_PARTS)
    if len(parts) == _PORT_PARTS - 1:
        return by_preference_now(reader.product(parts[0], parts[1]))[0], None
    try:
        address = PortAddress.parse(".".join(parts[:_PORT_PARTS]))
    except InvalidNameError:
        fail(f"{text!r} names neither a port nor a column: {_FORM}", code=2)
    return reader.port(address), parts[_PORT_PARTS] if len(parts) > _PORT_PARTS else None


def _tell_path(reader: Reader, source: str, target: str, json_output: bool) -> None:
    from platform_resources.serving.column_lineage import get_path  # noqa: PLC0415  (keeps `mesh --help` quick)

    found = get_path(reader, source, target)
    if json_output:
        print_json(found.model_dump(mode="json"))
        return
    if not found.paths:
        console.print(f"no way leads from {escape(source)} to {escape(target)}", highlight=False)
    for number, way in enumerate(found.paths, 1):
        console.print(f"[bold]{number}[/]  {escape(source)}", highlight=False)
        for edge in way:
            console.print(f"   → {escape(edge.target)}  [{DIM}]{_how(edge)}[/]", highlight=False)


def _tell_port(reader: Reader, state: PortState, depth: int, sides: tuple[bool, bool], json_output: bool) -> None:
    """The ports and feeds around it, and one step back what each of its columns is made of."""
    from platform_resources.serving.column_lineage import sources_of_port  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.serving.lineage import get_lineage  # noqa: PLC0415

    found = get_lineage(reader, state, depth)
    edges = sources_of_port(reader, state) if sides[0] else []
    doubts = _doubts(reader, state) if sides[0] else []
    if json_output:
        told: dict[str, Any] = found.model_dump(mode="json")
        print_json({**told, "columns": [edge.model_dump(mode="json") for edge in edges], "doubts": doubts})
        return
    _print_ports(found, sides)
    if edges:
        made = table("column", "comes from", "how")
        for edge in sorted(edges, key=lambda edge: edge.type):  # what flows before what only decides
            made.add_row(escape(_column(edge.target) or "all rows"), escape(edge.source), _how(edge))
        console.print()
        console.print(made)
    for doubt in doubts:
        errors.print(f"[yellow]doubt:[/] {escape(doubt)}", highlight=False)


def _doubts(reader: Reader, state: PortState) -> list[str]:
    """For who answers for the port: what its documents say of its sources and its build did not do."""
    from platform_resources.lineage import port_doubts  # noqa: PLC0415  (keeps `mesh --help` quick)

    publication = state.publication
    usable = reader.documents.mesh.usable.get(state.product.domain)
    if publication is None or usable is None or not reader.manages(state.product):
        return []
    port = PortAddress.parse(state.port.address)
    what = ("lineage doubts", publication.snapshot, state.port.contract.sha256)
    return list(reader.view.told(port, what, lambda con: port_doubts(con, usable.domain, state.port, publication)))


def _tell_column(
    reader: Reader, state: PortState, column: str, depth: int, sides: tuple[bool, bool], json_output: bool
) -> None:
    from platform_resources.serving.column_lineage import (  # noqa: PLC0415  (keeps `mesh --help` quick)
        flows_told,
        get_column_lineage,
        made_of_told,
    )

    found = get_column_lineage(reader, state, column, depth)
    if json_output:
        print_json(found.model_dump(mode="json", exclude=_left_out(sides)))
        return
    if sides[0]:
        console.print(escape(made_of_told(found.column, found.upstream)), highlight=False)
        _print_columns(("made of", "decides over it"), found.upstream, found, "source")
    if all(sides):
        console.print()
    if sides[1]:
        console.print(escape(flows_told(found.column, found.downstream)), highlight=False)
        _print_columns(("flows into", "only decides over"), found.downstream, found, "target")


def _left_out(sides: tuple[bool, bool]) -> set[str]:
    return {name for name, shown in zip(("upstream", "downstream"), sides, strict=True) if not shown}


def _print_columns(
    titles: tuple[str, str], nodes: Sequence[ColumnNode], found: ColumnLineage, end: Literal["source", "target"]
) -> None:
    """Apart: columns whose values flow, and those that only decide."""
    edges: dict[str, list[ColumnEdge]] = {}
    for edge in found.edges:
        edges.setdefault(getattr(edge, end), []).append(edge)
    for title, type_ in zip(titles, ("DIRECT", "INDIRECT"), strict=True):
        those = [node for node in nodes if node.type == type_]
        if not those:
            continue
        made = table(title, ("steps", "right"), "how")
        for node in those:
            made.add_row(
                escape(node.column), str(node.distance), "\n".join(dict.fromkeys(map(_how, edges[node.column])))
            )
        console.print()
        console.print(made)


def _print_ports(found: Lineage, sides: tuple[bool, bool]) -> None:
    console.print(f"[bold]{escape(found.port)}[/]", highlight=False)
    for shown, title, nodes in ((sides[0], "reads", found.upstream), (sides[1], "is read by", found.downstream)):
        if shown:
            console.print(f"{title}: {escape(', '.join(map(_named, nodes))) or '–'}", highlight=False)


def _named(node: Node) -> str:
    notes = ["feed"] if node.kind == "feed" else []
    notes += [f"{node.distance} steps"] if node.distance > 1 else []
    return f"{node.port} ({', '.join(notes)})" if notes else node.port


def _print_impact(found: Impact) -> None:
    console.print(escape(found.told), highlight=False)
    if found.columns:
        made = table("column", ("steps", "right"), "by way of")
        for hit in found.columns[:_MOST]:
            made.add_row(escape(hit.column), str(hit.distance), escape(" → ".join(hit.through[1:-1])))
        console.print()
        console.print(made)
        if len(found.columns) > _MOST:
            errors.print(f"[{DIM}]{_MOST} of {len(found.columns):,} columns; --json tells all[/]", highlight=False)
    if found.consumers:
        made = table("consumer", "kind", "through", ("reads", "right"), "contact")
        for who in found.consumers:
            made.add_row(
                escape(who.name), who.kind or "–", escape("\n".join(who.ports)), f"{who.reads:,}", who.contact or "–"
            )
        console.print()
        console.print(made)
    if found.owners:
        console.print(f"\nto be told: {escape(', '.join(found.owners))}", highlight=False)


def _column(address: str) -> str:
    return address.split(".", _PORT_PARTS)[_PORT_PARTS] if address.count(".") >= _PORT_PARTS else ""


def _how(edge: ColumnEdge) -> str:
    """An edge in a few words: what is done, how that is known, and what was seen of it."""
    notes: Iterable[str] = (
        edge.subtype.lower().replace("_", " ") or "is read",
        "" if edge.type == "DIRECT" else "only decides",
        "masked" if edge.masked else "",
        "declared" if edge.known_from == "declared" else "",
        "never read by the last build" if edge.observed is False else "",
    )
    return ", ".join(note for note in notes if note)
