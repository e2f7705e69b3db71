"""What is sent of an alert: JSON for Slack and what is compatible, a JSON document, a mail. Pure.

No data of the product and no name of a consumer is in them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from platform_resources.operations.alerts.model import Alert, Channel, Notice
from platform_resources.operations.alerts.texts import headline, plain, slack

VERSION = 1  # of the JSON document; a new field is no new version
_MARKS = {"begins": "🔴", "worse": "🔴", "lasts": "🟠", "over": "🟢"}


def document(alert: Alert, notice: Notice, mesh: str, link: str, now: datetime) -> dict[str, Any]:
    """The message of a webhook. Moments are ISO 8601 in UTC, lengths of time are seconds."""
    return {
        "version": VERSION,
        "id": notice.id,
        "event": notice.event,
        "mesh": mesh,
        "title": headline(alert, notice.event, now),
        "alert": {
            "id": alert.id,
            "port": alert.port,
            "product": alert.product,
            "kind": alert.kind,
            "severity": alert.severity,
            "cause": plain(alert.cause),
            "effect": plain(alert.effect),
            "began_at": _moment(alert.began_at),
            "ended_at": None if alert.ended_at is None else _moment(alert.ended_at),
            "lasted_seconds": int(alert.lasted(now).total_seconds()),
        },
        "link": link,
    }


def slack_message(alert: Alert, notice: Notice, link: str, now: datetime) -> dict[str, Any]:
    """`text` says all, for what shows no blocks; blocks hold plain text but for the link, which is the mesh's own."""
    title = f"{_MARKS[notice.event]} {headline(alert, notice.event, now)}"
    facts = [] if notice.event == "over" else [f"{plain(alert.cause)}; {plain(alert.effect)}"]
    told = f"since {_readable(alert.began_at)} · <{link}|open the product>"
    return {
        "text": "\n".join([slack(title), *map(slack, facts)]),
        "mrkdwn": False,
        "unfurl_links": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title[:150]}},
            *({"type": "section", "text": {"type": "plain_text", "text": fact}} for fact in facts),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": told}]},
        ],
    }


def mail(alert: Alert, notice: Notice, channel: Channel, sender: str, link: str, now: datetime) -> EmailMessage:
    """Headers hold nothing from a contract but the address, which was checked. Messages of one alert are one thread."""
    host, title = sender.rpartition("@")[2], headline(alert, notice.event, now)
    thread = f"<alert-{alert.id}-{alert.began_at:%Y%m%d%H%M%S}@{host}>"
    message = EmailMessage()
    message["Subject"] = title if notice.event == "begins" else f"Re: {title}"
    message["From"] = Address("Data mesh", addr_spec=sender)
    message["To"] = Address(addr_spec=channel.address)
    message["Date"] = format_datetime(now.astimezone(UTC))
    message["Message-ID"] = thread if notice.event == "begins" else f"<{notice.id}@{host}>"
    if notice.event != "begins":
        message["In-Reply-To"] = message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence note answers
    lines = [f"{title}.", ""]
    if notice.event != "over":
        lines += [f"What:  {plain(alert.cause)}", f"So:    {plain(alert.effect)}"]
    lines += [f"Since: {_readable(alert.began_at)}", f"See:   {link}", ""]
    message.set_content("\n".join([*lines, "You get this because the data contract of this port names this address."]))
    return message


def signature(secret: str, body: bytes, now: datetime) -> str:
    """`t=<seconds since 1970>,v1=<HMAC-SHA256 in hex of "<t>." and the body>`: an old message can't be sent again."""
    stamp = str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


def _readable(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
