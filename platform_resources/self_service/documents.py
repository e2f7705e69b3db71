"""The text of a draft's documents: contracts and the product, with the evidence in comments beside each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from platform_resources.contracts import Domain
from platform_resources.self_service.columns import ColumnDraft
from platform_resources.self_service.yaml_text import comment, flow, scalar

_TO_COMPLETE = "# purpose: say what it is for, in a sentence; `mesh check` reminds you"


@dataclass(frozen=True)
class Freshness:
    """The promise on age: a length of time and the column that shows it."""

    value: str  # ISO 8601
    column: str
    evidence: str


@dataclass(frozen=True)
class Input:
    """A port that the draft reads."""

    address: str  # sales.bookings.v1
    contract_id: str
    version: str  # of its contract
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """What is said of a product before its documents are written."""

    domain: Domain
    name: str
    owner: str
    tier: str
    description: str | None
    origin: str  # for people: "newsletter.csv", "the query"
    rows: int | None  # that were looked at; None when nothing was
    columns: Sequence[ColumnDraft]
    freshness: Freshness
    grain: str
    inputs: Sequence[Input] = ()
    major: int = 1
    contract_id: str | None = None  # of a contract that is taken over

    @property
    def address(self) -> str:
        return f"{self.domain.name}.{self.name}"

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()


def product_text(draft: Draft) -> str:
    """`product.odps.yaml`."""
    lines = [
        "apiVersion: v1.0.0",
        "kind: DataProduct",
        f"id: {draft.address}",
        f"name: {scalar(draft.name)}",
        "version: 1.0.0",
        "status: draft  # active, once its consumers may rely on it",
        f"domain: {scalar(draft.domain.name)}",
        *_description(draft),
    ]
    if draft.inputs:
        lines.append("inputPorts:")
        for item in draft.inputs:
            product, _, version = item.address.rpartition(".v")
            lines += [
                f"  - name: {product}",
                f'    version: "{version}"',
                f"    contractId: {scalar(item.contract_id)}",
                "    customProperties:",
                *_wrapped_list("      - {property: columns, value: [", item.columns, "]}"),
                *(
                    [f"      - {flow({'property': 'purpose', 'value': draft.description})}"]
                    if draft.description
                    else []
                ),
            ]
    contracts = [{"id": item.contract_id, "version": item.version} for item in draft.inputs]
    lines += [
        "outputPorts:",
        f"  - name: {scalar(draft.name)}",
        f'    version: "{draft.major}"',
        f"    description: {scalar(draft.grain)}",
        "    type: table",
        f"    contractId: {scalar(draft.contract_id or f'{draft.address}.v1')}",
        *(["    inputContracts:", *(f"      - {flow(entry)}" for entry in contracts)] if contracts else []),
        *_support(draft),
        *_team(draft),
    ]
    return "\n".join(lines) + "\n"


def contract_text(draft: Draft) -> str:
    """`v1.odcs.yaml`."""
    seen = "" if draft.rows is None else f" ({draft.rows:,} rows looked at)"
    lines = [
        f"# A draft, made by `mesh new product` from {_one_line(draft.origin)}{seen}. The comments tell what speaks",
        "# for a line; correct what you know better. Rules that the data alone suggests only warn.",
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: {draft.address}.v1",
        f"name: {scalar(draft.title)}",
        "version: 1.0.0",
        "status: draft  # active, once its consumers may rely on it",
        f"domain: {scalar(draft.domain.name)}",
        *_description(draft),
        "schema:",
        f"  - name: {scalar(draft.name)}",
        f"    physicalName: {scalar(draft.name)}",
        "    logicalType: object",
        "    physicalType: table",
        f"    description: {scalar(draft.grain)}",
        f"    dataGranularityDescription: {scalar(draft.grain)}",
        "    properties:",
        *(f"      {line}" for column in draft.columns for line in column.lines()),
        "    quality:",
        f"      - name: {draft.name[:54]}_has_rows",
        "        description: An empty version is probably a mistake of what delivers it.",
        "        type: library",
        "        metric: rowCount",
        "        mustBeGreaterThan: 0",
        "        dimension: coverage",
        "        severity: warning",
        "slaProperties:",
        f"  - property: freshness{comment(draft.freshness.evidence)}",
        f"    value: {draft.freshness.value}",
        f"    element: {draft.name}.{draft.freshness.column}",
        *_support(draft),
        *_team(draft),
        "customProperties:",
        f"  - {flow({'property': 'tier', 'value': draft.tier})}",
        "  - {property: refresh, value: on_update}",
    ]
    return "\n".join(lines) + "\n"


def source_text(
    draft: Draft, feed: str, columns: Sequence[ColumnDraft], path: str, custom: Sequence[dict[str, Any]]
) -> str:
    """`sources/<feed>.odcs.yaml`: what a file must be like to be taken."""
    lines = [
        f"# What a file of this feed must be like; made by `mesh new product` from {_one_line(draft.origin)}.",
        f"# Hand over a new file: mesh land {draft.domain.name}.{feed} <file>",
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: {draft.domain.name}.sources.{feed}",
        f"name: {scalar(f'Files of {feed}')}",
        "version: 1.0.0",
        "status: draft",
        f"domain: {scalar(draft.domain.name)}",
        "description:",
        f"  purpose: {scalar(f'Files that {draft.address} is made of.')}",
        "  limitations: A file that breaks a rule of severity error is refused whole.",
        "servers:",
        f"  - {{server: landing, type: local, path: {scalar(path)}, format: parquet}}",
        "schema:",
        f"  - name: {scalar(feed)}",
        f"    physicalName: {scalar(feed)}",
        "    logicalType: object",
        "    physicalType: file",
        f"    dataGranularityDescription: {scalar(draft.grain)}",
        "    properties:",
        *(f"      {line}" for column in columns for line in column.lines()),
        *_team(draft),
        "customProperties:",
        *(f"  - {flow(entry)}" for entry in custom),
    ]
    return "\n".join(lines) + "\n"


def _description(draft: Draft) -> list[str]:
    purpose = f"  purpose: {scalar(draft.description)}" if draft.description else f"  {_TO_COMPLETE}"
    limits = f"A draft, made of {_one_line(draft.origin)} as it is; nothing was agreed with consumers yet."
    return [
        "description:",
        purpose,
        f"  usage: {scalar(f'select * from {draft.address}.v{draft.major} limit 10')}",
        f"  limitations: {scalar(limits)}",
    ]


def _support(draft: Draft) -> list[str]:
    contact = draft.domain.contact or draft.owner
    if "@" not in contact:
        return ["support:", f"  - {flow({'channel': draft.domain.channel or contact, 'url': contact})}"]
    entry = {"channel": contact, "tool": "email", "scope": "issues", "url": f"mailto:{contact}"}
    return ["support:", f"  - {flow(entry)}"]


def _team(draft: Draft) -> list[str]:
    return [
        "team:",
        f"  name: {scalar(draft.domain.team_name)}",
        "  members:",
        f"    - {flow({'username': draft.owner, 'role': 'owner'})}",
    ]


def _wrapped_list(start: str, names: Sequence[str], end: str, width: int = 118) -> list[str]:
    """A flow list over as many lines as it needs."""
    lines, line = [], start
    for index, name in enumerate(names):
        word = name + ("," if index + 1 < len(names) else end)
        joint = "" if line.endswith("[") or not line.strip() else " "
        if len(line) + len(joint) + len(word) > width:
            lines.append(line)
            line, joint = " " * 10, ""
        line += joint + word
    return [*lines, line]


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else words[:79] + "…"
