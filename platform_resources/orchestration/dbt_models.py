"""A domain's dbt models as assets, with delivered schema, row count and column lineage."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from platform_resources.access.inputs.facade import refused_inputs
from platform_resources.contracts.model import Domain, Product
from platform_resources.lake import PortAddress, connect, lake_exists
from platform_resources.orchestration.columns import delivered_schema, lineage_metadata
from platform_resources.orchestration.dbt_runs import ModelRun, run_models
from platform_resources.orchestration.lineage import Columns, cached_lineage, merge_tables
from platform_resources.orchestration.manifests import DomainDbt
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
        # `run`, not `build`: tests of a domain's models are run by hand and in CI, promises are checked at the port.
        ran = run_models(dbt, names, context.run.run_id)
        seconds = time.perf_counter() - started
        built = [model for model in ran.models if model.built]
        if built:
            yield from _results(domain, dbt, lake, {model.name: keys[model.name] for model in built}, built, seconds)
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
    domain: Domain,
    dbt: DomainDbt,
    lake: LakeResource,
    keys: Mapping[str, dg.AssetKey],
    built: Sequence[ModelRun],
    seconds: float,
) -> Iterator[dg.MaterializeResult]:
    """What was delivered: rows, columns, lineage and times of each built model."""
    settings = lake.settings
    inputs = {PortAddress.parse(port.address).domain for port in domain.inputs} - {domain.name}
    with connect(settings, reads={domain.name, *(name for name in inputs if lake_exists(settings, name))}) as con:
        tables = merge_tables(
            con.execute(
                "SELECT database_name, schema_name, table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE database_name <> 'system' ORDER BY ALL"
            ).fetchall()
        )
        for model in built:
            key = keys[model.name]
            metadata = _model_metadata(con, key, tables, model.sql, dbt)
            times = {"model_seconds": model.seconds, "dbt_seconds": seconds}
            yield dg.MaterializeResult(asset_key=key, metadata={**metadata, **times})


def _model_metadata(
    con: duckdb.DuckDBPyConnection, key: dg.AssetKey, tables: Columns, sql: str | None, dbt: DomainDbt
) -> dict[str, Any]:
    relation = con.table(".".join(key.path))
    metadata: dict[str, Any] = {
        "dagster/row_count": relation.count("*").fetchone()[0],
        "dagster/column_schema": delivered_schema(zip(relation.columns, map(str, relation.types), strict=True)),
    }
    if sql:
        lineage = cached_lineage(sql, tables, dbt.target_path / "lineage.json")
        if lineage:
            metadata["dagster/column_lineage"] = lineage_metadata(lineage)
    return metadata
