"""Where the mesh keeps its state, from the environment alone: a domain's files are the same on laptop and cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from platform_resources.lake.names import check_name


class SettingError(ValueError):
    """A setting in the environment that can't be read; the message says what one looks like."""


def _seconds(name: str, default: float) -> timedelta:
    text = os.environ.get(name, "")
    try:
        return timedelta(seconds=float(text or default))
    except (ValueError, OverflowError):
        raise SettingError(f"{name} is {text!r}; write a number of seconds, as 900") from None


def find_project_root(start: Path | None = None) -> Path:
    """The nearest folder, from `start` (default: here) upwards, that holds `workspace.yaml`."""
    explicit = os.environ.get("MESH_PROJECT")
    if explicit:
        return Path(explicit).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "workspace.yaml").is_file() and (folder / "domains").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MeshSettings:
    """Folders and limits of one mesh.

    `catalog` is ``sqlite`` (a file per lake) or ``postgres:<libpq connection string>`` (a schema per lake);
    `data` is a folder or an object store prefix such as ``s3://bucket/lakes``.
    """

    home: Path
    project: Path
    catalog: str = "sqlite"
    data: str | None = None
    lock_timeout: timedelta = timedelta(minutes=15)  # longer than any build that was seen; dbt holds it for its run

    @classmethod
    def from_env(cls) -> MeshSettings:
        project = find_project_root()
        home = Path(os.environ.get("MESH_HOME") or project / ".mesh").resolve()
        return cls(
            home=home,
            project=project,
            catalog=os.environ.get("MESH_LAKE_CATALOG", "sqlite"),
            data=os.environ.get("MESH_LAKE_DATA"),
            lock_timeout=_seconds("MESH_LOCK_TIMEOUT", 900),
        )

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def domains(self) -> Path:
        return self.project / "domains"

    def lake_folder(self, domain: str) -> Path:
        return self.home / "lakes" / check_name(domain, "domain")

    def catalog_file(self, domain: str) -> Path:
        return self.lake_folder(domain) / "catalog.sqlite"

    def data_path(self, domain: str) -> str:
        """Where the Parquet files of a lake lie, with a closing slash."""
        if self.data:
            return f"{self.data.rstrip('/')}/{check_name(domain, 'domain')}/"
        return f"{self.lake_folder(domain) / 'data'}/"
