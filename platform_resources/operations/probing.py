"""Probes: each published port is read through its door, and what comes is held against the domain's log."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from platform_resources.access import Access
from platform_resources.catalog import PortState
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import MeshSettings, PortAddress, utc_now
from platform_resources.operations.doors import (
    Door,
    EmbeddedDoor,
    Expected,
    HttpDoor,
    Look,
    NotJudgedError,
    UnreachableError,
)
from platform_resources.operations.history import has_answered, probed_ports, record
from platform_resources.operations.identity import probe_token
from platform_resources.operations.model import Probe, ProbeReport, ProbeSettings, Unprobed, server_of

_AT_ONCE = 8
_REMEMBERED = timedelta(days=30)  # a port that was probed so lately is missed when its lake is gone
_MAY_LAG = timedelta(seconds=30)  # until a door must serve what was published


class Prober:
    """Probes the ports of a mesh again and again; connections are kept between the rounds.

    It belongs outside of the server that it probes: a server that is down records nothing.
    """

    def __init__(self, settings: MeshSettings, probing: ProbeSettings | None = None) -> None:
        """Raises SettingError when the URL to probe is none."""
        probing = probing or ProbeSettings.from_env()
        self.probing = probing if probing.url is None else replace(probing, url=server_of(probing.url))
        self._access = Access(settings)
        self._catalog = CatalogView(settings)

    def run(self, domain: str | None = None) -> ProbeReport:
        """One round over the ports (of one domain), stored in the control database.

        Raises
        ------
        ControlError, sqlalchemy.exc.SQLAlchemyError
            when the control database can't be used: then nothing is known, and nothing is stored.
        """
        now = utc_now()
        expected = [e for e in self._expected(now) if domain in (None, e.port.domain)]
        if not expected:
            return ProbeReport(())
        try:
            seen = self._round(expected)
        except NotJudgedError as error:
            seen = [Unprobed(str(one.port), str(error)) for one in expected]
        report = ProbeReport(
            tuple(one for one in seen if isinstance(one, Probe)),
            tuple(one for one in seen if isinstance(one, Unprobed)),
        )
        record(self._access.control, report.probes, self.probing.longest, now)
        return report

    def close(self) -> None:
        self._catalog.close()
        self._access.close()

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _round(self, expected: Sequence[Expected]) -> list[Probe | Unprobed]:
        """Raises NotJudgedError when nothing can be said of any port."""
        door = self._door()
        try:
            self._find(door)
            with ThreadPoolExecutor(min(_AT_ONCE, len(expected))) as pool:
                return list(pool.map(lambda one: self._probe(door, one), expected))
        finally:
            door.close()

    def _find(self, door: Door) -> None:
        """That nothing answers is an outage where the mesh is known to be, else a slip of who named the address."""
        try:
            door.find()
        except UnreachableError as error:
            if self.probing.by_hand and not has_answered(self._access.control, door.name):
                raise NotJudgedError(f"{error}, and no port was ever read there") from error

    def _door(self) -> Door:
        token = self.probing.token or probe_token(self._access)
        if self.probing.url is None:
            return EmbeddedDoor(self._access, token)
        return HttpDoor(self.probing.url, token, self.probing.limit)

    def _expected(self, now: datetime) -> list[Expected]:
        """Ports that must be served: active or deprecated, published, not retired."""
        known = probed_ports(self._access.control, now - _REMEMBERED)
        found = (_expected(state, known) for state in self._catalog.ports())
        return [one for one in found if one is not None]

    def _probe(self, door: Door, expected: Expected) -> Probe | Unprobed:
        at, port = utc_now(), str(expected.port)
        try:
            look = door.look(expected.port)
            if look.milliseconds >= 1000 * self.probing.limit.total_seconds():
                look = door.look(expected.port)  # what was slow once may have been opening a lake
        except NotJudgedError as error:
            return Unprobed(port, str(error))
        reason = judge(look, expected, at, self.probing.limit)
        return Probe(port, at, door.name, reason is None, round(look.milliseconds, 2), reason, look.publication)


def probe(settings: MeshSettings, url: str | None = None, token: str | None = None) -> ProbeReport:
    """One round over every port, through the API at `url` or in-process; see `Prober`. Raises SettingError."""
    probing = ProbeSettings.from_env()
    if url is not None:
        configured = probing.url is not None and server_of(probing.url) == server_of(url)
        probing = replace(probing, url=url, by_hand=not configured)
    if token is not None:
        probing = replace(probing, token=token)
    with Prober(settings, probing) as prober:
        return prober.run()


def judge(look: Look, expected: Expected, now: datetime, limit: timedelta) -> str | None:
    """Why a port is down by what a probe saw; None: it is up. Pure."""
    if look.reason is not None:
        return look.reason
    if look.milliseconds > limit.total_seconds() * 1000:
        return f"no answer within {limit.total_seconds():g} s"
    if expected.publication is None or expected.published_at is None:
        return None  # the log can't be read, the port can
    served = look.publication
    if served is not None and served < expected.publication and now - expected.published_at > _MAY_LAG:
        return f"serves publication {served}, though {expected.publication} was published"
    if served == expected.publication and set(look.columns) != set(expected.columns or ()):
        return "its columns are not those that are published"
    return None


def _expected(state: PortState, known: frozenset[str]) -> Expected | None:
    port, publication = PortAddress.parse(state.port.address), state.publication
    if state.lifecycle not in ("active", "deprecated"):
        return None
    if publication is not None:
        return Expected(port, publication.number, publication.published_at, publication.columns)
    return Expected(port) if str(port) in known else None
