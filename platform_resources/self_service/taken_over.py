"""An ODCS contract that is there already becomes a draft's promise: its fields stay, what is missing is added."""

from __future__ import annotations

from pathlib import Path

from platform_resources.contracts import ContractError, Document, canonical_type, contract_column_types, render_findings
from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.model import Contract
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.classifying import suggest
from platform_resources.self_service.columns import ColumnDraft
from platform_resources.self_service.documents import Freshness
from platform_resources.self_service.fitting import GONE, Fitting
from platform_resources.self_service.fitting_contracts import REMEMBERED, Place, fit_contract
from platform_resources.self_service.model_text import Part, identifier
from platform_resources.self_service.origins import Origin, World
from platform_resources.self_service.profiling import ColumnProfile

_PREFERRED = ("landed_at", "loaded_at", "data_as_of", "extracted_at", "updated_at", "modified_at", "created_at")


def contract_origin(world: World, path: Path, owner: str) -> Origin:
    """The contract in a file, fitted to be the promise of the new product's port; its model delivers no rows yet.

    Raises
    ------
    ScaffoldError
        when it can't be read, or is about several tables.
    """
    try:
        document = Document.load(path.absolute())
    except ContractError as refused:
        raise ScaffoldError(f"{path} can't be taken over:\n{render_findings(refused.findings)}") from None
    tables = document.data.get("schema")
    if not isinstance(tables, list) or not tables:
        raise ScaffoldError(f"{path} has no table (`schema`), so nothing can be made of it")
    if len(tables) > 1:
        raise ScaffoldError(
            f"{path} is about {len(tables)} tables, and a product is one: mesh import {path} makes a product of each",
            asked_wrongly=True,
        )
    domain = world.mesh.usable[world.domain].domain
    fitting = Fitting.of(document)
    major = fit_contract(
        fitting,
        Place(
            world.domain,
            world.product,
            owner,
            domain.team_name,
            tuple(world.council.classifications),
            tuple(world.council.tiers),
        ),
    )
    if fitting.get("schema", 0, "physicalName") not in (None, world.product):
        why = "the private table that the new model writes"
        fitting.put(("schema", 0, "physicalName"), world.product, why)
    if fitting.get("status") != "draft":
        fitting.put(("status",), "draft", "nothing was published yet")
    _add_freshness(fitting, world)
    _classify(fitting, world)
    _remember(fitting)
    target = domain.folder / "products" / world.product / f"v{major}.odcs.yaml"
    made = fitting.made(document, target)
    contract = contract_view(made)
    freshness = contract.sla_property("freshness")
    notes = [f"{change.path}: {change.why}" for change in fitting.changes if change.at[0] != "customProperties"]
    notes.append("the contract says nothing of where the rows come from: the model delivers none until you write it")
    return Origin(
        told=path.name,
        columns=tuple(_drafts(contract)),
        parts=(Part(_empty_select(contract)),),
        freshness=Freshness(
            str(freshness.value) if freshness else "", (freshness.columns or ("",))[0] if freshness else "", ""
        ),
        grain=contract.table.granularity or contract.table.description or f"One row per {world.product}.",
        doc="No rows yet: write here where they come from.",
        notes=tuple(notes),
        promise=made,
        major=major,
    )


def _add_freshness(fitting: Fitting, world: World) -> None:
    """A promise on age, without which nothing is published; on a column that is added where none shows a time."""
    found = next(
        ((at, promise) for at, promise in fitting.entries("slaProperties") if promise.get("property") == "freshness"),
        None,
    )
    if found is not None and found[1].get("element"):
        return
    names = [
        str(column["name"])
        for _, column in fitting.entries("schema", 0, "properties")
        if str(column.get("physicalType", "")).upper().startswith("TIMESTAMP")
    ]
    chosen = next((name for name in (*_PREFERRED, *names) if name in names), None)
    if chosen is None:
        chosen = "landed_at"
        added = {
            "name": chosen,
            "logicalType": "timestamp",
            "physicalType": "TIMESTAMP WITH TIME ZONE",
            "description": "When the row was delivered.",
        }
        fitting.append(("schema", 0, "properties"), added, "a column that shows how old the data is")
    element = f"{world.product}.{chosen}"
    if found is not None:
        fitting.put((*found[0], "element"), element, "the column that shows how old the data is")
        return
    promise = {"property": "freshness", "value": world.longest_age, "element": element}
    fitting.append(("slaProperties",), promise, "nothing is published without a promise on its age")


def _classify(fitting: Fitting, world: World) -> None:
    """How secret a column is, where the contract says nothing: by its name, with the mask that this demands."""
    for at, column in list(fitting.entries("schema", 0, "properties")):
        if column.get("classification") is not None:
            continue
        type_ = canonical_type(str(column.get("physicalType", "VARCHAR")))
        nothing_seen = ColumnProfile(str(column.get("name", "")), type_, 0, 0, 0)
        is_key, is_required = column.get("primaryKey") is True, column.get("required") is True
        suggested = suggest(nothing_seen, world.council, is_key, is_required)
        why = suggested.reason or "nothing in its name says more; look whether it is right"
        fitting.put((*at, "classification"), suggested.classification, why)
        masked = any(entry.get("property") == "mask" for _, entry in fitting.entries(*at, "customProperties"))
        if suggested.mask is not None and not masked:
            entry = {"property": "mask", "value": dict(suggested.mask)}
            fitting.append((*at, "customProperties"), entry, f"a {suggested.classification} column is masked")


def _remember(fitting: Fitting) -> None:
    """What was replaced stays in the document, beside what the fitting remembers by itself."""
    replaced = {
        change.path: change.before
        for change in fitting.changes
        if change.before is not None and change.after is not GONE and change.at[0] != "customProperties"
    }
    for at, entry in fitting.entries("customProperties"):
        if entry.get("property") == REMEMBERED and isinstance(entry.get("value"), dict):
            missing = {path: value for path, value in replaced.items() if path not in entry["value"]}
            if missing:
                fitting.put((*at, "value"), {**entry["value"], **missing}, "what came in stays known")
            return
    if replaced:
        entry = {"property": REMEMBERED, "value": replaced, "description": "What the import replaced, by field."}
        fitting.append(("customProperties",), entry, "what came in stays known")


def _drafts(contract: Contract) -> list[ColumnDraft]:
    return [
        ColumnDraft(
            column.name,
            column.physical_type or "VARCHAR",
            required=column.required,
            key_position=column.primary_key_position,
            classification=column.classification or "",
            evidence={"name": " ".join((column.description or "").split())[:80]},
        )
        for column in contract.table.columns
    ]


def _empty_select(contract: Contract) -> str:
    types = contract_column_types(contract)
    listed = ",\n".join(f"    cast(null as {type_.lower()}) as {identifier(name)}" for name, type_ in types.items())
    return f"select\n{listed}\nwhere false"
