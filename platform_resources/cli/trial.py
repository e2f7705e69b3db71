"""`mesh preview` and `mesh whatif`: what would happen, before it does."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
