"""What the command line prints: tables for people, JSON for programs, errors that say what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_PIPED_WIDTH = 200  # a pipe has no width of its own; 80 would fold every table


def make_console(*, stderr: bool = False) -> Console:
    """A console on today's stdout or stderr: as wide as the terminal, or wide enough for a table in a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPED_WIDTH)


console = make_console()
errors = make_console(stderr=True)

DIM = "dim"
_STATES = {"fresh": "green", "late": "red", "unknown": DIM}


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Print an error for a person and end. Code 1: it could not be done; 2: it was asked wrongly."""
    errors.print(f"[bold red]mesh:[/] {escape(message)}", highlight=False)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=_plain, indent=2, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)


def duration(value: timedelta | float | None, units: int = 2) -> str:
    """A length of time in its one or two largest units: `2 h 05 min`, `41 s`."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, inner, inner_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // inner
            return f"{whole // size} {unit}" + (f" {rest:02d} {inner_unit}" if rest and units > 1 else "")
    return f"{whole} s"


def moment(value: datetime | None) -> str:
    return "–" if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def table(*columns: str | tuple[str, str]) -> Table:
    """An unframed table; a column is a title, or (title, justification)."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        title, justify = (column, "left") if isinstance(column, str) else column
        made.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return made


def print_record(fields: Mapping[str, str]) -> None:
    """Names and values (markup) below each other; wrapped values stay in their column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in fields.items():
        grid.add_row(f"[{DIM}]{name}[/]", value)
    console.print(grid, highlight=False)


def score_text(score: float | None) -> str:
    if score is None:
        return f"[{DIM}]–[/]"
    colour = "green" if score >= 99 else "yellow" if score >= 90 else "red"
    return f"[{colour}]{score:.1f}[/]"


def state_text(state: str) -> str:
    return f"[{_STATES.get(state, 'default')}]{state}[/]"


def distinct_names(names: Sequence[str]) -> list[str]:
    """`names` with repeated ones numbered, as `x, x_1`: a JSON object holds each name once."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        made.append(f"{name}_{count}" if count else name)
    return made


def print_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Query results as a table, numbers to the right; as records, one value a line, where a table would not fit."""
    made = table(*map(escape, names))
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    for index, column in enumerate(made.columns):
        if rows and isinstance(rows[0][index], int | float | Decimal) and not isinstance(rows[0][index], bool):
            column.justify = "right"
    unbounded = console.options.update(max_width=10_000)
    if not rows or console.measure(made, options=unbounded).maximum <= console.width:
        console.print(made)
        return
    for number, row in enumerate(rows, 1):
        record = Table.grid(padding=(0, 2))
        for name, value in zip(names, row, strict=True):
            record.add_row(f"[{DIM}]{escape(name)}[/]", _cell(value))
        console.print(f"[bold]row {number}[/]")
        console.print(record)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return escape(str(value))
