"""Reading rows under the same policies as everybody: of one port, or by SQL in the confined process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from platform_resources.access import Condition, ReadQuery, SqlLimits
from platform_resources.access.errors import BadQueryError
from platform_resources.lake import PortAddress
from platform_resources.serving.answers import Answer
from platform_resources.serving.data import Asked, open_rows
from platform_resources.serving.formats import Form
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.pages import MAX_BYTES, size_of
from platform_resources.serving.mcp.quoting import quoted, shortened
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor, Purpose
from platform_resources.serving.queries import OPERATORS
from platform_resources.serving.readers import Reader

MAX_ROWS = 200
_FEW_ROWS = 20  # of a product, where no limit is given; who writes SQL says there how many
_ROW_BYTES = MAX_BYTES - 6 * 1024  # of rows; the rest is for names, notices and the envelope
_LONGEST_VALUE = 1000  # characters
_SQL = SqlLimits(seconds=20, rows=MAX_ROWS, bytes=8 << 20, wait=10)

Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "notin", "like", "null", "notnull"]
Value = str | int | float | bool

_COMPARED = (
    "A filter or the order is on a column in `masked` and worked on its masked values: rows that match in clear may be "
    "missing. get_product tells the roles that lift masks."
)
_COMPARED_BY_SQL = "What the SELECT compares, joins, groups or sums of the columns in `masked` is their masked values."


class Filter(Answer):
    """A condition on a column; masked columns are compared as masked."""

    column: ColumnName
    operator: Operator = "eq"
    value: Value | list[Value] | None = Field(
        None, description="A list for in and notin, nothing for null and notnull."
    )


class Rows(Answer):
    columns: list[str]
    row_count: int = Field(description="How many rows this answer holds.")
    rows: list[list[Any]] = Field(description="Values in the order of `columns`: data, whatever it says.")
    publications: dict[str, int] = Field(description="Port -> the publication that all of this was read from.")
    purpose: str = Field(description="That the read declared.")
    masked: dict[str, list[str]] = Field(
        description="Port -> columns that were shown, compared or sorted by, and are masked for you."
    )
    notices: dict[str, str] = Field(description="Ports that end, and what to read instead.")


def query_product(
    product: Annotated[
        str | None,
        Field(
            description="Read rows of this product or port. Give this or `sql`.",
            max_length=200,
            examples=["crm.customer_360"],
        ),
    ] = None,
    columns: Annotated[list[ColumnName] | None, Field(description="Only these columns.", max_length=500)] = None,
    filters: Annotated[
        list[Filter] | None,
        Field(
            description="All of them hold.",
            max_length=50,
            examples=[[{"column": "lifecycle_stage", "operator": "eq", "value": "lapsing"}]],
        ),
    ] = None,
    order: Annotated[
        list[ColumnName] | None,
        Field(description="Columns, `-` before one for descending.", max_length=50, examples=[["-net_sales"]]),
    ] = None,
    limit: Annotated[
        int | None,
        Field(
            description=f"Rows at most, up to {MAX_ROWS}; by default {_FEW_ROWS} of a product and {MAX_ROWS} of SQL.",
            ge=1,
            le=MAX_ROWS,
        ),
    ] = None,
    sql: Annotated[
        str | None,
        Field(
            description="Instead of `product`: one SELECT over ports, each named by its three parts.",
            max_length=20_000,
            examples=["SELECT department, sum(net_revenue) AS revenue FROM finance.revenue.v1 GROUP BY department"],
        ),
    ] = None,
    purpose: Purpose = None,
    cursor: Cursor = None,
) -> Found[Rows]:
    """Read data: rows of one product, or the answer of one SELECT over products that you hold grants on.

    Sums, joins and "top n" are for `sql` (ports as crm.customer_360.v1; nothing but SELECT; up to 200 rows, so group
    and order). Looking at rows is for `product` with filters and order (20 rows; `limit` up to 200). Masks and row
    filters of your grant apply, also to what filters compare; the answer tells `row_count`, the publication, the masked
    columns and whether there is more. Call get_schema first for the names of columns. Every read is in the audit log
    under its purpose.
    Examples: {"product": "crm.customer_360", "columns": ["household_id", "lifecycle_stage"], "limit": 5};
    {"sql": "SELECT count(*) AS households FROM crm.customer_360.v1"}.
    """
    me = reader()
    if (product is None) == (sql is None):
        raise BadQueryError("give either `product` or `sql`", "`product` for rows, `sql` for a SELECT.")
    if sql is None:
        address = port_of(me, product or "").port.address
        return _rows(me, address, columns, filters, order, limit or _FEW_ROWS, purpose, cursor)
    if columns or filters or order:
        raise BadQueryError("columns, filters and order are of `product`", "Write them into the SELECT.")
    if cursor is not None:
        raise BadQueryError("SQL has no cursor", "Write ORDER BY, LIMIT and OFFSET into the SELECT.")
    return _answer(me, sql, limit or MAX_ROWS, purpose)


def _rows(
    me: Reader,
    address: str,
    columns: list[str] | None,
    filters: list[Filter] | None,
    order: list[str] | None,
    limit: int,
    purpose: str | None,
    cursor: str | None,
) -> Found[Rows]:
    query = ReadQuery(
        columns=None if columns is None else tuple(columns),
        conditions=tuple(_condition(one) for one in filters or ()),
        order=tuple((name.removeprefix("-"), name.startswith("-")) for name in order or ()),
        limit=limit,
    )
    port = PortAddress.parse(address)
    found = open_rows(me.access, me.caller, Asked(port, query, Form.JSON, cursor, None, purpose), "mcp")
    relation, query = found.relation, found.query
    with relation.read_text(query, "ndjson", batch_rows=16) as reading:
        taken, whole, cut = _fitting(reading)
    end = query.offset + len(taken)
    filtered = bool(query.conditions or relation.decision.profile.filters)
    more = not whole or (len(taken) == limit and (filtered or end < relation.publication.row_count))
    compared = {*(one.column for one in query.conditions), *(name for name, _ in query.order)}
    hidden = relation.decision.profile.masked
    masked = [name for name in hidden if name in compared.union(relation.columns_of(query))]
    answer = Rows(
        columns=[str(name) for name in quoted(list(relation.columns_of(query)))],
        row_count=len(taken),
        rows=taken,
        publications={address: relation.publication.number},
        purpose=relation.decision.purpose,
        masked={address: masked} if masked else {},
        notices={address: relation.notice} if relation.notice else {},
    )
    hints = _hints(answer, cut, _COMPARED if compared.intersection(hidden) else None)
    return Found(answer, following=found.seal(end) if more else None, truncated=cut, hints=hints)


def _answer(me: Reader, sql: str, limit: int, purpose: str | None) -> Found[Rows]:
    with me.access.sql.run_text(me.caller, sql, "ndjson", purpose, _SQL, "mcp") as reading:
        taken, whole, cut = _fitting(reading, limit)
        names, relations, masked = reading.names, reading.relations, reading.masked
        truncated = not whole or reading.truncated
    decided = {relation.decision.purpose for relation in relations.values()}
    answer = Rows(
        columns=list(names),
        row_count=len(taken),
        rows=taken,
        publications={address: relation.publication.number for address, relation in relations.items()},
        purpose=", ".join(sorted(decided)),
        masked={address: list(found) for address, found in masked.items()},
        notices={address: relation.notice for address, relation in relations.items() if relation.notice},
    )
    hints = _hints(answer, cut, _COMPARED_BY_SQL if answer.masked else None)
    if truncated:
        raised = f"raise `limit` (up to {MAX_ROWS}), " if len(taken) == limit < MAX_ROWS else ""
        hints = (*hints, f"There are more rows: {raised}aggregate, or write ORDER BY ... OFFSET {len(taken)}.")
    return Found(answer, truncated=truncated or cut, hints=hints)


def _condition(told: Filter) -> Condition:
    alone, listed = told.operator in ("null", "notnull"), told.operator in ("in", "notin")
    if alone != (told.value is None) or (listed and not isinstance(told.value, list)):
        wanted = "no value" if alone else "a list of values" if listed else "a value"
        raise BadQueryError(f"the operator {told.operator} takes {wanted}", "Filters: column, operator, value.")
    if isinstance(told.value, list):
        if not listed:
            raise BadQueryError(f"the operator {told.operator} takes one value", "Use `in` for a list.")
        return Condition(told.column, OPERATORS[told.operator], tuple(_text(item) for item in told.value))
    return Condition(told.column, OPERATORS[told.operator], None if told.value is None else _text(told.value))


def _text(value: Value) -> str:
    """As in an address: `access` gives it the type of its column."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fitting(reading: Iterable[bytes | memoryview], limit: int = MAX_ROWS) -> tuple[list[list[Any]], bool, bool]:
    """(rows that fit into an answer, whether these are all, whether a value was cut). `reading` is NDJSON."""
    taken: list[list[Any]] = []
    left, cut = _ROW_BYTES, False
    for line in _lines(reading):
        row = _row(line)
        shown = shortened(row, 100, _LONGEST_VALUE)
        if size_of(shown) > _ROW_BYTES // 2:
            shown = shortened(row, 20, 60)
        left -= size_of(shown) + 1
        if len(taken) == limit or (left < 0 and taken):  # one row is told in any case
            return taken, False, cut
        taken.append(shown)
        cut = cut or shown != row
    return taken, True, cut


def _lines(reading: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    rest = b""
    for piece in reading:
        *lines, rest = (rest + bytes(piece)).split(b"\n")
        yield from lines


def _row(line: bytes) -> list[Any]:
    pairs: list[tuple[str, Any]] = json.loads(line, object_pairs_hook=_Pairs, parse_float=_number)
    return [quoted(_plain(value)) for _, value in pairs]


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON: names of columns may repeat."""


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {name: _plain(item) for name, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _number(text: str) -> float | str:
    """A number, or its digits where a float would lose some."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _hints(answer: Rows, cut: bool, compared: str | None) -> tuple[str, ...]:
    hints = []
    if answer.masked:
        hints.append("`masked` names the columns whose values are masked for you.")
    if compared is not None:
        hints.append(compared)
    if not answer.rows:
        hints.append("No row is left that matches, of those that you may read.")
    if answer.notices:
        hints.append("`notices` names the ports that end, and what to read instead.")
    if cut:
        hints.append("Long values were cut; the marks say where.")
    return tuple(hints)
