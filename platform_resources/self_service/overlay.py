"""The documents of a folder as they would stand after a change, so that it can be judged before anything is written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from platform_resources.contracts import Finding


@contextmanager
def overlaid(folder: Path, changed: Mapping[Path, bytes]) -> Iterator[Path]:
    """A copy of the YAML documents below `folder` with the files in `changed` as they will be; gone afterwards.

    The copy has the folder's own name: the documents of a domain or of all of them know each other by their places.
    """
    with tempfile.TemporaryDirectory(prefix="mesh-overlay-") as name:
        copy = Path(name).resolve() / folder.name
        copy.mkdir()
        for file in folder.rglob("*.y*ml"):
            place = file.relative_to(folder)
            if file.is_file() and not any(part.startswith(".") for part in place.parts):
                (copy / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy / place)
        for file, content in changed.items():
            target = copy / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield copy


def at_home(findings: Iterable[Finding], copy: Path, folder: Path) -> list[Finding]:
    """Findings in the copy as findings in the files that are meant."""
    return [
        replace(finding, file=folder / finding.file.relative_to(copy)) if finding.file.is_relative_to(copy) else finding
        for finding in findings
    ]
