"""`mesh check`: the gate over the files of the working tree."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
