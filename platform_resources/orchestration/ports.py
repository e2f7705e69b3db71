"""A contract as an asset: its port, whose checks run in its own step, and which is materialized only when published."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg

from platform_resources.contracts.lifecycle import lifecycle_of, replacement_of
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.contracts.wording import MANUAL
from platform_resources.governance import Consumer, strictest
from platform_resources.lake import MeshSettings, PortAddress, utc_now
from platform_resources.orchestration.anomalies import anomalies_result, anomalies_spec
from platform_resources.orchestration.automation import refresh_on_update
from platform_resources.orchestration.columns import audited_schema, promised_schema
from platform_resources.orchestration.governing import GOVERNANCE_CHECK, governance_result, governance_spec
from platform_resources.orchestration.lineage import column_deps
from platform_resources.orchestration.openlineage import publishing_told
from platform_resources.orchestration.port_facts import (
    check_facts,
    consumer_facts,
    history_facts,
    links,
    publication_facts,
    registered_facts,
    share_facts,
)
from platform_resources.orchestration.resources import LakeResource
from platform_resources.pipeline import Outcome, audit_and_publish
from platform_resources.quality import CheckGroup, GroupResult, check_groups

IDLE_TAG = "mesh/idle"  # shown, never built: a port that is retired or only proposed, and the table behind it
REFUSED = "refused_port"  # in the metadata of a failure: a version was refused, nothing broke
_SHORTEST_WINDOW = timedelta(seconds=60)  # Dagster accepts no shorter freshness window


def port_asset(
    domain: Domain,
    product: Product,
    port: OutputPort,
    sources: Sequence[str],
    notices: Sequence[str] = (),
    secrecy: Sequence[str] = (),
    readers: Sequence[Consumer] = (),
) -> dg.AssetsDefinition:
    """The asset of an output port; `notices` tell where it, or what it reads, stands in its life.

    `secrecy`: names of the classifications in rising secrecy, for the tag of the most secret column. `readers`: who is
    registered as reading it.

    Results of the checks come first; then the port is either materialized, because it was published, or fails. A
    refused version is no materialization, so the port's freshness stays honest and no consumer is triggered.
    """
    address = PortAddress.parse(port.address)
    key = dg.AssetKey(list(address.key))
    checks = check_groups(port.contract)

    @dg.multi_asset(
        name="_".join(address.key),
        specs=[port_spec(domain, product, port, notices, secrecy, readers)],
        check_specs=[*(_check_spec(key, check) for check in checks), governance_spec(key), anomalies_spec(key)],
    )
    def publish_port(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        with publishing_told(context, lake.settings, domain, product, port) as publishing:
            outcome = audit_and_publish(
                lake.settings,
                domain,
                product,
                port,
                run_id=f"{context.run.run_id}/{port.address}",
                now=utc_now(),
                sources=sources,
            )
            publishing.ended(outcome)
        groups = outcome.audit.groups
        for group in groups:
            yield _check_result(key, group)
        yield governance_result(key, outcome.judgements, lake.settings.project)
        if not outcome.published:
            failed = [group for group in groups if not group.passed and group.severity == "error"]
            held = [item for item in outcome.judgements if item.blocks]
            reasons = [f"{group.name}: {group.message}." for group in failed]
            reasons += [f"{item.finding.code}: {item.finding.message}" for item in held]
            names = [*(group.name for group in failed), *([GOVERNANCE_CHECK] if held else [])]
            raise dg.Failure(
                description=f"{port.address} was not published; consumers go on reading the last good version. "
                + " ".join(reasons)
                + (f" How to mend it: mesh check {product.address}" if held else ""),
                metadata={REFUSED: port.address, "score": outcome.audit.score, "failed_checks": names},
                allow_retries=False,
            )
        yield anomalies_result(key, outcome.anomalies)
        yield dg.MaterializeResult(asset_key=key, metadata=_metadata(address, product, port, outcome, lake.settings))

    return publish_port


def port_spec(
    domain: Domain,
    product: Product,
    port: OutputPort,
    notices: Sequence[str] = (),
    secrecy: Sequence[str] = (),
    readers: Sequence[Consumer] = (),
) -> dg.AssetSpec:
    """What is shown of a port, whether it can run or not."""
    key = dg.AssetKey(list(PortAddress.parse(port.address).key))
    contract = port.contract
    freshness = contract.freshness
    tags = {
        "mesh/layer": "port",
        "mesh/tier": str(contract.custom.get("tier", "bronze")),
        "mesh/status": lifecycle_of(product, port),
    }
    most_secret = strictest((c.classification for c in contract.table.columns if c.classification), secrecy)
    if most_secret is not None:
        tags["mesh/classification"] = most_secret
    return dg.AssetSpec(
        key,
        deps=[dg.AssetKey([domain.name, "internal", contract.table.physical_name])],
        description=_description(product, port, notices),
        group_name=domain.name,
        owners=list(dict.fromkeys([*contract.owners, *product.owners])) or [domain.owner],
        kinds={"ducklake", "view"},
        tags=tags,
        code_version=contract.version,
        freshness_policy=_freshness_policy(freshness) if freshness else None,
        automation_condition=refresh_on_update(domain.name),
        metadata={
            "dagster/column_schema": promised_schema(contract.table),
            "dagster/table_name": port.address,
            "dagster/uri": f"mesh://{port.address}",
            "contract": dg.MetadataValue.path(str(contract.file)),
            "contract_version": contract.version,
            "product_status": product.status,
            **links(product, port),
            **registered_facts(readers),
            **_life(product, port),
            **{f"sla/{sla.property}": f"{sla.value}{' ' + sla.unit if sla.unit else ''}" for sla in contract.sla},
        },
    )


def _life(product: Product, port: OutputPort) -> dict[str, str]:
    """What a port that ends says of it."""
    if (state := lifecycle_of(product, port)) == "active":
        return {}
    end, other = port.contract.end_of_support, replacement_of(port)
    told = {"lifecycle": state, "end_of_support": end and end.isoformat(), "replaced_by": other}
    return {name: value for name, value in told.items() if value}


def _freshness_policy(limit: timedelta) -> dg.FreshnessPolicy:
    fail = max(limit, _SHORTEST_WINDOW)
    warn = max(fail * 4 / 5, _SHORTEST_WINDOW)
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn if warn < fail else None)


def _description(product: Product, port: OutputPort, notices: Sequence[str] = ()) -> str:
    contract = port.contract
    parts = [*(f"**Notice:** {notice}." for notice in notices), contract.purpose or product.purpose]
    if contract.usage or product.usage:
        parts.append(f"**Usage.** {contract.usage or product.usage}")
    if contract.limitations or product.limitations:
        parts.append(f"**Limitations.** {contract.limitations or product.limitations}")
    if manual := contract.table.manual_rules:
        rules = "\n".join(f"- `{rule.name}`: {' '.join((rule.description or '').split())}" for rule in manual)
        parts.append(f"**Rules that are {MANUAL}.**\n\n{rules}")
    return "\n\n".join(part.strip() for part in parts if part)


def _check_spec(key: dg.AssetKey, check: CheckGroup) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name,
        asset=key,
        description=check.description,
        blocking=check.blocking,
        metadata={"mesh/dimension": check.dimension, "mesh/severity": check.severity},
    )


def _check_result(key: dg.AssetKey, group: GroupResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if group.severity == "error" else dg.AssetCheckSeverity.WARN
    promises = [
        dg.TableRecord(
            {
                "promise": result.name,
                "holds": "yes" if result.passed else "NO",
                "measured": _measured(result.value),
                "promised": result.threshold,
                "rows": "" if result.failed_rows is None else f"{result.failed_rows:,} of {result.total_rows or 0:,}",
            }
        )
        for result in group.results
    ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=group.name,
        passed=group.passed,
        severity=severity,
        description=group.message,
        metadata={"promises": dg.MetadataValue.table(promises), **check_facts(group)},
    )


def _measured(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _metadata(
    address: PortAddress, product: Product, port: OutputPort, outcome: Outcome, settings: MeshSettings
) -> dict[str, object]:
    publication, audit = outcome.publication, outcome.audit
    if publication is None:
        return {}
    internal = (address.domain, "internal", port.contract.table.physical_name)
    metadata: dict[str, object] = {
        "dagster/row_count": publication.row_count,
        "dagster/column_schema": audited_schema(audit),
        "dagster/column_lineage": column_deps({name: [(internal, name)] for name in publication.columns}),
        "publication": publication.number,
        "snapshot": publication.snapshot,
        "score": publication.score,
        **publication_facts(product, port, publication, outcome.before),
        **history_facts(outcome.log),
        **consumer_facts(settings, port, publication.published_at),
        "contract_sha256": publication.contract_sha256,
        "audit_seconds": outcome.audit_seconds,
        **({} if outcome.built_on is None else {"audit_builds_on": outcome.built_on.told}),
        "publish_seconds": outcome.publish_seconds,
        **{f"score/{dimension}": value for dimension, value in audit.scores.items()},
        **share_facts(audit),
    }
    if outcome.data_as_of is not None:
        metadata["data_as_of"] = dg.MetadataValue.timestamp(outcome.data_as_of)
    return metadata
