"""The connection to the control database, made and migrated on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event

from platform_resources.lake import MeshSettings

_MIGRATIONS = Path(__file__).with_name("migrations")
_WAIT_SECONDS = 10


class ControlError(RuntimeError):
    """The control database can't be used; the message says what to do."""


class ControlDatabase:
    """The one factory of connections to the control database.

    `reading` is for queries, `writing` for one transaction that is alone among writers: under SQLite it takes the
    write lock at its begin, so that what it reads stays true until it commits.
    """

    def __init__(self, settings: MeshSettings, url: str | None = None) -> None:
        self.settings = settings
        self.url = url or os.environ.get("MESH_CONTROL_DATABASE") or f"sqlite:///{settings.home / 'control.sqlite'}"

    @cached_property
    def engine(self) -> Engine:
        if self.url.startswith("sqlite"):
            self.settings.home.mkdir(parents=True, exist_ok=True)
            engine = create_engine(self.url, connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin)
        else:
            engine = create_engine(self.url, pool_pre_ping=True)
        self._migrate(engine)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @property
    def is_embedded(self) -> bool:
        return self.url.startswith("sqlite")

    def close(self) -> None:
        self.engine.dispose()

    def _migrate(self, engine: Engine) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        head = ScriptDirectory.from_config(config).get_current_head()
        with engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == head:
                return
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _set_up_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event says how a transaction begins
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
