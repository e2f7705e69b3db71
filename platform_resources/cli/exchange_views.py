"""How `mesh import` tells what it does: for people, and as a record for programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from platform_resources.cli.output import console
from platform_resources.contracts import Document, Finding, contract_of_text
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.wording import counted
from platform_resources.self_service.fitting import GONE, Change
from platform_resources.self_service.fitting_contracts import REMEMBERED
from platform_resources.self_service.import_plan import ImportPlan, PlannedFile

_TOLD = 3  # findings of one kind
_STATES = {"new": "green", "extended": "yellow", "replaced": "bold red", "unchanged": "dim"}


def shown_path(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def import_record(plan: ImportPlan, base: Path, *, written: bool) -> dict[str, Any]:
    return {
        "written": written,
        "usable": plan.usable,
        "files": [
            {
                "file": shown_path(file.path, base),
                "from": file.origin,
                "state": file.state,
                "changes": [change.as_dict() for change in file.changes],
            }
            for file in plan.files
        ],
        "not_taken": [{"where": item.where, "why": item.why} for item in plan.not_taken],
        "findings": [_finding_record(finding, base) for finding in plan.findings],
        "judgements": [{**_finding_record(item.finding, base), "standing": item.standing} for item in plan.judgements],
    }


def _finding_record(finding: Finding, base: Path) -> dict[str, Any]:
    return {**finding.as_dict(), "file": shown_path(finding.file, base)}


def print_plan(plan: ImportPlan, base: Path, *, written: bool) -> None:
    for file in plan.files:
        _print_file(file, base, written=written)
    if plan.not_taken:
        console.print("[bold]Not taken over[/]")
        for item in plan.not_taken:
            console.print(
                Padding(f"{escape(item.where)}\n[dim]{escape(item.why)}[/]", (0, 0, 0, 2), expand=False),
                highlight=False,
            )
        console.print()
    blocking = [item.finding for item in plan.judgements if item.standing == "blocks"]
    findings = [finding for finding in plan.findings if finding.severity != "info"]
    if findings or blocking:
        console.print("[bold]To be mended[/]")
        told: Counter[str] = Counter()
        for finding in (*findings, *blocking):
            told[finding.code] += 1
            if told[finding.code] <= _TOLD:
                _print_finding(finding, base)
        for code, count in told.items():
            if count > _TOLD:
                console.print(f"  and {count - _TOLD} more of {escape(code)}; `mesh check` tells them all", style="dim")
        console.print()
    console.print(_summary(plan, len(blocking), written=written), highlight=False)
    if written and plan.usable and (hint := _next_step(plan)):
        console.print(f"[dim]{escape(hint)}[/]", highlight=False)


def _next_step(plan: ImportPlan) -> str:
    """A contract alone builds nothing: which tables somebody has to write now."""
    tables = []
    for file in plan.files:
        if file.state == "new" and file.path.name.endswith(".odcs.yaml"):
            domain = file.path.parents[2].name
            table = contract_of_text(file.raw.decode("utf-8"), file.path.name).table
            tables.append(f"{domain}.internal.{table.physical_name}")
    return (
        f"next: a dbt or Python model that builds {', '.join(tables)}; then mesh preview and mesh run" if tables else ""
    )


def _print_file(file: PlannedFile, base: Path, *, written: bool) -> None:
    colour = _STATES[file.state]
    words = {"new": "new", "extended": "extended", "replaced": "replaced", "unchanged": "unchanged"}
    if not written and file.state != "unchanged":
        words |= {"new": "would be new", "extended": "would be extended", "replaced": "would be replaced"}
    kept = ", every byte kept" if not file.changes and file.origin.endswith((".yaml", ".yml")) else ""
    console.print(
        f"[bold]{escape(shown_path(file.path, base))}[/]  [{colour}]{words[file.state]}[/]  "
        f"[dim]{escape(file.origin)}{kept}[/]",
        highlight=False,
    )
    if file.changes:
        data = Document.parse(file.raw, file.path).data
        made = Table.grid(padding=(0, 2))
        made.add_column(overflow="fold", max_width=38)
        made.add_column(overflow="fold", max_width=44)
        made.add_column(style="dim", overflow="fold")
        for change in file.changes:
            if REMEMBERED in str(change.after):  # it repeats the lines above
                made.add_row(escape(REMEMBERED), "(what stood there before)", "what came in stays known")
                continue
            after = "[red]taken out[/]" if change.after is GONE else escape(_value(change.after))
            before = "" if change.before is None else f"{escape(_value(change.before))} → "
            made.add_row(escape(_place(change, data)), before + after, escape(change.why))
        console.print(Padding(made, (0, 0, 0, 2), expand=False))
    console.print()


def _place(change: Change, data: Any) -> str:
    """Where a change lies, with the column's name instead of its number: `order_id.physicalType`."""
    if change.at[:1] != ("schema",) or change.at[2:3] != ("properties",) or len(change.at) < 4:
        return change.path
    column = data["schema"][0]["properties"][change.at[3]].get("name")
    return path_text((str(column), *change.at[4:]))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(map(_value, value))
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _print_finding(finding: Finding, base: Path) -> None:
    colour = "bold red" if finding.severity == "error" else "yellow"
    place = f"{shown_path(finding.file, base)}:{finding.line}"
    console.print(
        Padding(
            f"[{colour}]{finding.severity}[/] {escape(place)} [dim]{escape(finding.path)}[/]\n"
            f"{escape(finding.message)} [dim]{escape(finding.remedy)}[/]",
            (0, 0, 0, 2),
            expand=False,
        ),
        highlight=False,
    )


def _summary(plan: ImportPlan, blocking: int, *, written: bool) -> str:
    count = sum(file.state != "unchanged" for file in plan.files)
    products = len({file.path.parent for file in plan.files})
    done = "written" if written else "would be written"
    what = f"{counted(count, 'file')} {done}" if count else "nothing to write: all of it is there"
    errors = sum(finding.severity == "error" for finding in plan.findings)
    if errors:
        told = "1 error[/]: until it is mended" if errors == 1 else f"{errors} errors[/]: until they are mended"
        state = f"[bold red]{told}, nothing can be built from it"
    elif blocking:
        findings = counted(blocking, "finding")
        state = f"sound, but [bold red]{findings}[/] of the council would keep it from being published"
    else:
        state = "[bold green]sound[/]"
    return f"{counted(products, 'product')}, {what}; {state}"
