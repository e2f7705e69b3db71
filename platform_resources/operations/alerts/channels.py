"""Whom a contract wants to be told, and whether the platform may. Pure.

A contract is written by a domain, the platform posts from inside the network: an address in a contract is used only
when it is https and at a host that the operator allowed (`MESH_ALERT_HOSTS`). Everything else is the operator's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from platform_resources.contracts.model import Contract, Product
from platform_resources.contracts.nodes import Node
from platform_resources.operations.alerts.model import Channel
from platform_resources.operations.alerts.settings import AlertSettings, is_mail_address
from platform_resources.operations.alerts.texts import plain

_MOST = 10  # channels of a port: a contract must not make the platform post a thousand messages
_NAME = 80  # characters of a channel's name
_SLACK_COMPATIBLE = frozenset(("slack", "mattermost", "rocketchat", "discord"))
# One expression decides over the whole address: two parsers that read it differently can't be played against another.
_HTTPS = re.compile(r"https://([A-Za-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")


def channels_of(product: Product, contract: Contract, settings: AlertSettings) -> tuple[Channel, ...]:
    """The channels of a port: its contract's for `issues`, else for `notifications`, else its product's, else owners.

    Each once; one that can't be told says why.
    """
    entries = _wanted(_support(contract)) or _wanted(product.support)
    if not entries:
        entries = [{"channel": owner, "tool": "email"} for owner in contract.owners or product.owners]
    found: dict[str, Channel] = {}
    for channel in (_channel(entry, settings) for entry in entries[:_MOST]):
        found.setdefault(channel.name, channel)
    return tuple(found.values())


def _support(contract: Contract) -> list[Mapping[str, Any]]:
    """The `support` of a contract, read from its document: it is asked for rarely, and contracts are kept small."""
    if contract.document is None:
        return []
    root = Node(contract.document, contract.document.data)
    return [node.value for node in root.items("support") if isinstance(node.value, Mapping)]


def _wanted(support: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    for scope in ("issues", "notifications"):
        if found := [entry for entry in support if entry.get("scope") == scope]:
            return found
    return []


def _channel(entry: Mapping[str, Any], settings: AlertSettings) -> Channel:
    named, url, tool = (str(entry.get(key) or "").strip() for key in ("channel", "url", "tool"))
    if named in settings.addresses:
        return _mapped(named, tool, settings)
    if tool.lower() == "email" or url.lower().startswith("mailto:"):
        return _mail(next(_mail_addresses(named, url), None), named, settings)
    form = "slack" if tool.lower() in _SLACK_COMPATIBLE else "webhook"
    name = f"{form} {plain(named, _NAME)}"
    if form == "slack":  # its url is where people read, and not where messages are posted
        return Channel(name, "slack", problem="its address is not in the operator's file (MESH_ALERT_CHANNELS)")
    problem = _refusal(url, settings)
    return Channel(name, "webhook", "" if problem else url, problem=problem)


def _mapped(named: str, tool: str, settings: AlertSettings) -> Channel:
    address = settings.addresses[named]
    form = address.form or ("slack" if tool.lower() in _SLACK_COMPATIBLE else "webhook")
    return Channel(f"{form} {plain(named, _NAME)}", form, address.url, address.secret)


def _mail(address: str | None, named: str, settings: AlertSettings) -> Channel:
    if address is None:
        return Channel(f"email {plain(named, _NAME)}", "email", problem="it names no e-mail address")
    problem = None if settings.mail is not None else "no mail server is set (MESH_SMTP_HOST)"
    return Channel(f"email {address}", "email", address, problem=problem)


def _mail_addresses(named: str, url: str) -> Iterator[str]:
    """Of a mailto URL the one address alone: what stands behind it could name others, and headers."""
    said = unquote(url[len("mailto:") :].partition("?")[0]) if url.lower().startswith("mailto:") else ""
    return (text for text in (said, named) if is_mail_address(text))


def _refusal(url: str, settings: AlertSettings) -> str | None:
    """Why nothing is posted to an address that stands in a contract; None: it may be."""
    match = _HTTPS.fullmatch(url) if len(url) <= 2_000 else None
    if match is None:
        return "its address is not in the operator's file (MESH_ALERT_CHANNELS), and its url is no plain https address"
    host = match[1].lower() if match[2] in (None, "443") else f"{match[1].lower()}:{match[2]}"
    if host not in settings.hosts:
        return f"{host} is not among the hosts that may be posted to (MESH_ALERT_HOSTS)"
    return None
