"""The connection to the control database, made and migrated on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, InternalError, OperationalError, TimeoutError

from platform_resources.control.migrating import ControlError, migrate
from platform_resources.lake import MeshSettings

__all__ = ["ControlDatabase", "ControlError"]

_WAIT_SECONDS = 10  # for other writers
_CONNECT_SECONDS = 5
_CONNECTIONS = 60  # a door serves 40 requests at once, and some need a second connection for a moment
_WRITERS = 7_316_510  # PostgreSQL's advisory lock that writers of the control database hold; any number of its own
_AFTER_COMMIT = "mesh_after_commit"


class ControlDatabase:
    """The one factory of connections to the control database. Safe to share between threads, and over a fork.

    `reading` is for queries, `writing` for one transaction that is alone among writers, on SQLite and PostgreSQL alike:
    what it reads stays true until it commits. Don't nest them: a `writing` inside another waits for itself.

    Raises
    ------
    ControlError
        from every method, when the database can't be reached, used or understood. No message holds a password, nor
        the error of a statement the values that it was given.
    """

    def __init__(self, settings: MeshSettings, url: str | None = None) -> None:
        self.settings = settings
        self._url = _parse(url or os.environ.get("MESH_CONTROL_DATABASE", "").strip(), settings)
        self._made: tuple[int, Engine] | None = None  # of which process
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The database for people: its URL without the password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @property
    def is_embedded(self) -> bool:
        """Whether it is the default: a file in `$MESH_HOME`."""
        return self._url == _default(self.settings)

    @property
    def engine(self) -> Engine:
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._lock:
            made = self._made
            if made is not None and made[0] != os.getpid():
                made[1].dispose(close=False)  # the parent's connections are the parent's
            if made is None or made[0] != os.getpid():
                with self._told():
                    engine = self._engine()
                    try:
                        migrate(engine, self.name)
                    except BaseException:  # also Ctrl-C: its connections hold locks
                        engine.dispose()
                        raise
                self._made = made = (os.getpid(), engine)
            return made[1]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        engine = self.engine
        with self._told(), engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        engine = self.engine
        with self._told(), engine.connect().execution_options(writes=True) as connection:
            connection.info[_AFTER_COMMIT] = []
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
                yield connection
            for act in connection.info.pop(_AFTER_COMMIT):
                act()

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made[1].dispose(close=made[0] == os.getpid())

    def _engine(self) -> Engine:
        if not self.is_sqlite:
            options = {"connect_timeout": _CONNECT_SECONDS, "application_name": "mesh"}
            return create_engine(
                self._url,
                pool_pre_ping=True,
                max_overflow=_CONNECTIONS,
                connect_args=options,
                hide_parameters=True,
            )
        file = Path(self._url.database or "")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Only a new file: whoever closes one of SQLite's drops every lock that this process holds on it.
            with suppress(FileExistsError):
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise ControlError(f"the control database {file} can't be opened: {error.strerror}") from None
        options = {"timeout": _WAIT_SECONDS, "check_same_thread": False}
        engine = create_engine(self._url, max_overflow=_CONNECTIONS, connect_args=options, hide_parameters=True)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
        return engine

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Failures of the database as `ControlError`; of a statement (a key that exists already) as they are."""
        try:
            yield
        except (OperationalError, InterfaceError, InternalError) as error:
            raise ControlError(self._reason(error)) from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:  # its subclasses are about what a statement says
                raise
            raise ControlError(self._reason(error)) from error
        except TimeoutError as error:
            raise ControlError(f"the control database {self.name} has no free connection; try again") from error

    def _reason(self, error: DatabaseError | InterfaceError) -> str:
        said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        if "locked" in said[0] or "lock timeout" in said[0]:
            return (
                f"another process has been writing to the control database {self.name} for longer than "
                f"{_WAIT_SECONDS} s; wait for it, or end it"
            )
        remedy = "" if self.is_sqlite else "; is it running, and MESH_CONTROL_DATABASE right?"
        return f"the control database {self.name} can't be used: {self._without_password(said[0])}{remedy}"

    def _without_password(self, text: str) -> str:
        password = self._url.password
        return text.replace(str(password), "***") if password else text


def after_commit(connection: Connection, act: Callable[[], None]) -> None:
    """Call `act` once the `writing` transaction of this connection has been committed, not if it is rolled back."""
    connection.info[_AFTER_COMMIT].append(act)


def _default(settings: MeshSettings) -> URL:
    return URL.create("sqlite", database=str(settings.home / "control.sqlite"))


def _parse(text: str, settings: MeshSettings) -> URL:
    if not text:
        return _default(settings)
    form = "postgresql+psycopg2://user:password@host:5432/database, or sqlite:////folder/control.sqlite"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # what it says would hold the password
        raise ControlError(f"MESH_CONTROL_DATABASE can't be read; write {form}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg2")
    if url.drivername not in ("sqlite", "postgresql+psycopg2"):
        raise ControlError(f"MESH_CONTROL_DATABASE names {url.drivername!r}; write {form}")
    if url.drivername == "sqlite" and (url.database in (None, "", ":memory:") or url.query):
        raise ControlError(f"MESH_CONTROL_DATABASE names no file that processes can share; write {form}")
    return url


def _set_up_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event says how a transaction begins
    cursor = connection.cursor()
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
