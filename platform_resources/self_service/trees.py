"""Another state of `domains/`, laid out in a temporary folder: the working tree with changes on it, or a commit's."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PurePosixPath

from platform_resources.contracts import Finding

_READ = (".yaml", ".yml")  # models and code are not looked at


class TreeError(ValueError):
    """A state of the tree that can't be had; the message says why and what to do."""


@contextmanager
def overlaid(domains: Path, files: Mapping[Path, bytes]) -> Iterator[Path]:
    """A copy of the documents in `domains/` in which `files` (by their real paths) are as given."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as temporary:
        root = Path(temporary).resolve() / domains.name
        for file in _documents(domains):
            _put(root / file.relative_to(domains), file.read_bytes())
        for path, raw in files.items():
            _put(root / path.relative_to(domains), raw)
        yield root


def _documents(domains: Path) -> Iterator[Path]:
    for suffix in _READ:
        yield from (file for file in domains.rglob(f"*{suffix}") if file.is_file() and not _hidden(file, domains))


def _hidden(file: Path, below: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(below).parts)


def _put(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


@contextmanager
def committed(domains: Path, reference: str) -> Iterator[Path]:
    """The documents in `domains/` as they stand in a commit of the repository around it.

    Raises
    ------
    TreeError
        when there is no repository, no such commit, or no `domains/` in it.
    """
    if reference.startswith("-"):
        raise TreeError(f"{reference!r} is no git reference")
    if shutil.which("git") is None:
        raise TreeError("git is not installed, and a commit can only be read by it")
    top = Path(_git(domains, "rev-parse", "--show-toplevel").decode().strip())
    _git(
        domains, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}", told=f"there is no commit {reference!r}"
    )
    place = domains.resolve().relative_to(top.resolve()).as_posix()
    archive = _git(top, "archive", "--format=tar", reference, "--", place, told=f"{reference} has no folder {place}/")
    with tempfile.TemporaryDirectory(prefix="mesh-") as temporary:
        root = Path(temporary).resolve()
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                content = tar.extractfile(member) if member.isfile() and name.suffix in _READ else None
                if content is not None and ".." not in name.parts:
                    _put(root / name, content.read())
        yield root / place


def _git(folder: Path, *arguments: str, told: str | None = None) -> bytes:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise TreeError(told or f"git says: {done.stderr.decode(errors='replace').strip().splitlines()[-1]}")
    return done.stdout


def brought_home(findings: Iterable[Finding], temporary: Path, domains: Path) -> list[Finding]:
    """Findings on files below `temporary` as findings on the files of `domains/` that they stand for."""
    return [
        replace(
            finding,
            file=domains / finding.file.relative_to(temporary),
            message=finding.message.replace(str(temporary), domains.name),
            remedy=finding.remedy.replace(str(temporary), domains.name),
        )
        if finding.file.is_relative_to(temporary)
        else finding
        for finding in findings
    ]
