"""`mesh check`: the gate over the files of the working tree."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from platform_resources.cli.common import promised_before, read_mesh
from platform_resources.cli.output import console, errors, fail
from platform_resources.contracts import (
    Finding,
    check_document,
    findings_as_json,
    findings_as_junit,
    findings_as_sarif,
    render_findings,
)
from platform_resources.contracts.wording import counted
from platform_resources.governance import CheckReport, check_mesh
from platform_resources.governance.days import noon
from platform_resources.lake import MeshSettings, utc_now
from platform_resources.pipeline.policy_findings import policy_findings
from platform_resources.pipeline.rule_findings import rule_findings

_COLOURS = {"error": "bold red", "warning": "yellow", "info": "dim"}


class Format(StrEnum):
    """How findings are told."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(check)


def check(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="Domains, products or document files; without any, everything.", show_default=False),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Text for people; the others for CI and programs.")] = (
        Format.TEXT
    ),
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report to this file.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Compare with this git revision instead of with what is published here.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Judge as of this day: what will block once a grace has ended?"),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Tell what is waived or not in force yet, too.")] = False,
) -> None:
    """Judge all contracts, products, glossaries and rules: what may be published, and what is to be mended."""
    gc.disable()  # one answer and the end: walking 1,000 contracts again and again would cost a third of all time
    settings = MeshSettings.from_env()
    names = what or []
    files = [Path(name) for name in names if name.endswith((".yaml", ".yml"))]
    if files and len(files) < len(names):
        fail("name either document files or domains and products, not both", code=2)
    if files:
        findings = _of_files(files)
        report = None
    else:
        report = _of_mesh(settings, names, against, None if as_of is None else as_of.date())
        findings = [*report.findings, *_of_policies(settings, report)]
    checked = list(report.checked) if report else files
    base = settings.project
    if form is Format.TEXT and output is None:
        shown = [finding for finding in findings if everything or finding.severity != "info"]
        _print(shown, base)
        console.print(_summary(findings, checked, report), highlight=False)
    else:
        _write(_rendered(form, findings, checked, base, report), output)
    raise typer.Exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def _of_files(files: Sequence[Path]) -> list[Finding]:
    """Single documents, wherever they lie: judged by the standards and the mesh's profile, without the council."""
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        fail(f"there is no file {missing}", code=2)
    return [finding for file in files for finding in check_document(file.absolute())]


def _of_mesh(settings: MeshSettings, names: Sequence[str], against: str | None, as_of: date | None) -> CheckReport:
    domains = [file.parent.name for file in sorted(settings.domains.glob("*/domain.yaml"))]
    unknown = next((name for name in names if name.split(".", 1)[0] not in domains), None)
    if unknown is not None:
        fail(f"there is no domain or product {unknown!r}; the domains are {', '.join(domains)}", code=2)
    before = promised_before(settings, against)
    mesh, council = read_mesh(settings)
    now = utc_now() if as_of is None else noon(as_of, council)
    report = check_mesh(mesh, council, before, now, names)
    if not before:
        what = "nothing is published here" if against is None else f"{against} promises nothing"
        errors.print(f"[yellow]breaking changes were not looked for: {what}; compare with git: --against REVISION[/]")
    broken = {finding.file.name for finding in report.council if finding.severity == "error"}
    if names and broken:
        errors.print(f"[yellow]not applied, because broken: {', '.join(sorted(broken))} of the council (mesh check)[/]")
    if names and not report.checked:
        fail(f"there is no product {', '.join(names)}; `mesh status` lists them", code=2)
    return report


def _of_policies(settings: MeshSettings, report: CheckReport) -> list[Finding]:
    """What is wrong with the policies and the SQL of the documents that were looked at."""
    mesh, council = read_mesh(settings)
    looked_at = set(report.checked)
    found = [finding for finding in policy_findings(mesh, council) if finding.file in looked_at]
    return [*found, *rule_findings(mesh, looked_at)]


def _rendered(
    form: Format, findings: Sequence[Finding], checked: Sequence[Path], base: Path, report: CheckReport | None
) -> str:
    match form:
        case Format.SARIF:
            titles = {rule.id: (rule.title, rule.reason) for rule in report.rules} if report else {}
            return json.dumps(findings_as_sarif(findings, base, titles), indent=2, ensure_ascii=False) + "\n"
        case Format.JUNIT:
            return findings_as_junit(findings, checked, base)
        case Format.JSON:
            return json.dumps(_as_json(findings, base, report), indent=2, ensure_ascii=False) + "\n"
        case Format.TEXT:
            return render_findings(findings, base) + "\n" if findings else ""


def _as_json(findings: Sequence[Finding], base: Path, report: CheckReport | None) -> dict[str, object]:
    told = findings_as_json(findings, base)
    if report is not None:
        judged = {id(item.finding): item for item in report.judgements}
        for record, finding in zip(told, findings, strict=True):
            item = judged.get(id(finding))
            if item is not None:
                until = None if item.until is None else item.until.isoformat()
                record |= {"standing": item.standing, "product": item.product, "until": until}
    return {
        "sound": not any(finding.severity == "error" for finding in findings),
        "products": list(report.products) if report else [],
        "blocked": sorted(report.blocked) if report else [],
        "findings": told,
    }


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{output} can't be written: {error.strerror}")


def _print(findings: Sequence[Finding], base: Path) -> None:
    """By file: line, severity, code, what is wrong; below it how to mend it."""
    by_file: dict[str, list[Finding]] = {}
    for finding, record in zip(findings, findings_as_json(findings, base), strict=True):
        by_file.setdefault(record["file"], []).append(finding)
    for file, found in by_file.items():
        console.print(f"[bold]{escape(file)}[/]", highlight=False)
        made = Table.grid(padding=(0, 2))
        made.add_column(justify="right", style="dim", no_wrap=True)
        made.add_column(no_wrap=True)
        made.add_column(no_wrap=True, style="dim")
        made.add_column(overflow="fold")
        for finding in found:
            colour = _COLOURS[finding.severity]
            remedy = f"\n[dim]{escape(finding.remedy)}[/]" if finding.remedy else ""
            place = f"[dim]{escape(finding.path)}:[/] " if finding.path else ""
            made.add_row(
                str(finding.line),
                f"[{colour}]{finding.severity}[/]",
                escape(finding.code),
                f"{place}{escape(finding.message)}{remedy}",
            )
        console.print(Padding(made, (0, 0, 1, 2), expand=False))


def _summary(findings: Sequence[Finding], checked: Sequence[Path], report: CheckReport | None) -> str:
    bad = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    verdict = f"[bold red]{counted(bad, 'error')}[/]" if bad else "[bold green]sound[/]"
    parts = [verdict, counted(warnings, "warning")]
    if report is not None:
        words = {"grace": "in grace", "waived": "waived", "announced": "announced"}
        parts += [f"{report.count(standing)} {word}" for standing, word in words.items() if report.count(standing)]
    looked = counted(len(checked), "document")
    if report is not None:
        looked = f"{counted(len(report.products), 'product')}, {looked}, {counted(len(report.rules), 'rule')}"
    line = f"{looked}: {', '.join(parts)}"
    if report is not None and report.blocked:
        line += f"\nnot to be published as they stand: {escape(', '.join(sorted(report.blocked)))}"
    return line
