"""DCAT-AP and DPROD of any catalog conform to the official shapes, say what is so, and name nothing that is hidden."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyshacl import validate
from rdflib import Graph, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF

from platform_resources.catalog import Freshness, PortState
from platform_resources.catalog.exports import Exported, dcat, dprod
from platform_resources.catalog.view import CatalogView
from platform_resources.contracts.lifecycle import lifecycle_of
from platform_resources.contracts.model import OutputPort, Product
from platform_resources.governance import Mandate
from platform_resources.lake import Publication
from platform_resources.serving.catalog_exports import exported, get_catalog_dcat, get_product_document, product_text
from platform_resources.serving.formats import Form
from platform_resources.serving.readers import Reader
from tests.cli.quick import QuickMesh
from tests.made_documents import domains, publications
from tests.shipped import ShippedMesh, hide, make_shipped
from tests.tiny_mesh import REPOSITORY

STANDARDS = Path(__file__).parents[3] / "shared" / "standards"
SHAPES = {"dcat": STANDARDS / "dcat-ap" / "shapes.ttl", "dprod": STANDARDS / "dprod" / "dprod-shapes.ttl"}
MAKERS = {"dcat": dcat, "dprod": dprod}
FORMS = {form.value: form.media_type for form in Form}
both = pytest.mark.parametrize("name", MAKERS)
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib on itself


@cache
def shapes(name: str) -> Graph:
    if not STANDARDS.is_dir():
        pytest.skip("no official shapes beside the repository")
    return Graph().parse(SHAPES[name], format="turtle")


def read(document: bytes) -> Graph:
    return Graph().parse(data=document, format="json-ld")


def complaints(name: str, document: bytes) -> str:
    """What the official shapes say against a document; empty when it conforms."""
    conforms, _, text = validate(read(document), shacl_graph=shapes(name), inference="none", advanced=True)
    return "" if conforms else text


@st.composite
def catalogs(draw: st.DrawFn) -> Exported:
    """Any catalog, as a reader sees it to whom some ports are hidden."""
    made = {domain.name: domain for domain in draw(st.lists(domains(), min_size=1, max_size=3))}
    known = {port.address for domain in made.values() for port in domain.ports if draw(st.integers(0, 3))}

    def state(product: Product, port: OutputPort, publication: Publication | None) -> PortState:
        held = None if publication is None or publication.kind == "retire" else publication
        life = lifecycle_of(product, port)
        return PortState(product, port, held, None, Freshness(None, None), lifecycle=life)

    found = [
        (
            domain,
            [
                state(product, port, draw(st.none() | publications(port)))
                for product in domain.products
                for port in product.ports
                if port.address in known
            ],
        )
        for domain in made.values()
    ]
    mandate = Mandate(draw(st.sampled_from(["", "Council", " "])), draw(st.sampled_from(["", "a b@x.example"])))
    return Exported("https://mesh.example.org/base", mandate, found, known.__contains__, ("public", "a"), FORMS)


@both
def test_any_catalog_conforms(name: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(catalogs())
    def holds(found: Exported) -> None:
        assert complaints(name, MAKERS[name](found)) == ""

    holds()


@both
def test_what_a_reader_may_not_know_of_is_not_in_it(name: str) -> None:
    """Neither as a port of its own nor as what another one reads."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(catalogs())
    def holds(found: Exported) -> None:
        told = MAKERS[name](found).decode()
        for _, product, ports in found.products():
            hidden = {item.address for item in product.inputs if not found.knows(item.address)}
            hidden -= {state.port.address for state in ports}
            assert not any(f'/products/{address.replace(".", "/")}"' in told for address in hidden)

    holds()


@both
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(found=catalogs())
def test_the_order_of_what_is_handed_in_changes_nothing(name: str, found: Exported) -> None:
    turned = replace(found, domains=[(domain, list(reversed(ports))) for domain, ports in reversed(found.domains)])
    assert MAKERS[name](turned) == MAKERS[name](found)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    mesh = make_shipped(tmp_path_factory.mktemp("shipped"))
    hide(mesh, "sales.bookings")
    return mesh


@pytest.fixture(scope="module")
def readers(shipped: ShippedMesh) -> Iterator[dict[str, Reader]]:
    """An agent, that may not know of sales.bookings, and the operator, who administers the platform."""
    with shipped.access() as access:
        view = CatalogView(shipped.settings, access.guard.lakes)
        yield {
            "agent": Reader(shipped.caller(access, "campaign-agent"), access, view),
            "operator": Reader(shipped.caller(access, "operator"), access, view),
        }
        view.close()


@both
@pytest.mark.parametrize("who", ["agent", "operator"])
def test_the_shipped_catalog_conforms(name: str, who: str, readers: dict[str, Reader]) -> None:
    assert complaints(name, MAKERS[name](exported(readers[who]))) == ""


@both
def test_a_hidden_product_is_for_who_may_know_of_it(name: str, readers: dict[str, Reader]) -> None:
    told = {who: MAKERS[name](exported(reader)).decode() for who, reader in readers.items()}
    assert "products/sales/bookings" not in told["agent"]
    assert "products/sales/bookings" in told["operator"]
    assert told["agent"] == MAKERS[name](exported(readers["agent"])).decode()


def test_a_dataset_says_where_and_how_good_it_is(readers: dict[str, Reader]) -> None:
    graph = read(dcat(exported(readers["agent"])))
    here = URIRef("http://127.0.0.1:8080/api/v1/products/crm/customer_360/v1")
    assert str(graph.value(here, DCTERMS.identifier)) == "crm.customer_360.v1"
    assert str(graph.value(here, DCTERMS.title)) == "Customer 360"
    assert str(graph.value(here, DCAT.theme)) == "http://127.0.0.1:8080/api/v1/domains/crm"
    assert str(graph.value(here, DCTERMS.conformsTo)) == f"{here}/contract"
    urls = {str(graph.value(one, DCAT.accessURL)) for one in graph.objects(here, DCAT.distribution)}
    assert urls == {f"{here}/data?format={form}" for form in FORMS}
    service = graph.value(predicate=DCAT.servesDataset, object=here)
    assert str(graph.value(service, DCAT.endpointURL)) == f"{here}/data"
    state = next(state for state in readers["agent"].view.ports() if state.port.address == "crm.customer_360.v1")
    assert state.publication is not None
    quality = URIRef("http://www.w3.org/ns/dqv#hasQualityMeasurement")
    measured = {
        str(graph.value(one, URIRef("http://www.w3.org/ns/dqv#isMeasurementOf"))).partition("#")[2]: float(
            graph.value(one, URIRef("http://www.w3.org/ns/dqv#value"))
        )
        for one in graph.objects(here, quality)
    }
    assert measured["metric-score"] == pytest.approx(state.publication.score, abs=0.01)
    assert {f"metric-{name}" for name in state.publication.audit["scores"]} < set(measured)


def test_a_product_says_who_owns_it_and_what_it_reads(readers: dict[str, Reader]) -> None:
    graph = read(dprod(exported(readers["operator"])))
    dprod_ = "https://ekgf.github.io/dprod/"
    here = URIRef("http://127.0.0.1:8080/api/v1/products/crm/customer_360")
    assert str(graph.value(here, URIRef(f"{dprod_}dataProductOwner"))) == "mailto:maria.keller@retailer.example"
    assert str(graph.value(here, URIRef(f"{dprod_}lifecycleStatus"))).endswith("/Consume")
    (read_port,) = graph.objects(here, URIRef(f"{dprod_}inputPort"))
    assert str(read_port) == "http://127.0.0.1:8080/api/v1/products/sales/bookings/v1#service"
    (dataset,) = graph.objects(here, URIRef(f"{dprod_}outputDataset"))
    sensitivity = str(graph.value(dataset, URIRef(f"{dprod_}informationSensitivityClassification")))
    assert sensitivity.endswith("#classification-restricted")
    assert len(set(graph.subjects(RDF.type, URIRef(f"{dprod_}DataProduct")))) == 6


def test_the_answer_is_json_ld_that_is_sent_once(readers: dict[str, Reader]) -> None:
    first = get_catalog_dcat(readers["agent"])
    assert first.headers["content-type"] == "application/ld+json"
    assert json.loads(first.body)["@context"]["dcat"] == "http://www.w3.org/ns/dcat#"
    assert "private" in first.headers["cache-control"]
    assert get_catalog_dcat(readers["agent"], first.headers["etag"]).status_code == 304


def test_addresses_are_those_of_the_setting(readers: dict[str, Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_PUBLIC_URL", "https://mesh.example.org/")
    told = dcat(exported(readers["agent"])).decode()
    assert "https://mesh.example.org/api/v1/products/crm/customer_360/v1" in told
    assert "127.0.0.1" not in told


def test_a_product_document_is_byte_for_byte_the_owner_s(readers: dict[str, Reader], shipped: ShippedMesh) -> None:
    file = shipped.settings.domains / "crm" / "products" / "customer_360" / "product.odps.yaml"
    answer = get_product_document(readers["operator"], "crm", "customer_360")
    assert answer.body == file.read_bytes()
    assert (
        get_product_document(readers["operator"], "crm", "customer_360", None, answer.headers["etag"]).status_code
        == 304
    )


def test_what_names_a_hidden_product_is_left_out_of_it(readers: dict[str, Reader]) -> None:
    product = readers["agent"].product("crm", "customer_360")[0].product
    answer = get_product_document(readers["agent"], "crm", "customer_360", "application/json")
    told = json.loads(answer.body)
    assert "inputPorts" not in told
    assert told["outputPorts"][0]["inputContracts"] == []
    assert told["team"]["members"][0]["username"] == "maria.keller@retailer.example"
    assert b"sales.bookings" not in product_text(readers["agent"], product)


def test_no_moment_of_the_export_is_in_it(readers: dict[str, Reader]) -> None:
    """Bytes change with the catalog only: a harvester sees by them whether there is news."""
    found = exported(readers["agent"])
    newer = replace(
        found,
        domains=[
            (domain, [replace(s, freshness=Freshness(timedelta(1), timedelta(2))) for s in ports])
            for domain, ports in found.domains
        ],
    )
    assert dcat(found) == dcat(newer)


@both
def test_the_command_hands_out_what_the_api_does(
    name: str, shipped: ShippedMesh, readers: dict[str, Reader], tmp_path: Path
) -> None:
    mesh = QuickMesh(shipped.settings.project, shipped.settings.home)
    done = mesh("export", "--format", name, "--as", "campaign-agent", "--out", str(tmp_path))
    assert done.code == 0, done.err
    file = tmp_path / f"catalog.{name}.jsonld"
    assert file.read_bytes() == MAKERS[name](exported(readers["agent"]))
    assert "products/sales/bookings" in MAKERS[name](exported(readers["operator"])).decode()


def test_the_command_that_is_asked_wrongly(shipped: ShippedMesh) -> None:
    mesh = QuickMesh(shipped.settings.project, shipped.settings.home)
    assert mesh("export").code == 2
    assert "leave the rest out" in mesh("export", "crm.customer_360", "--format", "dcat").err


def test_every_command_of_the_page_works(shipped: ShippedMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of docs/interchange.md; on the shipped products, since none of them builds anything."""
    monkeypatch.chdir(tmp_path)
    mesh = QuickMesh(shipped.settings.project, shipped.settings.home)
    page = (REPOSITORY / "docs" / "interchange.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ mesh (.*)$", page, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        done = mesh(*shlex.split(line))
        assert done.code == 0, f"{line}\n{done.err}"
    documents = {"crm.customer_360.v1.odcs.yaml", "crm.customer_360.odps.yaml", "customer_360.zip"}
    assert {file.name for file in tmp_path.iterdir()} == {*documents, "catalog.jsonld", "products.jsonld"}
