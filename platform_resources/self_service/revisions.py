"""What the contracts promised in a git revision, in the form in which governance knows what is published."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from platform_resources.contracts import load_mesh
from platform_resources.governance import PublishedPort
from platform_resources.self_service.trees import TreeError, committed

__all__ = ["TreeError", "promised_at"]


def promised_at(domains: Path, revision: str, now: datetime) -> dict[str, PublishedPort]:
    """Address -> the contract of every port that could be used in `revision` of the repository around `domains`.

    Raises
    ------
    TreeError
        when there is no repository, no such revision, or no `domains/` in it.
    """
    with committed(domains, revision) as folder:
        ports = load_mesh(folder).ports
        return {
            address: PublishedPort(address, 0, port.contract.version, port.contract.document.text, now, now)
            for address, (_, port) in ports.items()
            if port.contract.document is not None
        }
