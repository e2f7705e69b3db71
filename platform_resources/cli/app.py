"""The commands of `mesh`."""

from __future__ import annotations

import sys
import uuid
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import duckdb
import typer
from rich.markup import escape

from platform_resources.access import AccessError
from platform_resources.access.errors import PurposeMissingError
from platform_resources.catalog import DomainState, mesh_state
from platform_resources.cli import (
    access,
    alerts,
    anomalies,
    audit,
    availability,
    catalog,
    changes,
    check,
    exchange,
    fitness,
    identities,
    interoperability,
    lifecycle,
    lineage,
    mcp,
    query,
    scaffold,
    search,
    serve,
    slo,
    terms,
    tokens,
    trial,
)
from platform_resources.cli.children import check_ports, make_and_tell_personas, serve_all
from platform_resources.cli.common import JsonFlag, ProductArgument, find_port, no_product, tell_lineage
from platform_resources.cli.output import (
    console,
    errors,
    fail,
    make_console,
    print_json,
    table,
)
from platform_resources.cli.quality_views import history_of, history_record
from platform_resources.cli.views import (
    manual_record,
    notices_text,
    port_page,
    port_record,
    problems_text,
    publication_record,
    publications_table,
    status_table,
)
from platform_resources.contracts import contract_of_text
from platform_resources.control import ControlError
from platform_resources.lake import (
    InvalidNameError,
    LakeBusyError,
    LakeMissingError,
    MeshSettings,
    PortAddress,
    PublicationError,
    SettingError,
    connect,
    fsck,
    lake_exists,
    maintain,
    promise_of,
    publications,
    roll_back,
    utc_now,
)
from platform_resources.pipeline import kept_down

if TYPE_CHECKING:
    from platform_resources.orchestration.runner import RunReport

app = typer.Typer(
    help="The data mesh: build, judge and read data products.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"mesh {version('dagster-data-mesh')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and end.")
    ] = False,
) -> None:
    """The data mesh: build, judge and read data products."""


def main() -> None:
    """Entry point: what users can mend is told in a line; anything else is a bug and keeps its traceback."""
    try:
        app()
    except (LakeBusyError, LakeMissingError, PublicationError, InvalidNameError, SettingError) as error:
        errors.print(f"[bold red]mesh:[/] {escape(str(error))}", highlight=False)
        sys.exit(1)
    except ControlError as error:
        errors.print(f"[bold red]mesh:[/] {escape(str(error))}", highlight=False)
        sys.exit(1)
    except AccessError as error:
        how = " Here: --purpose NAME." if isinstance(error, PurposeMissingError) else ""
        remedy = f"\n{escape(error.remedy)}{how}" if error.remedy else ""
        errors.print(f"[bold red]mesh:[/] {escape(error.message)}{remedy}", highlight=False)
        sys.exit(1)
    except duckdb.Error as error:
        reason = escape(str(error).splitlines()[0])
        errors.print(f"[bold red]mesh:[/] {reason}\n`mesh fsck` tells what is damaged", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _settings() -> MeshSettings:
    return MeshSettings.from_env()


def _run(products: list[str], quiet: bool) -> tuple[MeshSettings, RunReport, list[DomainState]]:
    from platform_resources.orchestration.runner import run_due  # noqa: PLC0415  (Dagster costs a second)

    settings = _settings()
    if quiet:
        report = run_due(settings, products)
    else:
        progress = make_console()  # of now: the output of dbt is turned aside while it runs
        with progress.status("starting") as status:

            def show(step: str) -> None:
                status.update(step)
                progress.print(f"[dim]{escape(step)}[/]", highlight=False)

            report = run_due(settings, products, show)
    return settings, report, mesh_state(settings, utc_now())


def _print_below(domains: list[DomainState]) -> None:
    """What the table of products doesn't tell: notices of ports that end, and problems."""
    for text in (notices_text(domains), problems_text(domains)):
        if text is not None:
            console.print()
            console.print(text)


def _print_report(report: RunReport, domains: list[DomainState]) -> None:
    console.print()
    console.print(status_table(domains, report.seconds))
    _print_below(domains)
    for port, what in report.retired.items():
        console.print(f"\n[bold]{escape(port)}[/] {escape(what)}", highlight=False)
    for message in report.refused.values():
        errors.print(f"\n[bold red]refused:[/] {escape(message)}", highlight=False)
    for what, why in report.failures.items():
        errors.print(f"\n[bold red]{escape(what)} failed:[/] {escape(why)}", highlight=False)


@app.command()
def up(
    ui: Annotated[
        bool, typer.Option("--ui/--no-ui", help="Serve the Dagster UI, the schedulers and the HTTP API until Ctrl-C.")
    ] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    api_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the HTTP API.")] = 8080,
) -> None:
    """Build what is due in all domains, print the products, then serve the portal, the API and the Dagster UI."""
    if ui:
        check_ports(port, api_port)
    settings, report, domains = _run([], quiet=False)
    _print_report(report, domains)
    make_and_tell_personas(settings)
    if not ui:
        raise typer.Exit(0 if report.ok else 1)
    raise typer.Exit(serve_all(settings, port, api_port))


@app.command()
def run(
    products: Annotated[
        list[str] | None, typer.Argument(help="Products or domains; without any, all that is due.", show_default=False)
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Build, audit and publish what is due, or the named products whether due or not."""
    settings = _settings()
    _check_products(settings, products or [])
    settings, report, domains = _run(products or [], quiet=json_output)
    if json_output:
        print_json({**asdict(report), "ok": report.ok})
    else:
        _print_report(report, domains)
    raise typer.Exit(0 if report.ok else 1)


def _check_products(settings: MeshSettings, products: list[str]) -> None:
    if not products:
        return
    domains = mesh_state(settings, utc_now())
    known = {d.name for d in domains} | {p.product.address for d in domains for p in d.ports}
    known |= {p.port.address for d in domains for p in d.ports}
    for product in products:
        if product not in known:
            broken = next((d for d in domains if d.name == product.split(".", 1)[0] and d.problems), None)
            if broken is not None:
                fail(f"{product} can't be built:\n" + "\n".join(broken.problems))
            no_product(product)


@app.command()
def status(json_output: JsonFlag = False) -> None:
    """Every product: version, rows, score, freshness; refused versions are told."""
    domains = mesh_state(_settings(), utc_now())
    if json_output:
        print_json(
            {
                "products": [port_record(state) for domain in domains for state in domain.ports],
                "problems": [{"domain": d.name, "problem": p} for d in domains for p in d.problems],
                "quarantine": [{"domain": d.name, **asdict(file)} for d in domains for file in d.quarantine],
            }
        )
        return
    console.print(status_table(domains))
    _print_below(domains)


@app.command()
def show(product: ProductArgument, json_output: JsonFlag = False) -> None:
    """One product: promise, columns, score, warnings, how to use it."""
    domains = mesh_state(_settings(), utc_now())
    state = find_port(domains, product)
    siblings = [other for domain in domains for other in domain.ports if other.product.address == state.product.address]
    others = [other for other in siblings if other is not state]
    measured = availability.measured(_settings(), state.port.address)
    consumers = access.consumers_in(_settings(), state.port.address)
    history = history_of(_settings(), state)
    if not json_output:
        told = None if measured is None else availability.measured_text(measured)
        console.print(port_page(state, told, access.consumers_told(consumers), others, history))
        return
    contract = state.port.contract
    columns = [
        {
            "name": c.name,
            "type": c.physical_type,
            "required": c.required,
            "primary_key_position": c.primary_key_position,
            "classification": c.classification,
            "description": c.description,
        }
        for c in contract.table.columns
    ]
    audit = None
    if state.publication:  # without what it holds for later audits and judgements, and what `mesh anomalies` tells
        kept = state.publication.audit
        audit = {name: kept[name] for name in kept if name not in ("profile", "proven", "anomalies")}
    told = None if measured is None else availability.availability_record(measured)
    record = {**port_record(state), "purpose": contract.purpose, "columns": columns, "audit": audit}
    record["history"] = history_record(history)
    record["manual_rules"] = manual_record(contract.table.manual_rules)
    print_json({**record, "availability": told, "consumers": [access.consumer_record(c) for c in consumers]})


@app.command(name="publications")
def publications_command(
    product: ProductArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    json_output: JsonFlag = False,
) -> None:
    """The publication log of a product: which version was served when, and its score."""
    settings = _settings()
    address = PortAddress.parse(find_port(mesh_state(settings, utc_now()), product).port.address)
    if not lake_exists(settings, address.domain):
        fail(f"{address} was never published; build it: mesh run {address.domain}.{address.product}")
    with connect(settings, reads=[address.domain]) as con:
        log = publications(con, address.domain, address, limit=limit)
    if json_output:
        print_json([publication_record(item) for item in log])
    elif not log:
        fail(f"{address} was never published; build it: mesh run {address.domain}.{address.product}")
    else:
        console.print(publications_table(log))


def _published_table(con: duckdb.DuckDBPyConnection, port: PortAddress, number: int) -> str:
    """The table behind a publication, by its own contract: today's file may be the reason for going back."""
    target = next((item for item in publications(con, port.domain, port) if item.number == number), None)
    if target is None:
        return port.product  # `roll_back` says what is wrong
    return contract_of_text(promise_of(con, port, target).document, f"{port}.odcs.yaml").table.physical_name


@app.command()
def rollback(
    port: Annotated[str, typer.Argument(help="Address of the port: crm.customer_360.v1")],
    to: Annotated[int, typer.Option("--to", min=1, help="Number of the publication to serve again.")],
    json_output: JsonFlag = False,
) -> None:
    """Serve an earlier publication of a port again. The next version that passes its audit follows it."""
    settings = _settings()
    address = PortAddress.parse(port)
    if not lake_exists(settings, address.domain):
        find_port(mesh_state(settings, utc_now()), port)
        fail(f"{address} was never published: there is nothing to roll back to")
    with connect(settings, own=address.domain) as con:
        if not publications(con, address.domain, address, limit=1):
            find_port(mesh_state(settings, utc_now()), port)  # a name that nobody knows is a wrong call
        ended = kept_down(settings, con, address)
        if ended is not None:
            fail(ended)
        done = roll_back(
            con,
            settings,
            port=address,
            table=_published_table(con, address, to),
            to=to,
            run_id=f"rollback-{uuid.uuid4()}",
            now=utc_now(),
        )
    tell_lineage(settings, [done])
    if json_output:
        print_json(publication_record(done))
    else:
        console.print(f"{address} serves publication #{to} again, as #{done.number} ({done.row_count:,} rows)")


@app.command(name="fsck")
def fsck_command(json_output: JsonFlag = False) -> None:
    """Check every lake whole: catalog, files (size, checksum, content) and what is published."""
    settings = _settings()
    domains = [p.parent.name for p in sorted(settings.domains.glob("*/domain.yaml"))]
    reports = [fsck(settings, domain) for domain in domains if lake_exists(settings, domain)]
    sound = not any(report.findings for report in reports)
    if json_output:
        print_json({"sound": sound, "lakes": [asdict(report) for report in reports]})
    else:
        made = table("lake", ("files", "right"), ("MB", "right"), ("publications", "right"), "verdict")
        for report in reports:
            verdict = f"[red]{len(report.findings)} damaged[/]" if report.findings else "[green]sound[/]"
            made.add_row(
                report.domain, f"{report.files:,}", f"{report.bytes / 1e6:,.1f}", f"{report.publications:,}", verdict
            )
        console.print(made)
        for finding in (finding for report in reports for finding in report.findings):
            errors.print(
                f"\n[bold red]{finding.damage}[/] {escape(finding.where)}\n  {escape(finding.message)}\n"
                f"  {escape(finding.remedy)}",
                highlight=False,
            )
    raise typer.Exit(0 if sound else 1)


@app.command(name="maintain")
def maintain_command(json_output: JsonFlag = False) -> None:
    """Retention, compaction and clean-up of every lake now (the schedulers do it every night)."""
    settings = _settings()
    domains = [p.parent.name for p in sorted(settings.domains.glob("*/domain.yaml"))]
    reports = [maintain(settings, domain, utc_now()) for domain in domains if lake_exists(settings, domain)]
    if json_output:
        print_json([asdict(report) for report in reports])
        return
    made = table(
        "lake", ("expired", "right"), ("kept", "right"), ("merged", "right"), ("deleted", "right"), ("orphans", "right")
    )
    for r in reports:
        made.add_row(
            r.domain,
            *map(str, (r.expired_snapshots, r.kept_snapshots, r.merged_files, r.deleted_files, r.orphans_deleted)),
        )
    console.print(made)


for module in (
    identities,
    tokens,
    audit,
    query,
    search,
    access,
    check,
    changes,
    terms,
    fitness,
    lineage,
    lifecycle,
    mcp,
    interoperability,
    scaffold,
    trial,
    exchange,
    availability,
    alerts,
    catalog,
    serve,
    slo,
    anomalies,
):
    module.add_to(app)
