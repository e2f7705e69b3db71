"""`domain_definitions("crm")`: a domain's folder as a Dagster code location."""

import importlib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from types import ModuleType

import dagster as dg

from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of, port_of_table
from platform_resources.contracts.model import Domain
from platform_resources.governance import by_secrecy, consumers_of
from platform_resources.governance.endings import input_notices, port_notice
from platform_resources.lake import MeshSettings, maintain, utc_now
from platform_resources.lineage.openlineage_told import tell_served
from platform_resources.orchestration.alerts import alerts_sensor
from platform_resources.orchestration.automation import automation_sensor, refresh_condition
from platform_resources.orchestration.availability import availability_sensor
from platform_resources.orchestration.ingestion import ingest_assets, ingest_schedule, source_key
from platform_resources.orchestration.interoperability import joins_checks
from platform_resources.orchestration.manifests import prepare_manifest
from platform_resources.orchestration.ports import IDLE_TAG, port_asset
from platform_resources.orchestration.python_models import models_in, python_model_asset
from platform_resources.orchestration.resources import LakeResource, lake_resource
from platform_resources.orchestration.unable import blocked_asset, ended_port, held_port, model_missing
from platform_resources.pipeline import govern, read_mesh, take_down


@cache
def domain_definitions(name: str) -> dg.Definitions:
    """Everything that the platform makes of `domains/<name>`.

    Landed feeds (one ingest step), dbt models, Python models, one port asset per contract with its checks, freshness
    policy and automation, the domain's own running automation sensor, ingest schedule and lake maintenance. A product
    whose documents are broken, or that breaks the council's rules, is shown as blocked; its siblings live on. A retired
    or proposed port is shown and never run, and so is a private table that only such ports were made of.
    """
    settings = MeshSettings.from_env()
    loaded = govern(settings, name, utc_now())
    domain = loaded.usable.domain  # the models of a product that the gate holds back are built all the same
    mesh, council = read_mesh(settings)
    secrecy = by_secrecy(council)

    def condition_of(model: str) -> dg.AutomationCondition:
        return refresh_condition(refresh_of(domain, model), name)

    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    ingestion = ingest_assets(domain)
    if ingestion is not None:
        assets.append(ingestion)
    dbt = prepare_manifest(settings, name)
    if dbt is not None:
        # dagster-dbt costs 1 s of start-up: only domains with models pay it.
        from platform_resources.orchestration.dbt_models import dbt_model_assets  # noqa: PLC0415

        assets.append(dbt_model_assets(domain, dbt, condition_of))
    for model in models_in(_assets_module(name)):
        owner = port_of_table(domain, model.name)
        assets.append(python_model_asset(domain, owner[0] if owner else None, model, condition_of(model.name)))
    assets = _with_idle_tables(domain, [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)])
    feeds = _feeds(domain, assets)
    runnable: list[str] = []
    for product in domain.products:
        reads = [text for _, text in input_notices(mesh, product)]
        for port in product.ports:
            notice = port_notice(mesh, product, port)
            notices = [*([notice] if notice else []), *reads]
            readers = consumers_of(mesh, port.address)
            table, runs = port.contract.table.physical_name, is_runnable(lifecycle_of(product, port))
            if port.address in loaded.held:
                assets.append(held_port(domain, product, port, loaded.held[port.address], settings.project))
            elif runs and table not in feeds:
                missing = model_missing(domain, port, feeds)
                assets.append(held_port(domain, product, port, [missing], settings.project))
            elif runs:
                assets.append(port_asset(domain, product, port, feeds[table], notices, secrecy, readers))
                runnable.append(port.address)
            else:
                assets.append(ended_port(domain, product, port, notices, secrecy, readers))
    for product_name, findings in loaded.usable.blocked.items():
        assets.append(blocked_asset(domain, product_name, findings, settings.project))
    joins = joins_checks(name, mesh, council, runnable)
    schedules = [schedule for schedule in (ingest_schedule(domain), _maintenance(domain)) if schedule is not None]
    return dg.Definitions(
        assets=assets,
        asset_checks=[joins] if joins is not None else [],
        schedules=schedules,
        sensors=[automation_sensor(name), availability_sensor(name), alerts_sensor(name)],
        resources={"lake": lake_resource()},
        executor=dg.in_process_executor,  # eight small assets: 3.3 s CPU against 28.8 s with a process per step
    )


def refresh_of(domain: Domain, table: str) -> str:
    """How often a private table is built: by the contract of the port made of it; others follow their inputs."""
    found = port_of_table(domain, table)
    return "on_update" if found is None else str(found[1].contract.custom.get("refresh", "on_update"))


def _with_idle_tables(domain: Domain, assets: list[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """`assets` with the tables marked that nothing is made of any more: their ports ended, and no other table reads."""
    states: dict[str, set[bool]] = {}
    for product in domain.products:
        for port in product.ports:
            runs = is_runnable(lifecycle_of(product, port))
            states.setdefault(port.contract.table.physical_name, set()).add(runs)
    ended = {dg.AssetKey([domain.name, "internal", table]) for table, runs in states.items() if runs == {False}}
    if not ended:
        return assets
    children: dict[dg.AssetKey, set[dg.AssetKey]] = {}
    for spec in (spec for asset in assets for spec in asset.specs):
        for dep in spec.deps:
            children.setdefault(dep.asset_key, set()).add(spec.key)
    idle: set[dg.AssetKey] = set()
    while more := {key for key in ended - idle if children.get(key, set()) <= idle}:
        idle |= more

    def marked(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key not in idle:
            return spec
        return spec.replace_attributes(automation_condition=None, tags={**spec.tags, IDLE_TAG: "true"})

    return [asset.map_asset_specs(marked) for asset in assets]


def _assets_module(domain: str) -> ModuleType | None:
    module = f"domains.{domain}.assets"
    return importlib.import_module(module) if find_spec(module) is not None else None


def _feeds(domain: Domain, assets: Iterable[dg.AssetsDefinition]) -> dict[str, tuple[str, ...]]:
    """Table of the domain -> the landed feeds that it is built from, directly or through other tables."""
    parents = {spec.key: {dep.asset_key for dep in spec.deps} for asset in assets for spec in asset.specs}
    feeds = {source_key(domain.name, source): source.table.name for source in domain.sources}

    def above(key: dg.AssetKey, seen: frozenset[dg.AssetKey]) -> set[str]:
        if key in feeds:
            return {feeds[key]}
        if key in seen:
            return set()
        return {name for parent in parents.get(key, ()) for name in above(parent, seen | {key})}

    return {key.path[-1]: tuple(sorted(above(key, frozenset()))) for key in parents}


def _maintenance(domain: Domain) -> dg.ScheduleDefinition:
    """Retention, compaction and clean-up of the domain's lake, every night; ports that ended are taken down."""

    @dg.op(name=f"{domain.name}_maintain_lake")
    def maintain_lake(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        ended = take_down(lake.settings, domain.name, utc_now(), context.run_id)
        tell_served(lake.settings, ended)
        for row in ended:
            context.log.info(f"{row.port} is retired: its view is dropped")
        context.log.info(str(maintain(lake.settings, domain.name, utc_now())))

    @dg.job(name=f"{domain.name}_maintenance", executor_def=dg.in_process_executor)
    def maintenance() -> None:
        maintain_lake()

    return dg.ScheduleDefinition(
        name=f"{domain.name}_maintenance",
        job=maintenance,
        cron_schedule="17 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
