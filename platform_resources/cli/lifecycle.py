"""`mesh deprecate` and `mesh retire`: the end of a port, told and ordered."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
