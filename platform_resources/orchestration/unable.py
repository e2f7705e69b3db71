"""Ports that are shown and can't run: their documents are broken, the gate holds them back, or their life is over."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

import dagster as dg

from platform_resources.contracts import Finding, render_findings
from platform_resources.contracts.findings import printable, relative_file
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.governance import Consumer
from platform_resources.orchestration.ports import IDLE_TAG, port_spec

BLOCKED_TAG = "mesh/blocked"
REASON = "blocked"  # in the metadata: why, for programs


def blocked_asset(domain: Domain, product: str, findings: Sequence[Finding], project: Path) -> dg.AssetSpec:
    """A product whose documents can't be used: visible with the reasons, unable to run, its siblings untouched."""
    return dg.AssetSpec(
        dg.AssetKey([domain.name, product, "blocked"]),
        description=_told("its documents can't be used", findings, project),
        group_name=domain.name,
        owners=[domain.owner],
        kinds={"blocked"},
        tags={"mesh/layer": "port", BLOCKED_TAG: "true"},
    )


def held_port(
    domain: Domain, product: Product, port: OutputPort, findings: Sequence[Finding], project: Path
) -> dg.AssetSpec:
    """A port that the gate holds back, under its own key: lineage stays, and consumers go on reading what is served."""
    spec = port_spec(domain, product, port)
    told = _told(
        "it breaks rules of the organisation. Consumers go on reading the last good version", findings, project
    )
    return spec.replace_attributes(
        description=f"{told}\n\n{spec.description or ''}",
        tags={**spec.tags, BLOCKED_TAG: "true"},
        kinds={"blocked"},
        automation_condition=None,
        metadata={**spec.metadata, REASON: render_findings(findings, project)},
    )


def model_missing(domain: Domain, port: OutputPort, tables: Collection[str]) -> Finding:
    """Nothing builds the table of a port, which would go on publishing what it last held. `tables`: what is built."""
    table = port.contract.table
    offered = {other.contract.table.physical_name for other in domain.ports} | {s.table.name for s in domain.sources}
    close = get_close_matches(table.physical_name, sorted(set(tables) - offered), 1, 0.6)
    hint = (
        f"There is a model `{close[0]}`: rename it, or mend `physicalName`." if close else "Write one with this name."
    )
    return Finding(
        table.origin.file,
        table.origin.line,
        f"{table.origin.path}.physicalName",
        f"No model builds {domain.name}.internal.{table.physical_name}, the table of {port.address}.",
        f"{hint} (a dbt model in dbt_project/models/{domain.name}, or a function in domains/{domain.name}/assets.py)",
        "error",
        "model-missing",
    )


def ended_port(
    domain: Domain,
    product: Product,
    port: OutputPort,
    notices: Sequence[str],
    secrecy: Sequence[str] = (),
    readers: Sequence[Consumer] = (),
) -> dg.AssetSpec:
    """A port that is retired, or only proposed: shown with its state and its promise, unable to run."""
    spec = port_spec(domain, product, port, notices, secrecy, readers)
    return spec.replace_attributes(
        tags={**spec.tags, IDLE_TAG: "true"}, freshness_policy=None, automation_condition=None, kinds={"view"}
    )


def _told(why: str, findings: Sequence[Finding], project: Path) -> str:
    """Markdown: what is wrong, where, and how to mend it, one finding an entry."""
    entries = [
        f"- **{finding.code}** {printable(finding.message)}  \n  {printable(finding.remedy)}  \n"
        f"  `{relative_file(finding.file, project)}:{finding.line}`"
        for finding in findings
    ]
    return "\n".join([f"**Blocked: {why}.**", "", *entries])
