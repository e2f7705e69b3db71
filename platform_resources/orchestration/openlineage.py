"""OpenLineage events of the steps: each ingest, build of a table and publication starts, and completes or fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb

from platform_resources.contracts.lifecycle import port_of_table
from platform_resources.contracts.model import Contract, Domain, OutputPort, Product
from platform_resources.lake import INTERNAL_SCHEMA, MeshSettings, utc_now
from platform_resources.lake.column_lineage import TableLineage
from platform_resources.lineage.model import ColumnEdge, from_record
from platform_resources.lineage.openlineage import (
    Event,
    EventType,
    Scene,
    Step,
    as_output,
    audited_table,
    built_table,
    dataset_event,
    job_facets,
    landed_folder,
    plain_dataset,
    run_event,
    sources_of,
)
from platform_resources.lineage.openlineage_facets import column_lineage
from platform_resources.lineage.openlineage_told import masks_of, refusal_told, served_port, tell
from platform_resources.pipeline import IngestReport, Outcome, source_folder

_SCHEDULED = ".dagster/scheduled_execution_time"
_ENGINE = ("DuckDB", duckdb.__version__)


@dataclass(frozen=True)
class Ingesting:
    """The step that takes landed files into a feed. It is told when it ends: of one that takes nothing, nothing is."""

    context: dg.AssetExecutionContext
    settings: MeshSettings
    domain: Domain
    source: Contract
    began: datetime = field(default_factory=utc_now)

    def took(self, report: IngestReport, columns: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Files were taken; `columns` tells those of the feed's table, when somebody wants to know."""

        def made(scene: Scene) -> list[Event]:
            folder, _ = source_folder(self.settings, self.source)
            inputs = [landed_folder(folder, report.files, report.rows)]
            outputs = [built_table(scene, self._address, columns(), report.rows, ())]
            return [self._start(scene), self._event(scene, "COMPLETE", utc_now(), inputs=inputs, outputs=outputs)]

        tell(self.settings, made)

    def failed(self, why: str) -> None:
        def made(scene: Scene) -> list[Event]:
            outputs = [plain_dataset(scene, self._address)]
            return [self._start(scene), self._event(scene, "FAIL", utc_now(), outputs=outputs, error=why)]

        tell(self.settings, made)

    @property
    def _address(self) -> str:
        return f"{self.domain.name}.{INTERNAL_SCHEMA}.{self.source.table.name}"

    def _start(self, scene: Scene) -> Event:
        return self._event(scene, "START", self.began, outputs=[plain_dataset(scene, self._address)])

    def _event(self, scene: Scene, kind: EventType, at: datetime, **told: Any) -> Event:
        step = _step(self.context, self.domain, self._address, "ingest", "MESH")
        job = job_facets(
            self.domain, description=f"Takes the files that landed for {self._address}, each exactly once."
        )
        return run_event(scene, step, kind, at, job_facets=job, **told)


@contextmanager
def ingest_told(
    context: dg.AssetExecutionContext, settings: MeshSettings, domain: Domain, source: Contract
) -> Iterator[Ingesting]:
    """Tell when a feed can't be ingested; `Ingesting.took` tells what was taken."""
    ingesting = Ingesting(context, settings, domain, source)
    try:
        yield ingesting
    except BaseException as error:
        ingesting.failed(type(error).__name__)
        raise


@dataclass
class Builds:
    """The tables that one step builds. `integration`: by what, in OpenLineage's words."""

    context: dg.AssetExecutionContext
    settings: MeshSettings
    domain: Domain
    integration: str
    waiting: dict[str, None] = field(default_factory=dict)  # tables that started and did not end yet

    def start(self, tables: Iterable[str]) -> None:
        self.waiting = dict.fromkeys(tables)
        tell(self.settings, lambda scene: [self._event(scene, table, "START") for table in self.waiting])

    def built(
        self,
        table: str,
        columns: Iterable[tuple[str, str]],
        rows: int,
        lineage: TableLineage,
        *,
        sql: str | None = None,
        description: str | None = None,
    ) -> None:
        """A table was built, and its lineage is written down."""
        self.waiting.pop(table, None)
        edges, address = from_record(lineage.edges), self._address(table)

        def made(scene: Scene) -> list[Event]:
            job = job_facets(self.domain, self._product(table), sql, description)
            inputs = [item for item in sources_of(scene, edges) if item["name"] != address]
            outputs = [built_table(scene, address, columns, rows, edges)]
            step = self._step(table)
            return [run_event(scene, step, "COMPLETE", utc_now(), inputs=inputs, outputs=outputs, job_facets=job)]

        tell(self.settings, made)

    def failed(self, why: str) -> None:
        """What did not end well ends now."""
        tables, self.waiting = self.waiting, {}
        tell(self.settings, lambda scene: [self._event(scene, table, "FAIL", why) for table in tables])

    def _event(self, scene: Scene, table: str, kind: str, error: str | None = None) -> Event:
        job, output = job_facets(self.domain, self._product(table)), plain_dataset(scene, self._address(table))
        return run_event(scene, self._step(table), kind, utc_now(), outputs=[output], job_facets=job, error=error)

    def _address(self, table: str) -> str:
        return f"{self.domain.name}.{INTERNAL_SCHEMA}.{table}"

    def _product(self, table: str) -> Product | None:
        found = port_of_table(self.domain, table)
        return None if found is None else found[0]

    def _step(self, table: str) -> Step:
        return _step(self.context, self.domain, self._address(table), "build", self.integration)


@contextmanager
def builds_told(
    context: dg.AssetExecutionContext, settings: MeshSettings, domain: Domain, tables: Iterable[str], integration: str
) -> Iterator[Builds]:
    """Tell that `tables` are being built; those that `Builds.built` was not told of have failed in the end."""
    builds = Builds(context, settings, domain, integration)
    builds.start(tables)
    try:
        yield builds
    except BaseException as error:
        builds.failed(type(error).__name__)
        raise
    builds.failed("it was not built")


@dataclass(frozen=True)
class Publishing:
    """The step that publishes a port."""

    context: dg.AssetExecutionContext
    settings: MeshSettings
    domain: Domain
    product: Product
    port: OutputPort

    def start(self) -> None:
        tell(self.settings, lambda scene: [self._event(scene, "START", [self._table(scene)], [self._port(scene)])])

    def ended(self, outcome: Outcome) -> None:
        """Published or refused."""
        tell(self.settings, lambda scene: self._outcome(scene, outcome))

    def failed(self, why: str) -> None:
        tell(
            self.settings,
            lambda scene: [self._event(scene, "FAIL", [self._table(scene)], [self._port(scene)], why)],
        )

    def _outcome(self, scene: Scene, outcome: Outcome) -> list[Event]:
        publication, audit = outcome.publication, outcome.audit
        candidate = audited_table(scene, self._address, audit)
        if publication is None:
            rules = [item.finding.code for item in outcome.judgements if item.blocks]
            why = refusal_told([result.name for result in audit.results if result.blocks], rules)
            return [self._event(scene, "FAIL", [candidate], [self._port(scene)], why)]
        served = served_port(scene, self.settings, self.domain, self.product, self.port, publication, audit)
        step = {**served, "facets": served["facets"] | self._taken_over(scene, publication.columns)}
        return [
            self._event(scene, "COMPLETE", [candidate], [as_output(step, publication.row_count)]),
            dataset_event(utc_now(), served),
        ]

    def _taken_over(self, scene: Scene, columns: Sequence[str]) -> Mapping[str, object]:
        """The step's own lineage: the columns of the private table, one to one."""
        edges = [
            ColumnEdge(
                f"{self._address}.{name}", f"{self.port.address}.{name}", "DIRECT", "IDENTITY", False, "sql", True
            )
            for name in columns
        ]
        return column_lineage(scene.namespace, self.port.address, edges, masks_of(self.settings, self.port))

    @property
    def _address(self) -> str:
        return f"{self.domain.name}.{INTERNAL_SCHEMA}.{self.port.contract.table.physical_name}"

    def _table(self, scene: Scene) -> Event:
        return plain_dataset(scene, self._address)

    def _port(self, scene: Scene) -> Event:
        return plain_dataset(scene, self.port.address)

    def _event(
        self, scene: Scene, kind: str, inputs: Sequence[Event], outputs: Sequence[Event], error: str | None = None
    ) -> Event:
        step = _step(self.context, self.domain, self.port.address, "publish", "MESH")
        about = f"Audits {self._address} against the contract of {self.port.address} and publishes it when it holds."
        job = job_facets(self.domain, self.product, description=about)
        return run_event(scene, step, kind, utc_now(), inputs=inputs, outputs=outputs, job_facets=job, error=error)


@contextmanager
def publishing_told(
    context: dg.AssetExecutionContext, settings: MeshSettings, domain: Domain, product: Product, port: OutputPort
) -> Iterator[Publishing]:
    """Tell that a port is being published; `Publishing.ended` tells what became of it."""
    publishing = Publishing(context, settings, domain, product, port)
    publishing.start()
    try:
        yield publishing
    except BaseException as error:
        publishing.failed(type(error).__name__)
        raise


def _step(context: dg.AssetExecutionContext, domain: Domain, writes: str, act: str, integration: str) -> Step:
    scheduled = context.run.tags.get(_SCHEDULED)
    nominal = datetime.fromisoformat(scheduled) if scheduled else None
    job = f"{domain.name}.{context.run.job_name}"
    return Step(writes, act, context.run.run_id, job, integration, nominal, _ENGINE)
