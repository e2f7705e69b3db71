"""Try a product's model without any lake: made-up rows for all that it reads, then the audit of its contract.

Rows are made from contracts, so no real person's data ever lies in a test.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from platform_resources.contracts import canonical_type, load_usable_domain
from platform_resources.contracts.model import Column, Contract, Domain, Product
from platform_resources.contracts.names import split_address
from platform_resources.contracts.patterns import compile_pattern
from platform_resources.lake import MeshSettings, qualified, quote_identifier
from platform_resources.quality import Audit, evaluate
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.model_text import dbt_names

_NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
_OWN_COLUMNS = {"_load_id": "BIGINT", "_landed_at": "TIMESTAMP WITH TIME ZONE"}


def audit_on_sample(
    address: str,
    model: Callable[[duckdb.DuckDBPyConnection], Any] | None = None,
    *,
    tables: Mapping[str, Mapping[str, str]] | None = None,
    rows: int = 5,
    now: datetime = _NOW,
) -> Audit:
    """Audit of what a product's model makes of `rows` made-up rows of everything that it may read.

    Parameters
    ----------
    address
        of the product, as `marketing.newsletter`.
    model
        the function of a Python model; without it, the product's dbt model (of `ref` and `source` alone).
    tables
        private tables that no contract describes: `{"sales.internal.days": {"day": "DATE"}}`.
    rows
        how many of each table.
    now
        with time zone; made-up moments lie shortly before.
    """
    settings = MeshSettings.from_env()
    name, _, product_name = address.partition(".")
    domain = load_usable_domain(settings.domains / name).domain
    product = next((item for item in domain.products if item.name == product_name), None)
    if product is None:
        raise ScaffoldError(f"there is no usable product {address}; `mesh check` says why")
    contract = product.ports[-1].contract
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for table, columns in _sample_tables(settings, domain, product, tables or {}):
            promised = columns if isinstance(columns, Mapping) else [_stricter(column, contract) for column in columns]
            _create(con, table, promised, rows, now)
        target = (name, "internal", contract.table.physical_name)
        _schema(con, target)
        made = con.sql(_dbt_sql(settings, name, product_name)) if model is None else model(con)
        relation = made if isinstance(made, duckdb.DuckDBPyRelation) else con.from_arrow(_as_arrow(made))
        relation.create_view("_made", replace=True)
        con.execute(f"CREATE TABLE {qualified(*target)} AS FROM _made")
        inputs = [item.address for item in product.inputs]
        return evaluate(con, contract, qualified(*target), now=now, data_as_of=now, allowed_tables=inputs)


def _as_arrow(rows: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (0.2 s that only models of frames pay)

    return rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)


def _sample_tables(
    settings: MeshSettings, domain: Domain, product: Product, tables: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[tuple[str, str, str], Sequence[Column] | Mapping[str, str]]]:
    """Every table that the product may read, with its columns."""
    for table, columns in tables.items():
        catalog, schema, name = table.split(".", 2)
        yield (catalog, schema, name), columns
    for source in domain.sources:
        yield (domain.name, "internal", source.table.name), [*source.table.columns, *_bookkeeping(source)]
    for other in domain.products:
        if other.name != product.name and other.ports and f"{domain.name}.internal.{other.name}" not in tables:
            yield (
                (domain.name, "internal", other.ports[-1].contract.table.physical_name),
                other.ports[-1].contract.table.columns,
            )
    for item in product.inputs:
        parts = split_address(item.address)
        if parts is None:
            continue
        owner = domain if parts[0] == domain.name else load_usable_domain(settings.domains / parts[0]).domain
        port = next((port for port in owner.ports if port.address == item.address), None)
        if port is None:
            raise ScaffoldError(f"there is no usable port {item.address}, which {product.address} reads")
        yield (parts[0], parts[1], f"v{parts[2]}"), port.contract.table.columns


def _stricter(column: Column, contract: Contract) -> Column:
    """A column of an input with what the product promises of its own column of that name: real data keeps it too."""
    promised = contract.table.column(column.name)
    if promised is None or promised.physical_type != column.physical_type:
        return column
    return replace(
        column,
        options={**promised.options, **column.options},
        enum=column.enum or promised.enum,
        quality=(*column.quality, *promised.quality),
    )


def _bookkeeping(source: Contract) -> list[Column]:
    return [Column(name, None, type_, source.table.origin, required=True) for name, type_ in _OWN_COLUMNS.items()]


def _schema(con: duckdb.DuckDBPyConnection, table: tuple[str, str, str]) -> None:
    con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_identifier(table[0])}")
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(*table[:2])}")


def _create(
    con: duckdb.DuckDBPyConnection,
    table: tuple[str, str, str],
    columns: Sequence[Column] | Mapping[str, str],
    rows: int,
    now: datetime,
) -> None:
    if isinstance(columns, Mapping):
        types = dict(columns)
        values = [[_plain(type_, number, now) for type_ in types.values()] for number in range(1, rows + 1)]
    else:
        types = {column.name: canonical_type(column.physical_type or "VARCHAR") for column in columns}
        values = [[sample_value(column, number, now) for column in columns] for number in range(1, rows + 1)]
    _schema(con, table)
    defined = ", ".join(f"{quote_identifier(name)} {type_}" for name, type_ in types.items())
    con.execute(f"CREATE TABLE {qualified(*table)} ({defined})")
    if values:
        con.executemany(f"INSERT INTO {qualified(*table)} VALUES ({', '.join('?' * len(types))})", values)


def sample_value(column: Column, number: int, now: datetime) -> Any:
    """The value of a column in made-up row `number` (from 1): one that its contract allows, as far as one is known."""
    allowed = column.enum or next(
        (rule.arguments["validValues"] for rule in column.quality if rule.arguments.get("validValues")), None
    )
    if allowed:
        return allowed[(number - 1) % len(allowed)]
    type_ = canonical_type(column.physical_type or "VARCHAR")
    if type_ == "VARCHAR":
        return _text(column, number)
    value = _plain(type_, number, now)
    low, high = column.options.get("minimum"), column.options.get("maximum")
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if isinstance(low, int | float):
            value = type(value)(low) + value - 1 if low > 1 else value
        if isinstance(high, int | float) and value > high:
            value = type(value)(high)
    return value


def _plain(type_: str, number: int, now: datetime) -> Any:
    if type_.endswith("]"):
        return []
    base = type_.partition("(")[0]
    if base in ("BOOLEAN",):
        return number % 2 == 0
    if base == "DECIMAL":
        return Decimal(number)
    if base in ("DOUBLE", "FLOAT"):
        return float(number)
    if base == "DATE":
        return date(now.year, now.month, now.day) - timedelta(days=number)
    if base.startswith("TIMESTAMP"):
        moment = now - timedelta(minutes=number)
        return moment if base.endswith("ZONE") else moment.replace(tzinfo=None)
    if base.startswith("TIME"):
        return time(number % 24, 0)
    if base == "UUID":
        return str(uuid.UUID(int=number, version=4))
    if base == "VARCHAR":
        return f"text {number}"
    if base in ("STRUCT", "MAP", "BLOB", "INTERVAL", "JSON"):
        return None
    return number


def _text(column: Column, number: int) -> str:
    """A text of the pattern and length that the contract asks for; its example where none of the known forms fits."""
    patterns = [column.options.get("pattern"), *(rule.arguments.get("pattern") for rule in column.quality)]
    pattern = next((item for item in patterns if isinstance(item, str)), None)
    shortest, longest = column.options.get("minLength"), column.options.get("maxLength")
    plain = f"{column.name} {number}"
    known = [
        plain, f"person{number}@example.org", f"+1-555-555-{100 + number:04d}", str(uuid.UUID(int=number, version=4)),
        f"https://example.org/{number}", f"10.0.0.{number % 250}", f"DE{number:020d}", ("US", "DE", "FR")[number % 3],
        "USD", f"2026-01-{1 + number % 28:02d}", f"{number:05d}", f"{number}", f"{number:013d}", chr(65 + number % 26),
        *map(str, column.examples),
    ]  # fmt: skip

    def fits(text: str) -> bool:
        long_enough = not isinstance(shortest, int) or len(text) >= shortest
        short_enough = not isinstance(longest, int) or len(text) <= longest
        return long_enough and short_enough and (pattern is None or compile_pattern(pattern).found_in(text))

    made = next((text for text in known if fits(text)), plain)
    if pattern is None and isinstance(shortest, int) and len(made) < shortest:
        made = made.ljust(shortest, "x")
    return made[:longest] if pattern is None and isinstance(longest, int) else made


def _dbt_sql(settings: MeshSettings, domain: str, model: str) -> str:
    """A model's SQL with `ref` and `source` filled in. Anything else of dbt needs dbt."""
    import jinja2  # noqa: PLC0415  (comes with dbt; only dbt models need it)

    folder = settings.project / "dbt_project" / "models" / domain
    sources = {called: table for table, called in dbt_names(folder, domain).sources.items()}
    file = next(folder.rglob(f"{model}.sql"), None)
    if file is None:
        raise ScaffoldError(f"{domain}.{model} has no dbt model; hand over the function of its Python model")
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(
        file.read_text("utf-8")
    )
    return template.render(
        ref=lambda name: qualified(domain, "internal", name),
        source=lambda name, table: qualified(*sources[(name, table)]),
        config=lambda **_: "",
        is_incremental=lambda: False,
        this=qualified(domain, "internal", model),
    )
