"""The control database: set up once whoever starts, one writer at a time, errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from platform_resources.control import ControlDatabase, ControlError, migrating
from platform_resources.control.tables import identities, metadata, probes
from platform_resources.lake import MeshSettings, utc_now

_FIRST_START = """
import sys
from pathlib import Path
from platform_resources.control import migrating, ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import MeshSettings

print("ready", flush=True)
sys.stdin.readline()
control = ControlDatabase(MeshSettings(home=Path(sys.argv[1]), project=Path("/")), sys.argv[2] or None)
AuditLog(control).append("started", "tests")
"""


def start_together(code: str, count: int, *arguments: str) -> Sequence[int]:
    """Run `code` in so many processes that begin at the same moment; their exit codes."""
    command = [sys.executable, "-c", code, *arguments]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=120)
    return [process.returncode for process in started]


def test_of_processes_that_start_first_one_migrates_and_all_work(control, settings):
    count = 8 if control.is_sqlite else 4
    url = "" if control.is_sqlite else control._url.render_as_string(hide_password=False)
    assert start_together(_FIRST_START, count, str(settings.home), url) == [0] * count
    with control.reading() as connection:
        assert connection.execute(text("select count(*) from audit")).scalar_one() == count
        assert connection.execute(text("select count(*) from alembic_version")).scalar_one() == 1


def test_threads_that_use_it_first_together_share_one_engine(control):
    seen = []
    begin = threading.Barrier(8)

    def use() -> None:
        begin.wait()
        seen.append(control.engine)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(engine) for engine in seen}) == 1


def test_the_newest_revision_is_known_by_the_names_of_files():
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).with_name("migrations")))
    scripts = ScriptDirectory.from_config(config)
    assert migrating.revisions() == [script.revision for script in reversed(list(scripts.walk_revisions()))]


def test_the_migrations_make_what_the_code_declares(control):
    with control.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_what_is_read_while_writing_stays_true_until_the_commit(control):
    now = utc_now()
    row = {"at": now, "door": "http", "up": True, "milliseconds": 1.0}

    def count_up() -> None:
        for _ in range(10):
            with control.writing() as connection:
                number = len(connection.execute(select(probes.c.port)).all())
                connection.execute(probes.insert().values(port=str(number), **row))

    threads = [threading.Thread(target=count_up) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with control.reading() as connection:
        ports = connection.execute(select(probes.c.port)).scalars().all()
    assert sorted(map(int, ports)) == list(range(60))


def test_a_transaction_that_fails_leaves_nothing(control):
    row = {"port": "a", "at": utc_now(), "door": "http", "up": True, "milliseconds": 1.0}
    with pytest.raises(IntegrityError), control.writing() as connection:
        connection.execute(probes.insert().values(**row))
        connection.execute(probes.insert().values(**row))
    with control.reading() as connection:
        assert connection.execute(select(probes)).all() == []


def test_a_child_process_has_connections_of_its_own(control):
    parent = control.engine
    child = os.fork()
    if child == 0:
        with control.reading() as connection:
            connection.execute(select(identities)).all()
        os._exit(0 if control.engine is not parent else 1)
    assert os.waitpid(child, 0)[1] == 0
    with control.reading() as connection:
        assert connection.execute(select(identities)).all() == []


def test_a_database_that_is_newer_than_the_code_is_left_alone(control):
    with control.writing() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    again = ControlDatabase(control.settings, control._url.render_as_string(hide_password=False))
    with pytest.raises(ControlError, match=r"schema 9999.*run the newer version"):
        again.engine  # noqa: B018
    again.close()


def test_its_file_is_its_owners_alone(settings):
    control = ControlDatabase(settings)
    control.engine  # noqa: B018
    assert stat.S_IMODE((settings.home / "control.sqlite").stat().st_mode) == 0o600
    control.close()


def test_a_file_that_is_no_database_is_told(settings):
    settings.home.mkdir()
    (settings.home / "control.sqlite").write_text("this is not a database, whatever its name says " * 100)
    with pytest.raises(ControlError, match=r"control\.sqlite can't be used: file is not a database"):
        ControlDatabase(settings).engine  # noqa: B018


def test_a_folder_that_cant_be_made_is_told(settings):
    settings.home.write_text("a file stands where the folder should be")
    with pytest.raises(ControlError, match="can't be opened"):
        ControlDatabase(settings).engine  # noqa: B018


def test_a_database_that_somebody_keeps_locked_is_told(settings, monkeypatch):
    monkeypatch.setattr("platform_resources.control.database._WAIT_SECONDS", 0.2)
    control = ControlDatabase(settings)
    control.engine  # noqa: B018
    holder = sqlite3.connect(settings.home / "control.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ControlError, match="another process has been writing"), control.writing():
        pass
    holder.close()
    with control.writing() as connection:
        connection.execute(select(identities))
    control.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://mesh:s3cret@127.0.0.1:1/mesh",  # nobody listens there
        "postgresql+psycopg2://mesh:s3cret@no-such-host.invalid/mesh",
        "postgresql+psycopg2://mesh:s3cret@127.0.0.1:port/mesh",
        "mysql://mesh:s3cret@127.0.0.1/mesh",
        "mesh:s3cret@127.0.0.1",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(settings: MeshSettings, url: str):
    with pytest.raises(ControlError) as told:
        ControlDatabase(settings, url).engine  # noqa: B018
    assert "s3cret" not in str(told.value)


def test_postgresql_may_be_named_without_a_driver(settings, postgres_url, monkeypatch):
    monkeypatch.setenv("MESH_CONTROL_DATABASE", postgres_url.replace("postgresql+psycopg2", "postgresql"))
    control = ControlDatabase(settings)
    assert not control.is_embedded
    with control.reading() as connection:
        assert connection.execute(select(identities)).all() == []
    control.close()


def test_an_error_of_a_statement_tells_no_value(control):
    """It ends in logs, and values are names of people, reasons, digests of tokens."""
    values = {"id": "one", "kind": "person", "name": "CANARY", "clearances": [], "attributes": {}, "teams": []}
    values |= {"administrator": False, "origin": "local", "created_at": utc_now()}
    with control.writing() as connection:
        connection.execute(identities.insert().values(**values))
    with pytest.raises(IntegrityError) as told, control.writing() as connection:
        connection.execute(identities.insert().values(**values))
    assert "CANARY" not in str(told.value)


def test_others_that_open_and_end_take_nothing_from_who_has_it_open(settings):
    """Closing any file of a SQLite database drops the locks of the whole process: the next to end removes its log."""
    first = ControlDatabase(settings)
    with first.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (number INTEGER)")
    again = ControlDatabase(settings)  # in the same process
    with again.reading():
        pass
    again.close()
    opened = f"c = sqlite3.connect({first.engine.url.database!r})"
    program = f"import sqlite3; {opened}; c.execute('SELECT * FROM kept'); c.close()"
    for number in range(3):
        subprocess.run([sys.executable, "-c", program], check=True)
        with first.writing() as connection:
            connection.exec_driver_sql(f"INSERT INTO kept VALUES ({number})")
    with ControlDatabase(settings).reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM kept").scalar() == 3
    first.close()
