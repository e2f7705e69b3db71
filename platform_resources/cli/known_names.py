"""Names that an identity is given, held against the documents: one misspelt opens nothing, and nobody notices."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rich.markup import escape

from platform_resources.cli.common import read_mesh
from platform_resources.cli.output import errors, fail
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.contracts import Mesh
    from platform_resources.governance import Council


def check_names(
    settings: MeshSettings, *, domain: str | None, purpose: str | None, clearances: Collection[str]
) -> None:
    """End the command on a domain or a purpose that there is not; warn on stderr of clearances that open nothing.

    A clearance may be given before the contract that asks for it is written, so it is no error.
    """
    if domain is not None:
        known = sorted(file.parent.name for file in settings.domains.glob("*/domain.yaml"))
        if domain not in known:
            fail(f"there is no domain {domain!r}; one of: {', '.join(known) or 'none yet'}", code=2)
    if purpose is None and not clearances:
        return
    mesh, council = read_mesh(settings)
    if purpose is not None and council.purposes and purpose not in council.purposes:
        fail(f"the council knows no purpose {purpose!r}; one of: {', '.join(council.purposes)}", code=2)
    asked_for = _asked_for(mesh, council)
    for clearance in sorted(set(clearances) - asked_for):
        errors.print(
            f"[yellow]warning:[/] no classification and no contract asks for the clearance {escape(clearance)}: it "
            f"opens nothing; asked for: {escape(', '.join(sorted(asked_for)) or 'none')}",
            highlight=False,
        )


def _asked_for(mesh: Mesh, council: Council) -> set[str]:
    """Clearances that lift a mask or a row filter somewhere, or come with a role."""
    from platform_resources.access.policy.policies import policy_of  # noqa: PLC0415  (keeps `mesh --help` quick)

    found = {level.fields.get("clearance") for level in council.classifications.values()}
    for address, (_, port) in mesh.ports.items():
        policy = policy_of(address, [port.contract], council)
        found |= {mask.clearance for masks in policy.masks.values() for mask in masks}
        found |= {each.clearance for each in policy.row_filters}
        for role in policy.roles:
            found |= role.clearances | {each.clearance for each in role.row_filters}
    return {name for name in found if isinstance(name, str)}
