"""The data files of a lake: what the catalog says of them, and their checksums.

DuckLake keeps no checksum, and `count(*)` answers from metadata even when the file is destroyed (5 of 5), so each
publication seals the files that came since the last one: path, size and SHA-256 go into its row of the log.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_resources.lake.names import qualified, quote_identifier
from platform_resources.lake.settings import MeshSettings


@dataclass(frozen=True)
class CatalogFile:
    """One data or delete file that some snapshot of the lake still needs."""

    id: int  # rises over the life of the lake
    kind: str  # "data" or "delete"
    table: str  # "<schema>.<table>"
    path: Path
    bytes: int
    rows: int


def metadata_schema(domain: str, settings: MeshSettings) -> str:
    """Quoted name of the catalog's own tables, which DuckLake attaches beside the lake."""
    name = f"__ducklake_metadata_{domain}"
    return qualified(name, f"lake_{domain}") if settings.catalog != "sqlite" else quote_identifier(name)


def catalog_files(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, after: int = -1
) -> list[CatalogFile]:
    """Every data and delete file in the catalog of a lake with an id above `after`, with its absolute path."""
    meta = metadata_schema(domain, settings)
    root = settings.data_path(domain)
    rows = con.execute(
        f"""
        WITH tables AS (
            SELECT t.table_id, s.schema_name || '.' || t.table_name AS name,
                   CASE WHEN NOT t.path_is_relative THEN t.path
                        WHEN s.path_is_relative THEN ? || s.path || t.path ELSE s.path || t.path END AS folder
            FROM {meta}.ducklake_table t JOIN {meta}.ducklake_schema s USING (schema_id)
            QUALIFY row_number() OVER (
                PARTITION BY t.table_id ORDER BY t.begin_snapshot DESC, s.begin_snapshot DESC) = 1
        ), files AS (
            SELECT data_file_id AS id, 'data' AS kind, table_id, path, path_is_relative, file_size_bytes, record_count
            FROM {meta}.ducklake_data_file
            UNION ALL
            SELECT delete_file_id, 'delete', table_id, path, path_is_relative, file_size_bytes, delete_count
            FROM {meta}.ducklake_delete_file
        )
        SELECT id, kind, name, CASE WHEN path_is_relative THEN folder || path ELSE path END,
               file_size_bytes, record_count
        FROM files JOIN tables USING (table_id) WHERE id > ? ORDER BY id
        """,
        [root, after],
    ).fetchall()
    return [CatalogFile(id_, kind, table, Path(path), *rest) for id_, kind, table, path, *rest in rows]


@dataclass(frozen=True)
class Seal:
    """Checksums of the files with ids up to `upto` that no earlier seal holds: (path, bytes, SHA-256)."""

    upto: int
    files: tuple[tuple[str, int, str], ...]

    def as_json(self) -> str:
        return json.dumps({"upto": self.upto, "files": self.files})


def relative_path(settings: MeshSettings, domain: str, path: Path) -> str:
    root = Path(settings.data_path(domain))
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _seals(domain: str) -> str:
    tables = (qualified(domain, "mesh", "publications"), qualified(domain, "mesh", "seals"))
    return " UNION ALL ".join(f"SELECT seal FROM {table}" for table in tables)


def sealed_files(con: duckdb.DuckDBPyConnection, domain: str) -> dict[str, tuple[int, str]]:
    """Path below the lake -> (size in bytes, SHA-256), over all seals."""
    rows = con.execute(f"SELECT seal FROM ({_seals(domain)})").fetchall()
    return {path: (size, digest) for (text,) in rows for path, size, digest in json.loads(text)["files"]}


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seal_new_files(con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str) -> Seal:
    """Checksums of what was written since the last seal. (Files in an object store are left to the store's own.)"""
    last = con.execute(f"SELECT coalesce(max((seal ->> 'upto')::BIGINT), -1) FROM ({_seals(domain)})").fetchone()[0]
    files = [] if settings.data else catalog_files(con, settings, domain, after=last)
    return Seal(
        upto=max((file.id for file in files), default=last),
        files=tuple(
            (relative_path(settings, domain, file.path), file.path.stat().st_size, digest_of(file.path))
            for file in files
            if file.path.is_file()
        ),
    )
