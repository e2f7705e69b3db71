"""What an OpenID provider publishes: fetched by one caller at a time, kept a while, and never waited for without need.

A provider that is slow, or that somebody makes busy with keys that nobody knows, holds up only who needs an answer of
it: no lock is held while it is asked, and what is kept counts until its time is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import httpx

from platform_resources.access.errors import UnavailableError

log = logging.getLogger("mesh.api")

TIMEOUT = 3.0  # seconds for the provider to answer
AGAIN = 5.0  # seconds without another attempt after it did not
RENEWED = 10.0  # seconds between two fetches because of what is missing: anybody can name a key that is not there
LASTS = 300.0  # seconds; a key that the provider takes back is trusted so long at most
MOST_WAITING = 8  # callers for one fetch: they take threads from others, and the next ones are soon answered
_EARLY = 0.8  # share of that time after which one caller fetches anew, while the others go on with what is kept
_LARGEST_ANSWER = 1_000_000  # bytes

_Document = TypeVar("_Document")


class ProviderError(Exception):
    """The provider did not answer, or not as one. `status` is of an answer that is no success."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _Flight(Generic[_Document]):
    """One fetch under way, and those who wait for it."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.waiting = 0
        self.found: _Document | None = None  # None when it is over: it brought nothing


class FetchedDocument(Generic[_Document]):
    """A document of the provider, fetched when first needed and when it may have changed; see the module."""

    def __init__(self, read: Callable[[], _Document]) -> None:
        """`read` asks the provider; it raises ProviderError when that gave nothing to be used."""
        self._read = read
        self._lock = threading.Lock()  # held to look and to note, never while the provider is asked
        self._kept: _Document | None = None
        self._fetched_at = self._failed_at = float("-inf")
        self._flight: _Flight[_Document] | None = None

    def get(self, has: Callable[[_Document], bool] = lambda _: True) -> _Document:
        """The document; one that is fetched anew where the kept one lacks what is wanted (`has`). It may lack it still.

        Raises
        ------
        UnavailableError
            when the provider does not answer, and what is kept is too old or lacks it.
        """
        with self._lock:
            kept = self._usable(has)
            asks = self._flight is None and time.monotonic() - self._failed_at >= AGAIN
            if kept is not None and not (asks and self._age() >= LASTS * _EARLY):
                return kept
            flight = self._board(asks)
        if asks:
            self._fetch(flight)
        else:
            flight.over.wait(2 * TIMEOUT)  # to find the keys takes two documents
        found = kept if flight.found is None else flight.found
        if found is None:
            raise unavailable()
        return found

    def _usable(self, has: Callable[[_Document], bool]) -> _Document | None:
        kept, age = self._kept, self._age()
        return kept if kept is not None and age < LASTS and (age < RENEWED or has(kept)) else None

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at

    def _board(self, asks: bool) -> _Flight[_Document]:
        """The fetch to wait for; for who `asks`, its own."""
        if asks:
            self._flight = _Flight()
        elif self._flight is None or self._flight.waiting >= MOST_WAITING:
            raise unavailable()
        else:
            self._flight.waiting += 1
        return self._flight

    def _fetch(self, flight: _Flight[_Document]) -> None:
        found = None
        try:
            found = self._read()
        except (ProviderError, UnavailableError) as error:
            log.warning("the OpenID provider can't be asked: %s", error)
        finally:
            with self._lock:
                if found is None:
                    self._failed_at = time.monotonic()
                else:
                    self._kept, self._fetched_at = found, time.monotonic()
                flight.found, self._flight = found, None
            flight.over.set()


def unavailable() -> UnavailableError:
    return UnavailableError("the OpenID provider can't be asked now", "Try again in a moment.", retry_after=AGAIN)


def discover(issuer: str) -> Mapping[str, Any]:
    """What the provider says of itself; ProviderError when it says nothing that can be used."""
    document = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    # A document for another issuer would let one tenant of a provider speak for the other.
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ProviderError("no discovery document of this issuer")
    return document


def fetch(url: str, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None) -> Any:
    """A JSON document of the provider, got or, with a form, posted; no redirects, a size and a time that end."""
    deadline = time.monotonic() + TIMEOUT
    body = bytearray()
    try:
        method = "GET" if form is None else "POST"
        with httpx.stream(method, url, data=form, auth=auth, timeout=TIMEOUT, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise ProviderError(f"status {answer.status_code}", answer.status_code)
            for part in answer.iter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    raise ProviderError("too large or too slow")
        return httpx.Response(200, content=bytes(body)).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderError(type(error).__name__) from error
