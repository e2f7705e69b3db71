"""What `--from` names: files, a table, a port, a query or nothing; looked at, and turned into columns and a SELECT."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from platform_resources.contracts import Document, Mesh
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.model import Contract
from platform_resources.contracts.names import is_name, split_address
from platform_resources.governance import Council
from platform_resources.governance.terms import Glossary
from platform_resources.lake import LakeMissingError, MeshSettings, connect, lake_exists
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import parse, tree_nodes
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.columns import ColumnDraft, drafts
from platform_resources.self_service.delivered import Delivered, Layout, find_files, load_files
from platform_resources.self_service.documents import Freshness, Input
from platform_resources.self_service.landing import DELIVERED, DELIVERY, Reading
from platform_resources.self_service.model_text import Part, TableName, dotted, identifier, selection
from platform_resources.self_service.new_names import as_identifier, column_names, sql_words
from platform_resources.self_service.profiling import Profile, profile
from platform_resources.self_service.typing_texts import TYPED, TypedColumn, create_typed, typed_columns

_STAMPS = ("landed_at", "delivered_at", "taken_at")
_MOMENT = "TIMESTAMP WITH TIME ZONE"
_TABLE = re.compile(r"([A-Za-z_][\w]*)\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)")
_NAME = r'(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)'
_WRITTEN = re.compile(rf"{_NAME}\s*\.\s*{_NAME}\s*\.\s*{_NAME}")
_VIEW = "_origin"
_LOAD = "_load_id"


@dataclass(frozen=True)
class World:
    """What a new product is made in."""

    settings: MeshSettings
    mesh: Mesh
    council: Council
    glossary: Glossary
    domain: str
    product: str
    longest_age: str  # ISO 8601: the oldest that data of the tier may get


@dataclass(frozen=True)
class Feed:
    """A landed feed that the product is made of."""

    name: str
    columns: tuple[ColumnDraft, ...]
    path: str  # folder and pattern below the landing zone
    custom: tuple[dict[str, Any], ...]
    readings: tuple[Reading, ...]
    delivered: Delivered
    con: duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Origin:
    """What is known of where the rows come from."""

    told: str
    columns: tuple[ColumnDraft, ...]
    parts: tuple[Part, ...]  # of the model's SELECT
    freshness: Freshness
    grain: str
    doc: str
    found: Profile | None = None
    inputs: tuple[Input, ...] = ()
    feed: Feed | None = None
    is_query: bool = False
    renamed: tuple[tuple[str, str], ...] = ()  # as it was written, column
    notes: tuple[str, ...] = ()
    promise: Document | None = None  # a contract that is taken over as it is, instead of one made of `columns`
    major: int = 1
    table_types: Mapping[TableName, tuple[tuple[str, str], ...]] = field(
        default_factory=dict
    )  # of what the model reads


def _freshness_of(world: World, column: str, reason: str) -> Freshness:
    return Freshness(world.longest_age, column, reason)


def example_origin(world: World) -> Origin:
    """No source: one typed row, so that everything around it can be tried before the data is there."""
    key = f"{world.product[:60]}_id"
    columns = (
        ColumnDraft(key, "BIGINT", key_position=1, evidence={"name": "an example; write your own columns"}),
        ColumnDraft("name", "VARCHAR", evidence={"name": "an example"}),
        ColumnDraft(
            "updated_at", _MOMENT, required=True, evidence={"name": "when the row last changed; shows the age"}
        ),
    )
    sql = f"select\n    cast(1 as bigint) as {key},\n    'example' as name,\n    now() as updated_at"
    fresh = _freshness_of(world, "updated_at", "how old may the data get? Say what you can keep")
    grain = f"One row per {world.product}."
    return Origin("nothing", columns, (Part(sql),), fresh, grain, "An example row; put your own query here.")


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
            found = profile(con, TYPED, _patterns(world.council))
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
        _MOMENT,
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
        freshness=_freshness_of(world, stamp, "how often do files come? Say what you can keep"),
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
        notes=(*delivered.notes, *_repeats(found)),
    )


def _repeats(found: Profile) -> list[str]:
    if not found.duplicates:
        return []
    return [f"{found.duplicates:,} rows repeat another one whole; they are kept, since no key tells which are too many"]


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


def own_tables(world: World) -> set[str]:
    """Names of the domain's feeds and products."""
    loaded = world.mesh.usable.get(world.domain)
    folder = world.mesh.folder / world.domain
    names = {path.name.removesuffix(".odcs.yaml") for path in folder.glob("sources/*.odcs.yaml")}
    names |= {path.name for path in folder.glob("products/*") if path.is_dir()}
    if loaded is not None:
        names |= {port.contract.table.physical_name for port in loaded.domain.ports}
    return names


def _patterns(council: Council) -> dict[str, str]:
    """Column name -> the pattern of the council's semantic type of that name."""
    return {
        name: str(item.options["pattern"])
        for item in council.semantic_types.values()
        if "pattern" in item.options
        for name in item.names
    }


# --- tables, ports and queries


def is_query(source: str) -> bool:
    return re.match(r"\s*(select|with|from)\s", source, re.IGNORECASE) is not None


def is_table(source: str) -> bool:
    return _TABLE.fullmatch(source.strip()) is not None


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
            found = profile(con, f'temp.main."{_VIEW}"', _patterns(world.council))
        except duckdb.Error as error:
            raise ScaffoldError(f"the query fails: {str(error).splitlines()[0]}", asked_wrongly=True) from None
    if is_query(source):
        return replace(_query_origin(world, parts, tree, found, ports), table_types=types)
    return replace(_table_origin(world, tables[0], found, ports), table_types=types)


def _described(con: duckdb.DuckDBPyConnection, table: TableName) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"DESCRIBE FROM {dotted(table)}").fetchall()]


def split_query(con: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[Part, ...], dict[str, Any]]:
    """A query cut at its table names, and its parse tree. Names of one part belong to its own WITH."""
    tree = parse(con, query)
    raw = query.encode("utf-8")  # positions of the parser count bytes
    at, parts = 0, []
    places = sorted(
        (node["query_location"], (node["catalog_name"], node["schema_name"], node["table_name"]))
        for node in tree_nodes(tree)
        if node.get("type") == "BASE_TABLE" and (node.get("catalog_name") or node.get("schema_name"))
    )
    for start, table in places:
        match = _WRITTEN.match(raw[start:].decode("utf-8"))
        if match is None or not all(table):
            raise NotEvaluableError(f"{'.'.join(filter(None, table))} is no full name: write <domain>.<product>.v1")
        if start < at:
            continue
        parts += [Part(raw[at:start].decode("utf-8")), Part("", tuple(name.lower() for name in table))]
        at = start + len(match[0].encode("utf-8"))
    parts.append(Part(raw[at:].decode("utf-8")))
    return tuple(parts), tree


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
        tuple(_repeats(found)),
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
        indented = tuple(Part(part.sql.replace("\n", "\n    "), part.table) for part in parts)
        head: list[Part] = [Part(f"select\n{selection(rows)}")]
        if extra is not None:
            made = [*made, extra[0]]
            head += [Part(",\n    "), *extra[1], Part(f" as {extra[0].name}")]
        parts = (*head, Part("\nfrom (\n    "), *indented, Part("\n) as q"))
    key = [draft.name for draft in made if draft.key_position]
    grain = f"One row per {', '.join(key)}." if key else "One row per row of the query."
    return Origin(
        "a query", tuple(made), parts, freshness, grain, grain, found, inputs, None, True, renamed,
        tuple(_repeats(found)),
    )  # fmt: skip


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
        name, _MOMENT, description=text, required=True, evidence={"name": "added, to show the age of the data"}
    )
    return Freshness(value, name, reason), (column, tuple(parts))
