"""`mesh interop`: do the products join?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from platform_resources.cli.common import JsonFlag, read_mesh
from platform_resources.cli.output import console, errors, fail, print_json, table
from platform_resources.contracts.findings import printable
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.catalog import Form, Join, JoinReport


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="interop")(interop)


def interop(
    type_id: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="One semantic type: customer_id. Without it, all of them.")
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Join columns of the same semantic type on published data: match rates, drift of types and formats."""
    from platform_resources.catalog import prove_joins  # noqa: PLC0415  (only this command needs it)

    settings = MeshSettings.from_env()
    mesh, council = read_mesh(settings)
    known = sorted(council.semantic_types)
    if not known:
        fail("the council has named no semantic types; it writes them into governance/semantic_types.yaml")
    if type_id is not None and type_id not in known:
        fail(f"there is no semantic type {type_id!r}; the council knows {', '.join(known)}", code=2)
    report = prove_joins(settings, mesh, council, type_id=type_id)
    if json_output:
        print_json(report_record(report))
    else:
        _print(report)
    raise typer.Exit(0 if report.holds else 1)


def report_record(report: JoinReport) -> dict[str, Any]:
    """The report as JSON; rates and shares in percent."""
    return {
        "holds": report.holds,
        "joins": [{**asdict(join), "rate": join.rate, "holds": join.holds} for join in report.joins],
        "forms": [{**asdict(form), "type_drifts": form.type_drifts, "drifts": form.drifts} for form in report.forms],
        "unproved": list(report.unproved),
    }


def _print(report: JoinReport) -> None:
    if report.joins:
        console.print(_joins_table(report.joins), highlight=False)
        _print_examples([join for join in report.joins if join.rate < 100])
    else:
        console.print("[dim]nothing to join: fewer than two published columns of such a type[/]")
    _print_forms(report.forms)
    if report.unproved:
        errors.print("\n[yellow]not proved[/]")
        for text in report.unproved:
            errors.print(f"  {escape(printable(text))}", highlight=False)


def _joins_table(joins: tuple[Join, ...]) -> Table:
    """One section for each column that others are held against."""
    made = table("column", ("values", "right"), ("match", "right"), ("rows", "right"), ("promised", "right"), "")
    sections: dict[tuple[str, str], list[Join]] = {}
    for join in joins:
        sections.setdefault((join.type, join.against), []).append(join)
    for (kind, against), found in sections.items():
        made.add_row(f"[bold]{escape(kind)}[/] [dim]in {escape(against)}[/]")
        for join in found:
            made.add_row(
                f"  {escape(join.column)}",
                f"{join.distinct:,}",
                percent(join.rate),
                percent(join.rows_rate),
                percent(join.promised) if join.promised else "[dim]–[/]",
                _verdict(join),
            )
    for column in made.columns[1:]:
        column.no_wrap = True
    return made


def _verdict(join: Join) -> str:
    if not join.promised:
        return "[dim]measured[/]"
    return "[green]joins[/]" if join.holds else "[red]missed[/]"


def percent(value: float) -> str:
    """`99.67 %`; never rounded up to 100.

    >>> percent(99.9999), percent(100.0)
    ('99.99 %', '100 %')
    """
    if value == 100:
        return "100 %"
    return f"{min(value, 99.99):.2f} %"


def _print_examples(joins: list[Join]) -> None:
    for join in joins:
        missing = (
            f"{join.distinct - join.matched:,} of {join.distinct:,} values of {join.column} are not in {join.against}"
        )
        shown = "values are not shown (masked)" if join.examples is None else f"such as {', '.join(join.examples)}"
        reason = f"; tolerated: {join.reason}" if join.reason else ""
        console.print(f"\n{escape(printable(f'{missing}, {shown}{reason}'))}", highlight=False)


def _print_forms(forms: tuple[Form, ...]) -> None:
    drifting = [form for form in forms if form.drifts or form.drift_share is None]
    if not forms:
        return
    types = len({form.type for form in forms})
    if not drifting:
        console.print(f"\n[green]no drift[/] in {len(forms)} columns of {types} semantic types", highlight=False)
        return
    console.print()
    made = table("type", "column", "delivered as", "instead of", ("values off the form", "right"), ("empty", "right"))
    for form in drifting:
        share = "[dim]not comparable[/]" if form.drift_share is None else percent(form.drift_share)
        made.add_row(
            form.type,
            escape(form.column),
            f"[red]{form.physical_type}[/]" if form.type_drifts else form.physical_type,
            form.expected_type if form.type_drifts else "[dim]–[/]",
            f"[red]{share}[/]" if form.drift_share else share,
            percent(form.null_share),
        )
    console.print(made, highlight=False)
    console.print(
        f"[dim]{len(forms) - len(drifting)} of {len(forms)} columns keep their type's form[/]", highlight=False
    )
