"""The catalog as DCAT-AP 3: a dataset for each port, its distributions, its service, its quality (DQV)."""

from __future__ import annotations

from platform_resources.catalog.exports.jsonld import (
    Exported,
    Graph,
    Node,
    description_of,
    first_text,
    fragment,
    keywords,
    mailto,
    moment,
    percent,
    ref,
    refs,
    title_of,
)
from platform_resources.catalog.state import PortState
from platform_resources.contracts.lifecycle import replacement_of
from platform_resources.contracts.model import Domain

_EU = "http://publications.europa.eu/resource/authority"
_RESTRICTED = f"{_EU}/access-right/RESTRICTED"  # there are conditions: a token, a grant, a purpose
_STATUS = {"active": "COMPLETED", "deprecated": "DEPRECATED", "draft": "DEVELOP"}  # of its distribution
_MEDIA = "http://www.iana.org/assignments/media-types"
_DEFAULT_TITLE = "Data mesh"


def dcat(exported: Exported) -> bytes:
    """A JSON-LD document with its context inline."""
    graph = Graph()
    catalog = exported.api("catalog", "dcat")
    taxonomy = graph.add(f"{catalog}#domains", "skos:ConceptScheme", dct_title="Domains of the data mesh")
    datasets, services = [], []
    for domain, _, ports in exported.products():
        theme = _theme(graph, exported, domain, taxonomy)
        for state in ports:
            publisher = _team(graph, exported, domain, state)
            contact = _contact(graph, exported, domain, state)
            service = _service(graph, exported, state, theme, publisher, contact) if is_served(state) else None
            datasets.append(_dataset(graph, exported, state, theme, publisher, contact, service))
            services += [service] if service else []
    mandate = exported.mandate
    graph.add(
        catalog,
        "dcat:Catalog",
        dct_title=_DEFAULT_TITLE,
        dct_description="The data products of the organisation: what each promises, how good it is, how to read it.",
        dct_publisher=graph.add(
            f"{catalog}#publisher",
            "foaf:Agent",
            foaf_name=first_text(mandate.name, _DEFAULT_TITLE),
            foaf_mbox=ref(mailto(mandate.owner)) if mandate.owner else None,
        ),
        foaf_homepage=graph.add(f"{exported.public_url}/", "foaf:Document"),
        dcat_themeTaxonomy=taxonomy,
        dcat_dataset=datasets,
        dcat_service=services,
    )
    return graph.document("adms", "dcat", "dct", "dqv", "foaf", "skos", "vcard", "xsd")


def is_served(state: PortState) -> bool:
    """Whether there are rows to be read."""
    return state.publication is not None and state.lifecycle != "retired"


def _theme(graph: Graph, exported: Exported, domain: Domain, taxonomy: Node) -> Node:
    return graph.add(
        exported.domain(domain.name),
        "skos:Concept",
        skos_prefLabel=first_text(domain.title, domain.name),
        skos_definition=domain.purpose,
        skos_inScheme=taxonomy,
    )


def _team(graph: Graph, exported: Exported, domain: Domain, state: PortState) -> Node:
    name = first_text(state.port.contract.team_name, state.product.team_name, domain.team_name, domain.name)
    return graph.add(f"{exported.domain(domain.name)}#team-{fragment(name)}", "foaf:Agent", foaf_name=name)


def _contact(graph: Graph, exported: Exported, domain: Domain, state: PortState) -> Node:
    owners = state.port.contract.owners or state.product.owners or (domain.contact or domain.owner,)
    name = first_text(state.product.team_name, domain.team_name, domain.name)
    return graph.add(
        f"{exported.port(state.port.address)}#contact",
        "vcard:Kind",
        vcard_fn=name,
        vcard_hasEmail=refs(mailto(owner) for owner in dict.fromkeys(owners) if owner),
    )


def _service(graph: Graph, exported: Exported, state: PortState, theme: Node, publisher: Node, contact: Node) -> Node:
    here = exported.port(state.port.address)
    return graph.add(
        f"{here}#service",
        "dcat:DataService",
        dct_title=f"{title_of(state)}: HTTP API",
        dct_description="Rows as the caller may see them; every request shows a token and declares a purpose.",
        dcat_endpointURL=ref(f"{here}/data"),
        dcat_endpointDescription=ref(exported.api("openapi.json")),
        dcat_servesDataset=ref(here),
        dcat_theme=theme,
        dct_publisher=publisher,
        dcat_contactPoint=contact,
        dct_accessRights=_rights(graph),
    )


def _dataset(
    graph: Graph,
    exported: Exported,
    state: PortState,
    theme: Node,
    publisher: Node,
    contact: Node,
    service: Node | None,
) -> Node:
    here, contract, publication = exported.port(state.port.address), state.port.contract, state.publication
    other = replacement_of(state.port)
    distributions = (
        []
        if service is None
        else [_distribution(graph, here, name, kind, state, service) for name, kind in exported.forms.items()]
    )
    return graph.add(
        here,
        "dcat:Dataset",
        dct_identifier=state.port.address,
        dct_title=title_of(state),
        dct_description=description_of(state),
        dcat_keyword=keywords(state.product, contract),
        dcat_theme=theme,
        dct_publisher=publisher,
        dcat_contactPoint=contact,
        dct_accessRights=_rights(graph),
        dct_conformsTo=graph.add(
            f"{here}/contract", "dct:Standard", dct_title=f"Contract of {state.port.address} (ODCS)"
        ),
        dcat_version=contract.version if publication is None else publication.contract_version,
        dcat_landingPage=graph.add(exported.page(state.product), "foaf:Document"),
        dct_modified=None if publication is None else moment(publication.published_at),
        dct_source=refs(exported.port(i.address) for i in state.product.inputs if exported.knows(i.address)),
        dct_isReplacedBy=ref(exported.port(other)) if other and exported.knows(other) else None,
        dcat_distribution=distributions,
        dqv_hasQualityMeasurement=_measurements(graph, exported, state, here),
    )


def _distribution(graph: Graph, here: str, name: str, media_type: str, state: PortState, service: Node) -> Node:
    publication = state.publication
    return graph.add(
        f"{here}/data?format={name}",
        "dcat:Distribution",
        dct_title=f"{title_of(state)} as {name}",
        dcat_accessURL=ref(f"{here}/data?format={name}"),
        dcat_accessService=service,
        dcat_mediaType=graph.add(f"{_MEDIA}/{media_type}", "dct:MediaType"),
        dct_conformsTo=ref(f"{here}/contract"),
        dct_issued=None if publication is None else moment(publication.published_at),
        adms_status=graph.add(
            f"{_EU}/distribution-status/{_STATUS.get(state.lifecycle, 'DEVELOP')}",
            "skos:Concept",
            skos_prefLabel=_STATUS.get(state.lifecycle, "DEVELOP").lower(),
        ),
    )


def _measurements(graph: Graph, exported: Exported, state: PortState, here: str) -> list[Node]:
    """The score of the served publication, whole and by dimension."""
    publication = state.publication
    if publication is None or not is_served(state):
        return []
    dimensions = publication.audit.get("scores")
    scores = {"score": publication.score, **(dimensions if isinstance(dimensions, dict) else {})}
    return [
        graph.add(
            f"{here}/quality#{fragment(name)}",
            "dqv:QualityMeasurement",
            dqv_computedOn=ref(here),
            dqv_isMeasurementOf=_metric(graph, exported, name),
            dqv_value=percent(value),
            dct_date=moment(publication.published_at),
        )
        for name, value in sorted(scores.items())
    ]


def _metric(graph: Graph, exported: Exported, name: str) -> Node:
    told = "Score over all checks" if name == "score" else f"Score of the checks on {name}"
    metrics = exported.api("catalog", "dcat")
    dimension = None
    if name != "score":
        dimension = graph.add(f"{metrics}#dimension-{fragment(name)}", "dqv:Dimension", skos_prefLabel=name)
    return graph.add(
        f"{metrics}#metric-{fragment(name)}",
        "dqv:Metric",
        skos_definition=f"{told}, from 0 to 100.",
        dqv_expectedDataType=ref("xsd:decimal"),
        dqv_inDimension=dimension,
    )


def _rights(graph: Graph) -> Node:
    return graph.add(_RESTRICTED, "dct:RightsStatement")
