"""Queries at random: built by a grammar of good and bad parts, then bent token by token. No text names a canary."""

from __future__ import annotations

import random
import re

from tests.access.legitimate_queries import LEGITIMATE
from tests.access.sql_mesh import CANARY

PORTS = ("shop.customers.v1", "shop.visits.v1")
COLUMNS = ("customer_id", "region", "email", "name", "card", "income", "balance", "joined_on", "visit_id", "amount")
COLUMNS += (
    "visited_at",
    "tags",
    "detail",
    "detail.channel",
    "secret_id",
    "rowid",
    "a",
    "b",
    "t.email",
    "v1.card",
)
SOURCES = (
    *PORTS * 40,
    *("shop.secrets.v1", "shop.internal.customers", "shop.mesh.publications", "shop.mesh.contracts", "v1", "customers"),
    *(
        "customers.v1",
        "shop.customers",
        '"shop"."customers"."v1"',
        "SHOP.CUSTOMERS.V1",
        "shop.customers.v1.x",
        "t",
        "x",
    ),
    *("_copy0.data", "_copy0.main.data", "memory.main.x", "information_schema.tables", "duckdb_tables()", "pg_class"),
    *("read_text('/etc/passwd')", "glob('/*')", "'/etc/passwd'", "range(3)", "unnest([1,2])", "query('select 1')"),
    *("duckdb_settings()", "sqlite_master", "shop.customers.v1 at (version => 1)", "__ducklake_metadata_shop.main.x"),
    *("(values (1, 'a'), (2, 'b'))", "(select 1 as a, 2 as b)", "sqlite_scan('x', 'y')", "read_duckdb('x')"),
)
_GOOD = "upper lower length min max count sum avg list first any_value mode median arg_min hash md5 sha256 typeof left"
_GOOD += (
    " coalesce concat right substr replace regexp_extract split_part strftime year date_trunc unnest list_transform"
)
_GOOD += " struct_pack row to_json row_number rank lag ntile quantile_disc string_agg histogram"
_BAD = "stats error current_setting getvariable query read_text random alias current_user version nextval main.upper"
_BAD += " json_serialize_sql system.main.lower shop.f"
FUNCTIONS = (*_GOOD.split() * 3, *_BAD.split())
CONSTANTS = (
    "1",
    "0",
    "-1",
    "2.5",
    "'a'",
    "'%'",
    "''",
    "null",
    "true",
    "date '2026-01-01'",
    "[1,2]",
    "{'k': 1}",
    "'C***'",
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "||", "=", "<>", "<", ">", "like", "ilike", "and", "or", "is distinct from")
OPERATORS += ("in", "between 1 and", "->", "->>", "~", "glob", "similar to", "::", "at time zone")
JOINS = (
    ",",
    "join",
    "left join",
    "natural join",
    "positional join",
    "cross join",
    "semi join",
    "asof join",
    "full join",
)
NOISE = (
    *(
        "--",
        "/*",
        "*/",
        "/**/",
        ";",
        "'",
        '"',
        "$$",
        "$a$",
        "\\",
        "\u00a0",
        "\u200b",
        "\u2003",
        "\ufeff",
        "\x00",
        "ſ",
        "Ｓ",
    ),
    *(
        "(",
        ")",
        ",",
        ".",
        "*",
        "::",
        "=>",
        ":=",
        "?",
        "$1",
        "#1",
        "@",
        "lateral",
        "recursive",
        "materialized",
        "qualify",
    ),
    *(
        "using sample 3",
        "at (version => 1)",
        "for update",
        "into x",
        "offset 1",
        "limit all",
        "with ties",
        "escape 'x'",
    ),
    *(
        "exclude (email)",
        "replace (1 as email)",
        "columns(*)",
        "grouping sets",
        "filter (where 1=1)",
        "over ()",
        "by name",
    ),
)
_ODD = ("columns('e.*')", "columns(*)", "* exclude (email)", "#2", "t", "x", "list_transform([1], q -> email)")
_GROUPS = ("1", "all", "rollup (1, 2)", "grouping sets ((1), ())")
_TOKEN = re.compile(r"\s+|\w+|'[^']*'|\"[^\"]*\"|.", re.DOTALL)
_SEEDS = [text for text in LEGITIMATE if not CANARY.search(text)]


class Fuzzer:
    """A stream of queries, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._r = random.Random(seed)

    def query(self) -> str:
        r = self._r
        text = r.choice(_SEEDS) if r.random() < 0.25 else self._select(3)
        if r.random() < 0.45:
            text = self._bent(text)
        return text

    def _select(self, depth: int) -> str:
        r = self._r
        what = "*" if r.random() < 0.2 else ", ".join(self._item(depth) for _ in range(r.randint(1, 3)))
        text = f"select {r.choice(['', '', '', 'distinct '])}{what}"
        if r.random() < 0.95:
            text += f" from {self._sources(depth)}"
        if r.random() < 0.4:
            text += f" where {self._expression(depth)}"
        if r.random() < 0.25:
            text += f" group by {r.choice([*_GROUPS, self._expression(depth)])}"
        if r.random() < 0.1:
            text += f" having {self._expression(depth)}"
        if r.random() < 0.1:
            text += f" qualify {self._expression(depth)}"
        if r.random() < 0.25:
            text += f" order by {r.choice(['1', 'all', self._expression(depth)])}"
        if r.random() < 0.25:
            text += f" limit {r.choice(['3', '0', '50%', self._scalar(depth)])}"
        if depth > 1 and r.random() < 0.15:
            other = r.choice(["union", "union all", "except", "intersect", "union all by name"])
            text = f"{text} {other} {self._select(depth - 1)}"
        if r.random() < 0.15:
            name = r.choice(["x", "t", "v1", "shop", "customers", '"shop.customers.v1"'])
            kind = r.choice(["", "", "materialized ", "recursive "])
            text = f"with {'recursive ' if kind == 'recursive ' else ''}{name} as ({self._select(1)}) {text}"
        return text

    def _sources(self, depth: int) -> str:
        r = self._r
        text = self._source(depth)
        while r.random() < 0.3:
            join = r.choice(JOINS)
            text += f" {join} {self._source(depth)}"
            if "join" in join and "natural" not in join and "positional" not in join and "cross" not in join:
                text += r.choice([" using (customer_id)", " on true", f" on {self._expression(1)}", ""])
        return text

    def _source(self, depth: int) -> str:
        r = self._r
        if depth > 1 and r.random() < 0.2:
            return f"{r.choice(['', '', 'lateral '])}({self._select(depth - 1)}) {r.choice('txyz')}"
        alias = r.choice(["", "", "", " t", " x", " as a", " b(a, b, c)", " as v1"])
        return r.choice(SOURCES) + alias

    def _item(self, depth: int) -> str:
        return self._expression(depth) + self._r.choice(["", "", "", " as a", " as email", ' as "x y"'])

    def _scalar(self, depth: int) -> str:
        return f"({self._select(depth - 1)})" if depth > 1 else "1"

    def _expression(self, depth: int) -> str:
        r = self._r
        chance = r.random()
        if depth <= 0 or chance < 0.4:
            return r.choice(COLUMNS)
        if chance < 0.5:
            return r.choice(CONSTANTS)
        if chance < 0.72:
            inside = ", ".join(self._expression(depth - 1) for _ in range(r.randint(0, 2)))
            return f"{r.choice(FUNCTIONS)}({inside})" + r.choice(["", "", "", " over ()", " over (order by 1)"])
        if chance < 0.87:
            return f"{self._expression(depth - 1)} {r.choice(OPERATORS)} {self._expression(depth - 1)}"
        if chance < 0.91:
            return f"case when {self._expression(depth - 1)} then {self._expression(depth - 1)} end"
        if chance < 0.94:
            kind = r.choice(["integer", "varchar", "date", "json", "blob", "regclass", "uuid", "double[]"])
            return f"{r.choice(['cast', 'try_cast'])}({self._expression(depth - 1)} as {kind})"
        if chance < 0.97:
            return r.choice(["exists ", "", "1 in ", "1 > any "]) + self._scalar(depth)
        return r.choice(
            ["columns('e.*')", "columns(*)", "* exclude (email)", "#2", "t", "x", "list_transform([1], q -> email)"]
        )

    def _bent(self, text: str) -> str:
        """The text with a few tokens taken away, doubled, exchanged or put in."""
        r = self._r
        tokens = _TOKEN.findall(text)
        for _ in range(r.randint(1, 4)):
            at = r.randrange(len(tokens))
            chance = r.random()
            if chance < 0.25:
                del tokens[at]
            elif chance < 0.4:
                tokens.insert(at, tokens[r.randrange(len(tokens))])
            elif chance < 0.55:
                other = r.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            elif chance < 0.75:
                tokens.insert(at, f" {r.choice(SOURCES)} ")
            else:
                tokens.insert(at, r.choice(NOISE))
            tokens = tokens or ["select"]
        return "".join(tokens)
