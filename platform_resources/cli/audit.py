"""`mesh audit`: the rules of a product checked now; who read what, who was let in, and whether that log was changed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from click import Command, Context
from rich.markup import escape
from typer.core import TyperGroup

from platform_resources.cli.administration import administration
from platform_resources.cli.audit_now import audit_product
from platform_resources.cli.common import AsOption, JsonFlag
from platform_resources.cli.output import DIM, console, errors, fail, moment, print_json, table

if TYPE_CHECKING:
    from platform_resources.control.audit_log import AuditEntry
    from platform_resources.control.audit_verify import AuditReport


class _Audits(TyperGroup):
    """`mesh audit crm.customer_360` is `mesh audit product crm.customer_360`: no command has a dot in its name."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        of_product = bool(args) and "." in args[0] and args[0] not in self.commands
        return super().resolve_command(ctx, ["product", *args] if of_product else args)


audit_app = typer.Typer(
    cls=_Audits,
    help="Check a product's rules now: mesh audit crm.customer_360. And the log of reads: who read what, who was let "
    "in, whether it was tampered with.",
    no_args_is_help=True,
)
audit_app.command(name="product")(audit_product)

_DIGEST = re.compile(r"[0-9a-f]{32,}")
_DIGITS_TOLD = 12  # of a digest: enough to tell two apart; --json has all
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_KINDS = (
    *(
        "read",
        "served",
        "revalidated",
        "sql",
        "refused",
        "request-made",
        "request-approved",
        "request-denied",
        "request-withdrawn",
    ),
    *("grant-made", "grant-revoked", "token-created", "token-revoked", "identity-added", "identity-changed"),
    *("identity-enabled", "identity-disabled", "gap", "gap-accepted"),
)
_COLOURS = {"refused": "yellow", "gap": "red"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(audit_app, name="audit")


@audit_app.command()
def verify(as_: AsOption = None, json_output: JsonFlag = False) -> None:
    """Read the whole log: was an entry changed, put in, moved, removed, or the end cut off? Exit code 1 if so."""
    with administration(as_) as admin:
        admin.check("verify the audit log")
        report = admin.access.audit.verify()
    if json_output:
        print_json(_report_record(report))
    else:
        _print_report(report)
    raise typer.Exit(0 if report.sound else 1)


@audit_app.command()
def accept(
    gap: Annotated[int, typer.Argument(help="Number of the entry that tells the gap.")],
    reason: Annotated[str, typer.Option(help="Why entries are missing, as: restored from the backup of 3 March.")],
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Put on record why the log has a gap, as after a restore; `verify` then tells it without failing."""
    with administration(as_) as admin:
        admin.check("accept a gap of the audit log")
        entry = admin.access.audit.accept_gap(gap, admin.actor, reason)
    if json_output:
        print_json({"gap": gap, "entry": entry})
    else:
        console.print(f"the gap of entry {gap} is accepted, on record as entry {entry}", highlight=False)


@audit_app.command(name="list")
def list_command(
    actor: Annotated[str | None, typer.Option(metavar="ID", help="Who did it.", show_default=False)] = None,
    port: Annotated[str | None, typer.Option(metavar="ADDRESS", help="crm.customer_360.v1", show_default=False)] = None,
    kind: Annotated[
        str | None, typer.Option(help="read, served, refused, token-created, ...", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="From this moment on, your time zone.", show_default=False)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this moment.", show_default=False)] = None,
    before: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Older than this entry, to go on.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Entries of the log, newest first. Without the right to administer one sees one's own."""
    with administration(as_) as admin:
        if not admin.administers and admin.caller is not None:
            actor = actor or admin.caller.identity.id
            if actor != admin.caller.identity.id:
                admin.check("see what others did")
        found = admin.access.audit.entries(
            actor=actor,
            port=port,
            kind=kind,
            since=since and since.astimezone(UTC),
            until=until and until.astimezone(UTC),
            before=before,
            limit=limit,
        )
    if kind is not None and kind not in _KINDS and not found:  # a log may hold kinds of an earlier version
        fail(f"there are no entries of the kind {kind!r}; one of: {', '.join(_KINDS)}", code=2)
    if json_output:
        print_json([entry_record(entry) for entry in found])
        return
    made = table(("#", "right"), "at", "what", "who", "port", "facts")
    for column in made.columns[:4]:
        column.no_wrap = True
    for entry in found:
        colour = _COLOURS.get(entry.kind)
        what = f"[{colour}]{escape(entry.kind)}[/]" if colour else escape(entry.kind)
        cells = (str(entry.sequence), moment(entry.at), what, escape(entry.actor), escape(entry.port or "–"))
        made.add_row(*cells, f"[{DIM}]{escape(facts_text(entry.record))}[/]")
    console.print(made if found else "no entry fits", highlight=False)
    if len(found) == limit:
        errors.print(f"[{DIM}]older ones: --before {found[-1].sequence}[/]", highlight=False)


def facts_text(record: dict[str, Any]) -> str:
    """The facts of an entry on a line: `purpose=analytics rows=40 masked=email,name`."""
    return " ".join(f"{name}={_short(value)}" for name, value in record.items() if value not in (None, "", [], {}))


def entry_record(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "kind": entry.kind,
        "actor": entry.actor,
        "port": entry.port,
        "record": entry.record,
        "digest": entry.digest,
    }


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name} ({_short(inner)})" for name, inner in value.items())
    if isinstance(value, list) and len(value) > 6:
        return f"{','.join(map(str, value[:5]))},… ({len(value)})"
    if isinstance(value, list):
        return ",".join(map(str, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if _DIGEST.fullmatch(text):
        return text[:_DIGITS_TOLD]
    if _MOMENT.fullmatch(text):
        return moment(datetime.fromisoformat(text))
    return text if len(text) <= 80 else f"{text[:79]}…"


def _report_record(report: AuditReport) -> dict[str, Any]:
    return {
        "sound": report.sound,
        "entries": report.entries,
        "last": report.head.sequence,
        "digest": report.head.digest,
        "found": report.found,
        "findings": [{"sign": f.sign, "entry": f.sequence, "message": f.message} for f in report.findings],
        "accepted_gaps": list(report.accepted),
    }


def _print_report(report: AuditReport) -> None:
    verdict = "[green]sound[/]" if report.sound else f"[red]{report.found:,} signs of tampering[/]"
    head = f"; the last is {report.head.sequence:,}, digest {report.head.digest[:16]}" if report.entries else ""
    console.print(f"{verdict}  [{DIM}]{report.entries:,} entries{head}[/]", highlight=False)
    if report.accepted:
        told = ", ".join(map(str, report.accepted))
        console.print(
            f"[{DIM}]gaps that were explained: {told} (mesh audit list --kind gap-accepted)[/]", highlight=False
        )
    for finding in report.findings:
        errors.print(f"[bold red]{finding.sign}[/] {escape(finding.message)}", highlight=False)
    if report.found > len(report.findings):
        errors.print(f"[{DIM}]and {report.found - len(report.findings):,} more[/]", highlight=False)
    if not report.sound:
        errors.print(
            "\nKeep the database and the folder keys as they are, and find out who could write the database. A gap "
            "that is explained, as by a restored backup: mesh audit accept NUMBER --reason ...",
            highlight=False,
        )
