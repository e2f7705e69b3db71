"""`mesh glossary`: terms, their relations, and who uses them."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
