"""How `mesh diff` shows changes: tables for people, records for programs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from platform_resources.cli.output import table
from platform_resources.contracts import Change, Comparison
from platform_resources.contracts.contract_view import OPERATORS
from platform_resources.contracts.findings import printable
from platform_resources.contracts.wording import counted
from platform_resources.governance import Consumer

Whom = Literal["consumers", "producers"]

_LONGEST = 48  # characters of a value; the files have the rest
_COLUMNS_TOLD = 6  # of a consumer; `--json` tells all
_COLOURS = {"loosens": "red", "tightens": "yellow", "both": "red", "neutral": "dim"}
_SAYING = ("physicalType", "logicalType", "value", "query", "metric", "access", "to", "url", "location", "type")


@dataclass(frozen=True)
class Diff:
    """One port (or pair of files) compared; without a comparison it is gone."""

    address: str
    comparison: Comparison | None
    before: str  # where the two sides come from, for people
    after: str
    consumers: tuple[Consumer, ...]

    def breaks(self, whom: Whom) -> bool:
        if self.comparison is None:
            return whom == "consumers"
        return bool(self.comparison.breaking_for(whom))

    def hits(self, consumer: Consumer) -> tuple[Change, ...]:
        """The breaking changes of what a consumer reads."""
        changes = self.comparison.breaking if self.comparison else ()
        return tuple(change for change in changes if consumer.reads(change.columns))


def diff_record(diff: Diff) -> dict[str, Any]:
    comparison = diff.comparison
    return {
        "port": diff.address or None,
        "before": diff.before,
        "after": diff.after,
        "removed": comparison is None,
        "breaks": [whom for whom in ("consumers", "producers") if diff.breaks(whom)],  # type: ignore[arg-type]
        "suggested_version": comparison.suggested_version if comparison else None,
        "version_is_enough": comparison.version_is_enough if comparison else None,
        "renamed": dict(comparison.renamed) if comparison else {},
        "changes": [_change_record(change) for change in comparison.changes] if comparison else [],
        "consumers": [
            {
                "name": consumer.name,
                "kind": consumer.kind,
                "contact": consumer.contact,
                "purpose": consumer.purpose,
                "columns": consumer.columns,
                "hit_by": [change.path for change in diff.hits(consumer)],
            }
            for consumer in diff.consumers
        ],
    }


def _change_record(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "field": change.field,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "effect": change.effect,
        "breaks": change.breaks,
        "reason": change.reason,
        "columns": change.columns,
        "file": str(change.file),
        "line": change.line,
    }


def diff_page(diffs: Sequence[Diff], notes: Sequence[str], whom: Whom, *, brief: bool = False) -> Group:
    """Everything that `mesh diff` tells; when `brief`, changes that mean nothing to anybody are only counted."""
    parts: list[Any] = []
    for diff in diffs:
        parts += [*_one(diff, whom, brief), Text("")]
    if not diffs and not notes:
        parts.append(Text("nothing has changed"))
    parts += [Text(note, style="dim") for note in notes]
    if parts and isinstance(parts[-1], Text) and not parts[-1].plain:
        parts.pop()
    return Group(*parts)


def _one(diff: Diff, whom: Whom, brief: bool) -> list[Any]:
    title = f"[bold]{escape(diff.address)}[/]  " if diff.address else ""
    heading = Text.from_markup(f"{title}{escape(diff.before)} → {escape(diff.after)}")
    if diff.comparison is None:
        gone = Text("No document offers this port any more: whoever reads it fails.", style="red")
        return [heading, Padding(gone, (0, 0, 0, 2)), *_consumers(diff)]
    if not diff.comparison.changes:
        return [heading, Padding(Text("Only comments or layout differ."), (0, 0, 0, 2))]
    told = [change for change in diff.comparison.changes if not brief or change.effect != "neutral"]
    shown = [Padding(_changes(told), (0, 0, 0, 2))] if told else []
    if left := len(diff.comparison.changes) - len(told):
        text = (
            f"{'and ' if told else ''}{left} that promise{'s' if left == 1 else ''} nothing else; mesh diff tells all"
        )
        shown.append(Padding(Text(text, style="dim"), (0, 0, 0, 2)))
    return [
        heading,
        *shown,
        *_consumers(diff),
        _verdict(diff.comparison, whom),
    ]


def _changes(changes: Sequence[Change]) -> Table:
    made = table("field", "before → after, and what that means", "effect", "breaks")
    order = {"both": 0, "loosens": 0, "tightens": 1, "neutral": 2}
    for change in sorted(changes, key=lambda change: (not change.breaks, order[change.effect])):
        colour = _COLOURS[change.effect]
        quiet = "dim" if change.effect == "neutral" else "default"
        made.add_row(
            f"[{quiet}]{escape(printable(change.field))}[/] [dim]:{change.line}[/]",
            f"[{quiet}]{escape(_values(change))}[/]\n[dim]{escape(change.reason)}[/]",
            f"[{colour}]{change.effect}[/]",
            f"[{colour}]{', '.join(change.breaks) or '–'}[/]",
        )
    return made


def _values(change: Change) -> str:
    if change.kind == "added":
        return f"+ {_short(change.after)}"
    if change.kind == "removed":
        return f"- {_short(change.before)}"
    old, new = change.before, change.after
    if isinstance(old, dict) and isinstance(new, dict):  # only what differs
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        old, new = ({name: side[name] for name in names if name in side} for side in (old, new))
    before, after = _short(old), _short(new)
    if before == after:  # alike up to where they are cut
        before, after = _short(old, tail=True), _short(new, tail=True)
    return f"{before} → {after}"


def _short(value: Any, *, tail: bool = False) -> str:
    text = printable(" ".join(_plain(value).split()))
    if len(text) <= _LONGEST:
        return text
    return f"…{text[1 - _LONGEST :]}" if tail else f"{text[: _LONGEST - 1]}…"


def _plain(value: Any) -> str:
    """A value as the document would say it in a line; a whole entry by what it mainly says."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if not isinstance(value, dict):
        return str(value)
    limit = next((f"{key} {_plain(value[key])}" for key in OPERATORS if key in value), None)
    main = next((_plain(value[key]) for key in _SAYING if isinstance(value.get(key), str | int | float)), None)
    if not value:
        return "nothing"
    if "strategy" in value or (limit is None and main is None):
        return f"{{{', '.join(f'{key}: {_plain(item)}' for key, item in value.items())}}}"
    return " ".join(
        part for part in (main, str(value["unit"]) if "unit" in value and not limit else None, limit) if part
    )


def _consumers(diff: Diff) -> list[Any]:
    if diff.comparison is not None and not diff.comparison.breaking:
        return []
    if not diff.consumers:
        return [Text.from_markup("  [dim]nobody is registered as a consumer of this port[/]")] if diff.address else []
    made = table("consumer", "kind", "reads", "hit by")
    for consumer in diff.consumers:
        hits = diff.hits(consumer)
        fields = list(dict.fromkeys(change.field for change in hits))
        told = ", ".join(fields) if diff.comparison else "the port itself"
        colour = "red" if told else "dim"
        columns = _columns(consumer, {column for change in hits for column in change.columns})
        made.add_row(
            f"[{colour}]{escape(consumer.name)}[/]",
            consumer.kind,
            escape(printable(columns)),
            f"[{colour}]{escape(printable(told or 'nothing'))}[/]",
        )
    return [Padding(made, (1, 0, 0, 2))]


def _columns(consumer: Consumer, touched: Collection[str]) -> str:
    """What a consumer reads, with what is touched first."""
    if consumer.columns is None:
        return "all columns"
    names = sorted(consumer.columns, key=lambda name: name not in touched)
    more = len(names) - _COLUMNS_TOLD
    return f"{', '.join(names[:_COLUMNS_TOLD])}{f' and {more} more' if more > 0 else ''}"


def _verdict(comparison: Comparison, whom: Whom) -> Padding:
    count = len(comparison.changes)
    told = counted(count, "change")
    for side in ("consumers", "producers"):
        broken = len(comparison.breaking_for(side))  # type: ignore[arg-type]
        if broken:
            style = "bold red" if side == whom else "yellow"
            told += f", [{style}]{broken} break{'s' if broken == 1 else ''} {side}[/]"
    told += f": suggested version [bold]{comparison.suggested_version}[/]"
    if comparison.version_is_enough:
        told += f", {comparison.after.version} is enough"
    else:
        told += f", [red]{comparison.after.version} is not enough[/]"
    return Padding(Text.from_markup(told), (1, 0, 0, 2))
