"""Events of any contract hold to the official schemas and the client's classes, and no value of the data is in one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from platform_resources.access.model import Mask
from platform_resources.contracts.model import Origin, OutputPort, Product
from platform_resources.lineage.model import ColumnEdge
from platform_resources.lineage.openlineage import (
    Scene,
    Step,
    as_output,
    audited_table,
    built_table,
    dataset_event,
    job_facets,
    port_dataset,
    run_event,
    sources_of,
)
from platform_resources.lineage.openlineage_facets import VERSIONS, column_lineage
from platform_resources.quality import Audit, Check, CheckResult
from tests.made_documents import TEXTS, domains, products, publications

STANDARD = Path(__file__).parents[3] / "shared" / "standards" / "openlineage"
SCENE = Scene("retail", "https://mesh.example.org")
RUN = "3e2f0f5c-7f0c-4b5a-9f6e-0c9d3c1b2a10"
NOW = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)
CANARY = "CANARY-1909"


@cache
def official() -> tuple[Draft202012Validator, Registry]:
    """The schema of events, with every facet's beside it."""
    if not STANDARD.is_dir():
        pytest.skip("no official schemas beside the repository")
    files = [STANDARD / "OpenLineage.json", *(STANDARD / "facets").glob("*.json")]
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    registry = Registry().with_resources((document["$id"], Resource.from_contents(document)) for document in documents)
    return Draft202012Validator(
        documents[0], registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    ), registry


@cache
def facet_schema(url: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": url}, registry=official()[1])


def faults(event: dict[str, Any]) -> list[str]:
    """What the official schemas say against an event, and against each facet by the schema that it names."""
    found = [error.message for error in official()[0].iter_errors(event)]
    waiting: list[Any] = [event]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "_schemaURL" in value:
                found += [error.message for error in facet_schema(value["_schemaURL"]).iter_errors(value)]
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


def audit_of(draw: st.DrawFn, port: OutputPort) -> Audit:
    """An audit whose messages, and whose answers of SQL rules, hold values of the data."""
    results = [
        CheckResult(
            Check(f"check_{n}", "group", kind, Origin(Path("x"), 1, ""), "accuracy", columns=(column.name,)),
            passed=draw(st.booleans()),
            value=CANARY if kind == "sql" else draw(st.none() | st.integers(0, 9) | st.floats(0, 100)),
            threshold=draw(TEXTS),
            message=CANARY,
            score=0.5,
            failed_rows=draw(st.none() | st.integers(0, 9)),
            total_rows=9,
        )
        for n, column in enumerate(port.contract.table.columns)
        for kind in ("required", "sql", "enum")
    ]
    return Audit(tuple(results), 9, tuple((c.name, "VARCHAR") for c in port.contract.table.columns), 0.1)


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Every event that a port can have in its life."""
    domain = draw(domains())
    product = draw(products(domain.name))
    port = product.ports[0]
    publication, audit = draw(publications(port)), audit_of(draw, port)
    table = f"{domain.name}.internal.{port.contract.table.physical_name}"
    edges = [
        ColumnEdge("other.port.v1.a", f"{table}.{c.name}", "DIRECT", "AGGREGATION", draw(st.booleans()), "sql", None)
        for c in port.contract.table.columns
    ]
    edges += [ColumnEdge("other.port.v1.b", table, "INDIRECT", "FILTER", False, "sql", True)]
    edges += [ColumnEdge("third.port.v1", table, "DIRECT", "", False, "input", None)]
    build = Step(table, "build", RUN, "__ASSET_JOB", "DBT", NOW, ("DuckDB", "1.5.5"))
    publish = Step(port.address, "publish", RUN, "__ASSET_JOB")
    served = port_dataset(SCENE, product, port, publication, edges=edges, masks=masks(port), audit=audit)
    candidate = audited_table(SCENE, table, audit)
    written = built_table(SCENE, table, audit.delivered_schema, draw(st.none() | st.integers(0, 9)), edges)
    job = job_facets(domain, product, draw(st.none() | TEXTS), draw(st.none() | TEXTS))
    inputs = sources_of(SCENE, edges, [item.address for item in product.inputs])
    return [
        run_event(SCENE, build, "START", NOW, job_facets=job),
        run_event(SCENE, build, "COMPLETE", NOW, inputs=inputs, outputs=[written], job_facets=job),
        run_event(SCENE, build, "FAIL", NOW, job_facets=job_facets(domain), error="ValueError"),
        run_event(SCENE, publish, "COMPLETE", NOW, inputs=[candidate], outputs=[as_output(served, 9)]),
        run_event(SCENE, publish, "FAIL", NOW, inputs=[candidate], error="refused"),
        dataset_event(NOW, served),
        dataset_event(NOW, port_dataset(SCENE, product, port)),
    ]


def masks(port: OutputPort) -> dict[str, tuple[Mask, ...]]:
    return {c.name: (Mask("hash", "gdpr"),) for c in port.contract.table.columns if c.custom}


any_events = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@any_events
@given(events())
def test_events_of_any_port_are_valid(made: list[dict[str, Any]]) -> None:
    for event in made:
        assert faults(event) == []


@any_events
@given(events())
def test_no_message_and_no_answer_of_a_query_is_in_an_event(made: list[dict[str, Any]]) -> None:
    assert CANARY not in json.dumps(made)


def test_the_schemas_would_notice() -> None:
    event = run_event(SCENE, Step("a.b.v1", "publish", RUN, "job"), "START", NOW)
    assert faults({**event, "run": {"runId": 7}})
    event["job"]["facets"]["jobType"]["integration"] = 7
    assert faults(event)


@cache
def known_to_the_client() -> dict[str, str]:
    from openlineage.client import facet_v2
    from openlineage.client.generated.base import BaseFacet

    classes = (cls for module in vars(facet_v2).values() for cls in getattr(module, "__dict__", {}).values())
    return {cls.__name__: cls._get_schema() for cls in classes if isinstance(cls, type) and issubclass(cls, BaseFacet)}


@pytest.mark.parametrize("kind", VERSIONS)
def test_facets_are_of_the_versions_that_the_client_knows(kind: str) -> None:
    """A newer client may bring a newer facet: then `VERSIONS` is looked through."""
    version, definition = VERSIONS[kind]
    _, _, rest = known_to_the_client()[definition].partition("/facets/")
    known, _, name = rest.partition("/")
    assert name == f"{definition}.json#/$defs/{definition}"
    assert known.split("-")[0] == version.split("-")[0]
    assert list(map(int, known.split("-"))) >= list(map(int, version.split("-")))


def test_names_are_stable_and_runs_are_told_apart() -> None:
    step = Step("crm.customer_360.v1", "publish", RUN, "__ASSET_JOB")
    first = run_event(SCENE, step, "START", NOW)
    last = run_event(SCENE, step, "COMPLETE", NOW)
    assert first["job"]["namespace"] == "mesh://retail"
    assert first["job"]["name"] == "crm.customer_360.v1.publish"
    assert first["run"]["runId"] == last["run"]["runId"] != RUN
    assert first["run"]["facets"]["parent"]["run"]["runId"] == RUN
    assert Step("crm.customer_360.v1", "build", RUN, "x").own_run_id != step.own_run_id


def test_what_is_read_masked_and_what_is_served_masked_is_marked() -> None:
    edges = [
        ColumnEdge("crm.people.v1.email", "shop.orders.v1.customer", "DIRECT", "IDENTITY", True, "sql", None),
        ColumnEdge("crm.people.v1.id", "shop.orders.v1.id", "DIRECT", "IDENTITY", False, "sql", None),
        ColumnEdge("crm.people.v1.id", "shop.orders.v1.customer", "INDIRECT", "CONDITIONAL", False, "sql", None),
        ColumnEdge("crm.people.v1.id", "shop.orders.v1", "INDIRECT", "JOIN", False, "sql", None),
        ColumnEdge("crm.people.v1.id", "shop.other.v1.id", "DIRECT", "IDENTITY", False, "sql", None),
    ]
    told = column_lineage("mesh://retail", "shop.orders.v1", edges, {"id": [Mask("hash", "gdpr")]})["columnLineage"]
    assert sorted(told["fields"]) == ["customer", "id"]
    by_field = {item["field"]: item["transformations"] for item in told["fields"]["customer"]["inputFields"]}
    assert [step["masking"] for step in by_field["email"]] == [True]
    assert [step["masking"] for step in by_field["id"]] == [False]
    (served,) = told["fields"]["id"]["inputFields"]
    assert [(step["subtype"], step["masking"]) for step in served["transformations"]] == [
        ("IDENTITY", False),
        ("TRANSFORMATION", True),
    ]
    assert served["transformations"][1]["description"] == "mask `hash` for readers without the clearance gdpr"
    assert told["dataset"][0]["transformations"] == [{"type": "INDIRECT", "subtype": "JOIN", "masking": False}]


def test_a_port_is_told_with_what_its_contract_says(shop_orders: tuple[Product, OutputPort]) -> None:
    product, port = shop_orders
    told = port_dataset(SCENE, product, port)["facets"]
    assert told["schema"]["fields"][1] == {
        **{"name": "customer", "type": "VARCHAR", "ordinal_position": 2},
        "description": "E-mail address of the customer.",
    }
    assert {"key": "classification", "value": "personal", "source": "CONTRACT", "field": "customer"} in told["tags"][
        "tags"
    ]
    assert {"key": "tier", "value": "bronze", "source": "CONTRACT"} in told["tags"]["tags"]
    assert told["ownership"]["owners"] == [
        {"name": "team:shop team", "type": "TEAM"},
        {"name": "user:shop@retailer.example", "type": "OWNER"},
    ]
    assert told["dataSource"]["uri"] == "https://mesh.example.org/products/shop/orders"
    assert "version" not in told


@pytest.fixture
def shop_orders(tmp_path: Path) -> tuple[Product, OutputPort]:
    from platform_resources.contracts import load_domain
    from tests.tiny_mesh import write_project

    (product,) = load_domain(write_project(tmp_path) / "domains" / "shop").products
    return product, product.ports[0]
