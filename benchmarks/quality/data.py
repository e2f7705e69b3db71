"""TPC-H's lineitem and orders in a lake of their own, as tpchgen-cli makes them: the same bytes on every machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from platform_resources.contracts import Contract, contract_of_text
from platform_resources.lake import INTERNAL_SCHEMA, MeshSettings, connect, create_lake, qualified

DOMAIN = "tpch"
TABLES = ("lineitem", "orders")
_GENERATOR = "tpchgen-cli==4.0.0"  # a program from PyPI that is needed here only, so it has an environment of its own


class DataMissingError(RuntimeError):
    """The data can't be made; the message says why."""


def contracts() -> dict[str, Contract]:
    """The promises of both tables."""
    here = Path(__file__).parent
    return {
        name: contract_of_text((here / f"{name}.odcs.yaml").read_text(encoding="utf-8"), f"{name}.odcs.yaml")
        for name in TABLES
    }


def table_sql(name: str) -> str:
    return qualified(DOMAIN, INTERNAL_SCHEMA, name)


def lake_of(folder: Path, scale: int) -> MeshSettings:
    """Where the lake of a scale factor is, below a folder."""
    place = folder / f"sf{scale}"
    return MeshSettings(project=place, home=place / "home")


def make_lake(folder: Path, scale: int) -> MeshSettings:
    """The lake with both tables; made when it is not there yet.

    Raises
    ------
    DataMissingError
        when the generator can't be installed or run.
    """
    settings = lake_of(folder, scale)
    done = settings.project / "loaded"
    if done.exists():
        return settings
    settings.project.mkdir(parents=True, exist_ok=True)
    generate = _generator(folder)
    _run([generate, "parquet", "-s", str(scale), "-T", ",".join(TABLES), "-o", str(settings.project)])
    create_lake(settings, DOMAIN)
    with connect(settings, own=DOMAIN) as con:
        for name in TABLES:
            con.execute(f"CREATE OR REPLACE TABLE {table_sql(name)} AS FROM '{settings.project / name}.parquet'")
    done.touch()
    return settings


def _generator(folder: Path) -> str:
    """The path of tpchgen-cli, in an environment below the folder."""
    environment = folder / "tpchgen"
    program = environment / "bin" / "tpchgen-cli"
    if not program.exists():
        _run([sys.executable, "-m", "venv", str(environment)])
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, _GENERATOR])
    return str(program)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataMissingError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
