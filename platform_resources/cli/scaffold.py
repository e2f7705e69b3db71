"""`mesh new` and `mesh land`: a domain, a product, a file to read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import JsonFlag
from platform_resources.cli.output import console, fail, print_json, table
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.self_service.new_product import ProductReport

new = typer.Typer(help="A new domain, or a new product of one: files that run at once.", no_args_is_help=True)

Owner = Annotated[
    str | None,
    typer.Option(help="E-mail address of who answers for it.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(new, name="new")
    app.command()(land)


@new.command()
def domain(
    name: Annotated[str, typer.Argument(help="Lower case: marketing")],
    owner: Owner = None,
    title: Annotated[str | None, typer.Option(help="Name for people.", show_default=False)] = None,
    purpose: Annotated[str | None, typer.Option(help="What it answers for, in a sentence.", show_default=False)] = None,
    team: Annotated[str | None, typer.Option(help="Name of the team.", show_default=False)] = None,
    contact: Annotated[str | None, typer.Option(help="Where to ask: an e-mail address.", show_default=False)] = None,
    channel: Annotated[str | None, typer.Option(help="Chat channel of the team.", show_default=False)] = None,
    json_output: JsonFlag = False,
) -> None:
    """Make a domain: its folder, its code location and its dbt target."""
    from platform_resources.self_service.changeset import ScaffoldError  # noqa: PLC0415  (only this command needs it)
    from platform_resources.self_service.new_domain import NewDomain, scaffold_domain  # noqa: PLC0415

    settings = MeshSettings.from_env()
    try:
        done = scaffold_domain(settings.project, NewDomain(name, owner, title, purpose, team, contact, channel))
    except ScaffoldError as error:
        fail(str(error), code=2 if error.asked_wrongly else 1)
    if json_output:
        print_json({"domain": name, "created": done.created, "changed": done.changed, "notes": done.notes})
        return
    console.print(f"[bold]{name}[/] is a domain now.\n", highlight=False)
    _print_files(done.created, done.changed)
    for note in done.notes:
        console.print(f"[dim]{escape(note)}[/]", highlight=False)
    console.print("\n[bold]Next[/]", highlight=False)
    console.print(f"  mesh new product {name}.<product> --from <file, port or query>", highlight=False)


@new.command()
def product(
    address: Annotated[str, typer.Argument(metavar="DOMAIN.NAME", help="marketing.newsletter")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A CSV, TSV or Parquet file (or a pattern of such), a port or own table (sales.bookings.v1), a query, "
            "or an ODCS contract (*.odcs.yaml). Without it: one example row.",
            show_default=False,
        ),
    ] = None,
    owner: Owner = None,
    description: Annotated[str | None, typer.Option(help="What it is for, in a sentence.", show_default=False)] = None,
    tier: Annotated[str, typer.Option(help="gold, silver or bronze: what is asked of it.")] = "bronze",
    feed: Annotated[str | None, typer.Option(help="Name of the feed that the files are.", show_default=False)] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV file; else found out.", show_default=False)] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header", help="Whether the first line names the columns; else found out.", show_default=False
        ),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a CSV file; else found out.", show_default=False)] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Where day and month can't be told apart: '%d/%m/%Y'.", show_default=False)
    ] = None,
    extracted_at: Annotated[
        str | None,
        typer.Option(help="Up to when the file knows everything; else its time of change.", show_default=False),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Make a product from something that is there; it runs at once, as a draft."""
    from platform_resources.contracts import ContractError  # noqa: PLC0415  (only this command needs these)
    from platform_resources.self_service.changeset import ScaffoldError  # noqa: PLC0415
    from platform_resources.self_service.new_product import NewProduct, scaffold_product  # noqa: PLC0415
    from platform_resources.self_service.text_files import Layout  # noqa: PLC0415

    settings = MeshSettings.from_env()
    if delimiter is not None:
        delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
        if len(delimiter) != 1:
            fail("--delimiter is one character, or `tab`", code=2)
    layout = Layout(delimiter=delimiter, header=header, encoding=encoding)
    wanted = NewProduct(address, source, owner, description, tier, feed, layout, date_format, _moment(extracted_at))
    try:
        report = scaffold_product(settings, wanted, utc_now())
    except ScaffoldError as error:
        fail(str(error), code=2 if error.asked_wrongly else 1)
    except ContractError as error:
        fail(f"the mesh can't use what was written:\n{error}")
    if json_output:
        print_json(_record(report))
    else:
        _print_product(report, description)


@new.command()
def version(
    product: Annotated[str, typer.Argument(metavar="DOMAIN.NAME", help="finance.revenue")],
    json_output: JsonFlag = False,
) -> None:
    """Make the next major of a product's port: a draft to change freely, served beside the one before."""
    from platform_resources.pipeline import read_mesh  # noqa: PLC0415  (only this command needs these)
    from platform_resources.self_service.next_version import VersionError, next_version  # noqa: PLC0415

    settings = MeshSettings.from_env()
    mesh, _ = read_mesh(settings)
    found = next((item for item in mesh.products if item.address == product), None)
    if found is None:
        fail(f"there is no product {product!r} whose documents can be used; `mesh check` tells more", code=2)
    try:
        made = next_version(found)
    except VersionError as error:
        fail(str(error))
    contract, changed = (file.relative_to(settings.project) for file in (made.contract, made.product))
    if json_output:
        print_json({"port": made.address, "created": [str(contract)], "changed": [str(changed)]})
        return
    console.print(f"[bold]{made.address}[/] is a draft now, with the promise of the port before it.", highlight=False)
    if any(port.contract.custom.get("tier") == "gold" for port in found.ports):
        console.print(
            "[dim]Its tier is silver while it is a draft; make it gold with `status: active`.[/]", highlight=False
        )
    console.print()
    _print_files([str(contract)], [str(changed)])
    console.print("\n[bold]Next[/]", highlight=False)
    console.print(f"  change {contract}; another table is named by its physicalName", highlight=False)
    console.print(f"  mesh preview {product}", highlight=False)
    console.print(f"  mesh run {product}", highlight=False)


def land(
    feed: Annotated[str, typer.Argument(metavar="DOMAIN.FEED", help="marketing.newsletter_files")],
    files: Annotated[list[str], typer.Argument(help="CSV, TSV or Parquet files.")],
    encoding: Annotated[
        str | None, typer.Option(help="Of a CSV file, where it is another one.", show_default=False)
    ] = None,
    extracted_at: Annotated[
        str | None,
        typer.Option(help="Up to when the file knows everything; else its time of change.", show_default=False),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Land files of a feed, after a look whether they keep its contract; `mesh run` takes them."""
    from platform_resources.contracts import ContractError, load_usable_domain, render_findings  # noqa: PLC0415
    from platform_resources.self_service.changeset import ScaffoldError  # noqa: PLC0415
    from platform_resources.self_service.delivered import find_files  # noqa: PLC0415
    from platform_resources.self_service.landing import land as land_files  # noqa: PLC0415

    settings = MeshSettings.from_env()
    domain_name, _, feed_name = feed.partition(".")
    folder = settings.domains / domain_name
    if not feed_name or not (folder / "domain.yaml").is_file():
        fail(f"{feed!r} is no feed: write <domain>.<feed>, a file domains/<domain>/sources/<feed>.odcs.yaml", code=2)
    try:
        loaded = load_usable_domain(folder)
        source = next((item for item in loaded.domain.sources if item.table.name == feed_name), None)
        if source is None:
            broken = [finding for finding in loaded.other_errors if finding.file.name == f"{feed_name}.odcs.yaml"]
            if broken:
                fail(f"the contract of {feed} can't be used:\n{render_findings(broken, settings.project)}")
            known = ", ".join(f"{domain_name}.{item.table.name}" for item in loaded.domain.sources) or "none yet"
            fail(f"{domain_name} has no feed {feed_name!r}; its feeds are {known}", code=2)
        paths = [path for name in files for path in find_files(name)]
        landed = land_files(
            settings, domain_name, source, paths, utc_now(), extracted_at=_moment(extracted_at), encoding=encoding
        )
    except ScaffoldError as error:
        fail(str(error), code=2 if error.asked_wrongly else 1)
    except ContractError as error:
        fail(f"{folder.name} can't be used:\n{render_findings(error.findings, settings.project)}")
    if json_output:
        print_json(
            [{"file": item.file, "landed": item.path, "rows": item.rows, "unread": item.unread} for item in landed]
        )
        return
    for item in landed:
        if item.path is None:
            console.print(
                f"{escape(str(item.file))}: this very content has landed before; nothing was done", highlight=False
            )
        else:
            console.print(
                f"{escape(str(item.file))}: {counted(item.rows, 'row')} landed for {feed}",
                highlight=False,
            )
        if item.unread:
            console.print(
                f"[dim]  not in the contract, so left out: {escape(', '.join(item.unread))}[/]", highlight=False
            )
    if any(item.path for item in landed):
        console.print("\n[bold]Next[/]\n  mesh run        # takes it, and builds what depends on it", highlight=False)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--extracted-at {text!r} is no moment; write ISO 8601, as 2026-11-21T03:10:00Z", code=2)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print_files(created: tuple[str, ...], changed: tuple[str, ...], landed: tuple[str, ...] = ()) -> None:
    for path in created:
        if not path.endswith(".gitkeep"):
            console.print(f"  [green]new[/]      {escape(path)}", highlight=False)
    for path in changed:
        console.print(f"  [yellow]changed[/]  {escape(path)}", highlight=False)
    for path in landed:
        console.print(f"  [cyan]landed[/]   {escape(path)}", highlight=False)


def _print_product(report: ProductReport, description: str | None) -> None:
    rows = "" if report.rows is None else f", {report.rows:,} rows"
    console.print(
        f"[bold]{report.address}[/] is a draft now, made from {escape(report.origin)}{rows}.\n", highlight=False
    )
    made = table("column", "type", ("empty", "right"), "key", "class", "what was seen")
    for column in report.columns:
        empty = _empty(report, column.name)
        seen = "; ".join(part for part in column.evidence.get("name", "").split("; ") if " rows filled" not in part)
        key = f"{column.key_position}" if column.key_position else ""
        old = next((written for written, name in report.renamed if name == column.name), None)
        name = escape(column.name) + (f" [dim]({escape(old)})[/]" if old else "")
        secret = column.classification in ("personal", "restricted")
        shown = f"[magenta]{column.classification}[/]" if secret else column.classification
        made.add_row(name, _short(column.type), empty, key, shown, f"[dim]{escape(seen)}[/]")
    console.print(made)
    for note in (
        *report.notes,
        *([f"{report.duplicates:,} repeated rows"] if report.duplicates and not report.notes else []),
    ):
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print()
    _print_files(report.created, report.changed, tuple(map(_relative, report.landed)))
    console.print("\n[bold]Next[/]", highlight=False)
    for line in _next_steps(report, description):
        console.print(f"  {escape(line)}", highlight=False)


def _next_steps(report: ProductReport, description: str | None) -> list[str]:
    folder = f"domains/{report.address.replace('.', '/products/', 1)}"
    steps = [f"mesh run {report.address}", f"mesh query 'select * from {report.port} limit 10'"]
    wanted = [] if description else ["what it is for"]
    wanted += [f"how old it may get (now {report.freshness})"]
    if report.terms:
        words = f"{len(report.terms)} new words mean" if len(report.terms) > 1 else f"{report.terms[0]} means"
        wanted.append(f"what {words} (glossary.yaml)")
    return [*steps, f"then say in {folder}: {', '.join(wanted)}"]


def _empty(report: ProductReport, name: str) -> str:
    found = next((c for c in report.profile.columns if c.name == name), None) if report.profile else None
    if found is None or not found.rows:
        return "–"
    share = 100 * (found.rows - found.filled) / found.rows
    return "0 %" if share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"


def _short(type_: str) -> str:
    return escape(
        {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(type_, type_ if len(type_) <= 30 else type_[:29] + "…")
    )


def _relative(path: str) -> str:
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _record(report: ProductReport) -> dict[str, Any]:
    return {
        "product": report.address,
        "port": report.port,
        "origin": report.origin,
        "rows": report.rows,
        "duplicates": report.duplicates,
        "created": report.created,
        "changed": report.changed,
        "landed": report.landed,
        "feed": report.feed,
        "model": report.model,
        "freshness": report.freshness,
        "terms": report.terms,
        "renamed": {name: written for written, name in report.renamed},
        "notes": report.notes,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "required": column.required or column.key_position is not None,
                "key": column.key_position,
                "classification": column.classification,
                "evidence": dict(column.evidence),
            }
            for column in report.columns
        ],
    }
