"""`Mesh`: one mesh, over HTTP or in-process, read as one identity."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_resources.client.answers import Answer, Facts
from platform_resources.client.errors import BadQueryError, DeprecatedPortWarning, MeshError, UnauthenticatedError
from platform_resources.client.products import Description, Product, Products, description_of, product_of
from platform_resources.client.queries import Address, Query, Where, query_of
from platform_resources.client.reading import Reading

if TYPE_CHECKING:
    from platform_resources.client.cache import Cache
    from platform_resources.client.embedded import EmbeddedDoor
    from platform_resources.client.http import HttpDoor


class Mesh:
    """A mesh as one identity sees it.

    Parameters
    ----------
    where
        `http://...`: a server, with or without `/api/v1`. A folder: the project in it, in-process. Nothing: this
        project, as the environment says.
    token
        Of the identity; else `MESH_TOKEN`; else, in-process on a laptop, the demo's analyst, with a `PersonaWarning`.
    purpose
        Declared with every read that names none.
    cache
        Over HTTP: whether answers are kept (in `$MESH_CACHE`), or the folder to keep them in. Kept rows are shown when
        the mesh says that they hold, and to the identity that read them only.
    max_age
        Seconds for which kept rows are shown without asking. A revocation is not seen for as long.
    offline_ok
        Show what was read last when the mesh can't be reached, with a `StaleWarning`; else that is an error.
    timeout
        Seconds to wait for the next bytes of a server; 120 when not given.
    """

    def __init__(
        self,
        where: str | Path | None = None,
        *,
        token: str | None = None,
        purpose: str | None = None,
        cache: bool | str | Path = True,
        max_age: float = 0,
        offline_ok: bool = False,
        timeout: float | None = None,
    ) -> None:
        self.where = where
        self.purpose = purpose
        token = _token(token)
        self._door: HttpDoor | EmbeddedDoor
        if isinstance(where, str) and where.startswith(("http://", "https://")):
            from platform_resources.client.http import HttpDoor, Patience  # noqa: PLC0415  (httpx: 0.1 s)

            server = where.strip().rstrip("/").removesuffix("/api/v1").rstrip("/")
            kept = _cache(server, token, cache)
            patience = Patience() if timeout is None else Patience(read=timeout)
            self._door = HttpDoor(server, token, kept, max_age, offline_ok, patience)
        else:
            from platform_resources.client.embedded import EmbeddedDoor  # noqa: PLC0415  (the platform: 0.4 s)

            self._door = EmbeddedDoor(None if where is None else Path(where), token)
        self._told: set[str] = set()
        self._end = weakref.finalize(self, self._door.close)

    @property
    def cache(self) -> Cache:
        """What is kept on this machine: `mesh.cache.clear()`, `.size`, `.folder`."""
        if self._door.cache is None:
            raise MeshError("no-cache", "this mesh keeps no copies", "Only Mesh('http://...', cache=True) does")
        return self._door.cache

    def read(
        self,
        address: str,
        *,
        columns: str | Iterable[str] | None = None,
        where: Where | None = None,
        order: str | Iterable[str] | None = None,
        limit: int | None = None,
        as_of: int | None = None,
        purpose: str | None = None,
    ) -> Reading:
        """The rows of a port, `crm.customer_360.v1`, as you may see them.

        `where` is a mapping of equals (`{"region": "north"}`; a list means any of it, None means null) or conditions
        such as `[("customer_spend", ">=", 100)]`, all of which hold. `order` names columns, `-` before one turns it
        around. `as_of` is the number of an earlier publication. Filters and order see what you see: masked values.

        Raises
        ------
        MeshError
            when you may not, there is no such port or column, or the mesh can't be reached. `code` tells them apart.
        """
        port = self._port(address)
        query = query_of(port, columns, where, order, limit, as_of, purpose or self.purpose)
        answer = self._door.open(query)
        self._tell(str(port), answer.facts.notice)
        return Reading(str(port), answer, lambda facts: self._again(query, facts))

    def sql(self, text: str, *, purpose: str | None = None) -> Reading:
        """The answer to one SELECT over ports: `select region, count(*) from crm.customer_360.v1 group by all`."""

        def run() -> Answer:
            return self._door.sql(text, purpose or self.purpose)

        return Reading("SQL", run(), lambda _: run())

    def products(self, text: str | None = None) -> Products:
        """The products that you may know of; with `text` those whose name, title, purpose or tags hold it."""
        found: list[Product] = []
        asked = {"limit": "1000"} | ({"q": text} if text else {})
        while True:
            page = self._door.get("/products", asked)
            found += [product_of(told) for told in page["products"]]
            if not page["next"]:
                return Products(found)
            asked["cursor"] = page["next"]

    def describe(self, address: str, *, purpose: str | None = None) -> Description:
        """The columns of a port: type, meaning, and how you get them."""
        port, declared = self._port(address), purpose or self.purpose
        return description_of(self._door.get(f"{port.path}/schema", {"purpose": declared} if declared else None))

    def request_access(
        self,
        address: str,
        *,
        reason: str,
        purpose: str | None = None,
        role: str | None = None,
        days: int | None = None,
        columns: Iterable[str] | None = None,
        consumer: str | None = None,
    ) -> dict[str, Any]:
        """Ask to read a port; its approvers decide. Returns the request as it stands: `id`, `state`, `waits_for`."""
        asked = {"port": str(self._port(address)), "reason": reason, "purpose": purpose or self.purpose, "role": role}
        asked |= {"days": days, "columns": None if columns is None else list(columns), "consumer": consumer}
        return self._door.post("/access/requests", {name: value for name, value in asked.items() if value is not None})

    def close(self) -> None:
        self._end()

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Mesh({str(self.where)!r})" if self.where is not None else "Mesh()"

    def _again(self, query: Query, facts: Facts) -> Answer:
        """The same rows once more: of the publication that was read, as long as the reader sees of it the same.

        Raises
        ------
        MeshError
            when what the reader may see has changed meanwhile: one reading never mixes the two.
        """
        answer = self._door.open(replace(query, as_of=facts.publication))
        if answer.facts.etag != facts.etag:
            answer.rows.close()
            message = f"what you may see of {query.address} has changed since it was read first"
            raise MeshError("changed", message, "Read it anew: mesh.read(...)")
        return answer

    def _tell(self, port: str, notice: str | None) -> None:
        if notice and port not in self._told:
            self._told.add(port)
            warnings.warn(notice, DeprecatedPortWarning, stacklevel=3)

    def _port(self, address: str) -> Address:
        port = Address.parse(address)
        if port.major is not None:
            return port
        told = self._door.get(port.path)["ports"]
        named = ", ".join(f"{item['address']} ({item['lifecycle']})" for item in told)
        raise BadQueryError("address", f"{port} is a product, what is read is one of its ports", f"It has {named}")


def _token(given: str | None) -> str | None:
    """The token as it is sent: a file that it was read from may end with a line of its own.

    Raises
    ------
    UnauthenticatedError
        when it can't be one. It is not repeated.
    """
    token = (given or os.environ.get("MESH_TOKEN") or "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        remedy = "Pass it whole and alone, as it was shown when it was made: Mesh(token=...) or MESH_TOKEN"
        raise UnauthenticatedError("unauthenticated", "the token holds characters that no token has", remedy, 401)
    return token or None


def _cache(server: str, token: str | None, wanted: bool | str | Path) -> Cache | None:
    if wanted is False or token is None:
        return None
    from platform_resources.client.cache import DEFAULT_BYTES, Cache, cache_folder  # noqa: PLC0415  (pyarrow)

    folder = cache_folder() if wanted is True else Path(wanted)
    limit = os.environ.get("MESH_CACHE_BYTES", "")
    if limit and not limit.isdecimal():
        raise MeshError("setting", f"MESH_CACHE_BYTES is {limit!r}", "Write a number of bytes, as 2000000000")
    return Cache(folder, server, token, int(limit or DEFAULT_BYTES))
