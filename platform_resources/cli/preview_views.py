"""How `mesh preview` tells: a page for people, records for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from platform_resources.cli.change_views import Diff, diff_page, diff_record
from platform_resources.cli.output import score_text, table
from platform_resources.contracts import Finding, findings_as_json
from platform_resources.contracts.findings import printable
from platform_resources.contracts.wording import counted
from platform_resources.governance import Judgement
from platform_resources.self_service.preview import PortPreview, ProductPreview

_OF_A_KIND = 3  # findings of one code
_TOLD = 8  # entries of one kind; `--json` tells them all
_COLOURS = {"published": "bold green", "waits": "yellow", "kept back": "dim", "refused": "bold red"}
_VERDICTS = {
    "published": "would be published",
    "waits": "waits for a build",
    "kept back": "would not be published",
    "refused": "would be refused",
}


def preview_record(item: ProductPreview, base: Path) -> dict[str, Any]:
    return {
        "product": item.address,
        "refused": item.refused,
        "findings": findings_as_json(item.findings, base),
        "judgements": [_judgement_record(judged, base) for judged in item.judgements],
        "ports": [_port_record(port, base) for port in item.ports],
    }


def _judgement_record(item: Judgement, base: Path) -> dict[str, Any]:
    (record,) = findings_as_json([item.finding], base)
    return {**record, "standing": item.standing, "until": item.until}


def _port_record(port: PortPreview, base: Path) -> dict[str, Any]:
    trial = port.trial
    after = trial.after if trial else None
    return {
        "port": port.address,
        "state": port.state,
        "verdict": port.verdict,
        "reasons": list(port.reasons),
        "contract": diff_record(_diff(port)) if port.state in ("changed", "removed") else None,
        "versions": {"before": port.before, "after": port.after},
        "checks": [{"name": c.name, "before": c.before, "after": c.after} for c in port.checks],
        "score": {
            "before": trial.before.score if trial and trial.before else None,
            "after": after.audit.score if after else None,
            "published": trial.last.score if trial and trial.last else None,
        },
        "scores": after.audit.scores if after else {},
        "failed": [
            {"check": r.name, "severity": r.severity, "message": r.message}
            for r in (after.audit.failures if after else ())
        ],
        "not_built": trial.not_built if trial else None,
        "pending": dict(after.pending) if after else {},
        "waiting": list(after.waiting) if after else [],
        "judgements": [_judgement_record(judged, base) for judged in port.judgements],
        "consumers": [
            {"name": c.name, "kind": c.kind, "contact": c.contact, "columns": c.columns} for c in port.consumers
        ],
    }


def preview_page(found: Sequence[ProductPreview], told: str, base: Path) -> Group:
    """Everything that `mesh preview` tells; `told` names what is compared with."""
    if not found:
        return Group(Text(f"nothing would change: every contract is as {told}, and nothing would be refused"))
    parts: list[Any] = []
    for item in found:
        for port in item.ports:
            parts += [*_port(port, told, {judged.finding.message for judged in item.judgements}), Text("")]
        about = _product(item, base)
        if about and item.ports and not item.refused:
            parts.pop()  # a line that belongs to the verdict above
        parts += about
    refused = sum(item.refused for item in found)
    ports = [port for item in found for port in item.ports]
    states = ", ".join(
        f"{count} {state}"
        for state in ("new", "changed", "removed", "unchanged")
        if (count := sum(port.state == state for port in ports))
    )
    verdict = (
        f"[bold red]{refused} of {len(found)} would be refused[/]" if refused else "[bold green]none is refused[/]"
    )
    parts.append(
        Text.from_markup(f"{counted(len(found), 'product')}{f' (ports: {states})' if states else ''}: {verdict}")
    )
    return Group(*parts)


def _product(item: ProductPreview, base: Path) -> list[Any]:
    """What the documents and the council say, which concerns all ports of a product alike."""
    stopping = [judged.finding for judged in item.judgements if judged.blocks]
    found = [*item.findings, *stopping]
    others = {}
    for judged in item.judgements:
        if not judged.blocks:
            others[judged.standing] = others.get(judged.standing, 0) + 1
    words = {"warns": "warn", "grace": "in grace", "announced": "announced", "waived": "waived", "informs": "inform"}
    counts = ", ".join(f"{count} {words[standing]}" for standing, count in others.items())
    quiet = [Padding(Text(f"the council: {counts} (mesh check {item.address} --all)", style="dim"), (0, 0, 0, 2))]
    if not found:
        return [*quiet, Text("")] if others else []
    parts: list[Any] = [Text.from_markup(f"[bold]{escape(item.address)}[/]  documents and council")]
    told: Counter[str] = Counter()
    for finding in found:
        told[finding.code] += 1
        if told[finding.code] <= _OF_A_KIND:
            parts.append(Padding(Text.from_markup(_finding(finding, base)), (0, 0, 0, 2)))
    more = sum(max(count - _OF_A_KIND, 0) for count in told.values())
    if more:
        parts.append(Padding(Text(f"and {more} more like these; mesh check {item.address}", style="dim"), (0, 0, 0, 2)))
    parts += quiet if others else []
    return [*parts, Text("")]


def _finding(finding: Finding, base: Path) -> str:
    colour = "bold red" if finding.severity == "error" else "yellow"
    file = finding.file.relative_to(base) if finding.file.is_relative_to(base) else finding.file
    text = f"[{colour}]{finding.severity}[/] {escape(printable(finding.message))} [dim]{escape(finding.code)}[/]"
    return f"{text}\n[dim]{escape(f'{file}:{finding.line}')}  {escape(printable(finding.remedy))}[/]"


def _diff(port: PortPreview, told: str = "") -> Diff:
    after = f"{port.after} here" if port.after else "gone"
    return Diff(port.address, port.comparison, f"{port.before} {told}".rstrip(), after, port.consumers)


def _port(port: PortPreview, told: str, below: Collection[str]) -> list[Any]:
    """One port; reasons that are among the findings told `below` are only counted."""
    if port.state in ("changed", "removed") and (port.comparison is not None or port.state == "removed"):
        parts: list[Any] = [diff_page([_diff(port, told)], [], "consumers", brief=True)]
    else:
        how = {"new": f"new: {port.after}", "unchanged": f"{port.after}, as {told}"}.get(port.state, f"{port.after}")
        parts = [Text.from_markup(f"[bold]{escape(port.address)}[/]  {escape(how)}")]
    if port.checks:
        parts += [Text(""), *_checks(port)]
    if port.trial is not None:
        parts += [Text(""), *_data(port)]
    colour = _COLOURS[port.verdict]
    reasons = [printable(reason) for reason in dict.fromkeys(port.reasons) if reason not in below]
    shown = "; ".join(reasons[:2]) + (f" (and {len(reasons) - 2} more)" if len(reasons) > 2 else "")
    if told := len(set(port.reasons).intersection(below)):
        shown += f"{'; ' if shown else ''}{counted(told, 'finding')} of the council, told below"
    text = f"[{colour}]{_VERDICTS[port.verdict]}[/]{f': {escape(shown)}' if shown else ''}"
    return [*parts, Text(""), Padding(Text.from_markup(text), (0, 0, 0, 2))]


def _checks(port: PortPreview) -> list[Any]:
    added = sum(check.before is None for check in port.checks)
    gone = sum(check.after is None for check in port.checks)
    counts = ((added, "added"), (gone, "gone"), (len(port.checks) - added - gone, "changed"))
    title = ", ".join(f"{count} {word}" for count, word in counts if count)
    parts: list[Any] = [Padding(Text.from_markup(f"[bold]checks[/]  {title}"), (0, 0, 0, 2))]
    if port.state == "new":
        return parts  # all of them are
    made = table("check", "asked for")
    for check in port.checks[:_TOLD]:
        if check.before is None:
            told = f"[green]+[/] {escape(check.after or '')}"
        elif check.after is None:
            told = f"[red]-[/] {escape(check.before)}"
        elif check.before == check.after:
            told = f"{escape(check.after)}, by another query"
        else:
            told = f"{escape(check.before)} → {escape(check.after)}"
        made.add_row(escape(check.name), printable(told))
    made.show_header = False
    parts.append(Padding(made, (0, 0, 0, 4)))
    if len(port.checks) > _TOLD:
        parts.append(
            Padding(Text(f"and {len(port.checks) - _TOLD} more; --json tells them all", style="dim"), (0, 0, 0, 4))
        )
    return parts


def _data(port: PortPreview) -> list[Any]:
    trial = port.trial
    if trial is None:
        return []
    if trial.after is None:
        return [Padding(Text.from_markup(f"[bold]data[/]  {escape(trial.not_built or '')}"), (0, 0, 0, 2))]
    audit = trial.after.audit
    before = f"{score_text(trial.before.score)} → " if trial.before is not None and port.state != "unchanged" else ""
    last = f" [dim](published #{trial.last.number} with {trial.last.score:.1f})[/]" if trial.last else ""
    line = f"[bold]data[/]  {audit.rows:,} rows as they stand: score {before}{score_text(audit.score)}{last}"
    parts: list[Any] = [Padding(Text.from_markup(line), (0, 0, 0, 2))]
    failed = [result for result in audit.results if not result.passed]
    known = set() if trial.before is None else {r.name for r in trial.before.results if not r.passed}
    for result in sorted(failed, key=lambda r: (not r.blocks, r.name in known))[:_TOLD]:
        colour = "bold red" if result.blocks else "yellow"
        old = " [dim](as before)[/]" if result.name in known and port.state != "unchanged" else ""
        text = f"[{colour}]{result.severity}[/] {escape(printable(result.message))}{old}"
        parts.append(Padding(Text.from_markup(text), (0, 0, 0, 4)))
    for name, what in trial.after.pending.items():
        parts.append(
            Padding(Text.from_markup(f"[yellow]not built yet[/] {escape(name)} ({escape(what)})"), (0, 0, 0, 4))
        )
    if trial.after.waiting:
        shown = ", ".join(trial.after.waiting[:_TOLD]) + (" …" if len(trial.after.waiting) > _TOLD else "")
        parts.append(Padding(Text(f"checks that wait for the build: {shown}", style="dim"), (0, 0, 0, 4)))
    for judged in port.judgements:
        colour = "bold red" if judged.blocks else "yellow"
        text = (
            f"[{colour}]{judged.standing}[/] {escape(printable(judged.finding.message))} [dim]{judged.finding.code}[/]"
        )
        parts.append(Padding(Text.from_markup(text), (0, 0, 0, 4)))
    return parts
