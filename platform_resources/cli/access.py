"""`mesh access`: ask for data, decide on what is asked, see and end what was granted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from platform_resources.cli.access_views import (
    consumer_record,
    grant_record,
    grants_table,
    grants_told,
    request_page,
    request_record,
    requests_table,
)
from platform_resources.cli.common import AsOption, JsonFlag, caller_of
from platform_resources.cli.output import console, print_json
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.access import AccessRequest, Caller
    from platform_resources.access.requests.service import AccessRequests
    from platform_resources.catalog.consumption import PortConsumer

__all__ = ["add_to", "consumer_record", "consumers_in", "consumers_told"]

_commands = typer.Typer(help="Ask for data, decide on what is asked, see and end grants.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(min=1, help="Number of the request.")]
CommentOption = Annotated[str | None, typer.Option(help="For who asked, in words.", show_default=False)]


class State(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(_commands, name="access")


@contextmanager
def _requests(as_: str | None) -> Iterator[tuple[AccessRequests, Caller]]:
    from platform_resources.access import Access  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.access.callers.personas import persona_names  # noqa: PLC0415
    from platform_resources.access.errors import DeniedError  # noqa: PLC0415

    with Access(MeshSettings.from_env()) as access:
        try:
            yield access.requests, caller_of(access, as_)
        except DeniedError as error:
            here = [name for name in error.facts.get("approvers", ()) if name in persona_names(access.settings)]
            if here:
                error.remedy += f" In the demo: --as {here[0]}"
            raise


@_commands.command()
def request(
    port: Annotated[str, typer.Argument(help="Address of the port: crm.customer_360.v1")],
    reason: Annotated[str, typer.Option(help="Why, in words; the approvers read it.", prompt="Why do you need it")],
    role: Annotated[
        str | None, typer.Option(help="A role of its contract; by default the first one.", show_default=False)
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="As the council names it; by default your own.", show_default=False)
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="For how long; by default 90.", show_default=False)] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="Only this one; repeat it for more.", show_default=False)
    ] = None,
    consumer: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="CONSUMER",
            help="Who would read: a team of yours (team:NAME), a service or agent you answer for, a product of yours.",
            show_default=False,
        ),
    ] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Ask to read a port, in a role, for a purpose."""
    with _requests(as_) as (requests, caller):
        asked = requests.request(
            caller, port, role, purpose=purpose, reason=reason, days=days, columns=columns or None, consumer=consumer
        )
    _print_request(asked, json_output)


@_commands.command(name="list")
def list_command(
    state: Annotated[State | None, typer.Option(help="Only those.", show_default=False)] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Requests of yours, and those that you decide on."""
    with _requests(as_) as (requests, caller):
        found = requests.list(caller, None if state is None else state.value)
    _print_requests(found, json_output, "No requests.")


@_commands.command()
def inbox(as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """Requests that wait for your decision."""
    with _requests(as_) as (requests, caller):
        found = requests.inbox(caller)
    _print_requests(found, json_output, "Nothing waits for you.")


@_commands.command()
def show(number: NumberArgument, as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """One request: what is asked, who decided, whom it waits for."""
    with _requests(as_) as (requests, caller):
        found = requests.get(caller, number)
    _print_request(found, json_output)


@_commands.command()
def approve(
    number: NumberArgument,
    comment: CommentOption = None,
    conditions: Annotated[
        str | None, typer.Option(help="What the consumer has to keep to, in words.", show_default=False)
    ] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Approve a request, at the level that is open; the last approval makes the grant."""
    with _requests(as_) as (requests, caller):
        done = requests.approve(caller, number, comment, conditions)
    _print_request(done, json_output)


@_commands.command()
def deny(
    number: NumberArgument, comment: CommentOption = None, as_: AsOption = None, json_output: JsonFlag = False
) -> None:
    """Deny a request, for good."""
    with _requests(as_) as (requests, caller):
        done = requests.deny(caller, number, comment)
    _print_request(done, json_output)


@_commands.command()
def withdraw(number: NumberArgument, as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """Take a request of yours back before it is decided."""
    with _requests(as_) as (requests, caller):
        done = requests.withdraw(caller, number)
    _print_request(done, json_output)


@_commands.command()
def grants(
    port: Annotated[str | None, typer.Argument(help="Only on this port.", show_default=False)] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that ended or were revoked, too.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Only those whose day of review has come.")] = False,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Grants that you hold, and those on ports that you decide over."""
    with _requests(as_) as (requests, caller):
        found = requests.due_for_review(caller) if due else requests.grants(caller, port, ended=ended)
    found = tuple(grant for grant in found if port is None or grant.is_on(port))
    if json_output:
        print_json([grant_record(grant, utc_now()) for grant in found])
    elif not found:
        console.print("No grants.")
    else:
        console.print(grants_table(found, utc_now()))


@_commands.command()
def revoke(
    grant: Annotated[int, typer.Argument(min=1, help="Number of the grant.")],
    reason: Annotated[str, typer.Option(help="Why, in words; the consumer reads it.", prompt="Why")],
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """End a grant now."""
    with _requests(as_) as (requests, caller):
        ended = requests.revoke(caller, grant, reason)
    if json_output:
        print_json(grant_record(ended, utc_now()))
    else:
        console.print(grants_told(ended), highlight=False)


def consumers_in(settings: MeshSettings, port: str) -> tuple[PortConsumer, ...]:
    """Who is known to read a port."""
    from platform_resources.catalog import consumption  # noqa: PLC0415  (SQLAlchemy, 200 ms)

    return consumption.consumers_in(settings, port, utc_now())


def consumers_told(found: Sequence[PortConsumer]) -> str:
    from platform_resources.catalog.consumption import consumption_told  # noqa: PLC0415

    return consumption_told(found)


def _print_request(found: AccessRequest, json_output: bool) -> None:
    if json_output:
        print_json(request_record(found))
    else:
        console.print(request_page(found))


def _print_requests(found: Sequence[AccessRequest], json_output: bool, nothing: str) -> None:
    if json_output:
        print_json([request_record(item) for item in found])
    elif not found:
        console.print(nothing)
    else:
        console.print(requests_table(found))
