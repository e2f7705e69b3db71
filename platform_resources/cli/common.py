"""What the commands of several modules share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from platform_resources.catalog import DomainState, PortState
from platform_resources.cli.output import fail
from platform_resources.contracts.lifecycle import by_preference
from platform_resources.governance import PublishedPort
from platform_resources.lake import MeshSettings, utc_now
from platform_resources.pipeline import published_in, read_mesh

__all__ = ["JsonFlag", "ProductArgument", "find_port", "promised_before", "read_mesh"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProductArgument = Annotated[str, typer.Argument(help="crm.customer_360, or one port: crm.customer_360.v1")]


def find_port(domains: list[DomainState], name: str) -> PortState:
    """The port of an address, or the one of a product that is to be read: the newest active one."""
    states = [state for domain in domains for state in domain.ports]
    found = [state for state in states if name in {state.port.address, state.product.address}]
    if not found:
        near = [s.port.address for s in states if name.rpartition(".")[2] in s.port.address]
        hint = f"did you mean {', '.join(near)}?" if near else "`mesh status` lists them"
        fail(f"there is no product {name!r}; {hint}", code=2)
    preferred = by_preference(found[0].product)
    return min(found, key=lambda state: preferred.index(state.port))


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
