"""The words of a comparison: a change, what it does to the promise, and the version that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from platform_resources.contracts.model import Contract

ChangeKind = Literal["added", "removed", "changed"]
Effect = Literal["tightens", "loosens", "both", "neutral"]
Affected = Literal["consumers", "producers"]
Step = Literal["major", "minor", "patch"]

CLASSIFICATIONS = ("public", "internal", "personal", "restricted")  # in rising secrecy
TIERS = ("bronze", "silver", "gold")  # by what they promise, the least first


@dataclass(frozen=True)
class Verdict:
    """What a difference does to the promise that the producer makes, whom that can break, and why."""

    effect: Effect
    breaks: tuple[Affected, ...]
    reason: str


@dataclass(frozen=True)
class Change:
    """One field, or one whole entry, that is not as it was.

    `tightens`: more is promised than before, which data or producer may fail. `loosens`: less is promised, which
    somebody may have relied on.
    """

    keys: tuple[str, ...]  # by identity, not by position: ("schema", "orders", "properties", "email", "unique")
    kind: ChangeKind
    before: Any
    after: Any
    effect: Effect
    breaks: tuple[Affected, ...]
    reason: str  # one plain sentence
    columns: tuple[str, ...]  # that it touches; empty: the whole table
    file: Path  # the new document; for what was removed, the old one
    line: int  # in `file`, 1-based
    place: str  # in the new document, "schema[0].properties[3].classification"; of the nearest thing left there
    place_line: int  # in the new document

    @property
    def field(self) -> str:
        """`path` without the words that are the same everywhere: "email.classification", "freshness"."""
        parts = self.keys[2:] if self.keys[0] == "schema" and len(self.keys) > 2 else self.keys
        kept = [part for part in parts if part not in _STRUCTURE]
        return ".".join(kept[:-1] if len(kept) > 1 and kept[-1] == "value" else kept) or self.path

    @property
    def path(self) -> str:
        """`keys` in one text: "schema.orders.properties.email.unique"."""
        return ".".join(self.keys)

    def touches(self, column: str) -> bool:
        return not self.columns or column in self.columns


_STRUCTURE = frozenset(
    {
        *("properties", "customProperties", "quality", "slaProperties", "roles", "servers"),
        *("logicalTypeOptions", "arguments", "authoritativeDefinitions"),
    }
)


@dataclass(frozen=True)
class Comparison:
    """Everything that two versions of a contract differ in, in the order of the new document."""

    before: Contract
    after: Contract
    changes: tuple[Change, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)  # old column -> new one, as far as it can be told

    @property
    def breaking(self) -> tuple[Change, ...]:
        """What can break consumers."""
        return self.breaking_for("consumers")

    def breaking_for(self, whom: Affected) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if whom in change.breaks)

    @property
    def step(self) -> Step | None:
        """The part of the version that has to be raised; None when nothing but the version itself differs."""
        told = [change for change in self.changes if change.keys != ("version",)]
        if self.breaking:
            return "major"
        if any(change.effect != "neutral" for change in told):
            return "minor"
        return "patch" if told else None

    @property
    def suggested_version(self) -> str:
        """The version that the new document should bear, counted from the old one."""
        return raised(self.before.version, self.step)

    @property
    def version_is_enough(self) -> bool:
        return version_key(self.after.version) >= version_key(self.suggested_version)


def version_key(version: str) -> tuple[int, int, int]:
    """`1.10.0` -> (1, 10, 0), for comparing; what is no semantic version counts as 0.0.0."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return 0, 0, 0
    return int(parts[0]), int(parts[1]), int(parts[2])


def raised(version: str, step: Step | None) -> str:
    """`version` with one part raised and the parts after it at zero.

    >>> raised("1.4.2", "minor")
    '1.5.0'
    """
    major, minor, patch = version_key(version)
    if step == "major":
        return f"{major + 1}.0.0"
    if step == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if step == "patch" else version
