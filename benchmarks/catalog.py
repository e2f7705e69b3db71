"""Measure the catalog of a big mesh: its index made from nothing, kept, and held by a process that serves.

By default 10,000 products, 300,000 columns, 50 domains. A figure is a function of a mesh that was written and indexed;
each is taken in a process of its own, so that none profits from, or pays for, what another one loaded.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.catalog_mesh import CatalogMesh
from benchmarks.lineage_walks import DESCENDANTS, impact_seconds, write_edges
from benchmarks.printing import figures_table, verdict
from benchmarks.product_pages import draw
from benchmarks.search_speed import time_search

PRODUCTS = 10_000
MEMORY_MB = 500
GROWTH = 1.15  # seconds for each product, of the biggest mesh against the smallest: 1 is linear
SEARCH_MS, PAGE_MS, IMPACT_MS = 50, 150, 100  # the p99 of search and page
_QUESTIONS, _PAGES, _WARMED = 500, 200, 50


@dataclass(frozen=True)
class Figure:
    """One thing that was measured; `limit` is None where there is no aim."""

    name: str
    value: float
    unit: str
    limit: float | None = None


def rebuild(mesh: CatalogMesh) -> list[Figure]:
    """The index made from nothing by a process that had read nothing."""
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415  (counts for the process)

    with closing(CatalogView(mesh.settings)) as view:
        began = time.monotonic()
        documents = view.documents
        read = time.monotonic()
        view.index.rebuild()
        done = time.monotonic()
        counts = view.index.counts()
        assert counts["products"] == mesh.count == len(documents.mesh.ports), counts
        size = view.index.path.stat().st_size
    return [
        Figure("documents read", read - began, "s"),
        Figure("index made", done - read, "s"),
        Figure("edges", counts["edges"], ""),
        Figure("index on disk", size / 1e6, "MB"),
        Figure("peak of the process that made it", _peak_mb(), "MB"),
    ]


def serving(mesh: CatalogMesh) -> list[Figure]:
    """A process that opens the index, serves products from it, and follows one publication."""
    from platform_resources.access import Access  # noqa: PLC0415  (counts for the process)
    from platform_resources.serving.app import create_app  # noqa: PLC0415

    with Access(mesh.settings, personas=False) as access:
        app = create_app(mesh.settings, access=access)
        imported = _peak_mb()
        index = app.state.view.index
        index.renew()
        loaded = _peak_mb()
        addresses = [entry.address for entry in index.each_product()]
        products = _p99(lambda at: index.products(addresses[at * 7 % len(addresses) :][:20]))
        renewals = _p99(lambda _: index.renew(at_once=False))
        edges = _p99(lambda _: index.edges_from(f"{mesh.hub}.amount_01"))
        app.state.view.close()
    return [
        Figure("memory of the imports", imported, "MB"),
        Figure("memory with all documents", loaded, "MB"),
        Figure("peak of a process that serves", _peak_mb(), "MB", MEMORY_MB),
        Figure("20 products from the index, p99", products, "ms"),
        Figure("renewal when nothing changed, p99", renewals, "ms"),
        Figure("edges of a column, p99", edges, "ms"),
    ]


def asking(mesh: CatalogMesh) -> list[Figure]:
    """A process that serves somebody who searches, opens product pages and asks what a change hits."""
    from platform_resources.access import Access, Caller, Identity  # noqa: PLC0415  (counts for the process)
    from platform_resources.lake import PortAddress  # noqa: PLC0415
    from platform_resources.serving.app import create_app  # noqa: PLC0415
    from platform_resources.serving.impact import get_impact  # noqa: PLC0415
    from platform_resources.serving.readers import Reader  # noqa: PLC0415
    from platform_resources.serving.search import search_products  # noqa: PLC0415

    caller = Caller(Identity("reader@retailer.example", "person", "Reader", purpose="analytics"), frozenset({"read"}))
    with Access(mesh.settings, personas=False) as access:
        app = create_app(mesh.settings, access=access)

        def reader() -> Reader:
            return Reader(caller, access, app.state.view)

        began = time.monotonic()
        search_products(reader(), q="")
        opened = time.monotonic() - began
        found = time_search(lambda words: search_products(reader(), q=words), mesh.words)
        addresses = [entry.address.split(".") for entry in app.state.view.index.each_product()]
        for number in range(_WARMED):  # each domain, and the process that draws the plots
            draw(app, access, caller, *addresses[number * len(addresses) // _WARMED])
        pages = _p99(lambda at: draw(app, access, caller, *addresses[at * 7919 % len(addresses)]), _PAGES)
        hub = PortAddress.parse(mesh.hub)
        hit = len(get_impact(reader(), reader().port(hub), "change", "amount_01").columns)
        impact = _p99(lambda _: get_impact(reader(), reader().port(hub), "change", "amount_01"), _PAGES)
        app.state.view.close()
    return [
        Figure("search index opened or made", opened, "seconds"),
        Figure("search, median", found.median, "ms"),
        Figure("search, p99", found.p99, "ms", SEARCH_MS),
        *(Figure(f"search: {kind}, p99", figure, "ms") for kind, figure in found.by_kind.items()),
        Figure("product page, p99", pages, "ms", PAGE_MS),
        Figure(f"impact of a column with {hit:,} descendants, p99", impact, "ms"),
        Figure("peak of a process that is asked all this", _peak_mb(), "MB", MEMORY_MB),
    ]


def walking(mesh: CatalogMesh) -> list[Figure]:
    """The walk alone, over as many edges as the columns of such a mesh have."""
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        walked = sorted(impact_seconds(write_edges(Path(folder), mesh.count)))
    return [
        Figure(f"impact of a column with {DESCENDANTS:,} descendants, median", median(walked) * 1000, "ms", IMPACT_MS),
        Figure("the same, slowest of 50", walked[-1] * 1000, "ms"),
    ]


# What is measured on the mesh of full size.
FIGURES: tuple[Callable[[CatalogMesh], list[Figure]], ...] = (rebuild, serving, asking, walking)


def _p99(ask: Callable[[int], object], times: int = _QUESTIONS) -> float:
    """Milliseconds, of so many calls."""
    taken = []
    for at in range(times):
        began = time.perf_counter()
        ask(at)
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)[int(times * 0.99)]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _alone(figure: Callable[[CatalogMesh], list[Figure]], mesh: CatalogMesh) -> list[Figure]:
    """In a process of its own, that begins with nothing."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(figure, mesh).result()


def _write(mesh: CatalogMesh) -> None:
    mesh.write()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalog", description=__doc__)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the meshes, for another run")
    given = parser.parse_args(arguments)
    sizes = [given.products // 4, given.products // 2, given.products]
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as temporary:
        folder = given.keep or Path(temporary)
        found: dict[int, list[Figure]] = {}
        for size in sizes:
            mesh = CatalogMesh(folder / str(size), size)
            if not mesh.settings.project.exists():
                _alone(_write, mesh)  # else what it took would be part of this process
            figures = FIGURES if size == sizes[-1] else (rebuild,)
            found[size] = [told for figure in figures for told in _alone(figure, mesh)]
    found[sizes[-1]].append(_growth(found, sizes))
    if given.json:
        print(json.dumps({size: [asdict(figure) for figure in figures] for size, figures in found.items()}, indent=2))
    else:
        _print(found)


def _growth(found: Mapping[int, Sequence[Figure]], sizes: Sequence[int]) -> Figure:
    each = [sum(figure.value for figure in found[size] if figure.unit == "s") / size for size in sizes]
    return Figure("growth of a rebuild against linear", each[-1] / each[0], "×", GROWTH)


def _print(found: Mapping[int, Sequence[Figure]]) -> None:
    console = Console(width=100)
    sizes = list(found)
    made = figures_table("catalog", *(f"{size:,} products" for size in sizes), "aim")
    for figure in found[sizes[-1]]:
        values = [_value(figure.name, found[size]) for size in sizes]
        aim = (
            "" if figure.limit is None else f"≤ {figure.limit:g} {figure.unit}: {verdict(figure.value <= figure.limit)}"
        )
        made.add_row(figure.name, *values, aim)
    console.print(made)


def _value(name: str, figures: Sequence[Figure]) -> str:
    found = next((figure for figure in figures if figure.name == name), None)
    return "" if found is None else f"{found.value:,.{0 if found.value >= 100 else 2}f} {found.unit}".rstrip()


if __name__ == "__main__":
    main()
