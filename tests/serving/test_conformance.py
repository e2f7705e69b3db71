"""Whatever is asked by the API's own document, by whomever: no 5xx, and no answer that the document doesn't tell of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from platform_resources.access import Identity
from platform_resources.access.callers.tokens import create_token
from platform_resources.serving.limits import ApiLimits
from tests.guarded import CUSTOMERS, make_mesh
from tests.serving.conftest import Api, serve

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PERSONAS = ("ana", "desk", "shop@retailer.example")
# What the mesh has, for half of the requests: names made up lead to 404 and no further.
KNOWN: dict[str, Any] = {
    "domain": "shop",
    "product": "customers",
    "major": 1,
    "columns": "region,email",
    "filter": ["region:eq:north"],
    "order": "-region",
    "term": "region",
    "one": "region",
    "other": "area",
    "port": str(CUSTOMERS),
    "role": "customers_reader",
    "reason": "For the tests.",
    "consumer": None,
    "scopes": ["read:shop.*"],
    "sql": f"SELECT region, email FROM {CUSTOMERS} LIMIT 3",
    "number": 1,
}
GLOSSARY = """\
domain: shop
terms:
  - {name: region, title: Region, definition: Where a customer lives., relations: [{type: part_of, term: shop.area}]}
  - {name: area, title: Area, definition: Several regions., unit: km2}
"""
# What leads nowhere when it is made up, and may be left out.
LEFT_OUT = ("cursor", "as_of", "publication", "purpose", "days")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    mesh = make_mesh(tmp_path_factory.mktemp("mesh"))
    mesh.identity(Identity("shop@retailer.example", "person", "Shop", administrator=True, purpose="analytics"))
    mesh.token("shop@retailer.example", scopes=("read", "request", "approve", "admin"))
    mesh.token("ana", scopes=("read", "request"))
    mesh.token("desk")
    for who in PERSONAS:
        mesh.tokens[f"{who}'s spare one"] = create_token(mesh.access.control, who, created_by="tests")
    (mesh.settings.domains / "shop" / "glossary.yaml").write_text(GLOSSARY)
    plenty = ApiLimits(requests_per_minute=1_000_000, failures_per_minute=1_000_000)
    try:
        with serve(mesh, limits=plenty) as served:
            yield served
    finally:
        mesh.access.close()


def _operations() -> list[str]:
    """Of the stored document: the served one is compared with it by another test."""
    document = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def document(api: Api) -> Any:
    found = httpx.get(f"{api.url}/api/v1/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(found, config=SchemathesisConfig())
    schema.config.update(base_url=api.url)
    return schema


@pytest.mark.parametrize("operation", _operations())
def test_no_answer_is_undocumented(api: Api, document: Any, operation: str) -> None:
    call(api, document, operation, examples=25, number=1)


@pytest.mark.slow
@pytest.mark.parametrize("operation", _operations())
def test_no_answer_is_undocumented_at_length(api: Api, document: Any, operation: str) -> None:
    call(api, document, operation, examples=50, number=2)  # others than above


def call(api: Api, document: Any, operation: str, examples: int, number: int) -> None:
    method, _, path = operation.partition(" ")
    asking = document[path][method]
    strategy = asking.as_strategy()
    if asking.path_parameters or asking.query or asking.body:  # there is something to get wrong
        strategy = st.one_of(strategy, asking.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, known=st.booleans(), who=st.sampled_from(PERSONAS))
    def asked(case: Any, known: bool, who: str) -> None:
        if known:
            _make_known(case, {**KNOWN, "token": api.mesh.tokens[f"{who}'s spare one"].split("_")[1]})
        headers = {"Authorization": f"Bearer {api.mesh.tokens[who]}"}
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

    asked()


def _make_known(case: Any, known: dict[str, Any]) -> None:
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            for name in [name for name in part if name in LEFT_OUT]:
                del part[name]
            part |= {name: value for name, value in known.items() if name in part}
