"""The door over HTTP: one request, its retries, its refusals."""

from __future__ import annotations

import contextlib
import random
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pyarrow as pa

from platform_resources.client.answers import Answer, Facts
from platform_resources.client.arrow_streams import StreamedRows
from platform_resources.client.cache import Cache, Entry, StoredRows
from platform_resources.client.errors import (
    MeshError,
    StaleWarning,
    TruncatedError,
    UnauthenticatedError,
    UnavailableError,
    error_of,
)
from platform_resources.client.queries import Query

ARROW = "application/vnd.apache.arrow.stream"
_BASE = "/api/v1"
_RETRIED = (429, 503)
_LONGEST_PAUSE = 30.0  # seconds; a server that asks for more is told as an error
_GONE = (403, 404, 410)  # what was kept of the port may not be shown any more


@dataclass(frozen=True)
class Patience:
    """How long to wait: for a connection, for the next bytes, and how often to try again what changes nothing."""

    connect: float = 5.0  # seconds
    read: float = 120.0
    tries: int = 4

    @property
    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.read, connect=self.connect)


class HttpDoor:
    """One server, asked with one token.

    `cache` None keeps nothing. `max_age`: seconds for which an entry is shown without asking whether it holds.
    """

    def __init__(
        self,
        server: str,
        token: str | None,
        cache: Cache | None,
        max_age: float = 0,
        offline_ok: bool = False,
        patience: Patience = Patience(),
    ) -> None:
        self.server = server.rstrip("/")
        self.cache = cache
        self._max_age = max_age
        self._offline_ok = offline_ok
        self._patience = patience
        headers = {"User-Agent": "mesh-client", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(headers=headers, timeout=patience.timeout)

    def open(self, query: Query) -> Answer:
        """See `Mesh.read`. What is kept is asked for by its ETag, and shown when the mesh says that it holds."""
        name, kept = str(query.address), self.cache.find(query) if self.cache is not None else None
        if kept is not None and self._max_age > 0 and kept.age <= self._max_age:
            return _of_entry(name, kept)
        headers = {"Accept": ARROW}
        if kept is not None and kept.facts.etag:
            headers["If-None-Match"] = kept.facts.etag
        try:
            response = self._get(f"{query.address.path}/data", query.parameters, headers)
        except UnauthenticatedError:
            self._forget(None)
            raise
        except UnavailableError as error:
            if kept is None or not self._offline_ok or error.status == 429:
                raise
            warnings.warn(f"{name}: {error.message}; it is shown as it was read last", StaleWarning, stacklevel=4)
            return _of_entry(name, kept, stale=True)
        except MeshError as error:
            if error.status in _GONE:
                self._forget(query)
            raise
        if kept is not None and response.status_code == 304:
            response.close()
            self.cache.confirm(kept)
            return _of_entry(name, replace(kept, facts=replace(kept.facts, notice=_notice(name, response))))
        facts = _facts(name, response)
        rows = StreamedRows(name, response)
        return Answer(facts, rows if self.cache is None else _KeptRows(self.cache, query, facts, rows))

    def sql(self, text: str, purpose: str | None) -> Answer:
        """The answer to SQL of the reader's own; it is not kept."""
        body = {"sql": text} | ({"purpose": purpose} if purpose else {})
        response = self._send("POST", "/sql", headers={"Accept": ARROW}, json=body)
        return Answer(_facts("SQL", response), StreamedRows("SQL", response))

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """A JSON resource below `/api/v1`."""
        with contextlib.closing(self._get(path, list((parameters or {}).items()), {})) as response:
            return self._json(response)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        with contextlib.closing(self._send("POST", path, json=body)) as response:
            return self._json(response)

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str, parameters: list[tuple[str, str]], headers: Mapping[str, str]) -> httpx.Response:
        """A GET, tried again when the mesh can't be reached or says that it is busy."""
        for attempt in range(1, self._patience.tries + 1):
            try:
                return self._send("GET", path, params=parameters, headers=headers)
            except UnavailableError as error:
                pause = _pause(error, attempt)
                if pause is None or attempt == self._patience.tries:
                    raise
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, its body not read yet; one that refuses is raised as the error that it means."""
        request = self._client.build_request(method, f"{self.server}{_BASE}{path}", **options)
        try:
            response = self._client.send(request, stream=True)
        except httpx.TimeoutException:
            raise self._unreachable("does not answer in time") from None
        except httpx.HTTPError:
            raise self._unreachable("can't be reached") from None
        if response.status_code < 300 or response.status_code == 304:
            return response
        with contextlib.closing(response):
            raise refusal_of(self.server, response)

    def _unreachable(self, what: str) -> UnavailableError:
        return UnavailableError("unreachable", f"{self.server} {what}", "Is the address right, and `mesh serve` up?")

    def _json(self, response: httpx.Response) -> Any:
        try:
            response.read()
            return response.json()
        except (httpx.HTTPError, ValueError):
            raise UnavailableError("truncated", f"{self.server} sent an answer that is not whole") from None

    def _forget(self, query: Query | None) -> None:
        if self.cache is not None:
            self.cache.forget(None if query is None else query.address)


class _KeptRows:
    """Rows that go into the cache when they are read whole."""

    def __init__(self, cache: Cache, query: Query, facts: Facts, rows: StreamedRows) -> None:
        self._cache = cache
        self._query = query
        self._facts = facts
        self._rows = rows

    def table(self) -> pa.Table:
        new = self._cache.begin(self._query) if self._facts.etag else None
        if new is None:
            return self._rows.table()
        try:
            entry = self._cache.keep(new, self._facts, self._rows.chunks())
        except OSError as error:
            message = f"{self._cache.folder} can't be written to: {error.strerror}"
            raise UnavailableError("cache", message, "Make room, or read without: Mesh(..., cache=False)") from error
        try:
            return StoredRows(str(self._query.address), entry.body).table()
        except TruncatedError:
            self._cache.drop(entry)
            raise

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self._rows.batches()

    def close(self) -> None:
        self._rows.close()


def _of_entry(name: str, entry: Entry, stale: bool = False) -> Answer:
    return Answer(replace(entry.facts, stale=stale), StoredRows(name, entry.body))


def _facts(name: str, response: httpx.Response) -> Facts:
    headers = response.headers
    number = headers.get("Mesh-Publication", "")
    masked = tuple(part.strip() for part in headers.get("Mesh-Masked", "").split(",") if part.strip())
    return Facts(
        int(number) if number.isdecimal() else None,
        headers.get("Mesh-Contract-Version"),
        masked,
        _notice(name, response),
        headers.get("ETag"),
    )


def _notice(name: str, response: httpx.Response) -> str | None:
    """`crm.orders.v1 is deprecated; it is served until 2027-01-31; use crm.orders.v2`, from the standard headers."""
    if "Deprecation" not in response.headers:
        return None
    told = f"{name} is deprecated"
    with contextlib.suppress(ValueError):
        told += f"; it is served until {parsedate_to_datetime(response.headers.get('Sunset', '')).date().isoformat()}"
    return told


def refusal_of(server: str, response: httpx.Response) -> MeshError:
    """The error that an answer means which is none of success."""
    status = response.status_code
    problem: dict[str, Any] = {}
    with contextlib.suppress(httpx.HTTPError, ValueError):
        response.read()
        if "json" in response.headers.get("Content-Type", ""):
            read = response.json()
            problem = read if isinstance(read, dict) else {}
    known = ("type", "title", "status", "detail", "remedy", "code", "instance")
    facts = {name: value for name, value in problem.items() if name not in known}
    if "Retry-After" in response.headers:
        facts["retry_after"] = response.headers["Retry-After"]
    code = str(problem.get("code") or re.split("[/:]", str(problem.get("type", "")))[-1] or f"http-{status}")
    message = str(problem.get("detail") or f"{server} answers {status}")
    return error_of(status, code, message.rstrip("."), str(problem.get("remedy") or ""), facts)


def _pause(error: UnavailableError, attempt: int) -> float | None:
    """Seconds until the next try; None when there shall be none."""
    if error.status is not None and error.status not in _RETRIED:
        return None
    asked = _seconds(str(error.facts.get("retry_after", "")))
    if asked is None:
        return 0.1 * 2**attempt * random.uniform(0.5, 1.5)
    return asked if asked <= _LONGEST_PAUSE else None


def _seconds(retry_after: str) -> float | None:
    """Of a Retry-After header: a number, or a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
