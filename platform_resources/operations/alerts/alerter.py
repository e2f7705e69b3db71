"""One look at every port, and the messages that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from platform_resources.access import Access
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import MeshSettings, SettingError, utc_now
from platform_resources.operations.alerts import ledger
from platform_resources.operations.alerts.channels import channels_of
from platform_resources.operations.alerts.model import Alert, Channel, Notice, PortLook, Trouble
from platform_resources.operations.alerts.sending import UndeliveredError, send
from platform_resources.operations.alerts.settings import AlertSettings
from platform_resources.operations.alerts.texts import headline, plain
from platform_resources.operations.alerts.troubles import look_at

_AT_ONCE = 8
_NOT_NAMED = "the contract does not name it any more"


@dataclass(frozen=True)
class Told:
    """An attempt to tell a channel; `error` None: it has taken the message."""

    alert: Alert
    notice: Notice
    headline: str
    error: str | None = None


@dataclass(frozen=True)
class Look:
    """What is wrong at a moment. `channels`: of each port that has a trouble or an alert."""

    at: datetime
    ports: tuple[PortLook, ...]
    channels: Mapping[str, Sequence[Channel]]
    gone: tuple[str, ...] = ()  # ports with an alert that exist no more

    @property
    def troubles(self) -> list[Trouble]:
        return [trouble for port in self.ports for trouble in port.troubles]


class Alerter:
    """Looks again and again; connections are kept between the looks. Safe beside others on the same mesh."""

    def __init__(self, settings: MeshSettings) -> None:
        self.settings = settings
        self._access = Access(settings, personas=False)
        self._view = CatalogView(settings, self._access.guard.lakes, self._access.control)
        self.control = self._access.control

    def look(self, domain: str | None = None) -> Look:
        """What is wrong now with the ports (of one domain); nothing is stored or told.

        Raises
        ------
        ControlError, sqlalchemy.exc.SQLAlchemyError
            when the control database can't be used.
        SettingError
            when settings of alerts can't be understood.
        """
        return self._look(AlertSettings.from_env(self.settings), domain)

    def run(self, domain: str | None = None) -> tuple[Look, list[Told]]:
        """Look, remember what was seen, and tell whom it is due. Errors as of `look`."""
        alerting = AlertSettings.from_env(self.settings)
        look = self._look(alerting, domain)
        ledger.note(self.control, look.ports, look.channels, look.gone, alerting.repeat, look.at)
        due = ledger.claim(self.control, look.at, domain)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            told = list(pool.map(lambda one: self._tell(*one, look, alerting), due))
        return look, told

    def close(self) -> None:
        self._view.close()
        self._access.close()

    def __enter__(self) -> Alerter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self, alerting: AlertSettings, domain: str | None) -> Look:
        now = utc_now()
        domains = [one for one in self._view.domains() if domain in (None, one.name)]
        states = {state.port.address: state for one in domains for state in one.ports}
        looks = tuple(look_at(self._access, self._view, state, now) for state in states.values())
        alerted = {alert.port for alert in ledger.open_alerts(self.control, domain)}
        whole = {one.name for one in domains if one.domain is not None and not one.problems}
        gone = tuple(port for port in sorted(alerted - states.keys()) if port.partition(".")[0] in whole)
        wanted = alerted.union(look.port for look in looks if look.troubles) & states.keys()
        channels = {
            port: channels_of(states[port].product, states[port].port.contract, alerting) for port in sorted(wanted)
        }
        return Look(now, looks, channels, gone)

    def _tell(self, alert: Alert, notice: Notice, look: Look, alerting: AlertSettings) -> Told:
        """One message. What fails is remembered, and stops no other."""
        named = {channel.name: channel for channel in look.channels.get(alert.port, ())}
        channel = named.get(notice.channel)
        now, title = utc_now(), headline(alert, notice.event, look.at)
        try:
            if channel is None:
                raise UndeliveredError(_NOT_NAMED)
            send(alert, notice, channel, alerting, now)
        except (UndeliveredError, SettingError) as error:
            ledger.not_told(self.control, notice, plain(str(error)), now)
            return Told(alert, notice, title, plain(str(error)))
        ledger.told(self.control, notice, utc_now())
        return Told(alert, notice, title)
