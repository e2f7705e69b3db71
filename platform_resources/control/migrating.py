"""Bringing the schema of the control database to what this code knows, once, whoever starts at the same time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, inspect, text

_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATORS = 7_316_511  # PostgreSQL's advisory lock; any number of its own
_one_at_a_time = threading.Lock()  # alembic's `context` is one for the process


class ControlError(RuntimeError):
    """The control database can't be used; the message says what to do."""


def migrate(engine: Engine, name: str) -> None:
    """Bring the schema to the newest revision. Of several processes one does, the others wait for it.

    Raises
    ------
    ControlError
        when the schema is newer than this code.
    """
    known = revisions()
    head = known[-1]
    if _is_set_up(engine) and _revision(engine) == head:
        return
    with _one_at_a_time, _alone(engine):
        found = _revision(engine)
        if found == head:
            return
        if found not in (None, *known):
            raise ControlError(
                f"the control database {name} has schema {found}, this version of the mesh knows schemas up to {head}; "
                "run the newer version"
            )
        _upgrade(engine)


def revisions() -> list[str]:
    """Those that this code knows, the newest last: the numbers that the files of migrations begin with."""
    return sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _upgrade(engine: Engine) -> None:
    from alembic import command  # noqa: PLC0415  (0.1 s that most processes don't need)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine) -> str | None:
    """Of the schema; None where there is none yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _is_set_up(engine: Engine) -> bool:
    """Whether a SQLite file is in WAL mode: SQLite refuses to switch while anybody has it open.

    SQLite is asked, and the header not read: closing the file would drop every lock that this process holds on it, and
    the next process to end would take the log away from under the connections that are open here.
    """
    if engine.dialect.name != "sqlite":
        return True
    try:
        with closing(sqlite3.connect(str(engine.url.database))) as connection:
            return connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    except sqlite3.Error:  # locked by who switches it, or no database: told by who waits for its turn
        return False


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Alone among processes that migrate this database; the lock goes with its holder."""
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATORS})")
            yield
        return
    descriptor = os.open(f"{engine.url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            with closing(sqlite3.connect(str(engine.url.database))) as connection:
                connection.execute("PRAGMA journal_mode = WAL")  # stays in the file
        except sqlite3.Error as error:
            raise ControlError(f"the control database {engine.url} can't be used: {error}") from error
        yield
    finally:
        os.close(descriptor)
