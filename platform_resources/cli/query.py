"""`mesh query`: read ports by SQL, as somebody, through the guard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import AsOption, JsonFlag, caller_of
from platform_resources.cli.output import distinct_names, errors, print_json, print_rows
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.access import GuardedRelation
    from platform_resources.access.consumer_sql.reading import SqlReading


def add_to(app: typer.Typer) -> None:
    app.command()(query)


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over ports: select * from crm.customer_360.v1")],
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 100,
    as_: AsOption = None,
    purpose: Annotated[
        str | None,
        typer.Option(metavar="WHAT_FOR", help="As the council names it, e.g. analytics.", show_default=False),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Read published products by SQL; columns with a mask come masked, and the read is in the audit log."""
    from platform_resources.access import Access  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.access.errors import UnknownPortError  # noqa: PLC0415

    with Access(MeshSettings.from_env()) as access:
        access.sql.prepare()  # starts beside what comes next
        try:
            with access.sql.run(caller_of(access, as_), sql, purpose, door="cli") as reading:
                rows = reading.table()
        except UnknownPortError as error:
            named = {f"{port.domain}.{port.product}" for port in access.sql.parse(sql).ports}
            error.remedy = f"`mesh status` lists what is published; to build it: mesh run {' '.join(sorted(named))}"
            raise
        shown = rows.slice(0, limit)
        names = shown.column_names
        values = list(zip(*(column.to_pylist() for column in shown.columns), strict=True))
        if json_output:
            print_json(_record(reading, names, values))
            return
        print_rows(names, values)
        _print_notes(reading, rows.num_rows, limit)


def _record(reading: SqlReading, names: list[str], values: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "publications": {address: relation.publication.number for address, relation in reading.relations.items()},
        "masked": reading.masked,
        "notices": {address: _notice(r) for address, r in reading.relations.items() if r.notice is not None},
        "truncated": reading.truncated,
        "rows": [dict(zip(distinct_names(names), row, strict=True)) for row in values],
    }


def _print_notes(reading: SqlReading, rows: int, limit: int) -> None:
    """What is to be known of the rows that were printed; not on stdout, which is for rows."""
    more = " (and more: the answer was cut off)" if reading.truncated else ""
    if rows > limit or more:
        errors.print(f"[dim]{min(limit, rows):,} of {rows:,} rows{more}; --limit shows more[/]", highlight=False)
    for address, columns in reading.masked.items():
        errors.print(f"[dim]masked in {address}: {', '.join(columns)}[/]", highlight=False)
    for relation in reading.relations.values():
        if relation.notice is not None:
            errors.print(f"[yellow]{escape(_notice(relation))}[/]", highlight=False)


def _notice(relation: GuardedRelation) -> str:
    told = relation.notice or ""
    if relation.sunset is not None:
        told = told.replace("is deprecated", f"is deprecated, served until {relation.sunset}", 1)
    return told
