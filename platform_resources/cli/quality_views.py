"""How good a port is and how that went, for `mesh show`: plain values for JSON, tables with small lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from platform_resources.catalog import PortState
from platform_resources.catalog.fitness.evidence import floored
from platform_resources.catalog.score_history import (
    LAST,
    ScoreHistory,
    Series,
    line_of,
    score_history,
    share_of,
)
from platform_resources.cli.output import DIM, score_text
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings, PortAddress, connect, publications
from platform_resources.lake.publications import SHARES

_WIDTH = 40  # publications that a line shows
_COLOURS = {"rising": "green", "falling": "red", "steady": DIM}


def history_of(settings: MeshSettings, state: PortState) -> ScoreHistory:
    """Of the last publications of a port; empty where nothing is served."""
    if state.publication is None:
        return ScoreHistory()
    address = PortAddress.parse(state.port.address)
    with connect(settings, reads=[address.domain]) as con:
        return score_history(publications(con, address.domain, address, limit=LAST))


def history_record(history: ScoreHistory) -> dict[str, Any]:
    """The series for JSON: one value for each publication, null where it was not measured."""
    return {
        "publications": [{"number": number, "published_at": at} for number, at in history.publications],
        "series": {series.name: list(series.values) for series in history.series},
        "trends": {series.name: asdict(series.trend) for series in history.series if series.trend is not None},
    }


def scores_table(audit: Mapping[str, Any], history: ScoreHistory) -> Table:
    """The score, and that of each dimension, as published last, with their lines and trends, and what each weighs."""
    made, bottom = _grid(), history.bottom
    scores = {"score": audit.get("score"), **{f"score/{name}": v for name, v in sorted(audit["scores"].items())}}
    for name, value in scores.items():
        dimension = name.removeprefix("score/")
        made.add_row(dimension, score_text(value), *_history(history.of(name), bottom), _weight(audit, dimension))
    return made


def _weight(audit: Mapping[str, Any], dimension: str) -> str:
    """What a dimension weighs in the score, and who says so; nothing where it was not recorded."""
    found = audit.get("weights", {}).get(dimension)
    if not isinstance(found, Mapping):
        return ""
    said_by = "" if found["said_by"] == "nobody" else f", says the {found['said_by']}"
    return f"[{DIM}]weighs {found['weight']:g}{escape(said_by)}[/]"


def shares_table(audit: Mapping[str, Any], history: ScoreHistory) -> Table | None:
    """Completeness and accuracy in percent; None where neither was measured."""
    made, bottom = _grid(), history.bottom
    for name in SHARES:
        share = share_of(audit, name)
        if share is not None:
            promised = share.get("promised")
            kept = promised is None or share["percent"] >= promised
            told = f"[{'green' if kept else 'red'}]{floored(share['percent'])} %[/]"
            made.add_row(name, told, *_history(history.of(name), bottom), escape(_rests_on(share)))
    return made if made.row_count else None


def _rests_on(share: Mapping[str, Any]) -> str:
    """What a share is of, and what of it is promised."""
    columns = counted(len(share["columns"]), "column")
    parts = [f"of {counted(share['values'], 'value')} in {columns}"]
    if share.get("references"):
        parts[0] += f", against {', '.join(share['references'])}"
    if share.get("promised") is not None:
        parts.append(f"at least {floored(share['promised'])} % promised")
    if share.get("unmatched"):
        parts.append(f"{counted(share['unmatched'], 'row')} not known there")
    return "; ".join(parts)


def _grid() -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left", "left", "left"):
        made.add_column(justify=justify)  # type: ignore[arg-type]
    made.columns[2].no_wrap = True
    return made


def _history(series: Series | None, bottom: float) -> tuple[str, str]:
    """(line, trend); nothing of fewer than two publications."""
    if series is None or sum(value is not None for value in series.values) < 2:
        return "", ""
    line = line_of(series.values[-_WIDTH:], bottom)
    if series.trend is None:
        return line, ""
    return line, f"[{_COLOURS[series.trend.direction]}]{series.trend.says}[/]"
