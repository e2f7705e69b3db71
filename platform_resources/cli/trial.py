"""`mesh preview` and `mesh whatif`: what would happen, before it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from platform_resources.cli.common import JsonFlag, no_product
from platform_resources.cli.output import console, errors, fail, moment, print_json, table
from platform_resources.contracts import ContractError, findings_as_json, render_findings
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.contracts import Mesh
    from platform_resources.governance import PublishedPort
    from platform_resources.self_service.whatif import Failing, Stretch, WhatIf

_TOLD = 3  # findings of a product, messages of a stretch; `--json` tells them all


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(preview)
    app.command()(whatif)


def preview(
    products: Annotated[
        list[str] | None,
        typer.Argument(help="Domains, products or ports; without any, all that would change.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Compare with this git revision instead of with what is published."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """What the working tree would change if it were merged: contracts, checks, score, consumers hit, the verdict."""
    from platform_resources.cli.preview_views import preview_page, preview_record  # noqa: PLC0415  (quick --help)
    from platform_resources.pipeline import published_in, read_mesh  # noqa: PLC0415
    from platform_resources.self_service.preview import preview_tree  # noqa: PLC0415
    from platform_resources.self_service.revisions import TreeError, promised_at  # noqa: PLC0415

    settings, now, names = MeshSettings.from_env(), utc_now(), products or []
    mesh, council = read_mesh(settings)
    try:
        if against is None:
            base = published_in(settings, sorted({*mesh.usable, *mesh.broken}))
        else:
            base = promised_at(settings.domains, against, now)
    except TreeError as error:
        fail(str(error), code=2)
    unknown = next((name for name in names if not _is_known(name, mesh, base)), None)
    if unknown is not None:
        no_product(unknown)
    found = preview_tree(settings, mesh, council, base, now, names)
    told = f"in {against}" if against else "published"
    if json_output:
        print_json(
            {"against": against or "published", "products": [preview_record(i, settings.project) for i in found]}
        )
    else:
        console.print(preview_page(found, told, settings.project), highlight=False)
    raise typer.Exit(1 if any(item.refused for item in found) else 0)


def _is_known(name: str, mesh: Mesh, base: Mapping[str, PublishedPort]) -> bool:
    known = {*mesh.ports, *mesh.usable, *mesh.broken, *base, *(address.rpartition(".")[0] for address in base)}
    known |= {product.address for product in mesh.products}
    blocked = {f"{domain}.{product}" for domain, loaded in mesh.usable.items() for product in loaded.blocked}
    return name in known | blocked or any(name.startswith(f"{product}.v") for product in blocked)


def whatif(
    rule: Annotated[Path, typer.Argument(help="A rule file, enacted or not: as in governance/rules/.")],
    json_output: JsonFlag = False,
) -> None:
    """Try a rule before it is enacted: which products it would refuse, and which publications it would have refused."""
    from platform_resources.governance import load_rule  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.pipeline import read_mesh  # noqa: PLC0415
    from platform_resources.self_service.history import read_history  # noqa: PLC0415
    from platform_resources.self_service.whatif import what_if  # noqa: PLC0415

    settings = MeshSettings.from_env()
    mesh, council = read_mesh(settings)
    try:
        proposed = load_rule(rule.absolute(), council)
        history = read_history(settings, sorted({*mesh.usable, *mesh.broken}))
        answer = what_if(proposed, mesh, council, history, utc_now())
    except ContractError as refused:
        told = render_findings(refused.findings, Path.cwd())
        if json_output:
            print_json({"findings": findings_as_json(refused.findings, settings.project)})
        errors.print(f"[bold red]mesh:[/] this is no rule that can be tried:\n{escape(told)}", highlight=False)
        raise typer.Exit(2) from None
    if json_output:
        print_json(_whatif_record(answer, settings.project))
    else:
        _print_whatif(answer, settings.project)


def _whatif_record(answer: WhatIf, base: Path) -> dict[str, Any]:
    rule = answer.rule
    return {
        "rule": {"id": rule.id, "title": rule.title, "severity": rule.severity, "applies_to": rule.applies_to},
        "products": list(answer.products),
        "failing": [
            {
                "product": item.product,
                "waived_until": item.waived_until,
                "findings": findings_as_json(item.findings, base),
            }
            for item in answer.failing
        ],
        "publications": answer.publications,
        "refused": answer.refused,
        "would_have_failed": [
            {
                "port": stretch.port,
                "first": stretch.first,
                "last": stretch.last,
                "count": stretch.count,
                "from": stretch.since,
                "to": stretch.until,
                "versions": list(stretch.versions),
                "messages": list(stretch.messages),
            }
            for stretch in answer.stretches
        ],
        "notes": list(answer.notes),
    }


def _print_whatif(answer: WhatIf, base: Path) -> None:
    console.print(f"[bold]{escape(answer.rule.id)}[/]  {escape(answer.rule.title)}", highlight=False)
    console.print("[dim]as if it blocked from today on; nothing is changed[/]\n")
    stopped = [item for item in answer.failing if item.waived_until is None]
    told = _of(len(stopped), len(answer.products), "product")
    console.print(f"[bold]Today[/]  {told} would be refused", highlight=False)
    for item in answer.failing:
        _print_failing(item, base)
    console.print()
    if answer.rule.applies_to not in ("product", "input"):
        told = _of(answer.refused, answer.publications, "publication")
        console.print(f"[bold]Would have failed when[/]  {told} would have been refused", highlight=False)
        if answer.stretches:
            console.print(Padding(_stretches(answer.stretches), (0, 0, 0, 2), expand=False))
        console.print()
    if answer.notes:
        console.print("[bold]Mind that[/]")
        for note in answer.notes:
            console.print(Padding(f"- {escape(note)}", (0, 0, 0, 2), expand=False), highlight=False)


def _of(part: int, whole: int, noun: str) -> str:
    if not whole:
        return f"there is no {noun} to judge: none"
    colour = "bold red" if part else "green"
    return f"[{colour}]{part:,} of {whole:,}[/] {noun}{'s' if whole != 1 else ''}"


def _print_failing(item: Failing, base: Path) -> None:
    count = len(item.findings)
    until = "" if item.waived_until is None else f", [yellow]waived until {item.waived_until}[/]"
    console.print(f"  [bold]{escape(item.product)}[/]  {counted(count, 'finding')}{until}", highlight=False)
    for finding in item.findings[:_TOLD]:
        file = finding.file.relative_to(base) if finding.file.is_relative_to(base) else finding.file
        text = f"{escape(finding.message)}  [dim]{escape(file.name)}:{finding.line}[/]"
        console.print(Padding(text, (0, 0, 0, 4), expand=False), highlight=False)
    if count > _TOLD:
        console.print(f"    [dim]and {count - _TOLD:,} more; --json tells them all[/]", highlight=False)


def _stretches(stretches: tuple[Stretch, ...]) -> Any:
    made = table("port", "publications", "from", "to", "why")
    for column in made.columns[:4]:
        column.no_wrap = True
    for stretch in stretches:
        numbers = f"#{stretch.first}" if stretch.first == stretch.last else f"#{stretch.first}–#{stretch.last}"
        told = "; ".join(stretch.messages[:1]) + (
            f" (and {len(stretch.messages) - 1:,} more)" if len(stretch.messages) > 1 else ""
        )
        since, until = (moment(at)[:16] for at in (stretch.since, stretch.until))
        made.add_row(escape(stretch.port), numbers, since, until if until != since else "", escape(told))
    return made
