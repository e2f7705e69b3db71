"""The doors that a probe tries: the API over HTTP, or the guard in-process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx
import pyarrow as pa

from platform_resources.access import Access, AccessError, ReadQuery
from platform_resources.lake import PortAddress
from platform_resources.operations.identity import PURPOSE
from platform_resources.operations.model import server_of

_NOT_JUDGED = {  # status -> why it says nothing of the port
    400: "the server does not understand the probe",
    401: "its token is not valid",
    403: "it has no grant",
    406: "the server does not understand the probe",
    422: "the server does not understand the probe",
}
_TOLD = {
    404: "answers 404, though it is published",
    410: "answers 410, though it is published",
    429: "turns readers away (429)",
}


class NotJudgedError(Exception):
    """The prober failed, not the port."""


class UnreachableError(Exception):
    """Nothing that could be the mesh answers: it may be down, or was never there."""


@dataclass(frozen=True)
class Expected:
    """What a port must serve, by its domain's log; None where the log can't be read."""

    port: PortAddress
    publication: int | None = None
    published_at: datetime | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Look:
    """What came through a door. `reason` None: an answer."""

    milliseconds: float
    reason: str | None = None
    publication: int | None = None
    columns: tuple[str, ...] = ()


class Door(Protocol):
    name: str

    def find(self) -> None:
        """Look whether the mesh is behind it.

        Raises
        ------
        NotJudgedError
            when something else is.
        UnreachableError
            when nothing answers, or a proxy says so.
        """
        ...

    def look(self, port: PortAddress) -> Look:
        """Read one row.

        Raises
        ------
        NotJudgedError
            when that says nothing of the port.
        """
        ...

    def close(self) -> None: ...


class HttpDoor:
    def __init__(self, url: str, token: str, limit: timedelta) -> None:
        """Raises NotJudgedError when no header can hold the token, SettingError when `url` is none."""
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise NotJudgedError("its token holds characters that no token has")
        self.name = server_of(url)
        self._limit = limit
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "mesh-probe"}
        self._client = httpx.Client(headers=headers, timeout=limit.total_seconds())

    def find(self) -> None:
        try:
            response = self._client.get(f"{self.name}/api/v1/health")
        except httpx.ConnectError as error:
            raise UnreachableError(f"{self.name} refuses connections") from error
        except httpx.TimeoutException as error:
            raise UnreachableError(f"{self.name} does not answer") from error
        except httpx.HTTPError as error:
            raise UnreachableError(f"the connection to {self.name} broke") from error
        except httpx.InvalidURL as error:
            raise NotJudgedError(f"{self.name} is no address") from error
        if _tells_health(response):
            return
        if response.status_code >= 500:
            raise UnreachableError(f"{self.name} answers {response.status_code}")
        raise NotJudgedError(f"{self.name} is no API of a mesh")

    def look(self, port: PortAddress) -> Look:
        started = time.perf_counter()
        path = f"/api/v1/products/{port.domain}/{port.product}/v{port.major}/data"
        try:
            response = self._client.get(
                f"{self.name}{path}", params={"limit": "1", "format": "arrow", "purpose": PURPOSE}
            )
        except httpx.TimeoutException:
            return Look(_since(started), f"no answer within {self._limit.total_seconds():g} s")
        except httpx.ConnectError:
            return Look(_since(started), "refuses connections")
        except httpx.HTTPError:
            return Look(_since(started), "the connection broke")
        spent, status = _since(started), response.status_code
        if status in _NOT_JUDGED:
            raise NotJudgedError(_NOT_JUDGED[status])
        if status != 200:
            return Look(spent, _TOLD.get(status, f"answers {status}"))
        number = response.headers.get("Mesh-Publication", "")
        try:
            with pa.ipc.open_stream(response.content) as reader:
                columns = tuple(reader.read_all().schema.names)
        except pa.ArrowInvalid:
            return Look(spent, "its answer is not whole")
        return Look(spent, None, int(number) if number.isdecimal() else None, columns)

    def close(self) -> None:
        self._client.close()


class EmbeddedDoor:
    """The guard, without a server: the only door of a mesh that runs none."""

    name = "in-process"

    def __init__(self, access: Access, token: str) -> None:
        self._access = access
        self._token = token

    def find(self) -> None:
        pass

    def look(self, port: PortAddress) -> Look:
        started = time.perf_counter()
        try:
            caller = self._access.authenticate(self._token)
            relation = self._access.guard.open(caller, port, purpose=PURPOSE, door="probe")
            with relation.read(ReadQuery(limit=1)) as reading:
                columns = tuple(reading.table().schema.names)
        except AccessError as error:
            if error.status in _NOT_JUDGED:
                raise NotJudgedError(_NOT_JUDGED[error.status]) from None
            return Look(_since(started), _TOLD.get(error.status, "can't be read"))
        return Look(_since(started), None, relation.publication.number, columns)

    def close(self) -> None:
        pass


def _tells_health(response: httpx.Response) -> bool:
    """Ready or not, or why it does not say: either way it is a mesh."""
    try:
        told = response.json()
    except ValueError:
        return False
    if not isinstance(told, dict):
        return False
    return isinstance(told.get("ready"), bool) or str(told.get("type")).startswith("urn:mesh:problem:")


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
