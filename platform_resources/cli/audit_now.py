"""`mesh audit PRODUCT`: its rules on the table as it stands now, and how each of them is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from platform_resources.catalog import mesh_state
from platform_resources.catalog.score_history import ScoreHistory
from platform_resources.cli.common import JsonFlag, ProductArgument, find_port
from platform_resources.cli.output import DIM, console, duration, fail, print_json, score_text, table
from platform_resources.cli.quality_views import shares_table
from platform_resources.cli.views import manual_record, manual_table
from platform_resources.contracts.wording import MANUAL, counted
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.contracts import OutputPort
    from platform_resources.quality import Audit, Plan, Route

_TIERS = {
    0: "what files know",
    1: "one scan of the table",
    2: "a query of its own for each",
}


def audit_product(
    name: ProductArgument,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only tell how each rule is answered, why that is right, what it costs.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read every row, whatever the last publication proved of it.")
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Check the rules of a product on its table as it stands. Nothing is written; exit code 1: not to be published."""
    from platform_resources.self_service.dry_audit import (  # noqa: PLC0415  (keeps `mesh --help` quick)
        NotBuiltError,
        audit_port,
        plan_of_port,
    )

    settings, now = MeshSettings.from_env(), utc_now()
    domains = mesh_state(settings, now)
    state = find_port(domains, name)
    domain = next(found.domain for found in domains if found.name == state.product.domain)
    if domain is None:  # a port is told of domains that can be read only
        fail(f"the domain {state.product.domain} can't be read: mesh check", code=2)
    where = settings, domain, state.product, state.port, now
    try:
        if explain:
            _explain(state.port, plan_of_port(*where, full=full), json_output)
            return
        found = audit_port(*where, full=full)
    except NotBuiltError as error:
        fail(f"{error}: mesh run {state.product.address}")
    _tell(state.port.address, found, json_output)
    raise typer.Exit(0 if found.passed else 1)


def _explain(port: OutputPort, plan: Plan, json_output: bool) -> None:
    manual = port.contract.table.manual_rules
    if json_output:
        builds_on = None if plan.carried is None else plan.carried.as_record()
        record = {
            "port": port.address,
            "builds_on": builds_on,
            "rules": [_route_record(route) for route in plan.routes],
        }
        print_json({**record, "manual": manual_record(manual)})
        return
    name, rules = escape(port.address), counted(len(plan.routes), "rule")
    console.print(f"[bold]{name}[/]  {rules}, each at the cheapest tier that can answer it", highlight=False)
    if plan.carried is not None:
        console.print(f"  {escape(plan.carried.told)}", highlight=False)
    parts = {"Carried on: of these, only new rows are asked": [r for r in plan.routes if r.carried is not None]}
    for tier, told in _TIERS.items():
        parts[f"Tier {tier}: {told}"] = [r for r in plan.routes if r.tier == tier and r.carried is None]
    for title, routes in parts.items():
        if routes:
            console.print(f"\n[bold]{title}[/]  [{DIM}]{counted(len(routes), 'rule')}[/]", highlight=False)
            _explain_tier(routes)
    if manual:
        console.print(f"\n[bold]{MANUAL.capitalize()}[/]  [{DIM}]{counted(len(manual), 'rule')}[/]", highlight=False)
        console.print(Padding(manual_table(manual), (0, 0, 0, 2), expand=False), highlight=False)


def _explain_tier(routes: Iterable[Route]) -> None:
    """Rules that are answered alike stand together below what makes the answer right."""
    alike: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        alike.setdefault((route.why, route.cost), []).append(route)
    for (why, cost), found in alike.items():
        console.print(f"  {escape(why)}  [{DIM}]({escape(cost)})[/]", highlight=False)
        rows = table("", "")
        rows.show_header = False
        for route in found:
            rows.add_row(escape(route.check.name), f"[{DIM}]{escape(route.how)}[/]")
        console.print(Padding(rows, (0, 0, 0, 4), expand=False), highlight=False)


def _route_record(route: Route) -> dict[str, Any]:
    return {
        "check": route.check.name,
        "kind": route.check.kind,
        "columns": route.check.columns,
        "tier": route.tier,
        "how": route.how,
        "why": route.why,
        "cost": route.cost,
        "carried": route.carried is not None,
    }


def _tell(port: str, found: Audit, json_output: bool) -> None:
    if json_output:
        print_json({"port": port, **found.as_record(), "rows": found.rows})
        return
    failed = f"{counted(len(found.failures), 'rule')} of {len(found.results)} failed" if found.failures else "all hold"
    took = duration(found.seconds, 1)
    console.print(
        f"[bold]{escape(port)}[/]  score {score_text(found.score)}  [{DIM}]{counted(found.rows, 'row')}, "
        f"{counted(len(found.results), 'rule')}, {took}[/]: {failed}",
        highlight=False,
    )
    rows = table("rule", "severity", "found")
    for result in found.failures:
        colour = "red" if result.blocks else "yellow"
        rows.add_row(f"[{colour}]{escape(result.name)}[/]", result.severity, escape(result.message))
    if found.failures:
        console.print(rows, highlight=False)
    if (shares := shares_table(found.as_record(), ScoreHistory())) is not None:
        console.print(shares, highlight=False)
