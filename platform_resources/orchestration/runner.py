"""Run what is due, over all domains, in one process: what `mesh run` and `mesh up` do before the schedulers take over.

Each domain is loaded and run by itself, so one that fails to import or to build stops nobody else. Runs are recorded in
the same Dagster instance that the UI shows.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import dagster as dg
import duckdb

from platform_resources.access.inputs.facade import refused_inputs
from platform_resources.contracts import render_findings
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of
from platform_resources.contracts.model import Domain, Product
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings, utc_now
from platform_resources.lineage.openlineage_told import tell_served
from platform_resources.orchestration.definitions import refresh_of
from platform_resources.orchestration.due import Built, Node, batches, due_nodes
from platform_resources.orchestration.ingestion import waiting_files
from platform_resources.orchestration.interoperability import JOINS_CHECK
from platform_resources.orchestration.manifests import DbtParseError, prepare_manifest
from platform_resources.orchestration.own_runs import PROCESS_TAG, end_killed_runs, process_mark
from platform_resources.orchestration.ports import IDLE_TAG, REFUSED
from platform_resources.orchestration.resources import lake_resource
from platform_resources.orchestration.side_by_side import ProcessDiedError, SideBySide
from platform_resources.orchestration.unable import REASON
from platform_resources.pipeline import IngestError, ended_ports, govern, take_down

Progress = Callable[[str], None]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_CODE_VERSION_TAG = "dagster/code_version"

_INSTANCE_CONFIG = """\
# Written by `mesh`; yours to change.
nux:
  enabled: false
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 4
retention:
  schedule: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
  sensor: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
"""


@dataclass
class RunReport:
    """What a run did. `failures`: what failed -> why, for people."""

    built: list[str] = field(default_factory=list)  # ports that were published
    refused: dict[str, str] = field(default_factory=dict)  # ports that failed their audit, with the reason
    failures: dict[str, str] = field(default_factory=dict)  # domains and models that broke, with the reason
    blocked: dict[str, str] = field(default_factory=dict)  # products (or their domain's sources) with broken documents
    retired: dict[str, str] = field(default_factory=dict)  # ports that were taken down, or are not run, and why
    seconds: dict[str, float] = field(default_factory=dict)  # port -> build + audit + publish
    steps: list[tuple[str, str, float]] = field(default_factory=list)  # (phase, what, seconds), for the benchmark
    ingested_rows: int = 0

    @property
    def ok(self) -> bool:
        return not self.refused and not self.failures and not self.blocked

    def add(self, part: RunReport) -> None:
        """Take over what a part of the run reports."""
        self.built += part.built
        self.steps += part.steps
        self.refused |= part.refused
        self.failures |= part.failures
        self.blocked |= part.blocked
        self.retired |= part.retired
        self.seconds |= part.seconds
        self.ingested_rows += part.ingested_rows


@dataclass(frozen=True)
class LoadedDomain:
    domain: Domain
    definitions: dg.Definitions
    nodes: tuple[Node, ...]
    blocked: Mapping[str, str]  # what of it can't be used -> why
    refused: Mapping[str, str]  # products that may not read what they are made from -> why


def prepare_instance(settings: MeshSettings) -> Path:
    """The Dagster home of this mesh, made on first use, and put where Dagster looks for it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_INSTANCE_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["MESH_HOME"] = str(settings.home)
    os.environ["MESH_PROJECT"] = str(settings.project)
    return home


def domain_names(settings: MeshSettings) -> list[str]:
    return sorted(path.parent.name for path in settings.domains.glob("*/domain.yaml"))


def load(settings: MeshSettings, name: str) -> LoadedDomain:
    definitions = _without_nightly_checks(importlib.import_module(f"domains.{name}.definitions").defs)
    governed = govern(settings, name, utc_now())
    domain = governed.usable.domain
    blocked = {what: render_findings(found, settings.project) for what, found in governed.blocked.items()}
    if governed.usable.other_errors:
        blocked[name] = render_findings(governed.usable.other_errors, settings.project)
    refused = refused_inputs(settings, domain.products)
    left_out = {key for product in domain.products if product.address in refused for key in _keys_of(product)}
    contracts = {port.address: port.contract.sha256 for port in domain.ports}
    nodes = []
    for spec in definitions.resolve_all_asset_specs():
        path = tuple(spec.key.path)
        layer = spec.tags.get("mesh/layer")
        address = ".".join(path)
        if REASON in spec.metadata and not {address, address.rpartition(".")[0]} & blocked.keys():
            blocked[address] = str(spec.metadata[REASON])
        if layer not in {"internal", "port"} or {"mesh/blocked", IDLE_TAG} & spec.tags.keys() or path in left_out:
            continue
        is_model = layer == "internal"
        nodes.append(
            Node(
                key=path,
                domain=name,
                deps=frozenset(tuple(dep.asset_key.path) for dep in spec.deps),
                version=spec.code_version if is_model else contracts[".".join(path)],
                refresh=refresh_of(domain, path[-1]) if is_model else "on_update",
            )
        )
    return LoadedDomain(domain, definitions, tuple(nodes), blocked, refused)


def _keys_of(product: Product) -> Iterator[tuple[str, ...]]:
    """The ports of a product and the tables behind them."""
    for port in product.ports:
        yield tuple(port.address.split("."))
        yield product.domain, "internal", port.contract.table.physical_name


def _without_nightly_checks(definitions: dg.Definitions) -> dg.Definitions:
    """What a run in this process executes: `execute_in_process` would take along every check of a selected asset."""
    nightly = [c for c in definitions.asset_checks or () if any(key.name == JOINS_CHECK for key in c.check_keys)]
    return dg.Definitions(
        assets=definitions.assets,
        asset_checks=[check for check in definitions.asset_checks or () if check not in nightly],
        resources=definitions.resources,
        executor=definitions.executor,
    )


def run_due(settings: MeshSettings, products: Sequence[str] = (), progress: Progress = lambda _: None) -> RunReport:
    """Ingest what landed and build, audit and publish what is due; `products` (or domains) are built whatever is due.

    With `products`, only those and nothing else is built; their domains' landed files are ingested first.
    """
    report = RunReport()
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        end_killed_runs(instance)
        loaded = _load_all(settings, products, report, progress)
        for item in loaded.values():
            _take_down(settings, item, products, report)
            _ingest(instance, item, report, progress)
        wanted = _wanted(loaded.values(), products)
        every = [node for item in loaded.values() for node in item.nodes if not products or node.key in wanted]
        try:
            order = batches(every)
        except ValueError as error:
            report.failures["mesh"] = str(error)
            return report
        started = time.perf_counter()
        _build_all(instance, loaded, order, wanted, report, progress)
        report.steps.append(("builds", "all domains", time.perf_counter() - started))
    return report


def _load_all(
    settings: MeshSettings, products: Sequence[str], report: RunReport, progress: Progress
) -> dict[str, LoadedDomain]:
    chosen = {product.split(".", 1)[0] for product in products}
    names = [name for name in domain_names(settings) if not chosen or name in chosen]
    loaded = {}
    _parse_all(settings, names, report, progress)
    for name in names:
        progress(f"loading {name}")
        started = time.perf_counter()
        try:
            loaded[name] = load(settings, name)
            report.blocked |= {
                what: why for what, why in loaded[name].blocked.items() if not products or _asked_for(what, products)
            }
            report.failures |= {
                what: why for what, why in loaded[name].refused.items() if not products or _asked_for(what, products)
            }
        except Exception as error:  # noqa: BLE001  (a domain's import may raise anything; the others go on)
            report.failures[name] = f"the code location does not load: {error}"
        report.steps.append(("load", name, time.perf_counter() - started))
    return loaded


def _asked_for(what: str, products: Sequence[str]) -> bool:
    """Whether a blocked product (or a domain's sources) is among the named products, ports or domains."""
    return any(what == name or what.startswith(f"{name}.") or name.startswith(f"{what}.v") for name in products)


def _parse_all(settings: MeshSettings, names: Sequence[str], report: RunReport, progress: Progress) -> None:
    """Prepare the dbt manifests of all domains side by side; what fails is told when its domain is loaded."""
    progress("parsing dbt models")

    def parse(name: str) -> None:
        started = time.perf_counter()
        with contextlib.suppress(DbtParseError):
            prepare_manifest(settings, name)
        report.steps.append(("parse", name, time.perf_counter() - started))

    with ThreadPoolExecutor() as pool:
        list(pool.map(parse, names))


def _wanted(loaded: Iterable[LoadedDomain], products: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Keys that must be built for the named products or domains: the port, its table, and private tables before it."""
    wanted: set[tuple[str, ...]] = set()
    for item in loaded:
        nodes = {node.key: node for node in item.nodes}
        for key in nodes:
            if _is_named(key, products):
                wanted.add(key)
        open_keys = list(wanted)
        while open_keys:
            node = nodes.get(open_keys.pop())
            above = {dep for dep in (node.deps if node else ()) if dep in nodes and dep[1] == "internal"} - wanted
            wanted |= above
            open_keys.extend(above)
    return frozenset(wanted)


def _build_all(
    instance: dg.DagsterInstance,
    loaded: Mapping[str, LoadedDomain],
    order: Sequence[tuple[str, tuple[Node, ...]]],
    wanted: frozenset[tuple[str, ...]],
    report: RunReport,
    progress: Progress,
) -> None:
    """Build what is due of each batch once the batches that it reads from are through; domains side by side."""
    batch_of = {node.key: index for index, (_, nodes) in enumerate(order) for node in nodes}
    waiting = dict(enumerate(order))
    workers: SideBySide[RunReport] = SideBySide()
    unfinished = set(waiting)
    while unfinished:
        for index, (name, nodes) in list(waiting.items()):
            earlier = {batch_of[dep] for node in nodes for dep in node.deps if dep in batch_of} - {index}
            same_domain = {other for other in range(index) if order[other][0] == name}
            if not workers.free or (earlier | same_domain) & unfinished:
                continue
            del waiting[index]
            built = _built(instance, {dep for node in nodes for dep in node.deps} | {node.key for node in nodes})
            due = due_nodes(nodes, built, utc_now(), force=wanted)
            for node in nodes:
                if node.key in wanted and node not in due:
                    report.failures[".".join(node.key)] = _why_not(node, built)
            if not due:
                unfinished.discard(index)
                continue
            ports = [".".join(node.key) for node in due if node.key[1] != "internal"]
            progress(f"{name}: building {', '.join(ports) or ', '.join(node.key[-1] for node in due)}")
            workers.start(index, partial(_build, loaded[name], due))
        if not workers.busy:
            continue
        index, part = workers.finish_one()
        unfinished.discard(index)
        if isinstance(part, ProcessDiedError):
            report.failures[order[index][0]] = str(part)
        else:
            report.add(part)


def _why_not(node: Node, built: Mapping[tuple[str, ...], Built]) -> str:
    """Why a node that was asked for can't be built: what it reads was never built."""
    missing = sorted(".".join(dep) for dep in node.deps if dep not in built)
    first = next((name for name in missing if not name.startswith(f"{node.domain}.")), None)
    advice = f"; build it first: mesh run {first.split('.', 1)[0]}" if first else ""
    return f"it reads {', '.join(missing)}, which was never built{advice}"


def _built(instance: dg.DagsterInstance, keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Built]:
    built = {}
    began: dict[str, float | None] = {}
    for key in keys:
        event = instance.get_latest_materialization_event(dg.AssetKey(list(key)))
        if event is None or event.asset_materialization is None:
            continue
        materialization = event.asset_materialization
        contract = materialization.metadata.get("contract_sha256")
        version = str(contract.value) if contract else (materialization.tags or {}).get(_CODE_VERSION_TAG)
        run = event.run_id
        if run not in began:
            record = instance.get_run_record_by_id(run)
            began[run] = None if record is None else record.start_time
        built[key] = Built(event.timestamp, version, run, began[run])
    return built


def _execute(
    instance: dg.DagsterInstance, item: LoadedDomain, keys: Sequence[tuple[str, ...]], trigger: str
) -> dg.ExecuteInProcessResult:
    # dbt's own output is for logs; what went wrong in it comes back in the failure.
    with contextlib.redirect_stdout(io.StringIO()), process_mark() as mark:
        return item.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(list(key)) for key in keys],
            run_config=_QUIET,
            tags={"mesh/trigger": trigger, PROCESS_TAG: mark},
            raise_on_error=False,
        )


def _take_down(settings: MeshSettings, item: LoadedDomain, products: Sequence[str], report: RunReport) -> None:
    """Retire what the documents of a domain end, of what was asked for."""
    name = item.domain.name
    try:
        ended = ended_ports(settings, name, utc_now())
        meant = [address for address in ended if not products or _is_named(tuple(address.split(".")), products)]
        down = take_down(settings, name, utc_now(), f"retire-{uuid.uuid4()}", meant) if meant else []
        tell_served(settings, down)
        for row in down:
            report.retired[row.port] = "retired: it is not served any more; its log stays"
    except duckdb.Error as error:
        report.failures[name] = f"its lake can't be read: {str(error).splitlines()[0]} (`mesh fsck` tells the damage)"
    for product in item.domain.products:
        for port in product.ports:
            state = lifecycle_of(product, port)
            if port.address in products and not is_runnable(state):
                report.retired.setdefault(port.address, f"{state}: nothing of it is built or published")


def _is_named(key: tuple[str, ...], names: Sequence[str]) -> bool:
    """Whether an asset is meant by the name of its domain, its product or itself."""
    return any(".".join(key[:length]) in names for length in (1, 2, 3))


def _ingest(instance: dg.DagsterInstance, item: LoadedDomain, report: RunReport, progress: Progress) -> None:
    name = item.domain.name
    try:
        waiting = waiting_files(item.domain, lake_resource())
    except duckdb.Error as error:
        report.failures[name] = f"its lake can't be read: {str(error).splitlines()[0]} (`mesh fsck` tells the damage)"
        return
    except (IngestError, OSError) as error:
        report.failures[name] = f"its landed files can't be looked at: {error}"
        return
    if not waiting:
        return
    files = sum(waiting.values())
    progress(f"{name}: ingesting {counted(files, 'landed file')}")
    started = time.perf_counter()
    result = _execute(instance, item, [(name, "internal", feed) for feed in sorted(waiting)], "mesh run")
    report.steps.append(("ingest", name, time.perf_counter() - started))
    for event in result.get_asset_materialization_events():
        report.ingested_rows += int(event.materialization.metadata["rows_ingested"].value)
    _failures(result, report)


def _build(item: LoadedDomain, due: Sequence[Node]) -> RunReport:
    """Build nodes of one domain in one run, in whatever process this is."""
    report = RunReport()
    started = time.perf_counter()
    with dg.DagsterInstance.get() as instance:
        result = _execute(instance, item, [node.key for node in due], "mesh run")
    tables = {port.address: port.contract.table.physical_name for port in item.domain.ports}
    spent: dict[str, float] = {}
    for event in result.get_asset_materialization_events():
        metadata = {k: v.value for k, v in event.materialization.metadata.items() if isinstance(v.value, int | float)}
        key = event.asset_key
        if key.path[1] == "internal":
            seconds = float(metadata.get("model_seconds", metadata.get("build_seconds", 0.0)))
            report.steps.append(("build", ".".join(key.path), seconds))
            if "dbt_seconds" in metadata:
                report.steps.append(("dbt", ".".join(key.path), float(metadata["dbt_seconds"])))
            spent[key.path[-1]] = seconds
        else:
            address = ".".join(key.path)
            report.built.append(address)
            report.steps.append(("audit", address, float(metadata["audit_seconds"])))
            report.steps.append(("publish", address, float(metadata["publish_seconds"])))
            own = float(metadata["audit_seconds"]) + float(metadata["publish_seconds"])
            report.seconds[address] = own + spent.get(tables[address], 0.0)
    report.steps.append(("run", item.domain.name, time.perf_counter() - started))
    _failures(result, report)
    return report


def _failures(result: dg.ExecuteInProcessResult, report: RunReport) -> None:
    for event in result.all_events:
        if event.event_type_value != "STEP_FAILURE":
            continue
        data = event.step_failure_data
        told = data.user_failure_data
        step = event.step_key or "run"
        if told is not None and told.description:
            if REFUSED in told.metadata:
                report.refused[str(told.metadata[REFUSED].value)] = told.description
            else:
                report.failures[step] = told.description
        else:
            error = data.error
            cause = error.cause if error is not None and error.cause is not None else error
            report.failures[step] = "unknown" if cause is None else cause.message.strip()
