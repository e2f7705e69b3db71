"""Landed feeds as assets: one step per domain takes what is new; a feed without news is not materialized."""

from collections.abc import Iterator

import dagster as dg
import duckdb

from platform_resources.contracts.model import Contract, Domain
from platform_resources.lake import INTERNAL_SCHEMA, connect, lake_exists, utc_now
from platform_resources.lineage.sql import columns_seen
from platform_resources.orchestration.columns import promised_schema
from platform_resources.orchestration.openlineage import ingest_told
from platform_resources.orchestration.resources import LakeResource, lake_resource
from platform_resources.pipeline import IngestError, IngestReport, ingest, landed_files, new_files


def source_key(domain: str, source: Contract) -> dg.AssetKey:
    return dg.AssetKey([domain, "internal", source.table.name])


def ingest_assets(domain: Domain) -> dg.AssetsDefinition | None:
    """The domain's landed feeds as one step that takes all new files, each exactly once."""
    if not domain.sources:
        return None
    sources = {source_key(domain.name, source): source for source in domain.sources}

    @dg.multi_asset(
        name=f"{domain.name}_ingest",
        specs=[_spec(domain, key, source) for key, source in sources.items()],
        can_subset=True,
    )
    def ingest_landed_files(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        # Dagster skips what reads a feed that is not yielded. In a run that goes on to build, every feed is; in a run
        # that only ingests, one without news is not, so that bad or repeated files refresh nothing.
        goes_on = not context.run.asset_selection or bool(context.run.asset_selection - sources.keys())
        broken = []
        with lake.get_connection(own=domain.name) as con:
            for key in sorted(context.selected_asset_keys):
                source = sources[key]
                try:
                    with ingest_told(context, lake.settings, domain, source) as told:
                        report = ingest(con, lake.settings, domain.name, source, context.run.run_id, utc_now())
                except (IngestError, duckdb.Error) as error:
                    broken.append(f"{key.path[-1]}: {error}")
                    continue
                _log(context, report)
                if report.changed:
                    feed = domain.name, INTERNAL_SCHEMA, source.table.name
                    told.took(report, lambda feed=feed: columns_seen(con).get(feed, ()))
                if report.changed or goes_on:
                    yield dg.MaterializeResult(asset_key=key, metadata=_metadata(report))
        if broken:
            raise dg.Failure(description=f"can't be ingested: {' '.join(broken)}", allow_retries=False)

    return ingest_landed_files


def _spec(domain: Domain, key: dg.AssetKey, source: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        description=source.purpose or source.table.description,
        group_name=domain.name,
        owners=[domain.owner],
        kinds={"parquet", "ducklake"},
        tags={"mesh/layer": "source"},
        skippable=True,
        metadata={
            "dagster/column_schema": promised_schema(source.table),
            "dagster/table_name": ".".join(key.path),
            "landing": next((str(server["path"]) for server in source.servers if "path" in server), ""),
        },
    )


def _log(context: dg.AssetExecutionContext, report: IngestReport) -> None:
    if report.changed:
        context.log.info(f"{report.source}: {report.rows:,} rows of {report.files} new files")
    for name in report.duplicates:
        context.log.warning(f"{report.source}: {name} was delivered before with the same content; noted, not taken")
    for item in report.quarantined:
        context.log.warning(
            f"{report.source}: {item.file} is in quarantine ({item.moved_to}): {'; '.join(item.reasons)}"
        )


def _metadata(report: IngestReport) -> dict[str, object]:
    metadata: dict[str, object] = {
        "rows_ingested": report.rows,
        "files": report.files,
        "duplicates": len(report.duplicates),
        "quarantined": len(report.quarantined),
    }
    if report.watermark is not None:
        metadata["watermark"] = dg.MetadataValue.timestamp(report.watermark)
    if report.quarantined:
        metadata["quarantine"] = dg.MetadataValue.json(
            [{"file": q.file, "moved_to": str(q.moved_to), "reasons": list(q.reasons)} for q in report.quarantined]
        )
    return metadata


def waiting_files(domain: Domain, lake: LakeResource) -> dict[str, int]:
    """Feed -> number of landed files that were not looked at yet; feeds without any are left out."""
    settings = lake.settings
    if lake_exists(settings, domain.name):
        with connect(settings, reads=[domain.name]) as con:
            counts = {s.table.name: len(new_files(con, settings, domain.name, s)) for s in domain.sources}
    else:
        counts = {s.table.name: len(landed_files(settings, s)) for s in domain.sources}
    return {name: count for name, count in counts.items() if count}


def ingest_schedule(domain: Domain) -> dg.ScheduleDefinition | None:
    """Look into the landing zone every minute, and start a run only when something new lies there."""
    if not domain.sources:
        return None
    keys = [source_key(domain.name, source) for source in domain.sources]
    job = dg.define_asset_job(f"{domain.name}_ingest_job", selection=dg.AssetSelection.assets(*keys))

    @dg.schedule(
        name=f"{domain.name}_ingest",
        job=job,
        cron_schedule="* * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Ingests what the operational systems landed for {domain.name}.",
    )
    def look_into_landing_zone() -> dg.RunRequest | dg.SkipReason:
        waiting = waiting_files(domain, lake_resource())
        if not waiting:
            return dg.SkipReason("nothing new in the landing zone")
        feeds = [source_key(domain.name, source) for source in domain.sources if source.table.name in waiting]
        return dg.RunRequest(asset_selection=feeds, tags={"mesh/trigger": "landing"})

    return look_into_landing_zone
