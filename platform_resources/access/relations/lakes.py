"""Warm read-only connections to the lakes: a fresh one costs 120-350 ms, a query on a warm one 6-8 ms."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_resources.lake import LakeMissingError, MeshSettings, catalog_identity, quote_literal
from platform_resources.lake.connection import CONNECTION_CONFIG, attach_lakes

_MOST = 8  # instances; each takes 4 MB for a log alone, 30 MB and more once data was read
_MEMORY_SHARE = 4  # of the machine's memory, a quarter for each domain that is read at once
_MEMORY_AT_LEAST, _MEMORY_AT_MOST = 512 << 20, 8 << 30  # bytes


@dataclass(frozen=True)
class _Instance:
    con: duckdb.DuckDBPyConnection
    catalog: tuple[int, int] | None  # which file it reads


class WarmLakes:
    """One DuckDB instance per domain, its lake attached read-only; `cursor` hands out a connection to it.

    Of more than 8 domains, the one that was not asked for longest is let go; who reads from it goes on reading.

    A query that spills does so in `$MESH_HOME/tmp/<process>`, which goes with the last instance. Instances are made
    again when DuckDB has given one up, or the catalog's file was replaced by another (a restored backup).
    """

    def __init__(self, settings: MeshSettings) -> None:
        self._settings = settings
        self._instances: dict[str, _Instance] = {}
        self._lock = threading.Lock()
        self._spill = settings.home / "tmp" / f"reads-{os.getpid()}-{id(self):x}"

    def cursor(self, domain: str) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the lake of `domain`; the caller closes it.

        Raises
        ------
        LakeMissingError
            when the domain has built nothing yet.
        """
        with self._lock:
            catalog = catalog_identity(self._settings, domain)
            instance = self._instances.get(domain)
            if instance is not None and instance.catalog == catalog:
                try:
                    con = instance.con.cursor()
                    con.execute("SELECT 1")  # 0.1 ms: an instance that hit a fatal error answers nothing any more
                    self._instances[domain] = self._instances.pop(domain)  # the newest one now
                    return con
                except duckdb.Error:
                    self._drop(domain)
            elif instance is not None:
                self._drop(domain)
            self._instances[domain] = _Instance(self._connect(domain), catalog)
            while len(self._instances) > _MOST:
                self._drop(next(iter(self._instances)))
            return self._instances[domain].con.cursor()

    def reconnect(self, domain: str) -> None:
        """Forget the instance of a domain; who reads from it goes on reading."""
        with self._lock:
            self._drop(domain)

    def close(self) -> None:
        with self._lock:
            for domain in list(self._instances):
                self._drop(domain)
        shutil.rmtree(self._spill, ignore_errors=True)

    def _drop(self, domain: str) -> None:
        instance = self._instances.pop(domain, None)
        if instance is not None:
            instance.con.close()

    def _connect(self, domain: str) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(config=CONNECTION_CONFIG)
        try:
            con.execute(f"SET memory_limit = '{memory_limit()}B'")
            con.execute(f"SET temp_directory = {quote_literal(str(self._spill_folder()))}")
            attach_lakes(con, self._settings, reads=[domain])
        except BaseException:  # also Ctrl-C: nobody else would close it
            con.close()
            raise
        return con

    def _spill_folder(self) -> Path:
        self._spill.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._spill


def memory_limit() -> int:
    """Bytes that the reads of one domain may take together before they spill."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(_MEMORY_AT_LEAST, min(_MEMORY_AT_MOST, machine // _MEMORY_SHARE))


__all__ = ["LakeMissingError", "WarmLakes"]
