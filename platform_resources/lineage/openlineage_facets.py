"""The facets of OpenLineage that the mesh fills, made of contracts, audits and edges. Pure; JSON-ready.

Plain values and not the client's classes: to import these costs 0.2 s of CPU, and every build is a process of its own.
A test holds names, versions and content against the official schemas, and against the client's classes.

No facet holds a value of the data: of a check that asks for one (a SQL rule, a rule written elsewhere) what it measured
is left out, and so are the messages of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from platform_resources.access.model import Mask
from platform_resources.contracts.model import Contract, Table
from platform_resources.lineage.model import ColumnEdge, column_of, dataset_of
from platform_resources.quality import Audit, CheckResult

PRODUCER = "urn:mesh:platform"
_SCHEMAS = "https://openlineage.io/spec/facets"
_COUNTED = ("required", "null_values")  # kinds that count the rows without a value
_MAY_HOLD_DATA = ("sql", "custom")  # kinds whose measure is what a query answered

# Name of the facet -> version and name of its definition.
VERSIONS: Mapping[str, tuple[str, str]] = {
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "dataQualityAssertions": ("1-1-0", "DataQualityAssertionsDatasetFacet"),
    "dataQualityMetrics": ("1-0-0", "DataQualityMetricsDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
    "ownership": ("1-0-1", "OwnershipDatasetFacet"),
    "documentation": ("1-1-0", "DocumentationDatasetFacet"),
    "tags": ("1-0-0", "TagsDatasetFacet"),
    "lifecycleStateChange": ("1-0-1", "LifecycleStateChangeDatasetFacet"),
    "datasetType": ("1-0-1", "DatasetTypeDatasetFacet"),
    "dataSource": ("1-0-1", "DatasourceDatasetFacet"),
    "inputStatistics": ("1-0-0", "InputStatisticsInputDatasetFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
    "sql": ("1-1-0", "SQLJobFacet"),
    "job/documentation": ("1-1-0", "DocumentationJobFacet"),
    "job/ownership": ("1-0-1", "OwnershipJobFacet"),
    "nominalTime": ("1-0-1", "NominalTimeRunFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "parent": ("1-2-0", "ParentRunFacet"),
}

Facet = dict[str, Any]
Facets = dict[str, Facet]


def facet(kind: str, **fields: Any) -> Facets:
    """`{name: facet}` with who made it and its schema; fields that are None are left out.

    `kind` is a key of `VERSIONS`; what stands before a slash tells facets of one name apart.
    """
    version, definition = VERSIONS[kind]
    told = {name: value for name, value in fields.items() if value is not None}
    schema = f"{_SCHEMAS}/{version}/{definition}.json#/$defs/{definition}"
    return {kind.rpartition("/")[2]: {"_producer": PRODUCER, "_schemaURL": schema, **told}}


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def promised_schema(table: Table) -> Facets:
    """The columns of a contract, in its order, with what they mean."""
    fields = [
        _without_none(
            name=column.name,
            type=column.physical_type or column.logical_type,
            description=column.description,
            ordinal_position=number,
        )
        for number, column in enumerate(table.columns, 1)
    ]
    return facet("schema", fields=fields)


def delivered_schema(columns: Iterable[tuple[str, str]]) -> Facets:
    """The columns that a private table has: (name, type)."""
    fields = [{"name": name, "type": type_, "ordinal_position": n} for n, (name, type_) in enumerate(columns, 1)]
    return facet("schema", fields=fields)


def column_lineage(
    namespace: str, target: str, edges: Iterable[ColumnEdge], masks: Mapping[str, Sequence[Mask]] | None = None
) -> Facets:
    """The edges to a dataset and its columns; nothing when no column of a source is known.

    `masking` is true where the source is read masked. `masks` of the target's columns: who lacks the clearance gets
    them masked, which is said as a second transformation of the same column.
    """
    fields: dict[str, dict[tuple[str, str], list[dict[str, Any]]]] = {}
    whole: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for edge in edges:
        name, column = column_of(edge.target), column_of(edge.source)
        if dataset_of(edge.target) != target or column is None:
            continue
        into = whole if name is None else fields.setdefault(name, {})
        said = into.setdefault((dataset_of(edge.source), column), [])
        step = _without_none(type=edge.type, subtype=edge.subtype or None, masking=edge.masked)
        if step not in said:
            said.append(step)
    for name, sources in fields.items():
        for mask in (masks or {}).get(name, ()):
            masked = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True, "description": _told(mask)}
            for said in sources.values():
                if any(step["type"] == "DIRECT" for step in said):
                    said.append(masked)
    if not fields and not whole:
        return {}
    found = {name: {"inputFields": _input_fields(namespace, fields[name])} for name in sorted(fields)}
    return facet("columnLineage", fields=found, dataset=_input_fields(namespace, whole) or None)


def assertions(audit: Audit) -> Facets:
    """Every check of an audit: whether it held, and for checks that count rows how many broke it."""
    return facet("dataQualityAssertions", assertions=[_assertion(result) for result in audit.results])


def metrics(audit: Audit, at: datetime) -> Facets:
    """Rows, and the missing values of the columns whose missing values were counted."""
    missing = {
        result.check.columns[0]: {"nullCount": result.failed_rows}
        for result in audit.results
        if result.check.kind in _COUNTED and len(result.check.columns) == 1 and result.failed_rows is not None
    }
    return facet("dataQualityMetrics", rowCount=audit.rows, lastUpdated=timestamp(at), columnMetrics=missing)


def tags(contract: Contract) -> Facets:
    """Tier, tags and status of a port; classification, glossary terms and tags of its columns."""
    custom = contract.custom.get("tier")
    found = [_tag("tier", str(custom))] if custom else []
    found += [_tag("status", contract.status)] if contract.status else []
    found += [_tag(tag, "true") for tag in contract.tags]
    for column in contract.table.columns:
        if column.classification:
            found.append(_tag("classification", column.classification, column.name))
        found += [_tag("term", term, column.name) for term in column.terms]
        found += [_tag(tag, "true", column.name) for tag in column.tags]
    return facet("tags", tags=found)


def ownership(team: str | None, owners: Iterable[str], kind: str = "ownership") -> Facets:
    """`kind`: `job/ownership` of a job."""
    found = [{"name": f"team:{team}", "type": "TEAM"}] if team else []
    found += [{"name": f"user:{owner}", "type": "OWNER"} for owner in owners]
    return facet(kind, owners=found)


def sql(query: str) -> Facets:
    """A query without its literals and comments, which a run may have taken from the data; none that can't be read."""
    try:
        tree = parse_one(query, dialect="duckdb")
    except SqlglotError:
        return {}
    for literal in [*tree.find_all(exp.Literal)]:
        if not isinstance(literal.parent, exp.DataTypeParam):
            literal.replace(exp.Placeholder())
    return facet("sql", query=tree.sql("duckdb", pretty=True, comments=False), dialect="duckdb")


def parent(namespace: str, run_id: str, job: str) -> Facets:
    """The run of the orchestrator that a build was a step of."""
    return facet("parent", run={"runId": run_id}, job={"namespace": namespace, "name": job})


def _assertion(result: CheckResult) -> dict[str, Any]:
    check = result.check
    counts = check.kind not in _MAY_HOLD_DATA
    params = _without_none(
        dimension=check.dimension,
        columns=list(check.columns) if len(check.columns) > 1 else None,
        failedRows=result.failed_rows if counts else None,
        totalRows=result.total_rows,
        evaluated=None if result.evaluated else False,
    )
    measured = result.value if counts and isinstance(result.value, int | float) else None
    return _without_none(
        assertion=check.kind,
        name=check.name,
        success=result.passed,
        column=check.columns[0] if len(check.columns) == 1 else None,
        severity="warn" if check.severity == "warning" else check.severity,
        description=check.description,
        expected=result.threshold or None,
        actual=None if measured is None else str(measured),
        params=params,
    )


def _input_fields(namespace: str, sources: Mapping[tuple[str, str], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"namespace": namespace, "name": dataset, "field": column, "transformations": said}
        for (dataset, column), said in sorted(sources.items())
    ]


def _told(mask: Mask) -> str:
    who = f"readers without the clearance {mask.clearance}" if mask.clearance else "all readers"
    return f"mask `{mask.strategy}` for {who}"


def _tag(key: str, value: str, field: str | None = None) -> dict[str, Any]:
    return _without_none(key=key, value=value, source="CONTRACT", field=field)


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
