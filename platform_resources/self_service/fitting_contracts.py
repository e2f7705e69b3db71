"""A foreign ODCS contract -> one that can be the promise of a port: what the profile asks for, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_resources.contracts import ColumnTypeError, canonical_type
from platform_resources.contracts.column_types import agrees
from platform_resources.contracts.contract_checks import STATUSES
from platform_resources.contracts.names import is_email, is_name, is_semantic_version
from platform_resources.contracts.reading import KeyPath
from platform_resources.self_service.fitting import GONE, Fitting, as_name
from platform_resources.self_service.foreign_types import dialect_of, duckdb_type, logical_type, type_by_logical

REMEMBERED = "importedValues"  # the custom property that keeps what an import replaced
_CLASSIFIED = {
    "open": "public", "non-sensitive": "public", "private": "internal", "internal only": "internal",
    "pii": "personal", "personal data": "personal", "gdpr": "personal", "sensitive": "personal",
    "confidential": "restricted", "secret": "restricted", "strictly confidential": "restricted",
    "highly confidential": "restricted", "highly restricted": "restricted",
}  # fmt: skip
_STATUSES = {"production": "active", "prod": "active", "published": "active", "development": "draft", "test": "draft"}
_VERSION = re.compile(r"[vV]?([0-9]{1,4})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?:[-+.].*)?")


@dataclass(frozen=True)
class Place:
    """Where a document goes, and who answers there."""

    domain: str
    product: str
    owner: str  # e-mail address of the domain's owner
    team: str  # name of the domain's team
    classifications: tuple[str, ...] = ()  # that the council knows, in rising secrecy; none: any may be written
    tiers: tuple[str, ...] = ()


def fit_contract(fitting: Fitting, place: Place, table: int = 0, major: int | None = None) -> int:
    """Fit a contract's data to be the promise of a port of `place`, with the schema object number `table`.

    `major` is the port's major version where a product says it; otherwise the contract's own version decides. Returns
    the major. What people must decide (a freshness that nobody promised, an unknown status of a rule) is left alone:
    the findings of the mesh say it.
    """
    major = _fit_version(fitting, major)
    fit_status(fitting)
    if fitting.get("domain") not in (None, place.domain):
        fitting.put(("domain",), place.domain, "the contract lies in this domain")
    _keep_one_table(fitting, table)
    columns = _fit_columns(fitting, place.classifications)
    _fit_table_name(fitting, place.product, columns)
    _fit_rules(fitting)
    fit_owner(fitting, place)
    _remember(fitting)
    return major


def version_of(text: Any) -> tuple[int, int, int] | None:
    """Major, minor and patch of anything that looks like a version."""
    match = _VERSION.fullmatch(str(text)) if isinstance(text, str | int | float) else None
    return None if match is None else (int(match[1]), int(match[2] or 0), int(match[3] or 0))


def _fit_version(fitting: Fitting, major: int | None) -> int:
    written = fitting.get("version")
    parts = version_of(written)
    own = parts[0] if parts else None
    wanted = major or own or 1
    if parts is None:
        after, why = (wanted, 0, 0), "a contract says its version as major.minor.patch"
    elif own == wanted:
        after, why = parts, "a version has the form major.minor.patch"
    else:
        after, why = (wanted, *parts[1:]), f"it is the contract of port v{wanted}"
        if own == 0:
            why = "ports are numbered from v1, and their contracts likewise; `status` tells what is still a draft"
    text = ".".join(map(str, after))
    if not (isinstance(written, str) and is_semantic_version(written) and own == wanted):
        fitting.put(("version",), text, why)
    return wanted


def fit_status(fitting: Fitting) -> None:
    """`status` in the words of the mesh; what is not known is a draft."""
    status = fitting.get("status")
    if status is None:
        fitting.put(("status",), "draft", "a document says its status")
    elif status not in STATUSES:
        after = str(status).strip().lower()
        after = after if after in STATUSES else _STATUSES.get(after, "draft")
        fitting.put(("status",), after, f"the mesh knows {', '.join(STATUSES)}")


def _keep_one_table(fitting: Fitting, table: int) -> None:
    names = {str(entry.get("name")): at[-1] for at, entry in fitting.entries("schema")}
    if len(names) < 2:
        return
    for at, entry in reversed(list(fitting.entries("schema"))):
        if at[-1] != table:
            fitting.drop(at, f"a port is one table; {entry.get('name')} becomes a product of its own")
    others = {name for name, index in names.items() if index != table}
    for at, promise in reversed(list(fitting.entries("slaProperties"))):
        element = promise.get("element")
        if not isinstance(element, str):
            continue
        parts = [part.strip() for part in element.split(",")]
        kept = [part for part in parts if part.rpartition(".")[0] not in others and part not in others]
        if not kept:
            fitting.drop(at, "it is about a table that becomes a product of its own")
        elif kept != parts:
            fitting.put((*at, "element"), ", ".join(kept), "the other tables become products of their own")


def _fit_columns(fitting: Fitting, classifications: Sequence[str]) -> Mapping[str, str]:
    """Fit the columns; old name -> new name of those that are renamed."""
    server = next((entry for _, entry in fitting.entries("servers")), {})
    dialect = dialect_of(server.get("type"))
    entries = list(fitting.entries("schema", 0, "properties"))
    taken = {entry["name"] for _, entry in entries if isinstance(entry.get("name"), str) and is_name(entry["name"])}
    renamed: dict[str, str] = {}
    for at, entry in entries:
        name = entry.get("name")
        if isinstance(name, str) and not is_name(name):
            after = _free_name(as_name(name), taken)
            taken.add(after)
            renamed[name] = after
            fitting.put((*at, "name"), after, "names are lower-case letters, digits and underscores")
            if "businessName" not in entry and name.lower() != after:
                fitting.put((*at, "businessName"), name, "the name that people know")
        _fit_type(fitting, at, dialect)
        _fit_classification(fitting, at, classifications)
    return renamed


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:59]}_{number}"
    return free


def _fit_type(fitting: Fitting, at: KeyPath, dialect: str | None) -> None:
    column = fitting.get(*at)
    written, logical = column.get("physicalType"), column.get("logicalType")
    if written is None:
        fitting.put(
            (*at, "physicalType"), type_by_logical(column, dialect), "a port promises the type that it delivers"
        )
        return
    if not isinstance(written, str):
        return  # the standard says so
    known = duckdb_type(written, dialect)
    if known is None:
        other = type_by_logical(column, dialect) if isinstance(logical, str) else "VARCHAR"
        fitting.put((*at, "physicalType"), other, f"{written} can't be promised by DuckDB")
        known = other
    elif not _is_known(written) or canonical_type(written) != known:
        fitting.put((*at, "physicalType"), known, f"DuckDB's name of {written}" + (f" in {dialect}" if dialect else ""))
    else:
        known = canonical_type(written)
    if isinstance(logical, str) and not agrees(logical, known):
        fitting.put((*at, "logicalType"), logical_type(known), f"it is delivered as {known}")


def _is_known(written: str) -> bool:
    try:
        canonical_type(written)
    except ColumnTypeError:
        return False
    return True


def _fit_classification(fitting: Fitting, at: KeyPath, known: Sequence[str]) -> None:
    written = fitting.get(*at, "classification")
    if not isinstance(written, str) or written in known or (not known and is_name(written)):
        return
    meant = written.strip().lower()
    meant = meant if meant in known else _CLASSIFIED.get(meant, "")
    if not known:
        meant, why = meant or as_name(written), "a classification is named by lower-case letters, digits or underscores"
    else:
        why = f"the council knows {', '.join(known)}"
    if known and meant not in known:
        meant, why = known[-1], f"{why}; the most secret in doubt"
    fitting.put((*at, "classification"), meant, why)


def _fit_table_name(fitting: Fitting, product: str, columns: Mapping[str, str]) -> None:
    at: KeyPath = ("schema", 0)
    table = fitting.get(*at)
    if not isinstance(table, dict):
        return
    old = table.get("name")
    if isinstance(old, str) and old != product:
        fitting.put((*at, "name"), product, "the table is named as its product")
        if "businessName" not in table:
            fitting.put((*at, "businessName"), old, "the name that people know")
    physical = table.get("physicalName")
    if isinstance(physical, str) and not is_name(physical):
        fitting.put((*at, "physicalName"), product, "the private table that the port is published from")
    names = {old, physical, product} - {None}
    for path, key in _references(fitting):
        written = fitting.get(*path, key)
        if isinstance(written, str):
            fitted = ", ".join(_element(part.strip(), names, product, columns) for part in written.split(","))
            if fitted != written and [p.strip() for p in written.split(",")] != fitted.split(", "):
                fitting.put((*path, key), fitted, "names of the table and its columns")
        elif isinstance(written, list):
            fitted_list = [_element(p, names, product, columns) if isinstance(p, str) else p for p in written]
            fitting.put((*path, key), fitted_list, "names of the table and its columns")
    for path, rule in fitting.entries(*at, "quality"):
        listed = rule.get("arguments", {}).get("properties") if isinstance(rule.get("arguments"), dict) else None
        if isinstance(listed, list):
            after = [columns.get(name, name) if isinstance(name, str) else name for name in listed]
            fitting.put((*path, "arguments", "properties"), after, "names of the columns")


def _references(fitting: Fitting) -> Iterator[tuple[KeyPath, str]]:
    """Every field that names columns as `<table>.<column>`."""
    for at, _ in fitting.entries("slaProperties"):
        yield at, "element"
    holders = [("schema", 0), *(at for at, _ in fitting.entries("schema", 0, "properties"))]
    for holder in holders:
        for at, _ in fitting.entries(*holder, "relationships"):
            yield at, "from"
            yield at, "to"


def _element(reference: str, names: set[str], product: str, columns: Mapping[str, str]) -> str:
    """`<table>.<column>` with today's names; a column alone gets its table. Other tables' columns stay as they are."""
    table, _, column = reference.rpartition(".")
    if table and table not in names:
        return reference
    return f"{product}.{columns.get(column, column)}"


def _fit_rules(fitting: Fitting) -> None:
    """Results are kept under a rule's name, so each has one of its own."""
    holders = [("schema", 0), *(at for at, _ in fitting.entries("schema", 0, "properties"))]
    rules = [(at, rule) for holder in holders for at, rule in fitting.entries(*holder, "quality")]
    taken = {rule["name"] for _, rule in rules if isinstance(rule.get("name"), str)}
    seen: set[str] = set()
    for at, rule in rules:
        name = rule.get("name")
        if isinstance(name, str) and name and name not in seen:
            seen.add(name)
            continue
        column = fitting.get(*at[:-2], "name") if len(at) > 4 else None
        words = [column, rule.get("metric") or rule.get("rule") or rule.get("type") or "rule"]
        free = _free_name(as_name(" ".join(str(word) for word in words if word)), taken)
        taken.add(free)
        seen.add(free)
        why = "another rule has this name already" if name else "results are kept under the name of the rule"
        fitting.put((*at, "name"), free, why)


def fit_owner(fitting: Fitting, place: Place) -> None:
    """Somebody with an e-mail address answers for the document: in doubt the owner of the domain."""
    team = fitting.get("team")
    members = team if isinstance(team, list) else team.get("members") if isinstance(team, dict) else None
    present = [m for m in members or () if isinstance(m, dict) and m.get("dateOut") is None]
    if any(is_email(m.get("username")) for m in present if isinstance(m.get("username"), str)):
        return
    member = {"username": place.owner, "role": "owner"}
    why = "somebody who can be reached answers for it; this is the owner of the domain"
    if isinstance(team, list):
        fitting.append(("team",), member, why)
    elif isinstance(team, dict):
        fitting.append(("team", "members"), member, why)
    else:
        fitting.put(("team",), {"name": place.team, "members": [member]}, why)


def _remember(fitting: Fitting) -> None:
    """Keep replaced values in the document itself, so that what came in can be told from it later."""
    replaced = {c.path: c.before for c in fitting.changes if c.before is not None and c.after is not GONE}
    if replaced and all(entry.get("property") != REMEMBERED for _, entry in fitting.entries("customProperties")):
        entry = {"property": REMEMBERED, "value": replaced, "description": "What the import replaced, by field."}
        fitting.append(("customProperties",), entry, "what came in stays known")
