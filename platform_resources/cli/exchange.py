"""`mesh import` and `mesh export`: the documents in and out."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
