"""A domain's dbt models as assets, with delivered schema, row count and column lineage."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from platform_resources.access.inputs.facade import refused_inputs
from platform_resources.contracts.model import Domain, Product
from platform_resources.lake import PortAddress, connect, lake_exists, utc_now
from platform_resources.lake.column_lineage import TableLineage, changed_lineage, record_lineage
from platform_resources.lineage.building import Built, lineage_by_name, lineage_by_sql
from platform_resources.lineage.sql import Columns, UnreadableQueryError, columns_seen, query_lineage
from platform_resources.orchestration.columns import delivered_schema
from platform_resources.orchestration.dbt_runs import DbtRun, ModelRun, run_models
from platform_resources.orchestration.lineage import lineage_metadata, told_doubts
from platform_resources.orchestration.manifests import DomainDbt, declared_reads
from platform_resources.orchestration.openlineage import Builds, builds_told
from platform_resources.orchestration.resources import LakeResource
from platform_resources.pipeline import retired_inputs

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
    def run_dbt(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        keys = {key.path[-1]: key for key in context.selected_asset_keys}
        refused = refused_inputs(lake.settings, domain.products)
        withheld = {table: p.address for p in domain.products if p.address in refused for table in _tables(p)}
        names = sorted(keys.keys() - withheld.keys())
        told = [
            f"{p} can't be built: {refused[p]}" for p in sorted({withheld[n] for n in keys.keys() & withheld.keys()})
        ]
        if not names:
            raise dg.Failure(description="; ".join(told), allow_retries=False)
        for why in told:  # the models of other products go on; those of this one are skipped, and its ports with them
            context.log.error(why)
        started = time.perf_counter()
        with builds_told(context, lake.settings, domain, names, "DBT") as builds:
            # `run`, not `build`: tests of models are run by hand and in CI, promises are checked at the port.
            ran = run_models(dbt, names, context.run.run_id)
            seconds = time.perf_counter() - started
            if any(model.built for model in ran.models):
                yield from _results(context, domain, dbt, lake, ran, seconds, builds)
        if ran.failure is not None:
            inputs = [PortAddress.parse(port.address) for port in domain.inputs]
            gone = "".join(f"; {told}" for told in retired_inputs(lake.settings, inputs))
            raise dg.Failure(
                description=f"dbt could not build the models of {domain.name}: {ran.failure}{gone}", allow_retries=False
            )

    return run_dbt


def _tables(product: Product) -> set[str]:
    """The models that build a product: those of the names of its tables."""
    return {port.contract.table.physical_name for port in product.ports}


def _results(
    context: dg.AssetExecutionContext,
    domain: Domain,
    dbt: DomainDbt,
    lake: LakeResource,
    ran: DbtRun,
    seconds: float,
    builds: Builds,
) -> Iterator[dg.MaterializeResult]:
    """What was delivered: rows, columns, lineage and times of each built model. Its lineage is written down before."""
    settings = lake.settings
    keys = {key.path[-1]: key for key in context.selected_asset_keys}
    inputs = {PortAddress.parse(port.address).domain for port in domain.inputs} - {domain.name}
    with connect(settings, reads={domain.name, *(name for name in inputs if lake_exists(settings, name))}) as con:
        tables = columns_seen(con)
        built = {model.name: _delivered(con, keys[model.name], tables) for model in ran.models if model.built}
        lineages = {m.name: _lineage(domain, dbt, ran, m, tables) for m in ran.models if m.built}
        changed = changed_lineage(con, domain.name, lineages.values())
    if changed:
        with connect(settings, own=domain.name) as con:
            record_lineage(con, settings, domain.name, changed, context.run.run_id, utc_now())
    for model in ran.models:
        if model.built:
            lineage = lineages[model.name]
            told = {**lineage_metadata(lineage), **told_doubts(context.log, domain, lineage)}
            times = {"model_seconds": model.seconds, "dbt_seconds": seconds}
            rows, columns = built[model.name]["dagster/row_count"], tables[domain.name, "internal", model.name]
            builds.built(model.name, columns, rows, lineage, sql=model.sql, description=model.description)
            yield dg.MaterializeResult(asset_key=keys[model.name], metadata={**built[model.name], **told, **times})


def _delivered(con: duckdb.DuckDBPyConnection, key: dg.AssetKey, tables: Columns) -> dict[str, Any]:
    rows = con.table(".".join(key.path)).count("*").fetchone()[0]
    return {"dagster/row_count": rows, "dagster/column_schema": delivered_schema(tables[tuple(key.path)])}


def _lineage(domain: Domain, dbt: DomainDbt, ran: DbtRun, model: ModelRun, tables: Columns) -> TableLineage:
    """By the SQL that was run; by the names of what it reads when that can't be followed."""
    columns = [name for name, _ in tables[domain.name, "internal", model.name]]
    built = Built(domain, model.name, columns, (), ran.masked)
    try:
        query = query_lineage(model.sql or "", tables)
        if query.unknown:
            built = replace(built, reads=declared_reads(dbt, model.name))
        return lineage_by_sql(built, query)
    except UnreadableQueryError:
        return lineage_by_name(replace(built, reads=declared_reads(dbt, model.name)))
