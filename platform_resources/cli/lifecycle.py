"""`mesh deprecate` and `mesh retire`: the end of a port, told and ordered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from platform_resources.cli.common import JsonFlag, tell_lineage
from platform_resources.cli.output import console, fail, print_json, table
from platform_resources.contracts import (
    ContractError,
    Document,
    Mesh,
    compare_contracts,
    contract_of_text,
    load_mesh,
    render_findings,
)
from platform_resources.contracts.changes.model import version_key
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of, replacement_of
from platform_resources.contracts.model import OutputPort, Product
from platform_resources.contracts.wording import counted
from platform_resources.governance.days import today as day_of
from platform_resources.governance.endings import still_reading
from platform_resources.governance.evolution import wanted_version
from platform_resources.lake import MeshSettings, PortAddress, utc_now
from platform_resources.pipeline import published_in, read_mesh, take_down
from platform_resources.pipeline.published import published_where_readable

PortArgument = Annotated[str, typer.Argument(help="Address of the port: crm.customer_360.v1", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(deprecate)
    app.command()(retire)


def deprecate(
    port: PortArgument,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day on which it is served.", show_default=False)
    ],
    replaced_by: Annotated[
        str | None,
        typer.Option(help="Address of the port to read instead; by default the next active major.", show_default=False),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Give a port an end date: it is served until then, and everybody who reads it is told."""
    settings = MeshSettings.from_env()
    mesh, product, offered = _find(settings, port)
    today = day_of(utc_now(), read_mesh(settings)[1])
    end = until.date()
    if end < today:
        fail(f"--until {end} is past; choose a day that leaves its consumers the time to move", code=2)
    if offered.contract.status == "retired":
        fail(f"{port} is retired; there is nothing left to deprecate")
    other = replaced_by or _successor(product, offered) or replacement_of(offered)
    if replaced_by is not None:
        _check_replacement(mesh, offered, replaced_by)
    wanted = {"status": "deprecated", "endOfSupport": end.isoformat(), "replacedBy": other}
    wanted["version"] = _version_to_publish(settings, offered, wanted)
    readers = still_reading(mesh, port)
    left = (end - today).days
    steps = [
        f"commit the file, then `mesh run {port}` publishes the notice with it",
        *([f"its readers are told in `mesh status` and `mesh check`: {', '.join(readers)}"] if readers else []),
        f"once nobody reads it any more: mesh retire {port}",
    ]
    title = f"{port} is deprecated: served until {end} ({counted(left, 'day')} from today)"
    _write(offered, wanted)
    _tell(settings, offered, wanted, title, steps, json_output, {"readers": readers})


def retire(
    port: PortArgument,
    force: Annotated[bool, typer.Option("--force", help="Although it is still read; needs a reason.")] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; whoever reads it afterwards is told.", show_default=False)
    ] = None,
    approver: Annotated[
        str | None, typer.Option(help="E-mail address of who decided to force it.", show_default=False)
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """End a port: it is not built, audited or served any more; its publication log stays."""
    settings = MeshSettings.from_env()
    mesh, product, offered = _find(settings, port)
    reason = (reason or "").strip() or None
    readers = still_reading(mesh, port)
    if force and reason is None:
        fail('forcing a port off its consumers needs a reason: --reason "…"', code=2)
    if readers and not force:
        end = offered.contract.end_of_support
        when = f", which is promised until {end}," if end else ""
        fail(
            f"{port}{when} is still read by {', '.join(readers)}.\nDeprecate it until they have moved: mesh deprecate "
            f"{port} --until YYYY-MM-DD\nor force it, which breaks their next build: mesh retire {port} --force "
            '--reason "…"'
        )
    word = {"forced": True} if force and readers else {}
    word |= {key: value for key, value in (("reason", reason), ("approver", approver)) if value}
    other = replacement_of(offered) or _successor(product, offered)
    wanted = {"status": "retired", "retirement": word or None, "replacedBy": other}
    served = port in published_in(settings, [product.domain])
    steps = [
        *([f"tell them, their next build fails: {', '.join(readers)}"] if readers else []),
        *([f"whoever reads it is told to read {other}"] if other else []),
        "commit the file; the publication log, the contracts and the private table stay",
    ]
    if served:
        _ask_the_gate(settings, product, offered, wanted)
    _write(offered, wanted)
    down = take_down(settings, product.domain, utc_now(), f"retire-{uuid.uuid4()}", [port])
    tell_lineage(settings, down)
    if served and not down:
        _fail_to_take_down(settings, port)
    title = f"{port} is retired" + (f": not served any more, as its log says (#{down[0].number})" if down else "")
    facts = {"readers": readers, "taken_down": bool(down)}
    _tell(settings, offered, wanted, title, steps, json_output, facts)


def _ask_the_gate(settings: MeshSettings, product: Product, port: OutputPort, wanted: dict[str, Any]) -> None:
    """Fail, with nothing written, when the gate would hold the product with the contract that says retired."""
    from platform_resources.governance import judge  # noqa: PLC0415  (only this step needs these)
    from platform_resources.self_service.overlay import at_home, overlaid  # noqa: PLC0415

    mesh, council = read_mesh(settings)
    published = published_where_readable(settings, sorted({*mesh.usable, *mesh.broken}))
    after = _document(port).edit(_edit(wanted))
    with overlaid(settings.domains, {port.contract.file: after.raw}) as copy:
        changed = load_mesh(copy)
        usable = changed.usable.get(product.domain)
        broken = changed.broken.get(product.domain, ()) if usable is None else usable.blocked.get(product.name, ())
        judged = () if broken else judge(changed, council, published, utc_now(), domain=product.domain)
        against = [*broken, *(item.finding for item in judged if item.blocks and item.is_on(port.address))]
        if against:
            told = render_findings(at_home(against, copy, settings.domains), settings.project)
            fail(f"the gate would hold {port.address}, so nothing was changed:\n{told}\nMend that first.")


def _fail_to_take_down(settings: MeshSettings, port: str) -> NoReturn:
    """The contract says retired now, and somebody changed meanwhile what the gate judges by."""
    address = PortAddress.parse(port)
    from platform_resources.pipeline import govern  # noqa: PLC0415  (the rare way out)

    blocked = govern(settings, address.domain, utc_now()).held.get(port, ())
    fail(
        f"the contract of {port} says retired now, but it is served until the gate lets its product go:\n"
        f"{render_findings(blocked, settings.project)}\nMend that, then: mesh run {port}"
    )


def _find(settings: MeshSettings, port: str) -> tuple[Mesh, Product, OutputPort]:
    address = PortAddress.parse(port)
    mesh, _ = read_mesh(settings)
    if port not in mesh.ports:
        _fail_to_find(settings, mesh, address)
    return mesh, *mesh.ports[port]


def _fail_to_find(settings: MeshSettings, mesh: Mesh, port: PortAddress) -> NoReturn:
    loaded = mesh.usable.get(port.domain)
    broken = mesh.broken.get(port.domain, ()) if loaded is None else loaded.blocked.get(port.product, ())
    if broken:
        fail(f"the documents of {port} have to be mended first:\n{render_findings(broken, settings.project)}")
    near = [other for other in mesh.ports if other.startswith(f"{port.domain}.{port.product}.")]
    fail(f"there is no port {port}; {f'did you mean {near[0]}?' if near else '`mesh status` lists them'}", code=2)


def _successor(product: Product, port: OutputPort) -> str | None:
    """The port of the next major that others may read."""
    later = [other for other in product.ports if other.major > port.major]
    active = [other for other in later if lifecycle_of(product, other) == "active"]
    return min(active, key=lambda other: other.major).address if active else None


def _check_replacement(mesh: Mesh, port: OutputPort, other: str) -> None:
    found = mesh.ports.get(str(PortAddress.parse(other)))
    if found is None:
        fail(f"--replaced-by: there is no port {other}; `mesh status` lists them", code=2)
    if other == port.address:
        fail(f"--replaced-by: {other} can't replace itself", code=2)
    if not is_runnable(state := lifecycle_of(*found)):
        fail(f"--replaced-by: {other} is {state}, so nobody can read it", code=2)


def _changes(port: OutputPort, wanted: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(field, before, after) of what differs."""
    end = port.contract.sla_property("endOfSupport")
    custom = port.contract.custom
    before = {
        "status": port.contract.status,
        "version": port.contract.version,
        "endOfSupport": None if end is None else str(end.value),
    }
    before |= {name: custom.get(name) for name in ("replacedBy", "retirement")}
    return [
        (name, _shown(before[name]), _shown(value))
        for name, value in wanted.items()
        if value is not None and value != before[name]
    ]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key}: {str(item).lower() if isinstance(item, bool) else item}" for key, item in value.items()
        )
    return "–" if value is None else str(value)


def _edit(wanted: dict[str, Any]) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        tree["status"] = wanted["status"]
        if wanted.get("version"):
            tree["version"] = wanted["version"]
        if wanted.get("endOfSupport"):
            _put(tree, "slaProperties", "endOfSupport", wanted["endOfSupport"])
        for name in ("replacedBy", "retirement"):
            if wanted.get(name) is not None:
                _put(tree, "customProperties", name, wanted[name])

    return change


def _put(tree: Any, key: str, name: str, value: Any) -> None:
    """Set the entry of a list of properties, or add it."""
    if not isinstance(tree.get(key), list):
        tree[key] = []
    for entry in tree[key]:
        if entry.get("property") == name:
            entry["value"] = value
            return
    tree[key].append({"property": name, "value": value})


def _version_to_publish(settings: MeshSettings, port: OutputPort, wanted: dict[str, Any]) -> str | None:
    """The version that the changed contract needs; None when that which it has will do."""
    served = published_in(settings, [port.address.partition(".")[0]]).get(port.address)
    if served is None:
        return None
    try:
        before = contract_of_text(served.document, f"{port.address} (published)")
    except ContractError:
        return None  # it can't be compared with, as `mesh check` says
    changed = _document(port).edit(_edit(wanted))
    needed = wanted_version(compare_contracts(before, contract_of_text(changed.text, port.contract.file.name)))
    return needed if version_key(port.contract.version) < version_key(needed) else None


def _document(port: OutputPort) -> Document:
    return port.contract.document or Document.load(port.contract.file)


def _write(port: OutputPort, wanted: dict[str, Any]) -> None:
    if _changes(port, wanted):
        _document(port).edit(_edit(wanted)).save()


def _tell(
    settings: MeshSettings,
    port: OutputPort,
    wanted: dict[str, Any],
    title: str,
    steps: list[str],
    json_output: bool,
    facts: dict[str, Any],
) -> None:
    file = _relative(port.contract.file, settings.project)
    changes = _changes(port, wanted)
    if json_output:
        edits = [{"field": name, "before": before, "after": after} for name, before, after in changes]
        print_json({"port": port.address, "file": str(file), "changes": edits, "next": steps, **facts})
        return
    console.print(f"[bold]{escape(title)}[/]", highlight=False)
    if changes:
        made = table("", "before", "now")
        for name, before, after in changes:
            made.add_row(name, escape(before), escape(after))
        console.print(f"\nIn {escape(str(file))}:", highlight=False)
        console.print(made)
    else:
        console.print(f"{escape(str(file))} says so already: nothing was changed.", highlight=False)
    console.print("\nNext:", highlight=False)
    for step in steps:
        console.print(f"  - {escape(step)}", highlight=False)


def _relative(file: Path, base: Path) -> Path:
    return file.relative_to(base) if file.is_relative_to(base) else file
