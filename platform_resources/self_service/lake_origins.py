"""A table, a port or a query as the origin of a product: profiled as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import duckdb

from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.model import Contract
from platform_resources.contracts.names import split_address
from platform_resources.lake import LakeMissingError, connect, lake_exists
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import tree_nodes
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.columns import ColumnDraft, drafts
from platform_resources.self_service.documents import Freshness, Input
from platform_resources.self_service.model_text import Part, TableName, dotted, identifier, indented, selection
from platform_resources.self_service.new_names import column_names
from platform_resources.self_service.origins import (
    MOMENT,
    Origin,
    World,
    patterns_of,
    repeats,
)
from platform_resources.self_service.profiling import Profile, profile
from platform_resources.self_service.queries import is_query, split_query

_VIEW = "_origin"
_LOAD = "_load_id"


def lake_origin(world: World, source: str) -> Origin:
    """A table or port by its address, or a query over such: profiled as it is now."""
    query = source.strip().rstrip(";").strip() if is_query(source) else f"select * from {source.strip()}"
    with duckdb.connect() as con:
        try:
            parts, tree = split_query(con, query)
        except NotEvaluableError as error:
            raise ScaffoldError(f"the query can't be used: {error}", asked_wrongly=True) from None
    tables = [part.table for part in parts if part.table is not None]
    if not tables:
        raise ScaffoldError("the query reads no table; name ports or own tables: sales.bookings.v1", asked_wrongly=True)
    ports = _ports(world, tables)
    with _connected(world, tables) as con:
        _check_tables(con, world, tables)
        types = {table: tuple(map(tuple, _described(con, table))) for table in tables}
        try:
            if is_query(source):
                con.execute(f"CREATE TEMP TABLE {_VIEW} AS {query}")
            else:
                # The number of the load tells rows of any table apart: it would pass for a part of every key.
                own = [f"EXCLUDE ({_LOAD})"] if _LOAD in dict(types[tables[0]]) else []
                con.execute(f"CREATE TEMP VIEW {_VIEW} AS SELECT * {' '.join(own)} FROM {dotted(tables[0])}")
            found = profile(con, f'temp.main."{_VIEW}"', patterns_of(world.council))
        except duckdb.Error as error:
            raise ScaffoldError(f"the query fails: {str(error).splitlines()[0]}", asked_wrongly=True) from None
    if is_query(source):
        return replace(_query_origin(world, parts, tree, found, ports), table_types=types)
    return replace(_table_origin(world, tables[0], found, ports), table_types=types)


def _described(con: duckdb.DuckDBPyConnection, table: TableName) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"DESCRIBE FROM {dotted(table)}").fetchall()]


def _ports(world: World, tables: Sequence[TableName]) -> dict[TableName, Contract]:
    """The ports among the tables, with their contracts; a private table of another domain is refused."""
    found: dict[TableName, Contract] = {}
    for table in tables:
        domain, schema, name = table
        if domain not in world.mesh.usable:
            known = ", ".join(sorted(world.mesh.usable))
            raise ScaffoldError(f"there is no domain {domain!r}; there are {known}", asked_wrongly=True)
        if schema == "internal" and domain != world.domain:
            ports = sorted(address for address in world.mesh.ports if address.startswith(f"{domain}."))
            offers = f"; it offers {', '.join(ports)}" if ports else "; it offers no port yet"
            raise ScaffoldError(f"{'.'.join(table)} is private to {domain}{offers}", asked_wrongly=True)
        if schema == "internal":
            continue
        address = f"{domain}.{schema}.{name}"
        if split_address(address) is None or address not in world.mesh.ports:
            near = sorted(item for item in world.mesh.ports if item.startswith(f"{domain}."))
            raise ScaffoldError(
                f"there is no port {address}; {domain} offers {', '.join(near) or 'none'}", asked_wrongly=True
            )
        if (domain, schema) == (world.domain, world.product):
            raise ScaffoldError(f"{address} is the product itself", asked_wrongly=True)
        found[table] = world.mesh.ports[address][1].contract
    return found


@contextmanager
def _connected(world: World, tables: Sequence[TableName]) -> Iterator[duckdb.DuckDBPyConnection]:
    domains = sorted({table[0] for table in tables})
    for domain in domains:
        if not lake_exists(world.settings, domain):
            raise ScaffoldError(
                f"{domain} was never built, so there is nothing to look at; build it: mesh run {domain}"
            )
    try:
        with connect(world.settings, reads=domains) as con:
            con.execute("SET enable_progress_bar = false")
            yield con
    except LakeMissingError as error:
        raise ScaffoldError(str(error)) from None


def _check_tables(con: duckdb.DuckDBPyConnection, world: World, tables: Sequence[TableName]) -> None:
    for table in tables:
        there = con.execute(
            "SELECT count(*) FROM (SELECT database_name, schema_name, table_name FROM duckdb_tables() "
            "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()) "
            "WHERE (database_name, schema_name, table_name) = (?, ?, ?)",
            list(table),
        ).fetchone()[0]
        if there:
            continue
        name = ".".join(table)
        if table[1] != "internal":
            raise ScaffoldError(f"{name} was never published; build it: mesh run {table[0]}.{table[1]}")
        names = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'internal' ORDER BY 1",
            [world.domain],
        ).fetchall()
        have = ", ".join(row[0] for row in names) or "none yet"
        raise ScaffoldError(f"there is no table {name}; the domain's tables are {have}", asked_wrongly=True)


def _table_origin(world: World, table: TableName, found: Profile, ports: Mapping[TableName, Contract]) -> Origin:
    contract = ports.get(table)
    kept = found.columns
    stamped = "landed_at" if "landed_at" not in {column.name for column in kept} else "delivered_at"
    wanted = [stamped if column.name == "_landed_at" else column.name for column in kept]
    names = column_names(wanted)
    found = replace(
        found,
        columns=tuple(replace(c, name=n, written=c.name) for c, n in zip(kept, names, strict=True)),
        key=tuple(names[[c.name for c in kept].index(name)] for name in found.key),
    )
    made = drafts(found, world.council, world.glossary, world.domain)
    made = [replace(draft, title=None) for draft in made]
    expressions = [identifier(column.name) for column in kept]
    if contract is not None:
        made = _as_promised(made, contract, world)
    made, expressions = _sayable(made, expressions)
    rows = list(zip(expressions, names, strict=True))
    name = ".".join(table)
    inputs = () if contract is None else (_input(name, contract, [column.name for column in kept]),)
    freshness, extra = _age(world, made, ports, is_grouped=False)
    added: tuple[Part, ...] = ()
    if extra is not None:
        made, added = [*made, extra[0]], (Part(",\n    "), *extra[1], Part(f" as {extra[0].name}"))
    parts = (Part(f"select\n{selection(rows)}"), *added, Part("\nfrom "), Part("", table))
    key = [draft.name for draft in made if draft.key_position]
    grain = f"One row per {', '.join(key)}." if key else f"One row per row of {name}."
    renamed = tuple((column.name, new) for column, new in zip(kept, names, strict=True) if column.name != new)
    return Origin(
        name, tuple(made), parts, freshness, grain, f"Every row of {name}.", found, inputs, None, False, renamed,
        tuple(repeats(found)),
    )  # fmt: skip


def _sayable(made: Sequence[ColumnDraft], expressions: Sequence[str]) -> tuple[list[ColumnDraft], list[str]]:
    """Columns with types that a contract can say; others are cast to text."""
    drafts_, sqls = [], []
    for draft, sql in zip(made, expressions, strict=True):
        try:
            drafts_.append(replace(draft, type=canonical_type(draft.type)))
            sqls.append(sql)
        except ColumnTypeError:
            evidence = {**draft.evidence, "type": f"{draft.type[:60]}, which no contract can say"}
            drafts_.append(replace(draft, type="VARCHAR", evidence=evidence))
            sqls.append(f"cast({sql} as varchar)")
    return drafts_, sqls


def _as_promised(made: Sequence[ColumnDraft], contract: Contract, world: World) -> list[ColumnDraft]:
    """Columns with what the port that they come from promises of them: it knows better than a profile."""
    owner = contract.domain or ""
    result = []
    for draft in made:
        column = contract.table.column(draft.name)
        if column is None:
            result.append(draft)
            continue
        term = next((_rebased(url, owner, world.domain) for url in column.terms), None)
        source = contract.id
        result.append(
            replace(
                draft,
                type=column.physical_type or draft.type,
                logical=column.logical_type,
                title=column.business_name,
                description=column.description,
                required=column.required,
                key_position=column.primary_key_position,
                classification=column.classification or draft.classification,
                options=dict(column.options),
                rules=(),
                custom=tuple({"property": name, "value": value} for name, value in column.custom.items()),
                term=term or draft.term,
                evidence={"name": draft.evidence.get("name", ""), "type": f"as {source} promises"},
            )
        )
    return result


def _rebased(url: str, owner: str, domain: str) -> str:
    """A glossary link of one domain's contract, as it is written in another's."""
    if owner == domain:
        return url
    if url.startswith("glossary.yaml#"):
        return f"../{owner}/{url}"
    return url.removeprefix(f"../{domain}/")


def _input(address: str, contract: Contract, columns: Sequence[str]) -> Input:
    return Input(address, contract.id, contract.version, tuple(columns))


def _query_origin(
    world: World, parts: tuple[Part, ...], tree: dict[str, Any], found: Profile, ports: Mapping[TableName, Contract]
) -> Origin:
    written = [column.name for column in found.columns]
    names = column_names(written)
    found = replace(
        found,
        columns=tuple(replace(c, name=n, written=c.name) for c, n in zip(found.columns, names, strict=True)),
        key=tuple(names[written.index(name)] for name in found.key),
    )
    made = [replace(draft, title=None) for draft in drafts(found, world.council, world.glossary, world.domain)]
    made, expressions = _sayable(made, [f"q.{identifier(name)}" for name in written])
    used = {str(name).lower() for node in tree_nodes(tree) for name in node.get("column_names") or ()}
    all_columns = any(node.get("type") == "STAR" or node.get("class") == "STAR" for node in tree_nodes(tree))
    inputs = tuple(
        _input(
            ".".join(table),
            contract,
            [c.name for c in contract.table.columns if all_columns or c.name.lower() in used],
        )
        for table, contract in ports.items()
    )
    freshness, extra = _age(world, made, ports, is_grouped=True)
    renamed = tuple((old, new) for old, new in zip(written, names, strict=True) if old != new)
    is_plain = (
        not renamed
        and extra is None
        and all(e == f"q.{identifier(n)}" for e, n in zip(expressions, names, strict=True))
    )
    if not is_plain:
        rows = list(zip(expressions, names, strict=True))
        head: list[Part] = [Part(f"select\n{selection(rows)}")]
        if extra is not None:
            made = [*made, extra[0]]
            head += [Part(",\n    "), *extra[1], Part(f" as {extra[0].name}")]
        parts = (*head, Part("\nfrom (\n    "), *_indented(parts), Part("\n) as q"))
    key = [draft.name for draft in made if draft.key_position]
    grain = f"One row per {', '.join(key)}." if key else "One row per row of the query."
    return Origin(
        "a query", tuple(made), parts, freshness, grain, grain, found, inputs, None, True, renamed,
        tuple(repeats(found)),
    )  # fmt: skip


def _indented(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The query under a margin, unless a text or name of it goes over several lines."""
    whole = "".join(part.sql if part.table is None else dotted(part.table) for part in parts)
    if indented(whole, " ") == whole:
        return tuple(parts)
    return tuple(Part(part.sql.replace("\n", "\n    "), part.table) for part in parts)


def _age(
    world: World, made: Sequence[ColumnDraft], ports: Mapping[TableName, Contract], *, is_grouped: bool
) -> tuple[Freshness, tuple[ColumnDraft, tuple[Part, ...]] | None]:
    """The column that shows how old the data is, with the SQL of one that has to be added where there is none.

    The promise is as long as the longest of the inputs, for nothing can be fresher than what it is made of.
    """
    promises = {table: c.sla_property("freshness") for table, c in ports.items() if c.sla_property("freshness")}
    ages = {table: contract.freshness for table, contract in ports.items() if contract.freshness}
    slowest = max(ages, key=lambda table: ages[table]) if ages else None
    value = str(promises[slowest].value) if slowest is not None else world.longest_age
    if slowest is not None and not value.upper().startswith("P"):
        value = f"PT{int(ages[slowest].total_seconds())}S"
    reason = (
        f"as {'.'.join(slowest)}, its slowest input, promises"
        if slowest
        else "how old may it get? Say what you can keep"
    )
    names = [column for promise in promises.values() for column in promise.columns]
    moments = [draft for draft in made if draft.type.startswith("TIMESTAMP")]
    preferred = (*names, "landed_at", "data_as_of", "loaded_at", "extracted_at", "updated_at", "modified_at")
    chosen = next((draft for name in preferred for draft in moments if draft.name == name), None)
    if chosen is None and not is_grouped and moments:
        chosen = moments[0]
    if chosen is not None:
        return Freshness(value, chosen.name, reason), None
    taken = {draft.name for draft in made}
    if promises:
        name = next(name for name in ("data_as_of", "inputs_as_of", "mesh_data_as_of") if name not in taken)
        parts: list[Part] = []
        for table, promise in promises.items():
            parts += [Part(", " if parts else ""), Part(f"(select max({identifier(promise.columns[0])}) from ")]
            parts += [Part("", table), Part(")")]
        if len(promises) > 1:
            parts = [Part("least("), *parts, Part(")")]
        parts = [Part("cast("), *parts, Part(" as timestamptz)")]
        text = "Up to when the inputs are known: the oldest of their newest."
    else:
        name = next(name for name in ("built_at", "computed_at", "mesh_built_at") if name not in taken)
        parts, text = [Part("now()")], "When the table was built; no column shows how old its data is."
        reason = "no column shows how old the data is: this is only when it was built"
    column = ColumnDraft(
        name, MOMENT, description=text, required=True, evidence={"name": "added, to show the age of the data"}
    )
    return Freshness(value, name, reason), (column, tuple(parts))
