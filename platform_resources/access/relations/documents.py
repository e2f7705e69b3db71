"""The documents of today, looked at no more than twice a second: to see that none changed costs 1-2 ms.

Of a mesh that is not small they are those of some seconds ago, since it costs more.
"""

from __future__ import annotations

import threading

from platform_resources.contracts import Contract, Mesh
from platform_resources.contracts.model import Product
from platform_resources.governance import Council
from platform_resources.lake import MeshSettings, PortAddress
from platform_resources.pipeline import recent_mesh

_LASTS_SECONDS = 0.5


class Documents:
    """Contracts, products and the council's catalogues as they stand in the working tree. Safe between threads.

    `version` grows when they change: a cache of what follows from them has it in its key.
    """

    def __init__(self, settings: MeshSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._read: tuple[Mesh, Council] | None = None
        self.version = 0

    def now(self) -> tuple[Mesh, Council, int]:
        """Domains, council, version."""
        with self._lock:
            read = recent_mesh(self._settings, _LASTS_SECONDS)
            if self._read is None or read[0] is not self._read[0] or read[1] is not self._read[1]:
                self.version += 1
                self._read = read
            return *read, self.version

    def contract(self, port: PortAddress) -> Contract | None:
        """The contract of a port in its domain's files; None when there is none that can be used."""
        offered = self.now()[0].ports.get(str(port))
        return None if offered is None else offered[1].contract

    def product(self, port: PortAddress) -> Product | None:
        """The product that a port is of, whether it still offers the port or not."""
        usable = self.now()[0].usable.get(port.domain)
        if usable is None:
            return None
        return next((product for product in usable.domain.products if product.name == port.product), None)
