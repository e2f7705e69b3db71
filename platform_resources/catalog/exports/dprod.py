"""The catalog as DPROD, the ontology of data products: owner, domain, ports, data sets, life and rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_resources.catalog.exports.dcat import is_served
from platform_resources.catalog.exports.jsonld import (
    Exported,
    Graph,
    Node,
    description_of,
    first_text,
    fragment,
    mailto,
    ref,
    refs,
    title_of,
)
from platform_resources.catalog.state import PortState
from platform_resources.contracts.model import Domain, Product
from platform_resources.governance import strictest

_LIFE = "https://ekgf.github.io/dprod/data/lifecycle-status"
# DPROD's list ends with Consume; what is on its way out is still consumed, what is retired has left the list.
_STATES = {"proposed": "Ideation", "draft": "Build", "active": "Consume", "deprecated": "Consume", "retired": "Retire"}
_ORDER = ("active", "deprecated", "draft", "proposed", "retired")


def dprod(exported: Exported) -> bytes:
    """A JSON-LD document with its context inline."""
    graph = Graph()
    found = list(exported.products())
    served = {state.port.address for _, _, ports in found for state in ports if is_served(state)}
    for domain, product, ports in found:
        for state in ports:
            _dataset(graph, exported, state)
        _product(graph, exported, domain, product, ports, served)
    return graph.document("dcat", "dct", "dprod", "foaf", "odrl", "prov", "rdfs", "skos", "xsd")


def _product(
    graph: Graph,
    exported: Exported,
    domain: Domain,
    product: Product,
    ports: Sequence[PortState],
    served: set[str],
) -> None:
    here = exported.product(product)
    inputs = [item.address for item in product.inputs if exported.knows(item.address)]
    outputs = [state.port.address for state in ports]
    title = first_text(product.title, ports[0].port.contract.name, product.address)
    graph.add(
        here,
        "dprod:DataProduct",
        rdfs_label=title,
        dct_identifier=product.address,
        dct_description=description_of(ports[0]),
        dprod_purpose=first_text(product.purpose, ports[0].port.contract.purpose, title),
        dprod_dataProductOwner=[_owner(graph, owner) for owner in product.owners or (domain.owner,) if owner],
        dprod_domain=graph.add(
            exported.domain(domain.name),
            "skos:Concept",
            skos_prefLabel=first_text(domain.title, domain.name),
            skos_definition=domain.purpose,
        ),
        dprod_lifecycleStatus=_status(graph, ports),
        dprod_inputPort=refs(_service_id(exported, address) for address in inputs if address in served),
        dprod_inputDataset=refs(map(exported.port, inputs)),
        dprod_outputPort=refs(_service_id(exported, address) for address in outputs if address in served),
        dprod_outputDataset=refs(map(exported.port, outputs)),
        odrl_hasPolicy=refs(f"{exported.port(state.port.address)}#policy" for state in ports),
        dcat_landingPage=ref(exported.page(product)),
    )


def _owner(graph: Graph, owner: str) -> Node:
    return graph.add(mailto(owner), ["foaf:Agent", "prov:Agent"], foaf_name=owner)


def _status(graph: Graph, ports: Sequence[PortState]) -> Node:
    """That of its port which is furthest in use."""
    state = min((state.lifecycle for state in ports), key=_ORDER.index)
    return graph.add(f"{_LIFE}/{_STATES[state]}", "dprod:DataProductLifecycleStatus", rdfs_label=_STATES[state])


def _service_id(exported: Exported, address: str) -> str:
    return f"{exported.port(address)}#service"


def _dataset(graph: Graph, exported: Exported, state: PortState) -> None:
    here = exported.port(state.port.address)
    distributions = []
    if is_served(state):
        service = _service_id(exported, state.port.address)
        distributions = [f"{here}/data?format={name}" for name in exported.forms]
        for (name, media_type), id_ in zip(exported.forms.items(), distributions, strict=True):
            graph.add(
                id_,
                "dcat:Distribution",
                rdfs_label=f"{title_of(state)} as {name}",
                dct_format=media_type,
                dct_conformsTo=ref(f"{here}/contract"),
                dcat_accessService=ref(service),
                dprod_isDistributionOf=ref(here),
            )
        _service(graph, exported, here, service, state, distributions)
    graph.add(
        here,
        "dcat:Dataset",
        rdfs_label=title_of(state),
        dct_identifier=state.port.address,
        dct_description=description_of(state),
        dct_conformsTo=ref(f"{here}/contract"),
        dcat_distribution=refs(distributions),
        dprod_informationSensitivityClassification=_sensitivity(graph, exported, state),
        odrl_hasPolicy=_policy(graph, here, state),
    )


def _service(
    graph: Graph, exported: Exported, here: str, id_: str, state: PortState, distributions: Sequence[str]
) -> None:
    root = exported.api("catalog", "dprod")
    # The published shapes ask for dcat:Protocol, the ontology for dprod:Protocol; no reader minds both.
    protocol = graph.add(f"{root}#http", ["dcat:Protocol", "dprod:Protocol"], rdfs_label="HTTP")
    security = graph.add(
        f"{root}#bearer", ["dcat:SecuritySchemaType", "dprod:SecuritySchemaType"], rdfs_label="Bearer token (RFC 6750)"
    )
    graph.add(
        id_,
        "dcat:DataService",
        rdfs_label=f"{title_of(state)}: HTTP API",
        dcat_endpointURL=ref(f"{here}/data"),
        dcat_endpointDescription=ref(exported.api("openapi.json")),
        dprod_protocol=protocol,
        dprod_securitySchemaType=security,
        dprod_isAccessServiceOf=refs(distributions),
    )


def _sensitivity(graph: Graph, exported: Exported, state: PortState) -> Node | None:
    """Of the most secret column."""
    named = [column.classification for column in state.port.contract.table.columns if column.classification]
    most = strictest(named, exported.secrecy)
    if most is None:
        return None
    id_ = f"{exported.api('catalog', 'dprod')}#classification-{fragment(most)}"
    return graph.add(id_, "dprod:InformationSensitivityClassification", rdfs_label=most)


def _policy(graph: Graph, here: str, state: PortState) -> Node:
    """Who asks may be let read, by the roles that the contract offers, each for the purposes that it names."""
    roles = [role for role in state.port.contract.roles if role.get("access", "read") == "read"]
    permissions = [_permission(here, role) for role in roles] or [_permission(here, {})]
    return graph.add(f"{here}#policy", ["odrl:Offer", "odrl:Policy"], odrl_uid=here, odrl_permission=permissions)


def _permission(here: str, role: Mapping[str, Any]) -> Node:
    custom = {e.get("property"): e.get("value") for e in role.get("customProperties") or [] if isinstance(e, Mapping)}
    purposes = custom.get("purposes")
    told: Node = {
        "@type": "odrl:Permission",
        "odrl:action": ref("odrl:read"),
        "odrl:target": ref(here),
        "odrl:duty": {"@type": "odrl:Duty", "odrl:action": ref("odrl:obtainConsent")},
    }
    name = first_text(str(role.get("role") or ""), str(role.get("description") or ""))
    if name:
        told["rdfs:label"] = name
    if isinstance(purposes, list) and purposes:
        told["odrl:constraint"] = {
            "@type": "odrl:Constraint",
            "odrl:leftOperand": ref("odrl:purpose"),
            "odrl:operator": ref("odrl:isAnyOf"),
            "odrl:rightOperand": sorted(str(purpose) for purpose in purposes),
        }
    return told
