"""Run dbt models in this process, by dbt's own programmatic interface.

Not by `DbtCliResource`: that starts dbt as a process, asks it for its version in another, and makes a second adapter
in this one, 5 s of CPU for a tick that needs 0.2 s of SQL. `dbtRunner` costs under a second once dagster-dbt, which
imports dbt anyway, is loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform_resources.orchestration.manifests import DomainDbt

_LONGEST_REASON = 2000  # characters of what dbt says


@dataclass(frozen=True)
class ModelRun:
    """What became of one model: `sql` is its compiled query, `seconds` its own time."""

    name: str
    built: bool
    seconds: float
    sql: str | None
    message: str
    description: str | None = None  # as its YAML says it


@dataclass(frozen=True)
class DbtRun:
    models: tuple[ModelRun, ...]
    failure: str | None  # why not all of it was built, in dbt's words
    masked: Mapping[str, frozenset[str]] = field(default_factory=dict)  # input port -> columns that models saw masked


def run_models(dbt: DomainDbt, names: Sequence[str], run_id: str) -> DbtRun:
    """Build the named models of a domain, in dbt's order; never raises for what is wrong with a model."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  (0.4 s on top of dagster-dbt; only a run needs it)

    from platform_resources.access.inputs.dbt_plugin import dbt_run  # noqa: PLC0415  (imports dbt's adapter)

    target = _run_folder(dbt, run_id)
    with dbt_run(names, run_id) as masked:
        answer = dbtRunner().invoke(
            [
                *("--no-use-colors", "--no-write-json", "--log-path", str(target)),
                *("run", "--select", *names, "--target", dbt.domain, "--target-path", str(target)),
                *("--project-dir", str(dbt.project), "--profiles-dir", str(dbt.project)),
            ]
        )
    shutil.rmtree(target, ignore_errors=True)
    if answer.exception is not None:
        return DbtRun((), _told(str(answer.exception)))
    models = tuple(
        ModelRun(
            result.node.name,
            result.status == "success",
            result.execution_time,
            getattr(result.node, "compiled_code", None),
            _told(result.message or ""),
            getattr(result.node, "description", None),
        )
        for result in answer.result.results
    )
    broken = [f"{model.name}: {model.message}" for model in models if not model.built and model.message]
    missing = sorted(set(names) - {model.name for model in models})
    if answer.success and not missing:
        return DbtRun(models, None, masked)
    return DbtRun(models, " ".join(broken) or f"nothing was run for {', '.join(missing)}", masked)


def _run_folder(dbt: DomainDbt, run_id: str) -> Path:
    """A target folder of its own for a run, so that runs don't disturb each other, with the parsed project in it."""
    folder = dbt.target_path / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    parsed = dbt.target_path / "partial_parse.msgpack"
    if parsed.exists():
        shutil.copy(parsed, folder / parsed.name)
    return folder


def _told(message: str) -> str:
    """What dbt said, without the lines that point to its own files."""
    lines = (line.strip() for line in message.splitlines())
    return " ".join(line for line in lines if line and "compiled code at" not in line and "dbt.log" not in line)[
        :_LONGEST_REASON
    ]
