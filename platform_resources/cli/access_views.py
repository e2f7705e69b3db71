"""What `mesh access` prints of requests and grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from platform_resources.cli.output import DIM, moment, table
from platform_resources.contracts.wording import counted

if TYPE_CHECKING:
    from platform_resources.access import AccessRequest
    from platform_resources.access.model import Grant
    from platform_resources.catalog.consumption import PortConsumer

_COLOURS = {"pending": "yellow", "approved": "green", "denied": "red", "withdrawn": DIM}


def requests_table(requests: Sequence[AccessRequest]) -> Table:
    made = table(("#", "right"), "state", "port", "role", "for", "purpose", ("days", "right"), "asked", "waits for")
    for item in requests:
        made.add_row(
            *(str(item.id), _state(item), escape(item.port), escape(item.role), escape(item.consumer)),
            *(escape(item.purpose), str(item.days), f"{item.requested_at.astimezone():%Y-%m-%d}", _waits_for(item)),
        )
    return made


def request_page(item: AccessRequest) -> Group:
    """Everything about one request."""
    head = Text.from_markup(f"[bold]request {item.id}[/]  {_state(item)}")
    facts = Table.grid(padding=(0, 2))
    facts.add_row("port", escape(item.port))
    facts.add_row("role", escape(item.role) + ("" if item.columns is None else f", of {', '.join(item.columns)}"))
    by = "" if item.requested_by == item.consumer else f", asked by {item.requested_by}"
    facts.add_row("for", escape(item.consumer + by))
    facts.add_row("purpose", escape(item.purpose))
    facts.add_row("reason", escape(item.reason))
    facts.add_row("asked", f"{moment(item.requested_at)}, for {counted(item.days, 'day')}")
    for approval in item.approvals:
        word = "[green]approved[/]" if approval.decision == "approve" else "[red]denied[/]"
        said = f": {escape(approval.comment)}" if approval.comment else ""
        facts.add_row(f"level {approval.level}", f"{word} by {escape(approval.approver)}, {moment(approval.at)}{said}")
        if approval.conditions:
            facts.add_row("", f"on condition: {escape(approval.conditions)}")
    if item.waits_for:
        level = f" (approval {len(item.approvals) + 1} of {item.levels})" if item.levels > 1 else ""
        facts.add_row("waits for", escape(", ".join(item.waits_for)) + level)
    if item.grant is not None:
        facts.add_row("grant", f"{item.grant}; mesh access revoke {item.grant} ends it")
    notices = [Text(f"{notice[0].upper()}{notice[1:]}.", style="yellow") for notice in item.notices]
    return Group(head, facts, *notices)


def grants_table(grants: Sequence[Grant], now: datetime) -> Table:
    made = table(
        ("#", "right"), "port", "role", "who", "purpose", "in clear", "until", "review", "granted by", "remarks"
    )
    for grant in grants:
        made.add_row(
            *(str(grant.id), escape(grant.port), escape(grant.role or "first"), escape(grant.consumer)),
            *(escape(grant.purpose), escape(", ".join(sorted(grant.clearances))) or "–", _day(grant.ends_at)),
            *(_review(grant, now), escape(", ".join(grant.granted_by)), _remark(grant, now)),
        )
    return made


def grants_told(grant: Grant) -> str:
    """What is said of a grant that was ended just now."""
    return f"Grant {grant.id} is revoked: {escape(grant.consumer)} reads {escape(grant.port)} by it no more."


def request_record(item: AccessRequest) -> dict[str, Any]:
    return asdict(item)


def grant_record(grant: Grant, now: datetime) -> dict[str, Any]:
    columns = None if grant.columns is None else sorted(grant.columns)
    return {**asdict(grant), "clearances": sorted(grant.clearances), "columns": columns, "in_force": grant.holds(now)}


def consumer_record(item: PortConsumer) -> dict[str, Any]:
    """One consumer of a port, as documents, grants and use know it."""
    return {
        "name": item.name,
        "kind": item.kind,
        "standing": item.standing,
        "registered": item.registered is not None,
        "grants": [grant.id for grant in item.grants],
        "reads": 0 if item.reads is None else item.reads.count,
        "last_read": None if item.reads is None else item.reads.last,
    }


def _state(item: AccessRequest) -> str:
    return f"[{_COLOURS[item.state]}]{item.state}[/]"


def _waits_for(item: AccessRequest) -> str:
    if item.state != "pending":
        return "–"
    return escape(", ".join(item.waits_for)) or "[yellow]nobody who may decide[/]"


def _day(when: datetime | None) -> str:
    return "–" if when is None else f"{when.astimezone():%Y-%m-%d}"


def _review(grant: Grant, now: datetime) -> str:
    due = grant.holds(now) and grant.review_at is not None and grant.review_at <= now
    return f"[yellow]{_day(grant.review_at)}[/]" if due else _day(grant.review_at)


def _remark(grant: Grant, now: datetime) -> str:
    if grant.revoked_at is not None:
        why = f": {grant.revoked_because}" if grant.revoked_because else ""
        return f"[red]revoked by {escape((grant.revoked_by or '') + why)}[/]"
    if not grant.holds(now):
        return f"[{DIM}]ended[/]"
    only = "" if grant.columns is None else f"only {', '.join(sorted(grant.columns))}"
    return escape("; ".join(part for part in (only, grant.conditions or "") if part))
