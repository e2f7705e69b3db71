"""Ports that are shown and can't run: their documents are broken, the gate holds them back, or their life is over."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from platform_resources.contracts import Finding
from platform_resources.contracts.findings import printable, relative_file
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.orchestration.ports import IDLE_TAG, port_spec

BLOCKED_TAG = "mesh/blocked"


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
    )


def ended_port(
    domain: Domain, product: Product, port: OutputPort, notices: Sequence[str], secrecy: Sequence[str] = ()
) -> dg.AssetSpec:
    """A port that is retired, or only proposed: shown with its state and its promise, unable to run."""
    spec = port_spec(domain, product, port, notices, secrecy)
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
