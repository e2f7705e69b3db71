"""`governance/` -> the council: rules, catalogues, waivers, and what is wrong with these files."""

from __future__ import annotations

from pathlib import Path

from platform_resources.governance.model import Council


def load_council(folder: Path) -> Council:
    """The council's decisions in `folder`; without that folder, a council that has decided nothing."""
    return Council(folder)
