"""What an answer says, as one sentence, where the API has none: counts of what the caller is told. Pure."""

from __future__ import annotations

from platform_resources.contracts.wording import counted
from platform_resources.serving.anomalies import Anomalies
from platform_resources.serving.column_lineage import LineagePath
from platform_resources.serving.ports import Freshness
from platform_resources.serving.quality import Measured, QualityReport
from platform_resources.serving.search import SearchAnswer

_FRESHNESS = {
    "fresh": "its data is as fresh as promised",
    "late": "its data is older than promised",
    "unknown": "nothing is promised or known of its freshness",
}


def quality_said(report: QualityReport, freshness: Freshness, unusual: Anomalies, incidents: int, days: int) -> str:
    """The score, how many checks failed, whether it is fresh, what is unusual, and how often something went wrong."""
    said = [f"{report.port} has no publication yet"]
    if report.measured is not None:
        score = f"Publication {report.publication} of {report.port} scores {report.measured.score:g} of 100"
        said = [f"{score}: {_checks(report.measured)}", _FRESHNESS[freshness.state]]
        if count := len(unusual.anomalies) + unusual.withheld:
            said.append(f"{counted(count, 'figure')} unusual beside earlier versions")
    if report.refused is not None:
        said.append(f"a newer version was refused: {_checks(report.refused)}")
    return _sentence(*said, f"{counted(incidents, 'incident')} in {days} days")


def _checks(measured: Measured) -> str:
    failed = [result.severity for result in measured.results if result.status == "failed"]
    every = counted(len(measured.results), "check")
    if not failed:
        return f"none of {every} failed"
    return f"{len(failed)} of {every} failed, {failed.count('error') or 'none'} of severity error"


def path_said(path: LineagePath) -> str:
    """How many ways lead from one column to another."""
    if not path.paths:
        return _sentence(f"No known way leads from {path.source} to {path.target}")
    ways, steps = counted(len(path.paths), "way"), counted(len(path.paths[0]), "step")
    return _sentence(f"{ways} from {path.source} to {path.target}, the shortest of {steps}")


def search_said(found: SearchAnswer) -> str:
    """How many products were found, and how many of those told may be read."""
    readable = sum(hit.readable for hit in found.hits)
    here = f"{len(found.hits):,} told here, of which you may read {readable:,}" if found.hits else "none told here"
    return _sentence(f"{counted(found.total, 'product')} found, {here}")


def _sentence(*parts: str) -> str:
    return f"{'; '.join(parts)}."
