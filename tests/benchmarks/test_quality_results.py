"""The README tells the figures that are kept, and they name no folder of the machine."""

from __future__ import annotations

import re

from benchmarks.quality.peers.tools import TOOLS
from benchmarks.quality.published import lines
from benchmarks.quality.recording import PICTURE, README, RESULTS, between, picture, read_results

AGAIN = "run: python -m benchmarks.quality --redraw"


def test_the_readme_shows_the_kept_results_and_the_picture_is_theirs() -> None:
    results = read_results()
    assert between(results) in README.read_text(encoding="utf-8"), AGAIN
    assert picture(results) == PICTURE.read_text(encoding="utf-8"), AGAIN
    assert PICTURE.name in README.read_text(encoding="utf-8")
    assert [one["scale"] for one in results["scales"]] == [1, 10]
    assert all(len(lines(one)) == 2 + len(TOOLS) for one in results["scales"])
    assert not re.search(r"/(tmp|home|root|work|Users)/", RESULTS.read_text(encoding="utf-8"))
