"""A domain's dbt models as assets, with delivered schema, row count and column lineage."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from platform_resources.contracts.model import Domain
from platform_resources.lake import PortAddress, connect, lake_exists
from platform_resources.orchestration.columns import delivered_schema, lineage_metadata
from platform_resources.orchestration.lineage import Columns, cached_lineage, merge_tables
from platform_resources.orchestration.manifests import DomainDbt, dbt_executable
from platform_resources.orchestration.resources import LakeResource

ConditionOf = Callable[[str], dg.AutomationCondition]  # of a model's name


class MeshTranslator(DagsterDbtTranslator):
    """Keys are addresses: a model is `<domain>/internal/<name>`, a source is the port or table that it names."""

    def __init__(self, domain: Domain, condition_of: ConditionOf) -> None:
        super().__init__()
        self._domain = domain
        self._condition_of = condition_of

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["sources"].get(unique_id) or manifest["nodes"][unique_id]
        name = node.get("identifier") or node.get("alias") or node["name"]
        spec = spec.replace_attributes(key=dg.AssetKey([node["database"], node["schema"], name]))
        if node["resource_type"] != "model":
            return spec
        return spec.replace_attributes(
            group_name=self._domain.name,
            owners=[self._domain.owner],
            kinds={"dbt", "ducklake"},
            tags={"mesh/layer": "internal"},
            automation_condition=self._condition_of(node["name"]),
        )


def dbt_model_assets(domain: Domain, dbt: DomainDbt, condition_of: ConditionOf) -> dg.AssetsDefinition:
    """Every dbt model of the domain as one step: dbt starts once for all that a run selects."""
    project = DbtProject(
        project_dir=dbt.project, profiles_dir=dbt.project, target=domain.name, target_path=dbt.target_path
    )

    @dbt_assets(
        manifest=dbt.manifest,
        name=f"{domain.name}_dbt",
        project=project,
        dagster_dbt_translator=MeshTranslator(domain, condition_of),
    )
    def run_dbt(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[Any]:
        cli = _dbt_cli(str(dbt.project))
        started = time.perf_counter()
        # `run`, not `build`: tests of a domain's models are run by hand and in CI, promises are checked at the port.
        target = _run_folder(dbt, context.run.run_id)
        invocation = cli.cli(["run", "--target", domain.name], context=context, target_path=target)
        events, failure = [], None
        try:
            events.extend(invocation.stream())
        except DagsterDbtCliRuntimeError as error:
            failure = error
        seconds = time.perf_counter() - started
        if events:
            _describe(context, domain, dbt, lake, invocation.target_path, events, seconds)
        yield from events
        if failure is not None:
            raise dg.Failure(
                description=f"dbt could not build the models of {domain.name}: {_reason(failure)}", allow_retries=False
            ) from None
        shutil.rmtree(target)

    return run_dbt


@cache
def _dbt_cli(project: str) -> DbtCliResource:
    """One for the process: each would run `dbt --version` once, which costs 1.5 s. The target comes with the models."""
    return DbtCliResource(project_dir=project, profiles_dir=project, dbt_executable=dbt_executable())


def _run_folder(dbt: DomainDbt, run_id: str) -> Path:
    """A target folder of its own for a run, so that runs don't disturb each other, with the parsed project in it."""
    folder = dbt.target_path / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    parsed = dbt.target_path / "partial_parse.msgpack"
    if parsed.exists():
        shutil.copy(parsed, folder / parsed.name)
    return folder


def _reason(error: DagsterDbtCliRuntimeError) -> str:
    """What dbt said, without the lines that point to its log files."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and "dbt.log" not in line and "target/" not in line)[:2000]


def _describe(
    context: dg.AssetExecutionContext,
    domain: Domain,
    dbt: DomainDbt,
    lake: LakeResource,
    target_path: Path,
    events: list[Any],
    seconds: float,
) -> None:
    """Add what was delivered to the events of the built models, before they are handed on."""
    settings = lake.settings
    manifest = json.loads((target_path / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target_path / "run_results.json").read_text(encoding="utf-8"))["results"]
    compiled = {result["unique_id"]: result.get("compiled_code") for result in results}
    timings = {result["unique_id"]: result["execution_time"] for result in results}
    inputs = {PortAddress.parse(port.address).domain for port in domain.inputs} - {domain.name}
    with connect(settings, reads={domain.name, *(name for name in inputs if lake_exists(settings, name))}) as con:
        tables = merge_tables(
            con.execute(
                "SELECT database_name, schema_name, table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE database_name <> 'system' ORDER BY ALL"
            ).fetchall()
        )
        for event in events:
            if not isinstance(event, dg.Output):
                continue
            unique_id = _unique_id(event)
            metadata = _model_metadata(con, manifest["nodes"][unique_id], tables, compiled.get(unique_id), dbt)
            metadata["model_seconds"] = timings.get(unique_id, 0.0)
            metadata["dbt_seconds"] = seconds
            context.add_output_metadata(metadata, output_name=event.output_name)


def _unique_id(event: dg.Output) -> str:
    return event.metadata["unique_id"].value


def _model_metadata(
    con: duckdb.DuckDBPyConnection, node: Mapping[str, Any], tables: Columns, sql: str | None, dbt: DomainDbt
) -> dict[str, Any]:
    parts = (node["database"], node["schema"], node["alias"])
    relation = con.table(".".join(parts))
    metadata: dict[str, Any] = {
        "dagster/row_count": relation.count("*").fetchone()[0],
        "dagster/column_schema": delivered_schema(zip(relation.columns, map(str, relation.types), strict=True)),
    }
    if sql:
        lineage = cached_lineage(sql, tables, dbt.target_path / "lineage.json")
        if lineage:
            metadata["dagster/column_lineage"] = lineage_metadata(lineage)
    return metadata
