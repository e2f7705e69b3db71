"""`mesh alerts`: what is wrong now, since when, and who was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from platform_resources.cli.common import AnyProductArgument, JsonFlag, no_product
from platform_resources.cli.output import console, duration, errors, moment, print_json
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.operations.alerts.alerter import Alerter, Look, Told
    from platform_resources.operations.alerts.model import Alert, Channel, Notice, Trouble

_COLOURS = {"error": "red", "warning": "yellow"}
_EVENTS = {"begins": "told", "worse": "told that it got worse", "lasts": "told again", "over": "told that it is over"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="alerts")(alerts_command)


def alerts_command(
    product: AnyProductArgument = None,
    send: Annotated[bool, typer.Option("--send", help="Tell the owners what they are due, of the whole mesh.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """What is wrong with the ports now, since when, and who is told."""
    from platform_resources.operations.alerts.alerter import Alerter  # noqa: PLC0415  (SQLAlchemy and httpx)

    with Alerter(MeshSettings.from_env()) as alerter:
        look, told = alerter.run() if send else (alerter.look(), [])
        shown = [one.port for one in look.ports if product in (None, one.port, one.port.rpartition(".")[0])]
        if product is not None and not shown:
            no_product(product)
        alerts, notices = _remembered(alerter)
    troubles = [one for one in look.troubles if one.port in shown]
    if json_output:
        found = [_record(one, look, alerts, notices) for one in troubles]
        unknown = [{"port": one.port, "reason": one.why_unknown} for one in _not_judged(look, shown)]
        print_json({"alerts": found, "unknown": unknown, "told": [_told_record(one) for one in told]})
    else:
        _print(troubles, look, alerts, notices)
        for one in _not_judged(look, shown):
            errors.print(f"[yellow]not judged:[/] {one.port}: {escape(one.why_unknown or '')}", highlight=False)
        _print_told(told)
    raise typer.Exit(1 if any(one.error is not None for one in told) else 0)


def _remembered(alerter: Alerter) -> tuple[dict[tuple[str, str], Alert], dict[int, list[Notice]]]:
    from platform_resources.operations.alerts.ledger import notices_of, open_alerts  # noqa: PLC0415

    found = open_alerts(alerter.control)
    return {(alert.port, alert.kind): alert for alert in found}, notices_of(alerter.control, found)


def _not_judged(look: Look, shown: Sequence[str]) -> list[Any]:
    return [one for one in look.ports if one.why_unknown is not None and one.port in shown]


def _print(
    troubles: Sequence[Trouble],
    look: Look,
    alerts: Mapping[tuple[str, str], Alert],
    notices: Mapping[int, Sequence[Notice]],
) -> None:
    from platform_resources.operations.alerts.model import WORDS  # noqa: PLC0415
    from platform_resources.operations.alerts.texts import plain  # noqa: PLC0415

    for one in troubles:
        alert = alerts.get((one.port, one.kind))
        since = _since(one, alert)
        lasts = "" if since is None else f" [dim]since {moment(since)} ({duration(look.at - since)})[/]"
        console.print(f"[bold]{one.port}[/]  [{_COLOURS[one.severity]}]{WORDS[one.kind]}[/]{lasts}", highlight=False)
        lines = [escape(plain(one.cause)), escape(plain(one.effect))]
        lines += _channel_lines(look.channels.get(one.port, ()), notices.get(alert.id, ()) if alert else ())
        console.print(Padding("\n".join(lines), (0, 0, 1, 2), expand=False), highlight=False)
    if not troubles:
        console.print("[green]nothing is wrong[/]")


def _since(trouble: Trouble, alert: Alert | None) -> datetime | None:
    return trouble.since if alert is None else alert.began_at


def _channel_lines(channels: Iterable[Channel], notices: Iterable[Notice]) -> list[str]:
    of: dict[str, list[Notice]] = {}
    for notice in notices:
        of.setdefault(notice.channel, []).append(notice)
    lines = []
    for channel in channels:
        sent = [one for one in of.get(channel.name, ()) if one.sent_at is not None]
        waits = next((one for one in of.get(channel.name, ()) if one.next_at is not None), None)
        parts = [f"[green]{_EVENTS[one.event]}[/] {moment(one.sent_at)}" for one in sent[-2:]]
        if channel.problem is not None:
            parts.append(f"[yellow]can't be told:[/] {escape(channel.problem)}")
        elif waits is not None:
            parts.append(_waiting(waits))
        lines.append(f"[dim]→ {escape(channel.name)}:[/] {', '.join(parts) or 'not told yet (--send)'}")
    return lines or ["[yellow]→ nobody:[/] its contract names no channel for issues, and no owner's e-mail address"]


def _waiting(notice: Notice) -> str:
    if notice.error is None:
        return "not told yet (--send)"
    tried = counted(notice.attempts, "attempt")
    return f"[red]not told:[/] {escape(notice.error)} ({tried}, the next one {moment(notice.next_at)})"


def _print_told(told: Sequence[Told]) -> None:
    for one in told:
        if one.error is not None:
            errors.print(f"[red]not told:[/] {escape(f'{one.notice.channel}: {one.error}')}", highlight=False)
        elif one.notice.event == "over":  # of what lasts, the list tells
            errors.print(f"[green]told[/] {escape(f'{one.notice.channel}: {one.headline}')}", highlight=False)


def _record(
    trouble: Trouble,
    look: Look,
    alerts: Mapping[tuple[str, str], Alert],
    notices: Mapping[int, Sequence[Notice]],
) -> dict[str, Any]:
    alert = alerts.get((trouble.port, trouble.kind))
    sent = notices.get(alert.id, ()) if alert else ()
    return {
        "port": trouble.port,
        "kind": trouble.kind,
        "severity": trouble.severity,
        "since": _since(trouble, alert),
        "cause": trouble.cause,
        "effect": trouble.effect,
        "channels": [
            {
                "channel": channel.name,
                "problem": channel.problem,
                "notices": [_notice_record(one) for one in sent if one.channel == channel.name],
            }
            for channel in look.channels.get(trouble.port, ())
        ],
    }


def _notice_record(one: Notice) -> dict[str, Any]:
    return {
        "id": one.id,
        "event": one.event,
        "sent_at": one.sent_at,
        "attempts": one.attempts,
        "next_attempt_at": one.next_at,
        "error": one.error,
    }


def _told_record(one: Told) -> dict[str, Any]:
    said = {"id": one.notice.id, "event": one.notice.event, "channel": one.notice.channel}
    return {**said, "title": one.headline, "error": one.error}
