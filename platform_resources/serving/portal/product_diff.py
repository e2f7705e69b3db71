"""Two publications of a port compared: its contract, rows, columns, scores and age. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from platform_resources.contracts.changes import Change, Comparison
from platform_resources.serving.quality import PublicationOut


@dataclass(frozen=True)
class Line:
    """One fact of both. `better`: whether the later one is; None where that can't be said."""

    name: str
    before: str
    after: str
    change: str = ""
    better: bool | None = None

    @property
    def same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True)
class Difference:
    """What the later publication has that the earlier one has not, and the other way round."""

    before: PublicationOut
    after: PublicationOut
    facts: tuple[Line, ...]
    scores: tuple[Line, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    changes: tuple[Change, ...]
    same_contract: bool

    @property
    def breaking(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if "consumers" in change.breaks)


def difference_of(before: PublicationOut, after: PublicationOut, comparison: Comparison) -> Difference:
    """From the earlier publication to the later one."""
    names = sorted({*before.scores, *after.scores})
    return Difference(
        before,
        after,
        facts=(
            Line("Kind", before.kind, after.kind),
            Line("Published", _moment(before.published_at), _moment(after.published_at)),
            Line("Data as of", _moment(before.data_as_of), _moment(after.data_as_of)),
            Line("Contract", before.contract_version, after.contract_version),
            *_rows(before.rows, after.rows),
            Line("Columns", str(len(before.columns)), str(len(after.columns))),
        ),
        scores=(
            _score("Score", before.score, after.score),
            *(_score(name.capitalize(), before.scores.get(name), after.scores.get(name)) for name in names),
        ),
        columns_added=_less(after.columns, before.columns),
        columns_removed=_less(before.columns, after.columns),
        changes=comparison.changes,
        same_contract=not comparison.changes,
    )


def written(value: object) -> str:
    """A value of a contract, as short text; what is no scalar as its parts.

    >>> written({"strategy": "partial", "format": "email"}), written(None), written(True)
    ('strategy: partial, format: email', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {written(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(written(part) for part in value)
    return " ".join(str(value).split())


def _rows(before: int | None, after: int | None) -> tuple[Line, ...]:
    """Nothing for who is not told how many there are."""
    if before is None or after is None:
        return ()
    change = after - before
    told = "" if not change else f"{change:+,}" + (f" ({change / before:+.1%})" if before else "")
    return (Line("Rows", f"{before:,}", f"{after:,}", told),)


def _score(name: str, before: float | None, after: float | None) -> Line:
    if before is None or after is None:
        return Line(name, _figure(before), _figure(after))
    change = round(after - before, 2)
    return Line(name, _figure(before), _figure(after), f"{change:+g}" if change else "", change > 0 if change else None)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _moment(value: datetime | None) -> str:
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def _less(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in set(others))
