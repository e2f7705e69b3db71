"""Where the mesh keeps its state, from the environment alone: a domain's files are the same on laptop and cluster."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from platform_resources.lake.names import check_name

_PUBLIC = "http://127.0.0.1:8080"  # where `mesh up` and `mesh serve` listen
_MESH_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")


class SettingError(ValueError):
    """A setting in the environment that can't be read; the message says what one looks like."""


def _seconds(name: str, default: float) -> timedelta:
    text = os.environ.get(name, "")
    try:
        return timedelta(seconds=float(text or default))
    except (ValueError, OverflowError):
        raise SettingError(f"{name} is {text!r}; write a number of seconds, as 900") from None


def public_url() -> str:
    """Where people and machines reach the portal and the API (`MESH_PUBLIC_URL`), without a slash at its end.

    Raises
    ------
    SettingError
        when the setting is no http address.
    """
    text = (os.environ.get("MESH_PUBLIC_URL") or _PUBLIC).rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or re.search(r"""[\s<>"{}|\\^`]""", text):
        raise SettingError(f"MESH_PUBLIC_URL is {text!r}; write an address, as https://mesh.example.org")
    return text


def mesh_name() -> str:
    """What this mesh is called where events of several meshes meet (`MESH_NAME`).

    Raises
    ------
    SettingError
        when it can't be part of an address.
    """
    text = os.environ.get("MESH_NAME") or "mesh"
    if not _MESH_NAME.fullmatch(text):
        raise SettingError(f"MESH_NAME is {text!r}; write letters, digits, dots and hyphens, as retail-prod")
    return text


def find_project_root(start: Path | None = None) -> Path:
    """The project around `start` (default: here), by the nearest folder upwards with `workspace.yaml` and `domains/`;
    where there is none, the one that this code is part of.

    Raises
    ------
    SettingError
        when there is neither: an installed package is no project, and nothing is to be written beside it.
    """
    explicit = os.environ.get("MESH_PROJECT")
    if explicit:
        return Path(explicit).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "workspace.yaml").is_file() and (folder / "domains").is_dir():
            return folder
    raise SettingError(
        f"{here} is in no project of a mesh (a folder with workspace.yaml and domains/); go to one, or set MESH_PROJECT"
    )


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
    def from_env(cls, project: Path | None = None) -> MeshSettings:
        """As the environment says, of the project at `project`; None: of the one that `find_project_root` finds."""
        project = project or find_project_root()
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
