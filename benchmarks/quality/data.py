"""TPC-H's lineitem and orders in a lake of their own, as tpchgen-cli makes them: the same bytes on every machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.quality.environments import environment, run
from platform_resources.contracts import Contract, contract_of_text
from platform_resources.lake import INTERNAL_SCHEMA, MeshSettings, connect, create_lake, qualified

DOMAIN = "tpch"
TABLES = ("lineitem", "orders")
_GENERATOR = "tpchgen-cli==4.0.0"  # a program from PyPI that is needed here only, so it has an environment of its own


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
    InstallError
        when the generator can't be installed or run.
    """
    settings = lake_of(folder, scale)
    done = settings.project / "loaded"
    if done.exists():
        return settings
    settings.project.mkdir(parents=True, exist_ok=True)
    generate = environment(folder, "tpchgen", (_GENERATOR,)) / "tpchgen-cli"
    run([str(generate), "parquet", "-s", str(scale), "-T", ",".join(TABLES), "-o", str(settings.project)])
    create_lake(settings, DOMAIN)
    with connect(settings, own=DOMAIN) as con:
        for name in TABLES:
            con.execute(f"CREATE OR REPLACE TABLE {table_sql(name)} AS FROM '{settings.project / name}.parquet'")
    done.touch()
    return settings


def files_of_lake(settings: MeshSettings) -> Path:
    """A folder with `<table>/*.parquet`: the files that the lake's tables consist of now, for others to read."""
    folder = settings.project / "files"
    shutil.rmtree(folder, ignore_errors=True)
    with connect(settings, reads=[DOMAIN]) as con:
        for name in TABLES:
            (folder / name).mkdir(parents=True)
            listed = f"FROM ducklake_list_files('{DOMAIN}', '{name}', schema => '{INTERNAL_SCHEMA}')"
            files = con.execute(f"SELECT data_file {listed} ORDER BY 1").fetchall()
            for number, (file,) in enumerate(files):
                (folder / name / f"{number:03}.parquet").symlink_to(file)
    return folder
