"""What the commands of several modules share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markup import escape

from platform_resources.catalog import DomainState, PortState, by_preference_now
from platform_resources.cli.output import errors, fail
from platform_resources.governance import PublishedPort
from platform_resources.lake import MeshSettings, Publication, utc_now
from platform_resources.pipeline import published_in, read_mesh

if TYPE_CHECKING:
    from platform_resources.access import Access, Caller
    from platform_resources.catalog.view import CatalogView
    from platform_resources.serving.readers import Reader

__all__ = [
    "AnyProductArgument",
    "AsOption",
    "JsonFlag",
    "ProductArgument",
    "caller_of",
    "catalog_reader",
    "find_port",
    "named_ports",
    "no_product",
    "promised_before",
    "read_mesh",
    "sign_in_link",
    "tell_lineage",
    "tell_of_personas",
    "token_of",
]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProductArgument = Annotated[str, typer.Argument(help="crm.customer_360, or one port: crm.customer_360.v1")]
AnyProductArgument = Annotated[
    str | None, typer.Argument(help="crm.customer_360, or one port; without it, all.", show_default=False)
]

AsOption = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="WHO", help="A demo persona, as analyst; else MESH_TOKEN says who.", show_default=False
    ),
]


def caller_of(access: Access, as_: str | None = None) -> Caller:
    """Who a command acts for: the persona of `--as`, else the token in MESH_TOKEN, else the demo's analyst, said so.

    Raises
    ------
    UnauthenticatedError
        when the token does not hold.
    """
    return access.authenticate(token_of(access, as_))


def token_of(access: Access, as_: str | None = None) -> str:
    """The credential of the same; ends the command when there is none."""
    from platform_resources.access.callers.personas import (  # noqa: PLC0415  (keeps `mesh --help` quick)
        DEFAULT_PERSONA,
        persona_names,
        persona_token,
    )

    tell_of_personas(access)
    if as_ is not None:
        token = persona_token(access.settings, as_)
        if token is None:
            known = persona_names(access.settings)
            hint = f"the demo has {', '.join(known)}" if known else "this mesh has no demo personas; set MESH_TOKEN"
            fail(f"there is no persona {as_!r}; {hint}", code=2)
        return token
    token = os.environ.get("MESH_TOKEN", "").strip()
    if token:
        return token
    token = persona_token(access.settings, DEFAULT_PERSONA) if access.embedded else None
    if token is None:
        fail("who asks? Set MESH_TOKEN to a token; an administrator makes one: mesh token create IDENTITY")
    errors.print(
        f"[dim]as {escape(DEFAULT_PERSONA)}, a demo persona (--as or MESH_TOKEN choose another)[/]", highlight=False
    )
    return token


def sign_in_link(access: Access, root: str) -> str | None:
    """The portal's link for one click as a demo persona; None where a click is not enough.

    A terminal is told the key itself, a file or a pipe only where it lies: logs are read by others.
    """
    from platform_resources.access.callers.one_click import kept_key, key_file  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.access.callers.personas import persona_names  # noqa: PLC0415
    from platform_resources.serving.portal.site import Site, is_loopback  # noqa: PLC0415

    public = Site.from_env().host
    if not access.offers_personas or not persona_names(access.settings) or not (is_loopback(public) or not public):
        return None
    key = kept_key(access.settings)
    return f"{root}/sign-in?demo={key if sys.stdout.isatty() else f'$(cat {key_file(access.settings)})'}"


def tell_of_personas(access: Access) -> None:
    """Say on stderr who the demo personas are, by the command that made them."""
    from platform_resources.access.callers.personas import personas_told  # noqa: PLC0415  (keeps `mesh --help` quick)

    if access.made:
        errors.print(f"[dim]{escape(personas_told(access.settings, access.made))}[/]\n", highlight=False)


def tell_lineage(settings: MeshSettings, changes: Sequence[Publication]) -> None:
    """OpenLineage events of ports that a command rolled back or retired."""
    from platform_resources.lineage.openlineage_told import tell_served  # noqa: PLC0415  (keeps `mesh --help` quick)

    tell_served(settings, changes)


@contextmanager
def catalog_reader(as_: str | None) -> Iterator[Reader]:
    """The catalog as who calls may know of it; errors as of `caller_of`."""
    from platform_resources.access import Access  # noqa: PLC0415  (0.5 s that `mesh --help` doesn't need)
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415
    from platform_resources.serving.readers import Reader  # noqa: PLC0415

    with (
        Access(MeshSettings.from_env()) as access,
        closing(CatalogView(access.settings, access.guard.lakes, access.control)) as view,
    ):
        yield Reader(caller_of(access, as_), access, view)


def find_port(domains: list[DomainState], name: str) -> PortState:
    """The port of an address, or the one of a product that is to be read: the newest active one."""
    states = [state for domain in domains for state in domain.ports]
    found = [state for state in states if name in {state.port.address, state.product.address}]
    if not found:
        near = [s.port.address for s in states if name.rpartition(".")[2] in s.port.address]
        hint = f"did you mean {', '.join(near)}?" if near else "`mesh status` lists them"
        fail(f"there is no product {name!r}; {hint}", code=2)
    return by_preference_now(found)[0]


def named_ports(view: CatalogView, product: str | None) -> list[PortState]:
    """The ports of a product, one port, or all, by address; ends the command when there is none of that name."""
    named = [state for state in view.ports() if product in (None, state.port.address, state.product.address)]
    if product is not None and not named:
        no_product(product)
    return sorted(named, key=lambda state: state.port.address)


def no_product(name: str) -> NoReturn:
    """End the command: there is no such product or port."""
    fail(f"there is no product {name!r}; `mesh status` lists them", code=2)


def promised_before(settings: MeshSettings, revision: str | None) -> Mapping[str, PublishedPort]:
    """What the working tree is compared with, by address: what is published here, or what a git revision promised."""
    if revision is None:
        domains = [file.parent.name for file in sorted(settings.domains.glob("*/domain.yaml"))]
        return published_in(settings, domains)
    from platform_resources.self_service.revisions import TreeError, promised_at  # noqa: PLC0415  (rarely asked for)

    try:
        return promised_at(settings.domains, revision, utc_now())
    except TreeError as error:
        fail(str(error), code=2)
