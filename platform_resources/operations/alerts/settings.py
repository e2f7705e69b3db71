"""How alerts are told, from the environment and one private file.

MESH_ALERT_CHANNELS  file of the operator: the address of each channel that contracts name. YAML or JSON:
                     {"#crm-data": "https://hooks.slack.com/services/...",
                      "#on-call": {"url": "https://pager.retailer.example/mesh", "form": "webhook", "secret": "..."}}
                     default: `keys/alert_channels.yaml` below the home, where there is one
MESH_ALERT_HOSTS     hosts that a webhook named in a contract itself may be at, with a comma between; default: none
MESH_ALERT_INTERVAL  seconds between two looks (300)
MESH_ALERT_REPEAT    seconds after which what lasts is told again (86400)
MESH_SMTP_HOST, MESH_SMTP_PORT, MESH_SMTP_SECURITY (starttls, tls, none), MESH_SMTP_USER, MESH_SMTP_PASSWORD_FILE,
MESH_SMTP_FROM       the mail server, and who writes
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import yaml

from platform_resources.lake import MeshSettings, SettingError
from platform_resources.operations.model import positive_seconds

Security = Literal["starttls", "tls", "none"]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAIL_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?")
_PORTS: Mapping[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KEYS = {"url", "form", "secret"}


@dataclass(frozen=True)
class Address:
    """The operator's address of a channel; `form` None: as the tool that the contract names."""

    url: str = field(repr=False)
    form: Literal["slack", "webhook"] | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class MailSettings:
    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls) -> MailSettings | None:
        """None when no mail server is set. Raises SettingError."""
        host = os.environ.get("MESH_SMTP_HOST", "").strip()
        if not host:
            return None
        security = os.environ.get("MESH_SMTP_SECURITY") or "starttls"
        if security not in get_args(Security):
            raise SettingError(f"MESH_SMTP_SECURITY is {security!r}; write starttls, tls or none")
        sender, user = os.environ.get("MESH_SMTP_FROM", "").strip(), os.environ.get("MESH_SMTP_USER") or None
        if not is_mail_address(sender):
            raise SettingError("MESH_SMTP_HOST needs MESH_SMTP_FROM: the address that alerts come from")
        if user is not None and security == "none" and host not in _LOOPBACK:
            raise SettingError("MESH_SMTP_USER would be sent in clear: set MESH_SMTP_SECURITY to starttls or tls")
        return cls(host, _port(security), security, sender, user, _password() if user else None)


@dataclass(frozen=True)
class AlertSettings:
    repeat: timedelta = timedelta(days=1)
    hosts: frozenset[str] = frozenset()  # "hooks.retailer.example", with `:port` where it is not 443
    addresses: Mapping[str, Address] = field(default_factory=dict)  # channel -> where it is
    mail: MailSettings | None = None

    @classmethod
    def from_env(cls, settings: MeshSettings) -> AlertSettings:
        """As the environment and the operator's file say now.

        Raises
        ------
        SettingError
            when one of them can't be understood; no message repeats an address of a channel, or a secret.
        """
        return cls(
            positive_seconds("MESH_ALERT_REPEAT", 86_400),
            _hosts(os.environ.get("MESH_ALERT_HOSTS", "")),
            _addresses(settings),
            MailSettings.from_env(),
        )


def look_interval() -> timedelta:
    """How often the mesh looks whether something is wrong (`MESH_ALERT_INTERVAL`). Raises SettingError."""
    return positive_seconds("MESH_ALERT_INTERVAL", 300)


def is_mail_address(text: str) -> bool:
    """Whether `text` is one plain address, which no header or command can be hidden in."""
    return len(text) <= 254 and _MAIL_ADDRESS.fullmatch(text) is not None


def _port(security: Security) -> int:
    text = os.environ.get("MESH_SMTP_PORT") or str(_PORTS[security])
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingError(f"MESH_SMTP_PORT is {text!r}; write a number, as 587")
    return int(text)


def _password() -> str:
    file = os.environ.get("MESH_SMTP_PASSWORD_FILE", "")
    if not file:
        raise SettingError("MESH_SMTP_USER needs MESH_SMTP_PASSWORD_FILE: the file that holds the password")
    return _text_of(Path(file), "MESH_SMTP_PASSWORD_FILE").strip()


def _hosts(text: str) -> frozenset[str]:
    hosts = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingError(f"MESH_ALERT_HOSTS names {host!r}; write hosts, as hooks.retailer.example")
    return hosts


def _addresses(settings: MeshSettings) -> dict[str, Address]:
    named = os.environ.get("MESH_ALERT_CHANNELS", "")
    file = Path(named) if named else settings.home / "keys" / "alert_channels.yaml"
    if not named and not file.exists():
        return {}
    try:
        written = yaml.safe_load(_text_of(file, "MESH_ALERT_CHANNELS")) or {}
    except (yaml.YAMLError, RecursionError):  # what they say repeats the text
        written = None
    if not isinstance(written, dict):
        raise SettingError(f'{file} can\'t be read; write YAML, as "#crm-data": https://hooks.slack.com/services/...')
    return {str(channel): _address(str(channel), value, file) for channel, value in written.items()}


def _address(channel: str, written: Any, file: Path) -> Address:
    said = {"url": written} if isinstance(written, str) else written
    form = said.get("form") if isinstance(said, dict) else None
    secret = said.get("secret") if isinstance(said, dict) else None
    if (
        not isinstance(said, dict)
        or not set(said) <= _KEYS
        or form not in (None, "slack", "webhook")
        or not (secret is None or (isinstance(secret, str) and secret))
        or not _is_usable(said.get("url"))
    ):
        raise SettingError(
            f"{file}: {channel!r} has no address that can be used; write an https URL, or a mapping of "
            "url, form (slack or webhook) and secret"
        )
    return Address(said["url"], form, secret)


def _is_usable(url: Any) -> bool:
    """https, or http on this machine: what the operator names may lie anywhere, but is not sent in clear."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and port != 0 and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def _text_of(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{setting}: {file} can't be read ({type(error).__name__})") from None
