"""What happened to a table or a port, as OpenLineage events. Pure: facts in, JSON-ready events out.

Run events follow the steps: an ingest reads landed files and writes `<domain>.internal.<feed>`; a model's build reads
ports and feeds and writes `<domain>.internal.<table>`; a publication reads that table and writes the port, or refuses
to. Dataset events tell of a port what its consumers get: its lineage is closed over the private tables, so a reader of
these events alone sees ports, feeds and nothing between.

Names are stable: the namespace is `mesh://<name of the mesh>`, a dataset is called by its address, and a job by the
address of what it writes and what it does to it (`crm.customer_360.v1.publish`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from platform_resources.access.model import Mask
from platform_resources.contracts.model import Contract, Domain, OutputPort, Product
from platform_resources.lake import Publication
from platform_resources.lineage import openlineage_facets as facets
from platform_resources.lineage.model import ColumnEdge, dataset_of
from platform_resources.quality import Audit

Event = dict[str, Any]
Dataset = dict[str, Any]
EventType = Literal["START", "COMPLETE", "FAIL"]
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"


@dataclass(frozen=True)
class Scene:
    """What all events of a mesh share: its name, and where its portal is."""

    mesh: str
    public_url: str

    @property
    def namespace(self) -> str:
        return f"mesh://{self.mesh}"


@dataclass(frozen=True)
class Step:
    """One job in one run of the orchestrator.

    `writes`: the address of what it makes. `run_id` is the orchestrator's, a UUID, and `job` its name there; `nominal`
    the time for which it was scheduled; `engine` (name, version) what computes.
    """

    writes: str
    act: Literal["ingest", "build", "publish"]
    run_id: str
    job: str
    integration: str = "MESH"
    nominal: datetime | None = None
    engine: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        return f"{self.writes}.{self.act}"

    @property
    def own_run_id(self) -> str:
        """Of this job in this run: the same for all of its events."""
        return str(uuid.uuid5(uuid.UUID(self.run_id), self.name))


def run_event(
    scene: Scene,
    step: Step,
    kind: EventType,
    at: datetime,
    *,
    inputs: Sequence[Dataset] = (),
    outputs: Sequence[Dataset] = (),
    job_facets: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Event:
    """`error`: why it failed, without a value of the data."""
    run = facets.parent(scene.namespace, step.run_id, step.job)
    if step.nominal is not None:
        run |= facets.facet("nominalTime", nominalStartTime=facets.timestamp(step.nominal))
    if step.engine is not None:
        run |= facets.facet("processing_engine", name=step.engine[0], version=step.engine[1])
    if error is not None:
        run |= facets.facet("errorMessage", message=error, programmingLanguage="SQL")
    job = facets.facet(
        "jobType", processingType="BATCH", integration=step.integration, jobType=_JOB_TYPES[step.act]
    ) | dict(job_facets or {})
    return {
        **_head(at, "RunEvent"),
        "eventType": kind,
        "run": {"runId": step.own_run_id, "facets": run},
        "job": {"namespace": scene.namespace, "name": step.name, "facets": job},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


_JOB_TYPES = {"ingest": "TASK", "build": "MODEL", "publish": "TASK"}


def dataset_event(at: datetime, dataset: Dataset) -> Event:
    return {**_head(at, "DatasetEvent"), "dataset": dataset}


def plain_dataset(scene: Scene, address: str) -> Dataset:
    """A dataset by its name alone: its own events tell the rest."""
    return {"namespace": scene.namespace, "name": address}


def landed_folder(folder: Path, files: int, rows: int) -> Dataset:
    """Where the files of a feed land, named as OpenLineage names local files; and how many were read."""
    read = facets.facet("inputStatistics", rowCount=rows, fileCount=files)
    return {"namespace": "file", "name": str(folder), "inputFacets": read}


def built_table(
    scene: Scene, address: str, columns: Iterable[tuple[str, str]], rows: int | None, edges: Iterable[ColumnEdge]
) -> Dataset:
    """A private table as a build or an ingest left it; `rows` that it wrote."""
    told = facets.facet("datasetType", datasetType="TABLE") | facets.delivered_schema(columns)
    told |= facets.column_lineage(scene.namespace, address, edges)
    made = {**plain_dataset(scene, address), "facets": told}
    if rows is not None:
        made["outputFacets"] = facets.facet("outputStatistics", rowCount=rows)
    return made


def sources_of(scene: Scene, edges: Iterable[ColumnEdge], declared: Iterable[str] = ()) -> list[Dataset]:
    """The datasets that a build reads: those of its edges, and what its product declares."""
    names = {dataset_of(edge.source) for edge in edges} | set(declared)
    return [plain_dataset(scene, name) for name in sorted(names)]


def audited_table(scene: Scene, address: str, audit: Audit) -> Dataset:
    """The table that a publication reads, with what its audit found: it is the candidate that was judged."""
    columns = facets.facet("datasetType", datasetType="TABLE") | facets.delivered_schema(audit.delivered_schema)
    return {**plain_dataset(scene, address), "facets": columns, "inputFacets": facets.assertions(audit)}


def port_dataset(
    scene: Scene,
    product: Product,
    port: OutputPort,
    publication: Publication | None = None,
    *,
    edges: Iterable[ColumnEdge] = (),
    masks: Mapping[str, Sequence[Mask]] | None = None,
    audit: Audit | None = None,
) -> Dataset:
    """A port as its contract describes it, and as it is served with `publication`.

    `edges` lead to its columns; `masks` are those that the guard puts on them.
    """
    contract = port.contract
    told = facets.facet("datasetType", datasetType="VIEW") | facets.promised_schema(contract.table)
    told |= facets.facet(
        "dataSource", name=scene.namespace, uri=f"{scene.public_url}/products/{product.domain}/{product.name}"
    )
    told |= facets.facet("documentation", description=_described(product, contract), contentType="text/markdown")
    told |= facets.ownership(contract.team_name or product.team_name, contract.owners or product.owners)
    told |= facets.tags(contract) | facets.column_lineage(scene.namespace, port.address, edges, masks)
    if publication is not None:
        told |= facets.facet("version", datasetVersion=str(publication.number))
        told |= facets.facet("lifecycleStateChange", lifecycleStateChange=_change(publication))
    if audit is not None and publication is not None:
        told |= facets.assertions(audit) | facets.metrics(audit, publication.published_at)
    return {**plain_dataset(scene, port.address), "facets": told}


def as_output(dataset: Dataset, rows: int) -> Dataset:
    """The same as the output of a run."""
    return {**dataset, "outputFacets": facets.facet("outputStatistics", rowCount=rows)}


def job_facets(
    domain: Domain, product: Product | None = None, sql: str | None = None, description: str | None = None
) -> dict[str, Any]:
    """Who answers for a job, what it does, and its query: without the literals that a run may have written into it."""
    owners = (product.owners if product else ()) or (domain.owner,)
    told = facets.ownership(product.team_name if product else domain.team_name, owners, "job/ownership")
    if description:
        told |= facets.facet("job/documentation", description=description, contentType="text/markdown")
    if sql:
        told |= facets.sql(sql)
    return told


def _described(product: Product, contract: Contract) -> str:
    parts = [contract.purpose or product.purpose]
    if usage := contract.usage or product.usage:
        parts.append(f"**Usage.** {usage}")
    if limitations := contract.limitations or product.limitations:
        parts.append(f"**Limitations.** {limitations}")
    return "\n\n".join(part.strip() for part in parts if part) or contract.name or product.address


def _change(publication: Publication) -> str:
    if publication.kind == "retire":
        return "DROP"
    return "CREATE" if publication.number == 1 else "OVERWRITE"


def _head(at: datetime, kind: str) -> Event:
    return {"eventTime": facets.timestamp(at), "producer": facets.PRODUCER, "schemaURL": f"{_SCHEMA}/{kind}"}
