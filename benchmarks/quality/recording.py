"""The results kept in the project: a file of JSON, and what is made of it, the README's table and a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from benchmarks.processes import ROOT
from benchmarks.quality.published import plot, table

RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
PICTURE = ROOT / "docs" / "images" / "quality-benchmark.svg"
README = ROOT / "README.md"
BEGIN = "<!-- benchmark of quality: written by `make bench-quality ARGS=--record` -->"
END = "<!-- end of the benchmark -->"
_BETWEEN = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
_LIGHT = "--ink:#1f2328;--soft:#59636e;--line:#c8ced6;--main:#0b6bcb;--other:#8b949e"
_DARK = "--ink:#e6edf3;--soft:#9da7b3;--line:#4a525c;--main:#58a6ff;--other:#6e7681"
_SAYS = (
    "Seconds that each tool takes to check the rules, at two sizes of the data; the figures are in the README's table."
)


def read_results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def write_results(results: Mapping[str, Any]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def redraw() -> None:
    """Make the README's table and the picture anew from the results that are kept."""
    results = read_results()
    readme = README.read_text(encoding="utf-8")
    README.write_text(_BETWEEN.sub(lambda _: between(results), readme), encoding="utf-8")
    PICTURE.write_text(picture(results), encoding="utf-8")


def between(results: Mapping[str, Any]) -> str:
    """What stands in the README between the marks, with them."""
    return f"{BEGIN}\n\n{table(results)}\n\n{END}"


def picture(results: Mapping[str, Any]) -> str:
    """The plot as SVG, in the colours of whoever looks: light or dark."""
    drawn = vl_convert.vegalite_to_svg(plot(results), allowed_base_urls=[])
    style = f"<style>svg{{{_LIGHT}}}@media(prefers-color-scheme:dark){{svg{{{_DARK}}}}}</style>"
    opening = drawn.index(">") + 1
    return f"{drawn[:opening]}<title>{escape(_SAYS)}</title>{style}{drawn[opening:]}\n"
