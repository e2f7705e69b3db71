"""What an import will do, before it does it; and then all of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from platform_resources.contracts import Finding
from platform_resources.governance import Judgement
from platform_resources.self_service.changeset import ChangeSet, ScaffoldError
from platform_resources.self_service.fitting import Change
from platform_resources.self_service.incoming import ExchangeError

State = Literal["new", "unchanged", "extended", "replaced"]


@dataclass(frozen=True)
class NotTaken:
    """Something of what came in that the documents of the mesh don't hold."""

    where: str  # "model orders, test positive_amount"
    why: str


@dataclass(frozen=True)
class PlannedFile:
    """A file as it is to be, and how it came about."""

    path: Path
    raw: bytes
    origin: str  # "orders.yaml", or what it was made for
    state: State
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class ImportPlan:
    """Everything that an import does, before it does it."""

    root: Path  # `domains/`
    files: tuple[PlannedFile, ...]
    not_taken: tuple[NotTaken, ...]
    findings: tuple[Finding, ...]  # of the products' documents as they will be
    judgements: tuple[Judgement, ...]  # of the council on them

    @property
    def usable(self) -> bool:
        """The products that come in can be worked with: no document has an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def carry_out(plan: ImportPlan, *, force: bool = False) -> tuple[Path, ...]:
    """Write the files of a plan, all of them or none; returns those that were written.

    Raises
    ------
    ExchangeError
        when a file that is there says something else, without `force`; or when something can't be written.
    """
    conflicts = [file.path for file in plan.files if file.state == "replaced"]
    if conflicts and not force:
        told = "\n".join(f"  {path}" for path in conflicts)
        raise ExchangeError(
            f"nothing was written, because these files are there and say something else:\n{told}\n"
            "--dry-run tells what would change; --force replaces them"
        )
    wanted = [file for file in plan.files if file.state != "unchanged"]
    if not wanted:
        return ()
    changes = ChangeSet(plan.root)
    try:
        for file in wanted:
            if file.state == "new":
                changes.create(file.path, file.raw)
            else:
                changes.change(file.path, file.raw.decode("utf-8"))
        changes.apply()
    except ScaffoldError as error:
        raise ExchangeError(str(error)) from None
    except OSError as error:  # a file that vanished or became a folder since it was planned
        raise ExchangeError(f"nothing was written: {error.filename}: {error.strerror}") from None
    return tuple(file.path for file in wanted)
