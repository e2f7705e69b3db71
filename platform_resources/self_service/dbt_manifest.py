"""dbt's manifest -> contracts: what a dbt project says of its models, as promises of ports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from platform_resources.contracts import Document, Mesh
from platform_resources.contracts.names import is_email, split_address
from platform_resources.self_service.dbt_columns import columns_of, custom_property
from platform_resources.self_service.dbt_nodes import (
    access_of,
    freshness_limit,
    label_of,
    major_of_model,
    mapping,
    meta_of,
    product_name,
    roles_of,
    texts,
)
from platform_resources.self_service.dbt_tests import Promises, Targets, note_constraints, note_tests
from platform_resources.self_service.fitting import Change, as_name, new_document
from platform_resources.self_service.fitting_contracts import Place
from platform_resources.self_service.foreign_types import dialect_of
from platform_resources.self_service.incoming import ExchangeError

_OLDEST = 10  # of the manifest's schema: dbt 1.6, the first with versions, access and constraints of models
_PRODUCTS = ("model", "seed", "snapshot")


@dataclass
class MadeContract:
    """A contract made of one model."""

    data: dict[str, Any]
    origin: str
    changes: list[Change] = field(default_factory=list)

    def document(self, path: Path) -> Document:
        return new_document(path, self.data, f"Made by `mesh import` from the dbt {self.origin}.")


@dataclass
class MadeProduct:
    """The contracts of one product by major, and the ports of the mesh that its models read: address -> contract id."""

    contracts: dict[int, MadeContract] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass
class FromManifest:
    """Products by name, and what could not be taken over: (where, why)."""

    products: dict[str, MadeProduct] = field(default_factory=dict)
    not_taken: list[tuple[str, str]] = field(default_factory=list)


def contracts_of_manifest(
    manifest: Mapping[str, Any], path: Path, place: Place, mesh: Mesh, models: Sequence[str]
) -> FromManifest:
    """The contracts of the chosen models: by name (`orders`, `orders.v2`), or every public one.

    Types come from the manifest, or from the `catalog.json` that `dbt docs generate` writes beside it.

    Raises
    ------
    ExchangeError
        when the manifest is too old, when no such model is in it, or when one has no columns.
    """
    reading = _Reading(manifest, _catalog(path), place, mesh, FromManifest())
    reading.check_age(path)
    chosen = reading.choose(models)
    targets = reading.targets(chosen)
    for node in chosen:
        reading.take(node, targets)
    reading.tell_the_rest(chosen)
    return reading.result


def _catalog(path: Path) -> Mapping[str, Any]:
    beside = path.with_name("catalog.json")
    try:
        content = json.loads(beside.read_bytes()) if beside.is_file() else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@dataclass
class _Reading:
    manifest: Mapping[str, Any]
    catalog: Mapping[str, Any]
    place: Place
    mesh: Mesh
    result: FromManifest

    def check_age(self, path: Path) -> None:
        text = str(mapping(self.manifest.get("metadata")).get("dbt_schema_version"))
        found = re.search(r"/manifest/v([0-9]{1,4})\.json", text)
        if found is None or int(found[1]) < _OLDEST:
            raise ExchangeError(f"{path} was made by a dbt older than 1.6 ({text}); parse the project with a newer one")

    def nodes(self, *kinds: str) -> Iterator[dict[str, Any]]:
        for node in mapping(self.manifest.get("nodes")).values():
            if isinstance(node, dict) and node.get("resource_type") in kinds and "unique_id" in node:
                yield node

    def choose(self, models: Sequence[str]) -> list[dict[str, Any]]:
        if not models:
            public = [node for node in self.nodes("model") if access_of(node) == "public"]
            if public:
                return public
            names = ", ".join(sorted(label_of(node) for node in self.nodes("model"))) or "none at all"
            raise ExchangeError(
                f"no model of the manifest is public (`access: public`); choose some with --model: {names}", 2
            )
        chosen: dict[str, dict[str, Any]] = {}
        for wanted in models:
            found = [
                n
                for n in self.nodes(*_PRODUCTS)
                if wanted in (n.get("name"), n.get("unique_id"), label_of(n), n.get("alias"))
            ]
            if not found:
                names = sorted(label_of(node) for node in self.nodes("model"))
                close = get_close_matches(wanted, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names) or 'none'}"
                raise ExchangeError(f"the manifest has no model {wanted!r}; {hint}", 2)
            chosen |= {str(node["unique_id"]): node for node in found}
        return list(chosen.values())

    def targets(self, chosen: Sequence[Mapping[str, Any]]) -> Targets:
        """What a foreign key may point to: products and feeds of the domain, those that come in among them."""
        domain = self.mesh.usable[self.place.domain].domain
        known = {product.name for product in domain.products} | {source.table.name for source in domain.sources}
        known |= {product_name(node) for node in chosen}
        return Targets(frozenset(known))

    def take(self, node: Mapping[str, Any], targets: Targets) -> None:
        """One model -> one contract."""
        where = f"model {label_of(node)}"
        major = major_of_model(node)
        if major is None:
            self.result.not_taken.append((where, f"its version {node.get('version')!r} is no number from 1 up"))
            return
        product = product_name(node)
        group = self.result.products.setdefault(product, MadeProduct())
        if major in group.contracts:
            raise ExchangeError(f"two models would be {product}.v{major}; take them in one by one, with --model")
        made = MadeContract({}, f"{node.get('resource_type')} {label_of(node)} ({node.get('original_file_path')})")
        delivered = mapping(mapping(mapping(self.catalog.get("nodes")).get(str(node.get("unique_id")))).get("columns"))
        dialect = dialect_of(str(mapping(self.manifest.get("metadata")).get("adapter_type")))
        columns, names = columns_of(node, delivered, dialect, self.place, made.changes)
        if not columns:
            raise ExchangeError(
                f"the model {label_of(node)} lists no columns; describe them in its YAML, or keep the catalog.json of "
                "`dbt docs generate` beside the manifest"
            )
        promises = Promises(where, columns, names, targets, self.result.not_taken)
        note_constraints(promises, node)
        note_tests(promises, self.tests.get(str(node["unique_id"]), []))
        made.data = self._data(node, product, major, promises)
        group.contracts[major] = made
        group.inputs |= self._inputs(node)
        self._tell_users(node, where)

    @cached_property
    def tests(self) -> dict[str, list[dict[str, Any]]]:
        """Tests by the model that they are about; one that says none is about every model that it reads."""
        found: dict[str, list[dict[str, Any]]] = {}
        for test in self.nodes("test"):
            attached = test.get("attached_node")
            about = [str(attached)] if attached else texts(mapping(test.get("depends_on")).get("nodes"))
            for model in about:
                found.setdefault(model, []).append(test)
        return found

    def _data(self, node: Mapping[str, Any], product: str, major: int, promises: Promises) -> dict[str, Any]:
        meta = meta_of(node)
        description = str(node.get("description") or "").strip()
        table: dict[str, Any] = {
            "name": product,
            "physicalName": as_name(str(node.get("alias") or node.get("name"))) if node.get("version") else product,
            "logicalType": "object",
            "physicalType": "table",
        }
        if description:
            table["description"] = description
        table["properties"] = promises.columns
        if promises.quality:
            table["quality"] = promises.quality
        data: dict[str, Any] = {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": f"{self.place.domain}.{product}.v{major}",
            "name": product.replace("_", " ").capitalize(),
            "version": f"{major}.0.0",
            "status": "draft",
            "domain": self.place.domain,
        }
        if tags := texts(node.get("tags")):
            data["tags"] = tags
        if description:
            data["description"] = {"purpose": description}
        data["team"] = self._team(node)
        if roles := roles_of(node):
            data["roles"] = roles
        data["schema"] = [table]
        if promised := self._service_levels(node, product, promises):
            data["slaProperties"] = promised
        if custom := [custom_property(key, value, self.place) for key, value in meta.items()]:
            data["customProperties"] = custom
        return data

    def _team(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """The model's group with its owner; in doubt the owner of the domain answers."""
        name = node.get("group")
        group = next(
            (mapping(g) for g in mapping(self.manifest.get("groups")).values() if mapping(g).get("name") == name), {}
        )
        owner = mapping(group.get("owner"))
        mails = owner.get("email")
        found = [mail for mail in (mails if isinstance(mails, list) else [mails]) if is_email(mail)]
        if not found and name:
            self.result.not_taken.append(
                (f"group {name}", f"its owner has no e-mail address; {self.place.owner} answers")
            )
        members = [{"username": mail, "role": "owner"} for mail in found or [self.place.owner]]
        if len(found) == 1 and isinstance(owner.get("name"), str):
            members[0]["name"] = owner["name"]
        return {"name": str(name) if name else self.place.team, "members": members}

    def _service_levels(self, node: Mapping[str, Any], product: str, promises: Promises) -> list[dict[str, Any]]:
        promised: list[dict[str, Any]] = []
        limits = {limit: source for source in self._sources(node) if (limit := freshness_limit(source)) is not None}
        if limits:
            longest = max(limits, key=lambda limit: limit[0])
            source = limits[longest]
            column = promises.names.get(str(source.get("loaded_at_field")).lower())
            stamp = next((c for c in promises.columns if c["name"] == column), {})
            if str(stamp.get("physicalType")).startswith("TIMESTAMP"):
                promised.append({"property": "freshness", "value": longest[1], "element": f"{product}.{column}"})
            else:
                told = f"the freshness of source {source.get('source_name')}.{source.get('name')} ({longest[1]})"
                why = (
                    "the model passes on no timestamp column that would show it; promise `freshness` on one of its own"
                )
                self.result.not_taken.append((f"{promises.where}, {told}", why))
        if isinstance(day := node.get("deprecation_date"), str):
            promised.append({"property": "endOfSupport", "value": day[:10]})
        return promised

    def _sources(self, node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every source that the model is made from, directly or through other models."""
        nodes, sources = mapping(self.manifest.get("nodes")), mapping(self.manifest.get("sources"))
        waiting, seen = [node], set()
        while waiting:
            for name in texts(mapping(waiting.pop().get("depends_on")).get("nodes")):
                if name in seen:
                    continue
                seen.add(name)
                if name in sources:
                    yield mapping(sources[name])
                elif name in nodes:
                    waiting.append(mapping(nodes[name]))

    def _inputs(self, node: Mapping[str, Any]) -> dict[str, str]:
        """Ports of other products of the mesh that the model reads: a source whose relation is a port's address."""
        found = {}
        for source in self._sources(node):
            identifier = source.get("identifier") or source.get("name")
            address = f"{source.get('database')}.{source.get('schema')}.{identifier}"
            if split_address(address) and address in self.mesh.ports:
                found[address] = self.mesh.ports[address][1].contract.id
        return found

    def _tell_users(self, node: Mapping[str, Any], where: str) -> None:
        own = node.get("unique_id")
        remedies = {
            "exposures": "write who reads the port into consumers.yaml of the product",
            "metrics": "a contract promises columns, not metrics; bind the columns to terms of the glossary",
            "semantic_models": "a contract promises columns; bind them to terms of the glossary",
            "unit_tests": "unit tests stay in the dbt project",
        }
        for kind, remedy in remedies.items():
            for entry in map(mapping, mapping(self.manifest.get(kind)).values()):
                if own in texts(mapping(entry.get("depends_on")).get("nodes")):
                    self.result.not_taken.append(
                        (f"{where}, {kind[:-1].replace('_', ' ')} {entry.get('name')}", remedy)
                    )
        latest = node.get("latest_version")
        if node.get("version") is not None and latest is not None and str(latest) != str(node["version"]):
            told = (f"{where}, latest_version {latest}", "consumers name the version they read; deprecate the others")
            if told not in self.result.not_taken:
                self.result.not_taken.append(told)

    def tell_the_rest(self, chosen: Sequence[Mapping[str, Any]]) -> None:
        """Models that were not asked for, in one line."""
        taken = {node["unique_id"] for node in chosen}
        left = sorted(label_of(node) for node in self.nodes("model") if node.get("unique_id") not in taken)
        if left:
            shown = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
            self.result.not_taken.append((shown, "not chosen: public models are taken, or those named by --model"))
