"""The one connection factory: a DuckDB connection that sees a domain's own lake read-write and its inputs read-only.

Ownership is enforced here, by the storage: a process can write only the lake that it names as its own. The DuckDB
extensions are loaded from their PyPI wheels, so nothing is fetched from the network at run time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import duckdb

from platform_resources.lake.lock import writer_lock
from platform_resources.lake.names import qualified, quote_identifier, quote_literal
from platform_resources.lake.settings import MeshSettings

MESH_SCHEMA = "mesh"
INTERNAL_SCHEMA = "internal"
_SQLITE_WAIT_MS = 10_000  # readers that meet a checkpoint; writers queue at the flock before they get here

CONNECTION_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # The extensions are files of wheels that pip verified by SHA-256. DuckDB's own signature check would hash their
    # 71 MB at every connection: 0.1-0.2 s each, 30 times in a build, against 0.01 s. Consumers' SQL never gets here.
    "allow_unsigned_extensions": "true",
    "preserve_insertion_order": "false",  # bookings is copied whole at its first build: 1.5 M rows need no order
}


class LakeMissingError(RuntimeError):
    """A lake that was asked for does not exist (yet)."""


def _extension_file(name: str) -> Path:
    package = f"duckdb_extension_{name}"
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            f"the DuckDB extension {name} is not installed; run `make install` "
            f"(or `pip install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}`)"
        )
    return next(Path(spec.submodule_search_locations[0]).rglob(f"{name}.duckdb_extension"))


def load_extensions(con: duckdb.DuckDBPyConnection, settings: MeshSettings) -> None:
    """Load what the lake needs, from the wheels, by path: `INSTALL name` would go to the network."""
    catalog = "sqlite_scanner" if settings.catalog == "sqlite" else "postgres_scanner"
    names = [catalog, "ducklake"]
    if settings.data and "://" in settings.data:
        names.append("httpfs")
    for name in names:
        con.execute(f"LOAD {quote_literal(str(_extension_file(name)))}")
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")  # no setting of a connect; a shell or `python -c` would print one


def _attach(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    *,
    read_only: bool,
    snapshot: int | None = None,
    create: bool = False,
    alias: str | None = None,
) -> None:
    # The catalog keeps paths below its data folder; overriding that folder lets a mesh home be moved or restored.
    options = [f"DATA_PATH {quote_literal(settings.data_path(domain))}", "OVERRIDE_DATA_PATH true"]
    options.append("DATA_INLINING_ROW_LIMIT 0")
    if settings.catalog == "sqlite":
        source = f"ducklake:sqlite:{settings.catalog_file(domain)}"
        options.append(f"META_BUSY_TIMEOUT {_SQLITE_WAIT_MS}")
        if not read_only:
            options.append("META_JOURNAL_MODE 'WAL'")
    else:
        source = f"ducklake:{settings.catalog}"
        options.append(f"METADATA_SCHEMA {quote_literal('lake_' + domain)}")
    if read_only:
        options.append("READ_ONLY")
    else:
        options.append(f"CREATE_IF_NOT_EXISTS {'true' if create else 'false'}")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {int(snapshot)}")
    con.execute(f"ATTACH {quote_literal(source)} AS {quote_identifier(alias or domain)} ({', '.join(options)})")


def lake_exists(settings: MeshSettings, domain: str) -> bool:
    """Whether the lake was set up whole: `create_lake` leaves its mark last."""
    return (settings.lake_folder(domain) / "ready").exists()


def create_lake(settings: MeshSettings, domain: str) -> None:
    """Set up the lake of a domain; does nothing when it is there. Killed half-way, the next call completes it."""
    if lake_exists(settings, domain):
        return
    with writer_lock(settings, domain):
        if settings.data is None:
            Path(settings.data_path(domain)).mkdir(parents=True, exist_ok=True)
        con = duckdb.connect(config=CONNECTION_CONFIG)
        try:
            load_extensions(con, settings)
            _attach(con, settings, domain, read_only=False, create=True)
            con.execute("BEGIN")
            for schema in (INTERNAL_SCHEMA, MESH_SCHEMA):
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(domain, schema)}")
            con.execute(f"""
                CREATE TABLE IF NOT EXISTS {qualified(domain, MESH_SCHEMA, "publications")} (
                    port VARCHAR, number BIGINT, snapshot BIGINT, kind VARCHAR, run_id VARCHAR,
                    contract_version VARCHAR, contract_sha256 VARCHAR, columns VARCHAR[], row_count BIGINT,
                    score DOUBLE, audit JSON, data_as_of TIMESTAMPTZ, published_at TIMESTAMPTZ, seal JSON)""")
            con.execute(f"""
                CREATE TABLE IF NOT EXISTS {qualified(domain, MESH_SCHEMA, "contracts")} (
                    sha256 VARCHAR, port VARCHAR, version VARCHAR, document VARCHAR)""")
            con.execute(f"""
                CREATE TABLE IF NOT EXISTS {qualified(domain, MESH_SCHEMA, "ingested_files")} (
                    source VARCHAR, file VARCHAR, sha256 VARCHAR, bytes BIGINT, modified_ns BIGINT, row_count BIGINT,
                    load_id BIGINT, extracted_at TIMESTAMPTZ, ingested_at TIMESTAMPTZ, outcome VARCHAR)""")
            con.execute(f"""
                CREATE TABLE IF NOT EXISTS {qualified(domain, MESH_SCHEMA, "refusals")} (
                    port VARCHAR, snapshot BIGINT, run_id VARCHAR, contract_version VARCHAR, score DOUBLE, audit JSON,
                    refused_at TIMESTAMPTZ)""")
            con.execute(f"""
                CREATE TABLE IF NOT EXISTS {qualified(domain, MESH_SCHEMA, "seals")} (
                    sealed_at TIMESTAMPTZ, seal JSON)""")
            con.execute("COMMIT")
        finally:
            con.close()
        (settings.lake_folder(domain) / "ready").touch()


def attach_lakes(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    own: str | None = None,
    reads: Iterable[str] = (),
    at: dict[str, int] | None = None,
) -> None:
    """Attach lakes under their domains' names: `own` read-write, each of `reads` read-only.

    `at` attaches a lake as it stood at a snapshot (read-only): every read of it is then of one moment.

    Raises
    ------
    LakeMissingError
        when a lake of `reads` was never set up. (An attached missing catalog would silently be a new, empty lake.)
    """
    load_extensions(con, settings)
    at = at or {}
    if own is not None and own not in at:
        create_lake(settings, own)
        _attach(con, settings, own, read_only=False)
    for domain in sorted({*reads, *at} - ({own} if own not in at else set())):
        if not lake_exists(settings, domain):
            raise LakeMissingError(
                f"the lake of {domain} does not exist yet under {settings.home}; build that domain first: "
                f"mesh run {domain}"
            )
        _attach(con, settings, domain, read_only=True, snapshot=at.get(domain))


def attach_reader(con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, alias: str) -> None:
    """Attach one lake read-only under another name than its domain's; the extensions are loaded already."""
    _attach(con, settings, domain, read_only=True, alias=alias)


@contextmanager
def connect(
    settings: MeshSettings,
    own: str | None = None,
    reads: Iterable[str] = (),
    at: dict[str, int] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection as `attach_lakes` describes, closed whatever happens in the body."""
    con = duckdb.connect(config=CONNECTION_CONFIG)
    try:
        attach_lakes(con, settings, own, reads, at)
        yield con
    finally:
        con.close()


def current_snapshot(con: duckdb.DuckDBPyConnection, domain: str) -> int:
    # A literal: for the first parameter of a process DuckDB imports pandas (0.3 s).
    return con.execute(f"FROM ducklake_current_snapshot({quote_literal(domain)})").fetchone()[0]


@contextmanager
def write_transaction(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, message: str, run_id: str
) -> Iterator[None]:
    """One transaction in a lake, under its writer lock, with the run id in its commit.

    The id makes an unknown outcome harmless: a writer that was killed after its commit finds its own mark.
    """
    with writer_lock(settings, domain):
        con.execute("BEGIN")
        try:
            yield
            con.execute("CALL ducklake_set_commit_message(?, ?, ?, extra_info => ?)", [domain, "mesh", message, run_id])
            con.execute("COMMIT")
        except BaseException:  # also KeyboardInterrupt: the lock must not be freed with the transaction open
            _rollback_quietly(con)
            raise


def _rollback_quietly(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("ROLLBACK")
    except duckdb.Error:
        return  # a failed COMMIT has ended the transaction already; the first error is the one to tell
