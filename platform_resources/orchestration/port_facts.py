"""What the portal and the catalog tell of a port, as metadata of its asset: links, consumers, how its score moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from platform_resources.catalog.score_history import line_of, score_history
from platform_resources.contracts.model import OutputPort, Product
from platform_resources.governance import Consumer
from platform_resources.lake import MeshSettings, Publication, public_url
from platform_resources.quality import Audit, GroupResult


def links(product: Product, port: OutputPort) -> dict[str, dg.MetadataValue]:
    """Where people read on; the contract is there as it is served, and `contract` beside it is today's file."""
    page, asked = _page(product), f"port=v{port.major}"
    return {
        "portal": dg.MetadataValue.url(f"{page}?{asked}"),
        "portal/contract": dg.MetadataValue.url(f"{page}/contract?{asked}"),
        "portal/lineage": dg.MetadataValue.url(f"{page}/lineage?{asked}"),
        "portal/service_levels": dg.MetadataValue.url(f"{page}?{asked}#promises"),
        "portal/publications": dg.MetadataValue.url(f"{page}/publications?{asked}"),
        "api": dg.MetadataValue.url(f"{public_url()}/api/v1/products/{'/'.join(port.address.split('.'))}"),
    }


def registered_facts(readers: Sequence[Consumer]) -> dict[str, Any]:
    """Who is registered as reading it, by its own documents: all that is known when definitions are loaded."""
    records = [
        dg.TableRecord(
            {
                "name": reader.name,
                "kind": reader.kind,
                "columns": "all" if reader.columns is None else ", ".join(reader.columns),
                "purpose": reader.purpose or "",
                "contact": reader.contact,
            }
        )
        for reader in readers
    ]
    told: dict[str, Any] = {"registered_consumer_count": len(records)}
    return {**told, "registered_consumers": dg.MetadataValue.table(records)} if records else told


def consumer_facts(settings: MeshSettings, port: OutputPort, now: datetime) -> dict[str, Any]:
    """How many consumers it has when it is published, counted as by portal and API; nothing where that can't be told.

    Their names are for its owners: `portal`, `mesh show`.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  (200 ms, and only what publishes needs it)

    from platform_resources.catalog.consumption import consumers_in  # noqa: PLC0415
    from platform_resources.control import ControlError  # noqa: PLC0415

    try:
        return {"consumer_count": len(consumers_in(settings, port.address, now))}
    except (ControlError, SQLAlchemyError):
        return {}


def publication_facts(
    product: Product, port: OutputPort, served: Publication, before: Publication | None
) -> dict[str, Any]:
    """The score against that of the version served before, and where the two are compared."""
    if before is None or before.kind == "retire":
        return {}
    page = f"{_page(product)}/publications/diff"
    return {
        "score_change": round(served.score - before.score, 2),
        "changes": dg.MetadataValue.url(f"{page}?from={before.number}&to={served.number}&port=v{port.major}"),
    }


def check_facts(group: GroupResult) -> dict[str, Any]:
    """Figures of a check that Dagster plots over time: its score, the rows that broke it or found no match."""
    failed = [result.failed_rows for result in group.results if result.failed_rows is not None]
    unmatched = [result.compared.unmatched for result in group.results if result.compared is not None]
    return {
        "score": round(100 * group.score, 2),
        **({"failed_rows": sum(failed)} if failed else {}),
        **({"unmatched_rows": sum(unmatched)} if unmatched else {}),
    }


def share_facts(audit: Audit) -> dict[str, Any]:
    """Completeness and accuracy in percent, where they were measured: Dagster plots them over time."""
    return {f"percent/{name}": share.percent for name, share in audit.shares.items()}


def history_facts(log: Sequence[Publication]) -> dict[str, Any]:
    """How the score went over the last publications (newest first), and where it leads: a small line for each figure.

    Nothing of a single publication.
    """
    history = score_history(log)
    if len(history.publications) < 2:
        return {}
    rows = [
        f"| {series.name} | {line_of(series.values, history.bottom)} | {series.trend.says if series.trend else ''} |"
        for series in history.series
    ]
    drawn = "\n".join([f"| of 100 | {history.says} | trend |", "| --- | --- | --- |", *rows])
    score = history.of("score")
    told = {"score_trend": score.trend.says} if score and score.trend else {}
    return {**told, "score_history": dg.MetadataValue.md(drawn)}


def _page(product: Product) -> str:
    return f"{public_url()}/products/{product.domain}/{product.name}"
