"""`mesh new` and `mesh land`: a domain, a product, a file to read."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
