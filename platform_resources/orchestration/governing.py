"""The gate's judgements as an asset check: what the council's rules found is seen where the port is seen."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from platform_resources.contracts.findings import relative_file
from platform_resources.governance import Judgement

GOVERNANCE_CHECK = "governance"


def governance_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        GOVERNANCE_CHECK,
        asset=key,
        description="The council's rules, the glossary, no unconsented breaking change; `mesh check` tells the same.",
        blocking=True,
        metadata={"mesh/dimension": "governance", "mesh/severity": "error"},
    )


def governance_result(key: dg.AssetKey, judgements: Sequence[Judgement], project: Path) -> dg.AssetCheckResult:
    """Passed unless something blocks; every finding with its place and remedy is in the metadata."""
    held = [item for item in judgements if item.blocks]
    counts = Counter(item.standing for item in judgements)
    told = ", ".join(f"{count} {standing}" for standing, count in sorted(counts.items()))
    records = [
        dg.TableRecord(
            {
                "rule": item.finding.code,
                "standing": item.standing,
                "until": "" if item.until is None else item.until.isoformat(),
                "what": item.finding.message,
                "how to mend it": item.finding.remedy,
                "where": f"{relative_file(item.finding.file, project)}:{item.finding.line}",
            }
        )
        for item in judgements
    ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=GOVERNANCE_CHECK,
        passed=not held,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(item.finding.message for item in held) or told or "every rule holds",
        metadata={"findings": dg.MetadataValue.table(records)} if records else {},
    )
