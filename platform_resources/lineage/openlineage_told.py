"""What became of the ports of a mesh, told as it happens: the facts are looked up, made into events and handed out.

Nothing here stops what it tells of: a setting or a lake that can't be read costs the event and a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import duckdb

from platform_resources.access.model import Mask
from platform_resources.access.policy.policies import policy_of
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.lake import MeshSettings, Publication, SettingError, connect, mesh_name, public_url, utc_now
from platform_resources.lineage.model import ColumnEdge
from platform_resources.lineage.openlineage import Dataset, Event, Scene, dataset_event, port_dataset
from platform_resources.lineage.openlineage_outbox import emit, is_disabled
from platform_resources.lineage.published import port_edges
from platform_resources.pipeline import read_mesh
from platform_resources.quality import Audit

log = logging.getLogger("mesh.openlineage")


def tell(settings: MeshSettings, make: Callable[[Scene], Iterable[Event]]) -> None:
    """Make events and emit them; what can't be made is told in the log."""
    if is_disabled():
        return
    try:
        events = list(make(Scene(mesh_name(), public_url())))
    except (SettingError, duckdb.Error, OSError) as error:
        log.warning("an OpenLineage event can't be made: %s", str(error).partition("\n")[0])
        return
    emit(settings, events)


def tell_served(settings: MeshSettings, changes: Iterable[Publication]) -> None:
    """New rows of the publication log that no build made: ports that were rolled back or retired."""
    rows = list(changes)
    if rows:
        tell(settings, lambda scene: _served(scene, settings, rows))


def _served(scene: Scene, settings: MeshSettings, rows: Iterable[Publication]) -> Iterable[Event]:
    mesh, _ = read_mesh(settings)
    for row in rows:
        if row.port in mesh.ports:
            product, port = mesh.ports[row.port]
            domain = mesh.usable[product.domain].domain
            yield dataset_event(utc_now(), served_port(scene, settings, domain, product, port, row))


def served_port(
    scene: Scene,
    settings: MeshSettings,
    domain: Domain,
    product: Product,
    port: OutputPort,
    publication: Publication,
    audit: Audit | None = None,
) -> Dataset:
    """A port as its consumers get it: its lineage closed over private tables, with what the guard masks."""
    edges: Sequence[ColumnEdge] = ()
    if publication.kind != "retire":
        with connect(settings, reads=[domain.name]) as con:
            edges = port_edges(con, domain, product, port, publication)
    return port_dataset(scene, product, port, publication, edges=edges, masks=masks_of(settings, port), audit=audit)


def masks_of(settings: MeshSettings, port: OutputPort) -> Mapping[str, tuple[Mask, ...]]:
    """What the contract and the council put on each column of a port."""
    _, council = read_mesh(settings)
    return policy_of(port.address, [port.contract], council).masks


def refusal_told(failed: Iterable[str], rules: Iterable[str]) -> str:
    """Why a version was refused: by names alone, since the messages of checks may hold values."""
    parts = {"checks": list(dict.fromkeys(failed)), "rules": list(dict.fromkeys(rules))}
    told = "; ".join(f"{what} that failed: {', '.join(names)}" for what, names in parts.items() if names)
    return f"not published; {told}" if told else "not published"
