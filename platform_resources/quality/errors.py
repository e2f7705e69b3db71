"""What DuckDB says, for people who may not see the data."""

from __future__ import annotations

import re

import duckdb

# These are about names and syntax. All others may tell a value ("Could not convert string 'a@b.c' to INT32",
# "Could not cast value 500 to DECIMAL(3,2)").
_ABOUT_NAMES = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
_NUMBER = re.compile(r"(\bDECIMAL\(\d+, ?\d+\))|(?<![\w$])-?\d[\w.:+-]*")  # outside of names, such as INT32
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def explain(error: duckdb.Error) -> str:
    """The first line of the error, without values of the data in it."""
    line = (str(error).strip().splitlines() or ["unknown error"])[0]
    if isinstance(error, _ABOUT_NAMES):
        return line
    return _NUMBER.sub(lambda found: found[1] or "…", _QUOTED.sub("'…'", line))
