"""`mesh import` and `mesh export`: the documents in and out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from platform_resources.cli.common import JsonFlag
from platform_resources.cli.output import console, fail, print_json
from platform_resources.contracts import ContractError, Document, Finding, render_findings
from platform_resources.contracts.documents import path_text
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.self_service.fitting import Change
    from platform_resources.self_service.import_plan import ImportPlan, PlannedFile


class Form(StrEnum):
    """What is taken out."""

    ODCS = "odcs"
    ODPS = "odps"
    BUNDLE = "bundle"


_TOLD = 3  # findings of one kind
_STATES = {"new": "green", "extended": "yellow", "replaced": "bold red", "unchanged": "dim"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="export")(export)
    app.command(name="import")(import_)


def export(
    product: Annotated[str, typer.Argument(help="crm.customer_360, or one port: crm.customer_360.v1")],
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="odcs: a contract; odps: the product; bundle: both, with the contracts of all ports."
        ),
    ] = Form.ODCS,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file or folder; a bundle becomes a folder, or a zip by its name."),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Contracts as consumers hold us to them, from the publication log.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that say something else.")] = False,
) -> None:
    """Take a product's documents out, byte for byte: ODCS and Bitol ODPS, for any tool that reads the standards."""
    from platform_resources.self_service import exporting  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.self_service.incoming import ExchangeError  # noqa: PLC0415

    settings = MeshSettings.from_env()
    try:
        found, major = exporting.find_product(settings.domains, product)
        log = _published(settings, found.domain) if published else None
        if form is Form.BUNDLE:
            _write_bundle(exporting.bundle(found, log), output, found.address, force)
            return
        if form is Form.ODPS:
            if published:
                fail("the publication log keeps contracts only; leave --published out for the product", code=2)
            raw, name = exporting.product_bytes(found), f"{found.address}.odps.yaml"
        else:
            raw = exporting.contract_bytes(found, major, log)
            name = f"{found.address}.v{major or max(found.majors)}.odcs.yaml"
    except ExchangeError as error:
        fail(str(error), code=error.code)
    if output is None:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    else:
        _write({output / name if output.is_dir() else output: raw}, force)


def _published(settings: MeshSettings, domain: str) -> Mapping[str, Any]:
    from platform_resources.pipeline import published_in  # noqa: PLC0415  (only the log needs it)

    return published_in(settings, [domain])


def _write_bundle(files: Mapping[str, bytes], output: Path | None, address: str, force: bool) -> None:
    from platform_resources.self_service.exporting import zipped  # noqa: PLC0415

    if output is None:
        fail(f"say where the bundle goes: -o FOLDER, or -o {address}.zip", code=2)
    if output.suffix == ".zip":
        _write({output: zipped(files, address)}, force)
    else:
        _write({output / name: raw for name, raw in files.items()}, force)


def _write(files: Mapping[Path, bytes], force: bool) -> None:
    """Write what was taken out; a file that says something else is only replaced when asked."""
    other = [path for path, raw in files.items() if path.exists() and (path.is_dir() or path.read_bytes() != raw)]
    if other and not force:
        fail(f"{', '.join(map(str, other))} is there already and says something else; --force replaces it")
    try:
        for path, raw in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
    except OSError as error:
        fail(f"{error.filename} can't be written: {error.strerror}")
    for path, raw in files.items():
        console.print(f"{escape(str(path))}  [dim]{len(raw):,} bytes[/]", highlight=False, soft_wrap=True)


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="ODCS contracts, ODPS products, folders or zips of them, or dbt's manifest.json."),
    ],
    into: Annotated[
        str | None, typer.Option(help="The domain or product that they go to, where they don't say it themselves.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A dbt model to take in, as orders or orders.v2; without any, the public ones."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be written, and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that say something else.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Take contracts and products in: bytes are kept where they can be, and every changed field is told."""
    from platform_resources.pipeline import read_mesh  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.self_service.exchange import plan_import  # noqa: PLC0415
    from platform_resources.self_service.import_plan import carry_out  # noqa: PLC0415
    from platform_resources.self_service.incoming import ExchangeError  # noqa: PLC0415

    settings = MeshSettings.from_env()
    try:
        mesh, council = read_mesh(settings)
        plan = plan_import(files, mesh, council, {}, utc_now(), into=into, models=model or [])
        conflicts = [file for file in plan.files if file.state == "replaced"]
        if not dry_run and (force or not conflicts):
            carry_out(plan, force=force)
        elif not dry_run and not json_output:
            _print_plan(plan, settings.project, written=False)
    except ExchangeError as error:
        fail(str(error), code=error.code)
    except ContractError as refused:
        fail("nothing was written, because a document can't be read:\n" + render_findings(refused.findings, Path.cwd()))
    refused_files = bool(conflicts) and not force and not dry_run
    if json_output:
        print_json(_record(plan, settings.project, written=not dry_run and not refused_files))
    elif refused_files:
        told = ", ".join(_shown(file.path, settings.project) for file in conflicts)
        fail(f"nothing was written: {told} is there already and says something else; --force replaces it")
    else:
        _print_plan(plan, settings.project, written=not dry_run)
    raise typer.Exit(0 if plan.usable and not refused_files else 1)


def _shown(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def _record(plan: ImportPlan, base: Path, *, written: bool) -> dict[str, Any]:
    return {
        "written": written,
        "usable": plan.usable,
        "files": [
            {
                "file": _shown(file.path, base),
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
    return {**finding.as_dict(), "file": _shown(finding.file, base)}


def _print_plan(plan: ImportPlan, base: Path, *, written: bool) -> None:
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


def _print_file(file: PlannedFile, base: Path, *, written: bool) -> None:
    from platform_resources.self_service.fitting import GONE  # noqa: PLC0415  (see `import_`)
    from platform_resources.self_service.fitting_contracts import REMEMBERED  # noqa: PLC0415

    colour = _STATES[file.state]
    words = {"new": "new", "extended": "extended", "replaced": "replaced", "unchanged": "unchanged"}
    if not written and file.state != "unchanged":
        words |= {"new": "would be new", "extended": "would be extended", "replaced": "would be replaced"}
    kept = ", every byte kept" if not file.changes and file.origin.endswith((".yaml", ".yml")) else ""
    console.print(
        f"[bold]{escape(_shown(file.path, base))}[/]  [{colour}]{words[file.state]}[/]  "
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
    place = f"{_shown(finding.file, base)}:{finding.line}"
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
    what = f"{count} file{'s' if count != 1 else ''} {done}" if count else "nothing to write: all of it is there"
    errors = sum(finding.severity == "error" for finding in plan.findings)
    if errors:
        told = "1 error[/]: until it is mended" if errors == 1 else f"{errors} errors[/]: until they are mended"
        state = f"[bold red]{told}, nothing can be built from it"
    elif blocking:
        findings = f"{blocking} finding{'s' if blocking != 1 else ''}"
        state = f"sound, but [bold red]{findings}[/] of the council would keep it from being published"
    else:
        state = "[bold green]sound[/]"
    return f"{products} product{'s' if products != 1 else ''}, {what}; {state}"
