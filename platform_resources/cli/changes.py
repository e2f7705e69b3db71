"""`mesh diff`: what a change of a contract means for those who read the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from platform_resources.cli.change_views import Diff, diff_page, diff_record
from platform_resources.cli.common import JsonFlag, promised_before, read_mesh
from platform_resources.cli.output import console, fail, print_json
from platform_resources.contracts import (
    Contract,
    ContractError,
    Document,
    Mesh,
    compare_contracts,
    contract_of_text,
    render_findings,
)
from platform_resources.contracts.names import split_address
from platform_resources.governance import PublishedPort, by_promise, by_secrecy, consumers_of
from platform_resources.lake import MeshSettings

_UNREADABLE = "can't be compared"
_OF_THE_PORT = {("id",), ("status",), ("version",)}
_Comparer = Callable[[str, tuple[Contract, str], tuple[Contract, str]], Diff]


class Perspective(StrEnum):
    """Whom a change may break."""

    CONSUMERS = "consumers"
    PRODUCERS = "producers"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(diff)


def diff(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Products or ports, compared with what is published (without any: all); two contract files; or two "
            "ports of one product.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Compare with this git revision instead of with what is published."),
    ] = None,
    perspective: Annotated[Perspective, typer.Option(help="Whose breaking changes end with exit code 1.")] = (
        Perspective.CONSUMERS
    ),
    json_output: JsonFlag = False,
) -> None:
    """What changed in a contract: field by field, whom it breaks, who reads it, and which version it needs."""
    settings, names = MeshSettings.from_env(), what or []
    mesh, council = read_mesh(settings)
    orders = (by_secrecy(council), by_promise(council))

    def compare(address: str, before: tuple[Contract, str], after: tuple[Contract, str]) -> Diff:
        comparison = compare_contracts(before[0], after[0], *orders)
        return Diff(address, comparison, before[1], after[1], consumers_of(mesh, address, comparison))

    if any(name.endswith((".yaml", ".yml")) for name in names):
        if against is not None:
            fail("--against compares products of the mesh; name them instead of files", code=2)
        diffs, notes = [_of_files(names, compare)], []
    elif against is None and _are_two_ports(names):
        diffs, notes = [_of_ports(names, mesh, compare)], []
    else:
        chosen = _chosen(mesh, names)
        base = promised_before(settings, against)
        told = "published" if against is None else f"in {against}"
        diffs = list(_of_tree(mesh, base, chosen, told, compare))
        notes = list(_notes(mesh, base, chosen, told, named=bool(names)))
    if json_output:
        print_json({"diffs": [diff_record(item) for item in diffs], "notes": notes})
    else:
        console.print(diff_page(diffs, notes, perspective.value))
    broken = any(item.breaks(perspective.value) for item in diffs)
    unread = [note for note in notes if _UNREADABLE in note]  # what can't be compared may well break somebody
    raise typer.Exit(1 if broken or unread else 0)


def _of_files(names: Sequence[str], compare: _Comparer) -> Diff:
    if len(names) != 2:
        fail("name two contract files: the old one, then the new one", code=2)
    before, after = (_contract_in(Path(name)) for name in names)
    address = after.id if split_address(after.id) else ""
    return compare(address, (before, names[0]), (after, names[1]))


def _contract_in(file: Path) -> Contract:
    try:
        document = Document.load(file)
    except ContractError as refused:
        fail(f"this is no contract\n{render_findings(refused.findings)}", code=2)
    kind = document.data.get("kind")
    if kind != "DataContract":
        fail(f"{file} is no contract: its kind is {'not said' if kind is None else kind}", code=2)
    return contract_of_text(document.text, str(file))


def _are_two_ports(names: Sequence[str]) -> bool:
    addresses = [split_address(name) for name in names]
    return len(names) == 2 and None not in addresses and len({address[:2] for address in addresses if address}) == 1


def _of_ports(names: Sequence[str], mesh: Mesh, compare: _Comparer) -> Diff:
    missing = next((name for name in names if name not in mesh.ports), None)
    if missing is not None:
        fail(f"there is no port {missing!r}; {_hint(mesh, missing)}", code=2)
    before, after = (mesh.ports[name][1].contract for name in names)
    compared = compare(names[0], (before, names[0]), (after, names[1]))
    if compared.comparison is None:
        return compared
    # Two ports are two contracts by design: each has its own id, state and number.
    changes = tuple(change for change in compared.comparison.changes if change.keys not in _OF_THE_PORT)
    return replace(compared, comparison=replace(compared.comparison, changes=changes))


def _chosen(mesh: Mesh, names: Sequence[str]) -> Callable[[str], bool]:
    """Whether the port of an address is among what was asked for: domains, products or ports."""
    known = {*mesh.ports, *mesh.usable, *mesh.broken, *(product.address for product in mesh.products)}
    known |= {f"{name}.{product}" for name, usable in mesh.usable.items() for product in usable.blocked}
    for name in names:
        if name not in known and (split_address(name) is None or name.rpartition(".")[0] not in known):
            fail(f"there is no product {name!r}; {_hint(mesh, name)}", code=2)
    return lambda address: not names or any(address == name or address.startswith(f"{name}.") for name in names)


def _hint(mesh: Mesh, name: str) -> str:
    known = [*mesh.ports, *(product.address for product in mesh.products)]
    near = get_close_matches(name, known, 3, 0.7) or [address for address in known if name in address][:3]
    return f"did you mean {' or '.join(near)}?" if near else "`mesh status` lists them"


def _of_tree(
    mesh: Mesh, base: Mapping[str, PublishedPort], chosen: Callable[[str], bool], told: str, compare: _Comparer
) -> Iterator[Diff]:
    """The ports whose contract is not what it was; those that are gone, too."""
    for address, (_, port) in sorted(mesh.ports.items()):
        was, document = base.get(address), port.contract.document
        if was is None or document is None or not chosen(address) or document.raw == was.document.encode():
            continue
        before = contract_of_text(was.document, f"{address} {told}")
        yield compare(address, (before, f"{was.version} {told}"), (port.contract, f"{port.contract.version} here"))
    for address in sorted(base.keys() - mesh.ports.keys()):
        if chosen(address) and not _is_unreadable(mesh, address):
            yield Diff(address, None, f"{base[address].version} {told}", "gone", consumers_of(mesh, address))


def _is_unreadable(mesh: Mesh, address: str) -> bool:
    domain, product = (split_address(address) or ("", "", 0))[:2]
    return domain in mesh.broken or (domain in mesh.usable and product in mesh.usable[domain].blocked)


def _notes(
    mesh: Mesh, base: Mapping[str, PublishedPort], chosen: Callable[[str], bool], told: str, *, named: bool
) -> Iterator[str]:
    """What was asked for and can't be compared, or needs no comparing."""
    for name, usable in sorted(mesh.usable.items()):
        for product in sorted(usable.blocked):
            if chosen(f"{name}.{product}.v1") or chosen(f"{name}.{product}"):
                yield f"{name}.{product} {_UNREADABLE}: its documents have errors (mesh check {name}.{product})"
    for name in sorted(mesh.broken):
        if chosen(f"{name}.any"):
            yield f"{name} {_UNREADABLE}: its domain.yaml has errors (mesh check {name})"
    for address, (_, port) in sorted(mesh.ports.items()):
        if not chosen(address):
            continue
        if address not in base:
            yield f"{address} is not {told} yet, so nothing is compared"
        elif named and port.contract.document and port.contract.document.raw == base[address].document.encode():
            yield f"{address} is as {told}: {port.contract.version}"
