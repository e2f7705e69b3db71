"""Models in Python: a function of a connection that returns rows; the platform writes them and makes the asset."""

import contextlib
import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import dagster as dg
import duckdb

from platform_resources.access.inputs.facade import guarded_inputs, refused_inputs
from platform_resources.contracts.model import Domain, Product
from platform_resources.lake import PortAddress, utc_now
from platform_resources.lake.column_lineage import TableLineage, changed_lineage, record_lineage
from platform_resources.lineage.building import Built, lineage_by_contract, lineage_by_sql
from platform_resources.lineage.sql import Columns, QueryLineage, UnreadableQueryError, columns_seen, query_lineage
from platform_resources.lineage.watching import Watch, watched
from platform_resources.orchestration.columns import delivered_schema
from platform_resources.orchestration.lineage import lineage_metadata, told_doubts
from platform_resources.orchestration.openlineage import builds_told
from platform_resources.orchestration.resources import LakeResource
from platform_resources.pipeline import replace_table, retired_inputs

ModelFunction = Callable[[duckdb.DuckDBPyConnection], Any]


@dataclass(frozen=True)
class PythonModel:
    """A function that computes the rows of `<domain>.internal.<name>`, and the own tables that it reads."""

    name: str
    reads: tuple[str, ...]
    function: ModelFunction


def python_model(name: str, reads: Sequence[str] = ()) -> Callable[[ModelFunction], PythonModel]:
    """Declare a model of a domain, in its `assets.py`.

    The function gets a DuckDB connection with the domain's lake and the product's declared input ports (nothing else
    of their domains), and returns what DuckDB can scan: a relation, an Arrow table or a pandas frame. `reads` names the
    tables of the own domain (`<domain>.internal.<table>`) that it reads; input ports come from `product.odps.yaml`.
    """

    def declare(function: ModelFunction) -> PythonModel:
        return PythonModel(name, tuple(reads), function)

    return declare


def models_in(module: ModuleType | None) -> list[PythonModel]:
    """The models that a module declares, in the order of their names."""
    found = [] if module is None else [value for value in vars(module).values() if isinstance(value, PythonModel)]
    return sorted(found, key=lambda model: model.name)


def python_model_asset(
    domain: Domain, product: Product | None, model: PythonModel, condition: dg.AutomationCondition
) -> dg.AssetsDefinition:
    """The asset of a model; `product` is the one that it builds, None for an intermediate table."""
    key = dg.AssetKey([domain.name, "internal", model.name])
    inputs = [PortAddress.parse(port.address) for port in product.inputs] if product else []
    deps = [dg.AssetKey(table.split(".")) for table in model.reads] + [dg.AssetKey(list(port.key)) for port in inputs]

    @dg.multi_asset(
        name=f"{domain.name}_{model.name}_model",
        specs=[
            dg.AssetSpec(
                key,
                deps=deps,
                description=model.function.__doc__,
                group_name=domain.name,
                owners=[domain.owner],
                kinds={"python", "ducklake"},
                tags={"mesh/layer": "internal"},
                code_version=_code_version(model, inputs),
                automation_condition=condition,
                metadata={"dagster/table_name": ".".join(key.path)},
            )
        ],
    )
    def build(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        started = time.perf_counter()
        built = [product] if product else []
        refused = refused_inputs(lake.settings, built)
        for name, why in refused.items():
            raise dg.Failure(description=f"{name} can't be built: {why}", allow_retries=False)
        with (
            builds_told(context, lake.settings, domain, [model.name], "PYTHON") as builds,
            lake.get_connection(own=domain.name) as con,
            guarded_inputs(con, lake.settings, built, context.run.run_id) as masked,
        ):
            tables = columns_seen(con)
            try:
                with watched(con) as watch:
                    rows = model.function(con)
                query = _query_of(rows, tables)
                count = replace_table(con, lake.settings, domain.name, model.name, rows, context.run.run_id)
            except duckdb.Error as error:
                gone = retired_inputs(lake.settings, inputs)
                if gone:
                    reason = f"{'.'.join(key.path)} can't be built: {'; '.join(gone)}. ({error})"
                    raise dg.Failure(description=reason, allow_retries=False) from error
                raise
            table = con.table(".".join(key.path))
            schema = delivered_schema(zip(table.columns, map(str, table.types), strict=True))
            reads = [*model.reads, *map(str, inputs)]
            made = Built(domain, model.name, table.columns, reads, masked)
            lineage = _lineage(made, rows, query, watch, tables)
            if changed := changed_lineage(con, domain.name, [lineage]):
                record_lineage(con, lake.settings, domain.name, changed, context.run.run_id, utc_now())
            delivered = zip(table.columns, map(str, table.types), strict=True)
            builds.built(model.name, delivered, count, lineage, description=model.function.__doc__)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": count,
                "dagster/column_schema": schema,
                "build_seconds": time.perf_counter() - started,
                **lineage_metadata(lineage),
                **told_doubts(context.log, domain, lineage),
            }
        )

    return build


def _query_of(rows: Any, tables: Columns) -> QueryLineage | None:
    """The query of a relation that reads nothing but the lake, whose rows are thus all of its own making."""
    if not isinstance(rows, duckdb.DuckDBPyRelation):
        return None
    try:
        query = query_lineage(rows.sql_query(), tables)
    except UnreadableQueryError:
        return None
    return None if query.unknown else query


def _lineage(built: Built, rows: Any, query: QueryLineage | None, watch: Watch, tables: Columns) -> TableLineage:
    if query is not None:
        with contextlib.suppress(UnreadableQueryError):
            return lineage_by_sql(built, query)
    lazy = isinstance(rows, duckdb.DuckDBPyRelation)  # what it reads was read after the watch ended
    return lineage_by_contract(built, None if lazy else watch.reads(tables))


def _code_version(model: PythonModel, inputs: Sequence[PortAddress]) -> str | None:
    """Of the function's own source and what it reads: a model that reads another port from now on is due at once.

    A change in what the function calls is not noticed; `mesh run <product>` builds it all the same.
    """
    try:
        source = inspect.getsource(model.function)
    except OSError:  # written at a prompt
        return None
    read = "\n".join([source, *sorted(map(str, inputs)), *sorted(model.reads)])
    return hashlib.sha256(read.encode()).hexdigest()[:12]
