"""`mesh identity`: who may ask for data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.administration import administration
from platform_resources.cli.common import AsOption, JsonFlag
from platform_resources.cli.known_names import check_names
from platform_resources.cli.output import DIM, console, fail, moment, print_json, print_record, table

if TYPE_CHECKING:
    from platform_resources.access import Grant, Identity

identity_app = typer.Typer(help="Who may ask for data: people, services, agents.", no_args_is_help=True)

IdentityArgument = Annotated[str, typer.Argument(metavar="ID", help="ana.lind@retailer.example, or service-desk")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(identity_app, name="identity")


@identity_app.command()
def add(
    identity: IdentityArgument,
    kind: Annotated[str, typer.Option(help="person, service, agent or product.")] = "person",
    name: Annotated[str | None, typer.Option(help="For people; by default the id.", show_default=False)] = None,
    domain: Annotated[str | None, typer.Option(help="Where it belongs.", show_default=False)] = None,
    clearance: Annotated[
        list[str] | None, typer.Option(help="What it is cleared for, as gdpr; may be repeated.", show_default=False)
    ] = None,
    team: Annotated[
        list[str] | None, typer.Option(help="Grants to the team are its too; may be repeated.", show_default=False)
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="For row filters: regions=north,south.", show_default=False),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="Counts where a read declares none.", show_default=False)] = None,
    responsible: Annotated[
        str | None, typer.Option(metavar="ID", help="The person who answers for it.", show_default=False)
    ] = None,
    administrator: Annotated[bool, typer.Option("--administrator", help="Of the platform; opens no data.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change one that is known to exactly this.")] = False,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Make an identity known. It may read nothing before it has a grant; a token: `mesh token create ID`."""
    from platform_resources.access import Identity  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.access.callers.identities import get_identity, save_identity  # noqa: PLC0415

    attributes = dict(_attribute(text) for text in attribute or [])
    made = Identity(
        id=identity,
        kind=kind,  # type: ignore[arg-type]  (checked where it is saved)
        name=name or identity,
        domain=domain,
        clearances=frozenset(clearance or ()),
        attributes=attributes,
        teams=frozenset(team or ()),
        purpose=purpose,
        responsible=responsible,
        administrator=administrator,
    )
    with administration(as_) as admin:
        admin.check("administer identities")
        known = get_identity(admin.access.control, identity)
        if known is not None and not replace:
            fail(f"{identity} is known already; --replace changes it to exactly what you write", code=2)
        check_names(admin.access.settings, domain=domain, purpose=purpose, clearances=made.clearances)
        save_identity(admin.access.control, made, audit=admin.access.audit, actor=admin.actor)
        if json_output:
            print_json(identity_record(get_identity(admin.access.control, identity) or made))
            return
        done = "changed" if known is not None else "known now"
        console.print(f"[bold]{escape(identity)}[/] is {done}; a token for it: mesh token create {escape(identity)}")


@identity_app.command()
def show(identity: IdentityArgument, as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """One identity: what it is, holds and may read."""
    from platform_resources.access.callers.identities import get_identity  # noqa: PLC0415
    from platform_resources.access.callers.names import canonical_id, held_by  # noqa: PLC0415
    from platform_resources.access.requests.grants import grants_to  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.lake import utc_now  # noqa: PLC0415

    with administration(as_) as admin:
        if admin.caller is None or canonical_id(identity) != admin.caller.identity.id:
            admin.check("see other identities")
        found = get_identity(admin.access.control, identity)
        if found is None:
            fail(f"there is no identity {identity!r}; `mesh identity list` lists them", code=2)
        now = utc_now()
        with admin.access.control.reading() as connection:
            granted = [grant for consumer in held_by(found) for grant in grants_to(connection, consumer)]
        grants = [grant for grant in granted if grant.holds(now)]
    if json_output:
        print_json({**identity_record(found), "grants": [_grant_record(grant) for grant in grants]})
        return
    print_record(
        {
            "identity": f"[bold]{escape(found.id)}[/]  [{DIM}]{found.kind}[/]",
            "name": escape(found.name),
            "domain": escape(found.domain or "–"),
            "clearances": _listed(found.clearances),
            "teams": _listed(found.teams),
            "attributes": ", ".join(f"{escape(n)} = {escape(_value(v))}" for n, v in found.attributes.items()) or "–",
            "purpose": escape(found.purpose or "–"),
            "responsible": escape(found.responsible or "–"),
            "administrator": "yes" if found.administrator else "no",
            "known by": {"local": "an administrator", "oidc": "the OpenID provider", "demo": "the demo"}.get(
                found.origin, found.origin
            ),
            "since": moment(found.created_at),
            "state": _state(found),
        }
    )
    made = table("grant", "port", "role", "purpose", "until")
    for grant in grants:
        role = escape(grant.role or "first reading role")
        made.add_row(str(grant.id), escape(grant.port), role, escape(grant.purpose), moment(grant.ends_at))
    console.print()
    console.print(made if grants else f"[{DIM}]no grant: it reads nothing[/]")


@identity_app.command(name="list")
def list_command(as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """All identities that are known."""
    from platform_resources.access.callers.identities import list_identities  # noqa: PLC0415  (keeps `mesh --help` quick)

    with administration(as_) as admin:
        admin.check("list identities")
        found = list_identities(admin.access.control)
    if json_output:
        print_json([identity_record(identity) for identity in found])
        return
    made = table("identity", "kind", "domain", "clearances", "purpose", "responsible", "state")
    for one in found:
        cells = (one.id, one.kind, one.domain or "–", ", ".join(sorted(one.clearances)) or "–", one.purpose or "–")
        made.add_row(*map(escape, cells), escape(one.responsible or "–"), _state(one))
    console.print(made if found else "nobody is known yet; `mesh identity add` makes somebody known")


@identity_app.command()
def disable(identity: IdentityArgument, as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """End whatever an identity does, and the services and agents that it answers for, within a second."""
    _set_enabled(identity, False, as_, json_output)


@identity_app.command()
def enable(identity: IdentityArgument, as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """Let an identity that was disabled do again what it may."""
    _set_enabled(identity, True, as_, json_output)


def _set_enabled(identity: str, enabled: bool, as_: str | None, json_output: bool) -> None:
    from platform_resources.access.callers.identities import set_enabled  # noqa: PLC0415  (keeps `mesh --help` quick)

    with administration(as_) as admin:
        admin.check("administer identities")
        found = set_enabled(admin.access.control, admin.access.audit, identity, enabled, admin.actor)
    if json_output:
        print_json(identity_record(found))
    else:
        console.print(f"[bold]{escape(identity)}[/] is {'enabled' if enabled else 'disabled'}")


def identity_record(identity: Identity) -> dict[str, Any]:
    """An identity as JSON."""
    return {
        "id": identity.id,
        "kind": identity.kind,
        "name": identity.name,
        "domain": identity.domain,
        "clearances": sorted(identity.clearances),
        "teams": sorted(identity.teams),
        "attributes": dict(identity.attributes),
        "purpose": identity.purpose,
        "responsible": identity.responsible,
        "administrator": identity.administrator,
        "origin": identity.origin,
        "created_at": identity.created_at,
        "disabled_at": identity.disabled_at,
    }


def _grant_record(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "consumer": grant.consumer,
        "port": grant.port,
        "role": grant.role,
        "purpose": grant.purpose,
        "ends_at": grant.ends_at,
    }


def _attribute(text: str) -> tuple[str, Any]:
    """`regions=north,south` is a list of texts, `stores=1,2` one of numbers, `level=3` a number, `level="3"` a text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        fail(f"--attribute {text!r} has no value; write name=value, as regions=north,south", code=2)
    parts = [_scalar(part.strip()) for part in value.split(",")]
    return name, tuple(parts) if len(parts) > 1 else parts[0]


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _listed(names: frozenset[str]) -> str:
    return escape(", ".join(sorted(names))) or "–"


def _state(identity: Identity) -> str:
    if identity.disabled_at is not None:
        return f"[red]disabled[/] [{DIM}]{moment(identity.disabled_at)}[/]"
    return "[green]enabled[/]"
