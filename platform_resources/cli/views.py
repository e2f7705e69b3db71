"""The state of the mesh in the two forms that commands print: plain values for JSON, tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from platform_resources.catalog import DomainState, PortState, by_preference_now
from platform_resources.catalog.score_history import ScoreHistory, share_of
from platform_resources.cli.output import duration, moment, score_text, state_text, table
from platform_resources.cli.quality_views import scores_table, shares_table
from platform_resources.contracts.lifecycle import is_runnable, replacement_of
from platform_resources.contracts.model import QualityRule
from platform_resources.contracts.wording import MANUAL
from platform_resources.lake import Publication
from platform_resources.lake.publications import SHARES

_LIVES = {"proposed": "dim", "draft": "cyan", "active": "green", "deprecated": "yellow", "retired": "dim"}


def port_record(state: PortState) -> dict[str, Any]:
    """One port for `mesh status --json`. Times in ISO 8601 (UTC), ages in seconds, scores 0-100."""
    publication, contract = state.publication, state.port.contract
    record: dict[str, Any] = {
        "port": state.port.address,
        "product": state.product.address,
        "status": state.lifecycle,
        "owner": next(iter(contract.owners or state.product.owners), None),
        "team": contract.team_name or state.product.team_name,
        "tier": contract.custom.get("tier"),
        "contract_version": contract.version,
        "published": publication is not None,
        "freshness": {
            "state": state.freshness.state,
            "promised_seconds": _seconds(state.freshness.promised),
            "age_seconds": _seconds(state.freshness.age),
        },
    }
    if publication is not None:
        record |= {
            "publication": publication.number,
            "published_contract_version": publication.contract_version,
            "published_at": publication.published_at,
            "data_as_of": publication.data_as_of,
            "rows": publication.row_count,
            "score": round(publication.score, 2),
            "scores": publication.audit.get("scores", {}),
            **{name: share_of(publication.audit, name) for name in SHARES},
            "warnings": _failed(publication.audit),
        }
    record["lifecycle"] = _life_record(state)
    record["governance"] = [
        {
            "code": item.finding.code,
            "standing": item.standing,
            "message": item.finding.message,
            "remedy": item.finding.remedy,
            "until": item.until,
        }
        for item in state.judgements
    ]
    if state.refusal is not None:
        record["refused"] = {
            "at": state.refusal.refused_at,
            "contract_version": state.refusal.contract_version,
            "score": round(state.refusal.score, 2),
            "failed": _failed(state.refusal.audit),
        }
    return record


def _life_record(state: PortState) -> dict[str, Any]:
    end, retirement = state.port.contract.end_of_support, state.retirement
    return {
        "state": state.lifecycle,
        "end_of_support": end,
        "replaced_by": replacement_of(state.port),
        "readers": list(state.readers),
        "notices": list(state.notices),
        "retired": retirement and {"at": retirement.at, "reason": retirement.reason},
    }


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else round(value.total_seconds(), 1)


def _failed(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Checks that failed, and what the gate found; a log of an earlier version of the platform has no such entry."""
    checks = [
        {"check": r["group"], "severity": r["severity"], "message": r["message"]}
        for r in audit.get("results", [])
        if not r["passed"]
    ]
    severities = {"blocks": "error", "warns": "warning", "grace": "warning"}
    judged = [
        {"check": item["code"], "severity": severities[item["standing"]], "message": item["message"]}
        for item in audit.get("governance", [])
        if item["standing"] in severities
    ]
    return checks + judged


def status_table(domains: list[DomainState], seconds: Mapping[str, float] | None = None) -> Table:
    """The ports of the mesh, one row each; with `seconds` (port -> time) a column of what their build took."""
    made = table("product", "version", "status", ("rows", "right"), ("score", "right"), "freshness")
    made.columns[0].no_wrap = True
    if seconds is not None:
        made.add_column("time", justify="right", no_wrap=True)
    for domain in domains:
        for state in domain.ports:
            publication = state.publication
            cells = [
                escape(state.port.address),
                f"{publication.contract_version} #{publication.number}" if publication else "–",
                f"[{_LIVES[state.lifecycle]}]{state.lifecycle}[/]",
                f"{publication.row_count:,}" if publication else "–",
                score_text(publication.score if publication else None),
                _freshness(state),
            ]
            if seconds is not None:
                cells.append(duration(seconds.get(state.port.address)))
            made.add_row(*cells)
    return made


def _freshness(state: PortState) -> str:
    """`fresh, 6 min`; what consumers don't get is told too."""
    if state.retirement is not None:
        return f"[dim]not served since {state.retirement.at:%Y-%m-%d}[/]"
    if state.publication is None and not is_runnable(state.lifecycle):
        return "[dim]not served[/]"
    if state.publication is None and state.held:
        return "[red]held back by the gate[/]"
    if state.publication is None:
        return "[red]refused[/]" if state.refusal else "[dim]not published[/]"
    age = state.freshness.age
    text = f"{state_text(state.freshness.state)}, {duration(age, units=1)}"
    if state.held:
        return f"{text}; [red]held back by the gate[/]"
    return f"{text}; [red]newer version refused[/]" if state.refusal else text


def notices_text(domains: list[DomainState]) -> Text | None:
    """What ports that end, and those that read them, are told; the state of the others is in the table."""
    text = Text()
    for state in (state for domain in domains for state in domain.ports):
        for notice in state.notices:
            if state.lifecycle not in ("draft", "proposed") and (state.lifecycle != "retired" or state.readers):
                text.append(f"{state.port.address}: {notice}\n", style="yellow")
    text.rstrip()
    return text if text else None


_FILES_TOLD = 5  # for each domain; `--json` tells them all


def problems_text(domains: list[DomainState]) -> Text | None:
    """Findings on the documents of all domains and files in quarantine, if there are any."""
    text = Text()
    for domain in domains:
        for problem in domain.problems:
            text.append(f"{domain.name}: {problem}\n", style="red")
        for waiting in domain.quarantine[:_FILES_TOLD]:
            text.append(f"{domain.name}: in quarantine: {waiting.path}\n", style="yellow")
            text.append("".join(f"  {reason}\n" for reason in waiting.reasons))
        if len(domain.quarantine) > _FILES_TOLD:
            folders = ", ".join(sorted({str(waiting.path.parent) for waiting in domain.quarantine}))
            more = len(domain.quarantine) - _FILES_TOLD
            text.append(f"{domain.name}: and {more} more in quarantine, in {folders}\n", style="yellow")
    text.rstrip()
    return text if text else None


def port_page(
    state: PortState,
    availability: str | None = None,
    consumption: str = "",
    others: Sequence[PortState] = (),
    history: ScoreHistory | None = None,
) -> Group:
    """Everything that `mesh show` tells of a port; `availability`: what was measured, when something was;
    `consumption`: who really reads it, when somebody is known; `others`: further ports of its product;
    `history`: how its score went.
    """
    contract, publication = state.port.contract, state.publication
    parts: list[Any] = [
        Text.from_markup(f"[bold]{escape(state.port.address)}[/]  {escape(state.product.title or '')}"),
        *(Text(f"{notice[0].upper()}{notice[1:]}.", style="yellow") for notice in state.notices),
        Text((contract.purpose or state.product.purpose or "").strip()),
        Text(""),
        _facts(state, availability, consumption, others),
    ]
    if publication is not None:
        parts += _quality(publication.audit, history or ScoreHistory())
    columns = table("column", "type", "key", "class", "meaning")
    for column in contract.table.columns:
        key = f"PK{column.primary_key_position}" if column.primary_key_position else ("!" if column.required else "")
        meaning = " ".join((column.description or "").split())
        columns.add_row(column.name, column.physical_type or "", key, column.classification or "", escape(meaning))
    parts += [Text(""), Text("Columns (! = never null)", style="bold"), columns]
    audit = state.refusal.audit if state.refusal else publication.audit if publication else {}
    failed = _failed(audit)
    if failed:
        title = "Why the newest version was refused" if state.refusal else "Warnings"
        warnings = table("check", "severity", "what was found")
        for item in failed:
            warnings.add_row(item["check"], item["severity"], escape(item["message"]))
        parts += [Text(""), Text(title, style="bold"), warnings]
    if manual := contract.table.manual_rules:
        parts += [Text(""), Text(f"Rules that are {MANUAL}", style="bold"), manual_table(manual)]
    if contract.usage or state.product.usage:
        parts += [Text(""), Text("Usage", style="bold"), Text((contract.usage or state.product.usage or "").strip())]
    if contract.limitations or state.product.limitations:
        limits = (contract.limitations or state.product.limitations or "").strip()
        parts += [Text(""), Text("Limitations", style="bold"), Text(limits)]
    return Group(*parts)


def manual_record(rules: Sequence[QualityRule]) -> list[dict[str, Any]]:
    return [{"name": rule.name, "column": rule.column, "description": rule.description} for rule in rules]


def manual_table(rules: Sequence[QualityRule]) -> Table:
    """Rules that people look after, one row each."""
    made = table("rule", "about", "what it says")
    for rule in rules:
        made.add_row(escape(rule.name), rule.column or "the table", escape(" ".join((rule.description or "").split())))
    return made


def _facts(state: PortState, availability: str | None, consumption: str, others: Sequence[PortState]) -> Table:
    contract, publication = state.port.contract, state.publication
    facts = Table.grid(padding=(0, 2))
    facts.add_row("owner", f"{contract.team_name or state.product.team_name or '–'} <{_owner(state)}>")
    status = f"[{_LIVES[state.lifecycle]}]{state.lifecycle}[/]"
    facts.add_row("status", f"{status}, tier {escape(str(contract.custom.get('tier', '–')))}")
    if others:
        named = (f"{other.port.address} ({other.lifecycle})" for other in by_preference_now(others))
        facts.add_row("other ports", escape(", ".join(named)))
    facts.add_row("contract", f"{contract.version}  ({contract.file.name})")
    promised = duration(state.freshness.promised)
    facts.add_row(
        "freshness", f"{state_text(state.freshness.state)}: {duration(state.freshness.age)} old, at most {promised}"
    )
    for sla in contract.sla:
        if sla.property not in ("freshness", "endOfSupport"):  # what ends is told at the top
            measured = f"; {availability}" if availability and sla.property == "availability" else ""
            facts.add_row(sla.property, f"{sla.value} {sla.unit or ''} promised{measured}")
    if state.retirement is not None:
        facts.add_row("published", escape(state.retirement.told("not any more: it")))
    elif publication is None:
        facts.add_row("published", "not yet")
    else:
        facts.add_row(
            "published", f"#{publication.number} at {moment(publication.published_at)}, {publication.row_count:,} rows"
        )
        facts.add_row("score", score_text(publication.score))
    inputs = ", ".join(port.address for port in state.product.inputs)
    if inputs:
        facts.add_row("made from", inputs)
    if state.readers:
        facts.add_row("read by", ", ".join(state.readers))
    if consumption:
        facts.add_row("consumers", escape(consumption))
    return facts


def _owner(state: PortState) -> str:
    return next(iter(state.port.contract.owners or state.product.owners), "–")


def _quality(audit: Mapping[str, Any], history: ScoreHistory) -> list[Any]:
    """Scores and shares with their history; a log of an earlier version of the platform has less."""
    over = f", over {history.says}" if len(history.publications) > 1 else ""
    parts: list[Any] = []
    if audit.get("scores"):
        parts += [Text(""), Text(f"Score by dimension{over}", style="bold"), scores_table(audit, history)]
    if (shares := shares_table(audit, history)) is not None:
        parts += [Text(""), Text("Values that are there, and that agree with their reference", style="bold"), shares]
    return parts


def publication_record(publication: Publication) -> dict[str, Any]:
    return {
        "port": publication.port,
        "number": publication.number,
        "kind": publication.kind,
        "contract_version": publication.contract_version,
        "snapshot": publication.snapshot,
        "rows": publication.row_count,
        "score": round(publication.score, 2),
        "data_as_of": publication.data_as_of,
        "published_at": publication.published_at,
        "run_id": publication.run_id,
    }


def publications_table(log: list[Publication]) -> Table:
    made = table(
        ("#", "right"),
        "kind",
        "version",
        ("snapshot", "right"),
        ("rows", "right"),
        ("score", "right"),
        "published",
        "data as of",
    )
    for publication in log:
        made.add_row(
            str(publication.number),
            publication.kind,
            publication.contract_version,
            str(publication.snapshot),
            "–" if publication.kind == "retire" else f"{publication.row_count:,}",
            score_text(None if publication.kind == "retire" else publication.score),
            moment(publication.published_at),
            moment(publication.data_as_of),
        )
    return made
