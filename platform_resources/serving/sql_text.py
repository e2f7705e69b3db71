"""Answers to SQL as text, in the very words in which the rows of a port are written (`access.rendering`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.relations.rendering import (
    ColumnType,
    TextForm,
    head,
    rows_as_text,
    separator,
    tail,
    text_bytes,
)
from platform_resources.lake import quote_identifier

if TYPE_CHECKING:
    import pyarrow as pa

_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}


def distinct(names: Iterable[str]) -> list[str]:
    """Names of columns, each once: `a, a` become `a, a_1`. An object of JSON has a member once."""
    found: list[str] = []
    for name in names:
        number, made = 0, name
        while made in found:
            number += 1
            made = f"{name}_{number}"
        found.append(made)
    return found


def text_pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch], form: TextForm) -> Iterator[bytes]:
    """Batches as text, a piece for each. The SQL that writes it is the platform's own: a batch is all that it sees."""
    names = distinct(schema.names)
    yield head(form, names)
    skipped = len(separator(form))
    selected = f"SELECT {', '.join(map(quote_identifier, names))} FROM batch"
    with duckdb.connect(config=_CONFIG) as con:
        con.execute("SET enable_external_access = false")
        con.execute("SET TimeZone = 'UTC'")
        for batch in batches:
            if not batch.num_rows:
                continue
            con.register("batch", batch.rename_columns(names))
            described = con.execute(f"{selected} LIMIT 0").description
            types = {told[0]: ColumnType.of(told[1]) for told in described}
            for text in con.execute(rows_as_text(selected, names, types, form)).to_arrow_reader(batch.num_rows):
                yield text_bytes(text)[skipped:]
                skipped = 0
            con.unregister("batch")
    yield tail(form)
