"""Programs from PyPI that only the benchmark needs, each in an environment of its own below a folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_UV = "uv==0.13.9"


class InstallError(RuntimeError):
    """A program can't be installed or run; the message says why."""


def environment(folder: Path, name: str, requirements: Sequence[str]) -> Path:
    """The folder of programs (`bin`) of an environment that has exactly these requirements; made when it has not.

    Raises
    ------
    InstallError
        when a package can't be installed.
    """
    place = folder / name
    wanted, marker = "\n".join(requirements) + "\n", place / "installed"
    if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
        uv = str(_uv(folder))
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
        run([uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *requirements])
        marker.write_text(wanted, encoding="utf-8")
    return place / "bin"


def _uv(folder: Path) -> Path:
    """uv, which installs a tool with its hundred dependencies in seconds."""
    place = folder / "uv"
    program = place / "bin" / "uv"
    if not program.exists():
        run([sys.executable, "-m", "venv", str(place)])
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, _UV])
    return program


def run(command: Sequence[str]) -> None:
    """Run a program to its end.

    Raises
    ------
    InstallError
        when it ends with another code than 0.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
