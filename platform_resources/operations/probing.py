"""Probes: each published port is read through its door, and what comes is held against the domain's log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from platform_resources.access import Access
from platform_resources.catalog import PortState
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import MeshSettings, PortAddress, utc_now
from platform_resources.operations.doors import Door, EmbeddedDoor, Expected, HttpDoor, Look, NotJudgedError
from platform_resources.operations.history import probed_ports, record
from platform_resources.operations.identity import probe_token
from platform_resources.operations.model import Probe, ProbeReport, ProbeSettings, Unprobed

_AT_ONCE = 8
_REMEMBERED = timedelta(days=30)  # a port that was probed so lately is missed when its lake is gone
_MAY_LAG = timedelta(seconds=30)  # until a door must serve what was published


class Prober:
    """Probes the ports of a mesh again and again; connections are kept between the rounds.

    It belongs outside of the server that it probes: a server that is down records nothing.
    """

    def __init__(self, settings: MeshSettings, probing: ProbeSettings | None = None) -> None:
        self.probing = probing or ProbeSettings.from_env()
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
        door = self._door()
        try:
            with ThreadPoolExecutor(min(_AT_ONCE, len(expected))) as pool:
                seen = list(pool.map(lambda one: self._probe(door, one), expected))
        finally:
            door.close()
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
    """One round over every port, through the API at `url` or in-process; see `Prober`."""
    from_env = ProbeSettings.from_env()
    probing = ProbeSettings(url or from_env.url, token or from_env.token, from_env.interval, from_env.limit)
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
    if state.lifecycle not in ("active", "deprecated") or state.retirement is not None:
        return None
    if publication is not None:
        return Expected(port, publication.number, publication.published_at, publication.columns)
    return Expected(port) if str(port) in known else None
