"""`mesh import` and `mesh export`: the documents in and out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import AsOption, JsonFlag, catalog_reader
from platform_resources.cli.output import console, fail, print_json
from platform_resources.contracts import ContractError, render_findings
from platform_resources.lake import MeshSettings, utc_now


class Form(StrEnum):
    """What is taken out."""

    ODCS = "odcs"
    ODPS = "odps"
    BUNDLE = "bundle"
    DCAT = "dcat"
    DPROD = "dprod"

    @property
    def is_of_the_catalog(self) -> bool:
        """Whether it holds all products that the caller may know of, not one."""
        return self in (Form.DCAT, Form.DPROD)


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="export")(export)
    app.command(name="import")(import_)


def export(
    product: Annotated[
        str | None,
        typer.Argument(help="crm.customer_360, or one port: crm.customer_360.v1; none for dcat and dprod"),
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="odcs: a contract; odps: the product; bundle: both, with the contracts of all ports; "
            "dcat, dprod: the whole catalog as JSON-LD, as far as the caller may know of it.",
        ),
    ] = Form.ODCS,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "--out", "-o", help="A file or folder; a bundle becomes a folder, or a zip by its name."
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Contracts as consumers hold us to them, from the publication log.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that say something else.")] = False,
    as_: AsOption = None,
) -> None:
    """Take a product's documents out, byte for byte (ODCS, Bitol ODPS), or the whole catalog (DCAT-AP, DPROD)."""
    from platform_resources.self_service import exporting  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.self_service.incoming import ExchangeError  # noqa: PLC0415

    settings = MeshSettings.from_env()
    if form.is_of_the_catalog:
        if product is not None or published:
            fail(f"{form} holds the whole catalog, as it is published; leave the rest out", code=2)
        _hand_out(_catalog(form, as_), f"catalog.{form}.jsonld", output, force)
        return
    if product is None:
        fail("name a product, as mesh export crm.customer_360; --format dcat and dprod take the whole catalog", code=2)
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
    _hand_out(raw, name, output, force)


def _catalog(form: Form, as_: str | None) -> bytes:
    """The same bytes as the API answers with."""
    from platform_resources.catalog.exports import dcat, dprod  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.serving.catalog_exports import exported  # noqa: PLC0415

    with catalog_reader(as_) as reader:
        return (dcat if form is Form.DCAT else dprod)(exported(reader))


def _hand_out(raw: bytes, name: str, output: Path | None, force: bool) -> None:
    """Print it, or write it: under its own name where a folder is given."""
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
    from platform_resources.cli.exchange_views import import_record, print_plan, shown_path  # noqa: PLC0415
    from platform_resources.pipeline import published_in, read_mesh  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.self_service.exchange import plan_import  # noqa: PLC0415
    from platform_resources.self_service.import_plan import carry_out  # noqa: PLC0415
    from platform_resources.self_service.incoming import ExchangeError  # noqa: PLC0415

    settings = MeshSettings.from_env()
    try:
        mesh, council = read_mesh(settings)
        published = published_in(settings, sorted(mesh.usable))
        plan = plan_import(files, mesh, council, published, utc_now(), into=into, models=model or [])
        conflicts = [file for file in plan.files if file.state == "replaced"]
        if not dry_run and (force or not conflicts):
            carry_out(plan, force=force)
        elif not dry_run and not json_output:
            print_plan(plan, settings.project, written=False)
    except ExchangeError as error:
        fail(str(error), code=error.code)
    except ContractError as refused:
        fail("nothing was written, because a document can't be read:\n" + render_findings(refused.findings, Path.cwd()))
    refused_files = bool(conflicts) and not force and not dry_run
    if json_output:
        print_json(import_record(plan, settings.project, written=not dry_run and not refused_files))
    elif refused_files:
        told = ", ".join(shown_path(file.path, settings.project) for file in conflicts)
        fail(f"nothing was written: {told} is there already and says something else; --force replaces it")
    else:
        print_plan(plan, settings.project, written=not dry_run)
    raise typer.Exit(0 if plan.usable and not refused_files else 1)
