"""dbt manifests, one per domain, prepared ahead: parsing costs 3 s and is done again only when a model changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platform_resources.lake import MeshSettings

_STAMP = "manifest.sha256"


class DbtParseError(RuntimeError):
    """The models of a domain can't be parsed; the message is dbt's own."""


@dataclass(frozen=True)
class DomainDbt:
    """Where the dbt side of a domain lies."""

    domain: str
    project: Path
    target_path: Path

    @property
    def manifest(self) -> Path:
        return self.target_path / "manifest.json"


def declared_reads(dbt: DomainDbt, model: str) -> list[str]:
    """Addresses of the ports and own tables that a model's `ref` and `source` name."""
    manifest = json.loads(dbt.manifest.read_text(encoding="utf-8"))
    known = manifest["nodes"] | manifest["sources"]
    read = next((node["depends_on"]["nodes"] for node in manifest["nodes"].values() if node["name"] == model), [])
    found = [known[name] for name in read if name in known]
    return [".".join([node["database"], node["schema"], node.get("identifier") or node["name"]]) for node in found]


def dbt_of(settings: MeshSettings, domain: str) -> DomainDbt | None:
    """The dbt side of a domain; None when it has no models."""
    project = settings.project / "dbt_project"
    if not any((project / "models" / domain).glob("**/*.sql")):
        return None
    return DomainDbt(domain, project, settings.home / "dbt" / domain)


def dbt_executable() -> str:
    """Dbt of this environment, also when its `bin` is not on the PATH."""
    beside = Path(sys.executable).parent / "dbt"
    return str(beside) if beside.exists() else "dbt"


def _fingerprint(dbt: DomainDbt) -> str:
    digest = hashlib.sha256(sys.version.encode())
    folders = (dbt.project / "models" / dbt.domain, dbt.project / "macros")
    files = [dbt.project / "dbt_project.yml", dbt.project / "profiles.yml"]
    for file in (*files, *(path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())):
        digest.update(str(file.relative_to(dbt.project)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def prepare_manifest(settings: MeshSettings, domain: str) -> DomainDbt | None:
    """The domain's dbt side with an up-to-date manifest; None when it has no models.

    Raises
    ------
    DbtParseError
        when dbt refuses the models. Only this domain is hit: the others parse their own.
    """
    dbt = dbt_of(settings, domain)
    if dbt is None:
        return None
    dbt.target_path.mkdir(parents=True, exist_ok=True)
    stamp = dbt.target_path / _STAMP
    with (dbt.target_path / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fingerprint = _fingerprint(dbt)
        if dbt.manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint:
            return dbt
        stamp.unlink(missing_ok=True)
        command = [dbt_executable(), "--quiet", "parse", "--target", domain, "--target-path", str(dbt.target_path)]
        environment = {**os.environ, "DBT_PROFILES_DIR": str(dbt.project)}
        done = subprocess.run(command, cwd=dbt.project, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            message = (done.stdout + done.stderr).strip()
            raise DbtParseError(
                f"dbt can't parse the models of {domain} (dbt_project/models/{domain}):\n{message}\n"
                f"Mend them; `dbt parse --target {domain}` in dbt_project/ shows the same."
            )
        stamp.write_text(fingerprint)
    return dbt
