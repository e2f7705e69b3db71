"""The other tools: what is installed for each, which module runs it, which files it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from benchmarks.quality.data import TABLES
from benchmarks.quality.peers.dbt_project import write_project
from benchmarks.quality.peers.odcs_document import write_document
from benchmarks.quality.peers.rules import Task, files_of
from benchmarks.quality.peers.soda_contracts import write_contracts

_DUCKDB = "duckdb==1.5.5"  # the mesh's own, for all that compute with it
_POLARS = "polars==2.1.0"
DATABASE = "views.duckdb"
# No tool may spend its time on telling its makers that it is used.
QUIET = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "SODA_CORE_TELEMETRY_ENABLED": "false",
}


@dataclass(frozen=True)
class Tool:
    """A tool. `requirements` are exact; `write` makes its own files from task, data and a folder for them.

    Making files is not measured: who uses the tool has written them before.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    write: Callable[[Task, Path, Path], None] | None = None

    @property
    def module(self) -> str:
        return f"benchmarks.quality.peers.run_{self.name}"


def _views(task: Task, data: Path, work: Path) -> Path:
    """A database whose views read the files."""
    database = work / DATABASE
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as con:
        for table in task.types:
            con.execute(f"CREATE VIEW {table} AS FROM read_parquet('{files_of(data, table)}')")
    return database


def _for_soda(task: Task, data: Path, work: Path) -> None:
    write_contracts(task, _views(task, data, work), work)


def _for_datacontract(task: Task, data: Path, work: Path) -> None:
    write_document(odcs_documents(), task.today, _views(task, data, work), work)


def _for_great_expectations(task: Task, data: Path, work: Path) -> None:
    _views(task, data, work)


def odcs_documents() -> dict[str, dict[str, Any]]:
    """The contracts as they are in their files, by table."""
    here = Path(__file__).parents[1]
    return {name: yaml.safe_load((here / f"{name}.odcs.yaml").read_text(encoding="utf-8")) for name in TABLES}


TOOLS = (
    Tool("dataframely", "dataframely", ("dataframely==3.1.2", _POLARS)),
    Tool("pandera_polars", "pandera (Polars)", ("pandera[polars]==0.35.0", _POLARS)),
    Tool("soda", "Soda", ("soda-duckdb==4.28.0", _DUCKDB), _for_soda),
    Tool("pointblank", "pointblank (Polars)", ("pointblank==1.1.1", _POLARS)),
    Tool("dbt", "dbt test", ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", _DUCKDB), write_project),
    Tool("datacontract", "datacontract-cli", ("datacontract-cli[duckdb]==1.2.8", _DUCKDB), _for_datacontract),
    Tool(
        "great_expectations",
        "Great Expectations",
        ("great-expectations==1.24.1", "duckdb-engine==0.17.0", "sqlalchemy==2.1.9", _DUCKDB),
        _for_great_expectations,
    ),
)
