"""A PostgreSQL server for tests that need one: real, on a socket of its own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _as_server_user() -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    return ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server and give its libpq connection string."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path may have 107 characters at most
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    user = _as_server_user()
    data = folder / "data"
    subprocess.run(
        [*user, "initdb", "-D", data, "-A", "trust", "-U", "mesh", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
    )
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    start = [*user, "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"]
    try:
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd="/")
        yield f"dbname=postgres host={folder} user=mesh"
    finally:
        subprocess.run(
            [*user, "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL, cwd="/"
        )
        shutil.rmtree(folder, ignore_errors=True)


HAS_POSTGRES = all(shutil.which(program) for program in ("initdb", "pg_ctl", "postgres"))
