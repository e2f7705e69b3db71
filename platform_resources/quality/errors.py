"""What DuckDB says, for people who may not see the data."""

from __future__ import annotations

import re

import duckdb

# These are about names and syntax. All others may quote a value ("Could not convert string 'a@b.c' to INT32").
_ABOUT_NAMES = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def explain(error: duckdb.Error) -> str:
    """The first line of the error, without values of the data in it."""
    line = (str(error).strip().splitlines() or ["unknown error"])[0]
    return line if isinstance(error, _ABOUT_NAMES) else _QUOTED.sub("'…'", line)
