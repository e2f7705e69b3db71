"""`mesh token`: what an identity proves itself with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.administration import administration
from platform_resources.cli.common import AsOption, JsonFlag
from platform_resources.cli.output import DIM, console, errors, fail, moment, print_json, table

if TYPE_CHECKING:
    from platform_resources.access.callers.tokens import Token

token_app = typer.Typer(
    help="What an identity proves itself with: made once, scoped, with an end.", no_args_is_help=True
)

_STATES = {"valid": "green", "expired": DIM, "revoked": "red"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(token_app, name="token")


@token_app.command()
def create(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID", help="Whose; by default one's own.", show_default=False)
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="read (by default), read:crm.*, read:crm.customer_360.v1, request, approve, admin; may be repeated.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[float, typer.Option(help="How long it lasts; at most 366.")] = 90,
    label: Annotated[str, typer.Option(help="What it is for, as you will know it again.", show_default=False)] = "",
    purpose: Annotated[str | None, typer.Option(help="Counts where a read declares none.", show_default=False)] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Make a token and print it, this once: export MESH_TOKEN=$(mesh token create ID)."""
    from platform_resources.access.callers.tokens import create_token, issue_token, list_tokens  # noqa: PLC0415

    with administration(as_) as admin:
        control, audit = admin.access.control, admin.access.audit
        facts: dict[str, Any] = {"label": label, "scopes": scope or ["read"], "purpose": purpose}
        facts["lasts"] = timedelta(days=min(max(days, 0), 10_000))
        if admin.caller is not None:
            token = issue_token(control, audit, admin.caller, identity, **facts)
        elif identity is None:
            fail("whose token? mesh token create ID; `mesh identity list` lists them", code=2)
        else:
            token = create_token(control, identity, created_by=admin.actor, audit=audit, **facts)
        public = token.split("_")[1]
        made = next(found for found in list_tokens(control) if found.id == public)
    if json_output:
        print_json({"token": token, **token_record(made)})
        return
    errors.print(
        f"[{DIM}]token {made.id} of {escape(made.identity)}: {escape(', '.join(sorted(made.scopes)))}, until "
        f"{moment(made.expires_at)}; it is not shown again[/]",
        highlight=False,
    )
    console.print(token, highlight=False, soft_wrap=True)


@token_app.command(name="list")
def list_command(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID", help="Whose; by default all that you may see.", show_default=False)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Tokens that are out, newest first; never the secret."""
    from platform_resources.access.callers.tokens import list_tokens  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.lake import utc_now  # noqa: PLC0415

    with administration(as_) as admin:
        if not admin.administers and admin.caller is not None:
            identity = identity or admin.caller.identity.id
            if identity != admin.caller.identity.id:
                admin.check("list tokens of others")
        found = list_tokens(admin.access.control, identity)
    now = utc_now()
    shown = [token for token in found if all_ or token.state(now) == "valid"]
    if json_output:
        print_json([{**token_record(token), "state": token.state(now)} for token in shown])
        return
    made = table("token", "identity", "label", "scopes", "until", "last used", "state")
    for token in shown:
        state = token.state(now)
        cells = (token.id, token.identity, token.label or "–", ", ".join(sorted(token.scopes)))
        ends = (_minute(token.expires_at), _minute(token.last_used_at))
        made.add_row(*map(escape, cells), *ends, f"[{_STATES[state]}]{state}[/]")
    console.print(made if shown else "no token is out; `mesh token create ID` makes one")
    if len(shown) < len(found):
        errors.print(f"[{DIM}]{len(found) - len(shown)} have ended; --all shows them[/]", highlight=False)


@token_app.command()
def revoke(
    tokens: Annotated[list[str], typer.Argument(metavar="TOKEN...", help="Public ids: `mesh token list`.")],
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """End tokens, and those that were made with them, at once in every process."""
    from platform_resources.access.callers.tokens import revoke_token  # noqa: PLC0415  (keeps `mesh --help` quick)

    ended: list[str] = []
    with administration(as_) as admin:
        owner = None if admin.administers or admin.caller is None else admin.caller.identity.id
        for token in tokens:
            public = token.split("_")[1] if token.startswith("mesh_") else token  # the whole token, in a hurry
            ended += revoke_token(admin.access.control, admin.access.audit, public, admin.actor, owner=owner)
    if json_output:
        print_json({"revoked": ended})
    else:
        console.print(f"revoked: {', '.join(ended)}" if ended else "they had ended already", highlight=False)


def token_record(token: Token) -> dict[str, Any]:
    """A token as JSON, without its secret."""
    return {
        "id": token.id,
        "identity": token.identity,
        "label": token.label,
        "scopes": sorted(token.scopes),
        "purpose": token.purpose,
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def _minute(value: datetime | None) -> str:
    return moment(value)[:16]
