"""Folders for the platform's own account: closed to others, and nobody else's folder with them."""

from __future__ import annotations

import stat
from pathlib import Path

from platform_resources.lake.folders import own_folder


def test_a_folder_is_closed_to_others_and_a_looser_one_mended(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    for folder in (tmp_path / "a" / "new", loose):
        own_folder(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_is_made_for_all_accounts_stays_open(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    own_folder(shared)
    own_folder(shared / "mine")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE((shared / "mine").stat().st_mode) == 0o700
