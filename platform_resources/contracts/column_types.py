"""Column types as DuckDB names them, parsed, so that text from a contract never reaches a query as it is."""

from __future__ import annotations

import re
from functools import lru_cache

from platform_resources.contracts.model import Contract, Table

# Spelling in a contract -> DuckDB's own name, as DESCRIBE prints it.
_ALIASES = {
    "BIGINT": "BIGINT", "INT8": "BIGINT", "LONG": "BIGINT", "INTEGER": "INTEGER", "INT": "INTEGER", "INT4": "INTEGER",
    "SIGNED": "INTEGER", "SMALLINT": "SMALLINT", "INT2": "SMALLINT", "SHORT": "SMALLINT", "TINYINT": "TINYINT",
    "INT1": "TINYINT", "HUGEINT": "HUGEINT", "UBIGINT": "UBIGINT", "UINTEGER": "UINTEGER", "USMALLINT": "USMALLINT",
    "UTINYINT": "UTINYINT", "UHUGEINT": "UHUGEINT", "BOOLEAN": "BOOLEAN", "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN",
    "DOUBLE": "DOUBLE", "DOUBLE PRECISION": "DOUBLE", "FLOAT8": "DOUBLE", "FLOAT": "FLOAT", "REAL": "FLOAT",
    "FLOAT4": "FLOAT", "VARCHAR": "VARCHAR", "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR",
    "BPCHAR": "VARCHAR", "BLOB": "BLOB", "BYTEA": "BLOB", "VARBINARY": "BLOB", "BINARY": "BLOB", "DATE": "DATE",
    "TIME": "TIME", "TIMESTAMP": "TIMESTAMP", "DATETIME": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP_S",
    "TIMESTAMP_MS": "TIMESTAMP_MS", "TIMESTAMP_NS": "TIMESTAMP_NS", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE", "TIMETZ": "TIME WITH TIME ZONE",
    "TIME WITH TIME ZONE": "TIME WITH TIME ZONE", "INTERVAL": "INTERVAL", "UUID": "UUID", "JSON": "JSON",
}  # fmt: skip
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[(),\[\]])")
_MAX_LENGTH = 2_000
_MAX_DEPTH = 8
_INTEGERS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)
_FAMILIES: dict[str, tuple[str, ...]] = {
    "string": ("VARCHAR", "UUID", "JSON", "BLOB", "INTERVAL"),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP",),
    "time": ("TIME",),
    "number": ("DECIMAL", "DOUBLE", "FLOAT"),
    "integer": (),
    "boolean": ("BOOLEAN",),
    "object": ("STRUCT", "MAP", "JSON"),
    "map": ("MAP", "JSON"),
}


class ColumnTypeError(ValueError):
    """A text that is no type of DuckDB; the message says what one looks like."""


@lru_cache(maxsize=1_000)  # an organisation has a few dozen spellings of types, each thousands of times
def canonical_type(text: str) -> str:
    """`text` as DuckDB's DESCRIBE names the type.

    >>> canonical_type("numeric(18, 2)")
    'DECIMAL(18,2)'
    >>> canonical_type("timestamptz")
    'TIMESTAMP WITH TIME ZONE'
    >>> canonical_type("STRUCT(a INT, b TEXT[])")
    'STRUCT(a INTEGER, b VARCHAR[])'

    Raises
    ------
    ColumnTypeError
        when it is no type that a column of the mesh can have.
    """
    if len(text) > _MAX_LENGTH:
        raise ColumnTypeError("it is too long for a type")
    tokens: list[str] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise ColumnTypeError(f"the character {stripped[at]!r} has no place in a type")
        tokens.append(match[1])
        at = match.end()
    parser = _Parser(tokens)
    result = parser.type(0)
    if parser.next() is not None:
        raise ColumnTypeError("something stands after the type")
    return result


def contract_column_types(contract: Contract | Table) -> dict[str, str]:
    """Column name → DuckDB type as DESCRIBE prints it, in the contract's order, of the contract's (first) table."""
    table = contract.table if isinstance(contract, Contract) else contract
    return {column.name: canonical_type(column.physical_type or "") for column in table.columns}


def fields_of(canonical: str) -> dict[str, str]:
    """Name of each field of a STRUCT -> its type; of a MAP those of `key` and `value`; of another type nothing.

    >>> fields_of("STRUCT(a INTEGER, b DECIMAL(9,2)[])")
    {'a': 'INTEGER', 'b': 'DECIMAL(9,2)[]'}
    >>> fields_of("MAP(VARCHAR, INTEGER)[]")
    {}
    """
    if not (canonical.startswith(("STRUCT(", "MAP(")) and canonical.endswith(")")):
        return {}
    depth, parts = 0, [""]
    for character in canonical[canonical.index("(") + 1 : -1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if canonical.startswith("MAP("):
        return dict(zip(("key", "value"), (part.strip() for part in parts), strict=True))
    named = (part.strip().partition(" ") for part in parts)
    return {name: type_ for name, _, type_ in named}


def is_integer(canonical: str) -> bool:
    """Whether a type, as `canonical_type` names it, holds whole numbers."""
    return canonical in _INTEGERS


def agrees(logical: str, canonical: str) -> bool:
    """Whether a column of ODCS logical type `logical` can be stored as the DuckDB type `canonical`."""
    is_list = canonical.endswith("]")
    if logical in ("array", "vector"):
        return is_list or canonical == "JSON"
    if is_list:
        return False
    base = canonical.split("(")[0]
    if logical in ("integer", "number") and (base in _INTEGERS or canonical.endswith(",0)")):
        return True
    return any(base == name or base.startswith((f"{name}_", f"{name} ")) for name in _FAMILIES.get(logical, (base,)))


class _Parser:
    """Recursive descent over the tokens of one type; depth is bounded."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def type(self, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise ColumnTypeError("it is nested too deep")
        word = (self._word() or "").upper()
        if word == "STRUCT":
            result = f"STRUCT({', '.join(self._fields(depth))})"
        elif word == "MAP":
            self._expect("(")
            key = self.type(depth + 1)
            self._expect(",")
            result = f"MAP({key}, {self.type(depth + 1)})"
            self._expect(")")
        elif word in ("DECIMAL", "NUMERIC", "DEC"):
            result = self._decimal()
        else:
            result = self._simple(word)
        while self.next() == "[":
            self._expect("[")
            size = self._number() if self.next() != "]" else ""
            self._expect("]")
            result += f"[{size}]"
        return result

    def _simple(self, word: str) -> str:
        for more in (["WITH", "TIME", "ZONE"], ["PRECISION"]):
            following = [token.upper() for token in self._tokens[self._at : self._at + len(more)]]
            if following == more and " ".join([word, *more]) in _ALIASES:
                self._at += len(more)
                word = " ".join([word, *more])
        if word not in _ALIASES:
            raise ColumnTypeError(f"DuckDB has no type {word[:40]}" if word else "a type is missing")
        if _ALIASES[word] == "VARCHAR" and self.next() == "(":  # DuckDB takes a length and ignores it
            self._expect("(")
            self._number()
            self._expect(")")
        return _ALIASES[word]

    def _decimal(self) -> str:
        width, scale = "18", "3"  # DuckDB's own default
        if self.next() == "(":
            self._expect("(")
            width, scale = self._number(), "0"
            if self.next() == ",":
                self._expect(",")
                scale = self._number()
            self._expect(")")
        if not (1 <= int(width) <= 38 and int(scale) <= int(width)):
            raise ColumnTypeError("a DECIMAL has 1 to 38 digits, and not more after the point than in all")
        return f"DECIMAL({int(width)},{int(scale)})"

    def _fields(self, depth: int) -> list[str]:
        self._expect("(")
        fields = []
        while True:
            name = self._word()
            if name is None:
                raise ColumnTypeError("a field of the STRUCT has no name")
            fields.append(f"{name} {self.type(depth + 1)}")
            if self.next() != ",":
                break
            self._expect(",")
        self._expect(")")
        return fields

    def _word(self) -> str | None:
        token = self.next()
        if token is None or not (token[0].isalpha() or token[0] == "_"):
            return None
        self._at += 1
        return token

    def _number(self) -> str:
        token = self.next()
        if token is None or not token.isdigit() or len(token) > 6:
            raise ColumnTypeError("a number is expected in the brackets")
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self.next() != token:
            raise ColumnTypeError(f"`{token}` is expected")
        self._at += 1
