"""Files as the origin of a product: typed, profiled, ready to be landed as a feed of its domain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from platform_resources.contracts.names import is_name
from platform_resources.self_service.columns import ColumnDraft, drafts
from platform_resources.self_service.delivered import Delivered, find_files, load_files
from platform_resources.self_service.landing import DELIVERED, DELIVERY, Reading
from platform_resources.self_service.model_text import Part, TableName, identifier, selection
from platform_resources.self_service.new_names import as_identifier, sql_words
from platform_resources.self_service.origins import (
    MOMENT,
    Feed,
    Origin,
    World,
    freshness_of,
    own_tables,
    patterns_of,
    repeats,
)
from platform_resources.self_service.profiling import Profile, profile
from platform_resources.self_service.text_files import Layout
from platform_resources.self_service.typing_texts import TYPED, TypedColumn, create_typed, typed_columns

_STAMPS = ("landed_at", "delivered_at", "taken_at")


@contextmanager
def file_origin(
    world: World, source: str, feed: str | None, layout: Layout, date_format: str | None
) -> Iterator[Origin]:
    """Files: typed, profiled, ready to be landed as a feed of the domain."""
    paths = find_files(source)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")
        with load_files(con, paths, layout) as delivered:
            typed = typed_columns(con, delivered, date_format)
            create_typed(con, typed)
            found = profile(con, TYPED, patterns_of(world.council))
            written = {column.name: column for column in typed}
            found = replace(
                found,
                columns=tuple(
                    replace(column, written=written[column.name].written or None, notes=written[column.name].notes)
                    for column in found.columns
                ),
            )
            yield _file_origin(world, found, typed, delivered, con, feed)


def _file_origin(
    world: World,
    found: Profile,
    typed: Sequence[TypedColumn],
    delivered: Delivered,
    con: duckdb.DuckDBPyConnection,
    feed: str | None,
) -> Origin:
    names = [column.name for column in typed]
    product_columns = drafts(found, world.council, world.glossary, world.domain)
    source_columns = [
        replace(draft, custom=(*draft.custom, *_delivered_property(column, delivered.written)))
        for draft, column in zip(
            drafts(found, world.council, world.glossary, world.domain, source=True), typed, strict=True
        )
    ]
    told = delivered.paths[0].name + (f" and {len(delivered.paths) - 1} more" if len(delivered.paths) > 1 else "")
    feed_name = feed or _feed_name(world, delivered.paths[0])
    table: TableName = (world.domain, "internal", feed_name)
    stamp = next((name for name in _STAMPS if name not in names), "mesh_landed_at")
    key = [column.name for column in source_columns if column.key_position]
    selected = [
        (identifier(d.name) if d.type == t.type else f"cast({identifier(d.name)} as {d.type.lower()})", d.name)
        for d, t in zip(product_columns, typed, strict=True)
    ]
    newest = (
        f"\nqualify row_number() over (partition by {', '.join(map(identifier, key))} "
        "order by _landed_at desc, _load_id desc) = 1"
        if key
        else ""
    )
    listed = selection([*selected, ("_landed_at", stamp)])
    parts = (Part(f"select\n{listed}\nfrom "), Part("", table), Part(newest))
    stamped = ColumnDraft(
        stamp,
        MOMENT,
        description="When the file that the row stands in was extracted.",
        required=True,
        evidence={"name": "added by the platform"},
    )
    grain = f"One row per {', '.join(key)}." if key else f"One row per row of {told}."
    doc = f"One row per {', '.join(key)}: the newest that was delivered." if key else "Every row that was delivered."
    delivery: dict[str, Any] = {"format": delivered.format}
    if delivered.format == "csv":
        layout = delivered.layout
        delivery |= {"delimiter": layout.delimiter, "header": layout.header, "encoding": layout.encoding}
        delivery |= {"skip": layout.skip} if layout.skip else {}
    custom = [{"property": DELIVERY, "value": delivery}]
    if key:
        custom.append({"property": "keyScope", "value": "file"})  # a row may come again in a later file: newest wins
    return Origin(
        told=told,
        columns=(*product_columns, stamped),
        parts=parts,
        freshness=freshness_of(world, stamp, "how often do files come? Say what you can keep"),
        grain=grain,
        doc=doc,
        found=found,
        feed=Feed(
            feed_name,
            tuple(source_columns),
            f"{world.domain}/{feed_name}/*.parquet",
            tuple(custom),
            tuple(Reading(column.name, column.raw, column.sql, column.nothing) for column in typed),
            delivered,
            con,
        ),
        renamed=tuple((c.written, c.name) for c in typed if c.written != c.name and c.written),
        notes=(*delivered.notes, *repeats(found)),
    )


def _delivered_property(column: TypedColumn, written: Sequence[str]) -> list[dict[str, Any]]:
    """How a later file's column is found and read, where its name and the plain forms don't tell."""
    said: dict[str, Any] = {}
    if any(written) and (not column.written or written.count(column.written) > 1):
        said["position"] = int(column.raw.removeprefix("c")) + 1
    if column.written and column.written != column.name:
        said["column"] = column.written
    if column.cast is None and column.form.written:
        said["form"] = column.form.written
    if column.cast is None and column.form.nulls:
        said["nulls"] = list(column.form.nulls)
    return [{"property": DELIVERED, "value": said}] if said else []


def _feed_name(world: World, path: Path) -> str:
    taken = own_tables(world) | {world.product}
    # Dates and numbers at its end belong to the file, not to the feed: newsletter_2026-11.csv
    stem = re.sub(r"(_+[tv]?[0-9]*[0-9][0-9_]*(_?[tz])?)+$", "", as_identifier(path.name.split(".", 1)[0]))
    wanted = stem if is_name(stem) and stem not in taken | sql_words() else f"{world.product[:52]}_files"
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name
