"""`mesh catalog`: the index over the whole mesh, which can be made again from lakes and files at any time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from platform_resources.cli.common import JsonFlag
from platform_resources.cli.output import console, fail, print_json
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.catalog.index.store import CatalogIndex

_app = typer.Typer(help="The index behind search and portal: made again, told, exported.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.add_typer(_app, name="catalog")


@_app.command(name="rebuild")
def rebuild_command(json_output: JsonFlag = False) -> None:
    """Make the index anew from lakes, files and the control database; what is asked meanwhile waits for it."""
    with _index() as index:
        began = time.monotonic()
        index.rebuild()
        seconds = time.monotonic() - began
        counts = index.counts()
    if json_output:
        print_json({**counts, "seconds": round(seconds, 3)})
        return
    console.print(f"made anew in {seconds:.1f} s: {_told(counts)}", highlight=False)


@_app.command(name="status")
def status_command(json_output: JsonFlag = False) -> None:
    """Bring the index up to date, and tell what is in it."""
    with _index() as index:
        revision = index.renew(at_once=True)
        counts, path, size = index.counts(), index.path, index.path.stat().st_size
    if json_output:
        print_json({**counts, "revision": revision, "file": str(path), "bytes": size})
        return
    console.print(_told(counts), highlight=False)
    console.print(escape(f"{path}, {size / 1e6:.1f} MB; it may be deleted at any time"), highlight=False)


@_app.command(name="export")
def export_command(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there; else to standard output.")
    ] = None,
) -> None:
    """Everything in the index as sorted JSON lines: the same mesh gives the same bytes. Hidden products are in it."""
    with _index() as index:
        index.renew(at_once=True)
        if out is None:
            for line in index.export_lines():
                sys.stdout.write(line.decode())
            return
        try:
            with out.open("wb") as file:
                file.writelines(index.export_lines())
        except OSError as error:
            fail(f"{out} can't be written: {error.strerror}")
        console.print(f"{escape(str(out))}: {out.stat().st_size:,} bytes", highlight=False)


@contextmanager
def _index() -> Iterator[CatalogIndex]:
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415  (SQLAlchemy takes 200 ms)

    with closing(CatalogView(MeshSettings.from_env())) as view:
        yield view.index


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in ("products", "ports", "columns", "terms", "edges"))
