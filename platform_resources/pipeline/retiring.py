"""What ends in the documents ends in the lake: ports that are retired there are taken down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import duckdb

from platform_resources.contracts.lifecycle import lifecycle_of, replacement_of, retirement_word
from platform_resources.contracts.model import OutputPort
from platform_resources.governance.endings import still_reading
from platform_resources.lake import MeshSettings, PortAddress, Publication, connect, lake_exists, retire, retirement_of
from platform_resources.pipeline.gate import govern, read_mesh
from platform_resources.pipeline.published import published_in


def ended_ports(settings: MeshSettings, name: str, now: datetime) -> dict[str, OutputPort]:
    """Served ports of a domain that its documents end, and that may go.

    Only the status `retired` in sound documents ends a port. One whose documents are absent goes on being served, and
    the gate says so: a stale branch would else take ports from under consumers who are registered in what it lacks.

    What the gate holds back is not among them: a port that is read goes on being served until its readers have moved,
    or its end is forced with a reason. Broken documents end nothing.
    """
    served = published_in(settings, [name])
    mesh, _ = read_mesh(settings)
    offered = {address: mesh.ports[address] for address in sorted(served) if address in mesh.ports}
    ended = {address: found[1] for address, found in offered.items() if lifecycle_of(*found) == "retired"}
    if not ended and name not in mesh.broken:
        return {}  # as in nearly every run: nothing to be judged
    held = govern(settings, name, now).held
    return {address: port for address, port in ended.items() if address not in held}


def take_down(
    settings: MeshSettings, name: str, now: datetime, run_id: str, only: Iterable[str] | None = None
) -> list[Publication]:
    """Retire the served ports of a domain that its documents end (of those in `only`); their rows in the log.

    Raises
    ------
    ContractError
        when the domain's descriptor can't be used.
    """
    ended = ended_ports(settings, name, now)
    wanted = ended if only is None else {address: ended[address] for address in only if address in ended}
    if not wanted:
        return []
    mesh, _ = read_mesh(settings)
    done = []
    with connect(settings, own=name) as con:
        for address, port in wanted.items():
            row = retire(
                con,
                settings,
                port=PortAddress.parse(address),
                run_id=f"{run_id}/{address}",
                now=now,
                reason=retirement_word(port).reason,
                replaced_by=replacement_of(port),
                consumers=still_reading(mesh, address),
            )
            if row is not None:
                done.append(row)
    return done


def kept_down(settings: MeshSettings, con: duckdb.DuckDBPyConnection, port: PortAddress) -> str | None:
    """Why a retired port may not be served again, in a sentence; None when it may, or when it is served now."""
    retirement = retirement_of(con, port)
    if retirement is None:
        return None
    mesh, _ = read_mesh(settings)
    found = mesh.ports.get(str(port))
    told = retirement.told(str(port))
    if found is None:
        return f"{told}; no sound document offers it: bring back its contract and its output port first"
    if (state := lifecycle_of(*found)) == "retired":
        return f"{told}; change its `status`, which is {state}, before it is served again: {found[1].contract.file}"
    return None


def retired_inputs(settings: MeshSettings, inputs: Iterable[PortAddress]) -> list[str]:
    """For each input port that is retired, when, why and what to read instead; for the message of a failed build."""
    known = [port for port in inputs if lake_exists(settings, port.domain)]
    with connect(settings, reads={port.domain for port in known}) as con:
        found = [(port, retirement_of(con, port)) for port in known]
    return [retirement.told(str(port)) for port, retirement in found if retirement is not None]
