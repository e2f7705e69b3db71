"""What is unusual about a version as an asset check: it warns, and keeps nothing from being published."""

from __future__ import annotations

import dagster as dg

from platform_resources.quality.anomalies import Judged
from platform_resources.quality.anomaly_texts import value_text

ANOMALIES_CHECK = "anomalies"


def anomalies_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        ANOMALIES_CHECK,
        asset=key,
        description="Beside the versions before it, is this one as usual? `mesh anomalies` tells the same.",
        blocking=False,
        metadata={"mesh/severity": "warning"},
    )


def anomalies_result(key: dg.AssetKey, judged: Judged) -> dg.AssetCheckResult:
    """Passed while it is learning, and of a version that could not be judged: nothing is known against it."""
    records = [
        dg.TableRecord(
            {
                "figure": one.feature.title,
                "seen": value_text(one.feature, one.seen),
                "expected": value_text(one.feature, one.expected),
                "usual": f"{value_text(one.feature, one.low)} to {value_text(one.feature, one.high)}",
                "times the usual deviation": one.deviations,
                "since publication": one.since,
            }
        )
        for one in judged.anomalies
    ]
    told: dict[str, object] = {"unusual": dg.MetadataValue.table(records)} if records else {}
    if judged.profiled:
        told |= {"figures": judged.watched, "versions_known": judged.known, "versions_needed": judged.needed}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ANOMALIES_CHECK,
        passed=not judged.anomalies,
        severity=dg.AssetCheckSeverity.WARN,
        description=judged.says,
        metadata=told,
    )
