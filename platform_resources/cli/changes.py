"""`mesh diff`: what a change of a contract means for those who read the port."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
