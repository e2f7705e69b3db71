"""The proof that a port joins with the rest of the mesh, as an asset check: every night, and on demand in the UI.

It reads other domains' lakes (read-only), so it is an op of its own and never part of a publication: what a neighbour
published must not hold a port back.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from platform_resources.catalog import Join, JoinReport, is_joined, prove_joins, typed_columns
from platform_resources.contracts import Mesh
from platform_resources.governance import Council
from platform_resources.orchestration.automation import BUSINESS_TIME_ZONE
from platform_resources.orchestration.resources import LakeResource
from platform_resources.pipeline import read_mesh

JOINS_CHECK = "joins_with_the_mesh"
_NIGHTLY = "47 3 * * *"  # business time; after the lake's maintenance


def joins_checks(domain: str, mesh: Mesh, council: Council, ports: Sequence[str]) -> dg.AssetChecksDefinition | None:
    """One op for those of `ports` (addresses) that have a column which must join; None when there are none.

    The check has an automation condition of its own. That makes it nightly, and keeps it out of the runs in which a
    port is refreshed: a check without a condition rides along with its asset, each time.
    """
    joined = {c.port for c in typed_columns(mesh, council) if is_joined(c.type)}
    specs = [
        dg.AssetCheckSpec(
            JOINS_CHECK,
            asset=_key(address),
            description="Columns of one semantic type find each other's values on published data; see `mesh interop`.",
            blocking=False,
            metadata={"mesh/dimension": "consistency", "mesh/severity": "warning"},
            automation_condition=nightly(),
        )
        for address in ports
        if address in joined
    ]
    if not specs:
        return None

    @dg.multi_asset_check(name=f"{domain}_{JOINS_CHECK}", specs=specs, can_subset=True)
    def prove(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        mesh, council = read_mesh(lake.settings)
        report = prove_joins(lake.settings, mesh, council, domain=domain)
        for key in sorted(context.selected_asset_check_keys, key=str):
            yield joins_result(key.asset_key, report)

    return prove


def nightly() -> dg.AutomationCondition:
    """Once after each night's tick, whatever was published meanwhile."""
    passed = dg.AutomationCondition.cron_tick_passed(_NIGHTLY, BUSINESS_TIME_ZONE)
    done = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    return (passed.since(done) & ~dg.AutomationCondition.in_progress()).with_label("nightly")


def joins_result(key: dg.AssetKey, report: JoinReport) -> dg.AssetCheckResult:
    """What the proof says of one port: judged by its own columns, not by those that others hold against it."""
    port = ".".join(key.path)
    joins = [j for j in report.joins if _of(j.column) == port or (j.mutual and _of(j.against) == port)]
    missed = [join for join in joins if not join.holds]
    drifting = [form for form in report.forms if _of(form.column) == port and form.drifts]
    told = [
        f"{j.column} finds {j.matched:,} of {j.distinct:,} values in {j.against} ({j.promised:g} % promised)."
        for j in missed
    ]
    told += [f"{form.column} drifts from its type {form.type}." for form in drifting]
    told = told or [f"{len(joins)} joins hold."]
    told += [f"Not proved: {text}." for text in report.unproved if _concerns(text, port)]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=JOINS_CHECK,
        passed=not missed,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(told),
        metadata={"joins": dg.MetadataValue.table([_record(join) for join in joins])} if joins else {},
    )


def _record(join: Join) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "type": join.type,
            "column": join.column,
            "joined to": join.against,
            "values": join.distinct,
            "match %": round(join.rate, 4),
            "rows %": round(join.rows_rate, 4),
            "promised %": "" if join.promised is None else f"{join.promised:g}",
            "holds": "yes" if join.holds else "NO",
        }
    )


def _concerns(unproved: str, port: str) -> bool:
    """Whether a text of `JoinReport.unproved` is about the port or what it is held against: not about its siblings."""
    subject = unproved.partition(": ")[0]
    return subject.startswith(port) or not subject.startswith(f"{port.partition('.')[0]}.")


def _of(column: str) -> str:
    return column.rpartition(".")[0]


def _key(address: str) -> dg.AssetKey:
    return dg.AssetKey(address.split("."))
