"""The files of search are for their account alone, and the folder around them is left as it is."""

from __future__ import annotations

import stat
from pathlib import Path

from platform_resources.catalog.search import Asked, Search
from tests.catalog.search.made import NOW, Entries, product


def test_the_folder_around_the_files_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    search = Search(tmp_path / "search", Entries(product("a.apples")))
    assert search.find(Asked("apples"), lambda _: False, NOW).total == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "search").stat().st_mode) == 0o700
