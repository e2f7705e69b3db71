"""What the API tells of products, to whom."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from platform_resources.access import Identity
from platform_resources.contracts import contract_of_text
from platform_resources.lake import PortAddress
from platform_resources.quality import compile_checks
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, publish_rows
from tests.portal.conftest import Browser
from tests.serving.conftest import Api
from tests.tiny_mesh import PRODUCT

ROOT = "/api/v1"
PORT = f"{ROOT}/products/shop/customers/v1"
OWNER = Identity("shop@retailer.example", "person", "Shop", purpose="analytics")
MASKED_NUMBER = re.compile("909[,. _]?00")  # the beginning of each masked number; the digits of a moment may be 909 too
Join = Callable[..., str]
# Every operation that reads and needs no more than names.
READ = (
    *("/products", "/products/shop/customers", "/products/shop/customers/v1", "/domains", "/domains/shop", "/glossary"),
    *(f"/products/shop/customers/v1/{part}" for part in ("contract", "schema", "quality", "publications", "lineage")),
    *(f"/products/shop/customers/v1/{part}" for part in ("consumers", "usage", "availability", "slos", "anomalies")),
    *("/access/requests", "/access/grants", "/governance/purposes", "/governance/classifications"),
    *("/me", "/me/tokens", "/audit"),
)


@pytest.fixture
def join() -> Iterator[Join]:
    """Makes an identity known to a mesh, with a client of its name."""
    with ExitStack() as stack:

        def made(api: Api, identity: Identity, *scopes: str) -> str:
            api.mesh.identity(identity)
            token = api.mesh.token(identity.id, scopes=scopes or ("read", "request", "approve"))
            api.clients[identity.id] = stack.enter_context(api.client(token))
            return identity.id

        yield made


def told(api: Api, who: str, path: str, **options: Any) -> Any:
    answer = api.get(who, path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_products_are_listed_searched_and_paged(reading_api: Api) -> None:
    (product,) = told(reading_api, "nobody", f"{ROOT}/products")["products"]
    assert product["address"] == "shop.customers"
    (port,) = product["ports"]
    assert (port["address"], port["lifecycle"], port["served"]["rows"]) == (str(CUSTOMERS), "active", 40)
    for query, found in (("q=CUSTOM", 1), ("q=nothing", 0), ("domain=shop", 1), ("domain=ledger", 0), ("tag=x", 0)):
        assert len(told(reading_api, "nobody", f"{ROOT}/products?{query}")["products"]) == found, query
    assert len(told(reading_api, "nobody", f"{ROOT}/products?status=active")["products"]) == 1
    assert reading_api.get("nobody", f"{ROOT}/products?status=asleep").status_code == 422


def test_rows_that_a_filter_hides_are_counted_nowhere(api: Api) -> None:
    """Who reads some rows is not told how many there are in all: by no door, log, rule, or what others read."""
    found = {
        **{"name": "customer_id_is_never_null", "group": "x", "dimension": "completeness", "severity": "warning"},
        **{"passed": False, "value": 37, "threshold": "= 0", "message": "37 of 40 rows", "failed_rows": 37},
    }
    contract = contract_of_text(CUSTOMERS_CONTRACT.format(version="1.0.0", status="active"), "v1.odcs.yaml")
    rule = next(check.name for check in compile_checks(contract) if check.kind == "required")
    api.mesh.publish(audit={"results": [found | {"name": rule, "score": 0.1}], "scores": {}})
    assert len(api.get("ana").json()["data"]) == 40
    paths = {
        f"{ROOT}/products": lambda told: told["products"][0]["ports"][0]["served"]["rows"],
        f"{ROOT}/products/shop/customers": lambda told: told["ports"][0]["served"]["rows"],
        PORT: lambda told: told["served"]["rows"],
        f"{PORT}/publications": lambda told: told["publications"][0]["rows"],
        f"{PORT}/usage": lambda told: told["total"]["rows"],
        f"{PORT}/quality": lambda told: told["measured"]["results"][0]["failed_rows"],
    }
    for path, rows in paths.items():
        assert rows(told(api, "ana", path)) in (37, 40), path
        assert rows(told(api, "nobody", path)) in (37, 40), "as everybody may ask to read it"
    for purpose in ("analytics", "reporting"):  # also for one that its grant is not for
        api.mesh.identity(Identity("reggie", "agent", "Reggie", attributes={"regions": ("north",)}, purpose=purpose))
        for path, rows in paths.items():
            answer = api.get("reggie", path)
            assert rows(answer.json()) is None, path
            assert "37 of 40" not in answer.text


def test_shares_of_values_are_told_but_to_who_does_not_see_all_rows(api: Api) -> None:
    share = {"percent": 92.5, "promised": 99.0, "values": 4321, "bad": 324, "columns": ["customer_id"]}
    true = share | {"percent": 99.9, "references": ["secret.people.v1", "ledger"], "unmatched": 7}
    message = "customer_id other than in secret.people.v1: 3 of 40 rows"
    rule = {
        **{"name": "agrees", "group": "agrees", "dimension": "accuracy", "severity": "warning", "passed": False},
        **{"value": 3, "threshold": "= 0", "message": message, "failed_rows": 3, "score": 0.9},
    }
    for _ in range(5):
        api.mesh.publish(audit={"results": [rule], "scores": {}, "completeness": share, "accuracy": true})
    answer = api.get("desk", f"{PORT}/quality")
    measured = answer.json()["measured"]
    assert measured["completeness"] | {"columns": []} == {
        **{"percent": 92.5, "promised_percent": 99.0, "values": 4321, "bad": 324, "columns": []},
        **{"references": [], "unmatched_rows": 0},
    }
    assert (measured["accuracy"]["references"], measured["accuracy"]["unmatched_rows"]) == (["ledger"], 7)
    assert "secret" not in answer.text, "a product that nobody may know of"
    assert {trend["of"] for trend in answer.json()["trends"]} >= {"score", "completeness", "accuracy"}
    (first, *_) = told(api, "desk", f"{PORT}/publications")["publications"]
    assert (first["completeness_percent"], first["accuracy_percent"]) == (92.5, 99.9)
    api.mesh.identity(Identity("reggie", "agent", "Reggie", attributes={"regions": ("north",)}, purpose="analytics"))
    hidden = api.get("reggie", f"{PORT}/quality")
    assert (hidden.json()["measured"]["completeness"], hidden.json()["measured"]["accuracy"]) == (None, None)
    assert "completeness" not in {trend["of"] for trend in hidden.json()["trends"]}
    log = api.get("reggie", f"{PORT}/publications")
    assert log.json()["publications"][0]["completeness_percent"] is None
    assert "4321" not in hidden.text + log.text


def test_what_dimensions_weigh_and_which_rules_people_look_after_is_told(api: Api) -> None:
    weights = {"completeness": {"weight": 3, "said_by": "tier gold"}, "accuracy": {"weight": 1.0, "said_by": "nobody"}}
    audit = {"results": [], "scores": {"completeness": 99.0, "accuracy": 98.0}, "weights": weights}
    api.mesh.publish(audit=audit)
    answer = told(api, "ana", f"{PORT}/quality")
    assert answer["measured"]["weights"] == weights
    rule = {"name": "letters_arrive", "column": None, "description": "The shop writes to ten customers a year."}
    assert answer["manual"] == [rule]
    with Browser(api.url) as browser:
        assert browser.sign_in(api.mesh.tokens["ana"]).status_code == 303
        page = browser.get("/products/shop/customers").text
    assert "<td>3<br><small>says the tier gold</small></td>" in page
    assert rule["description"] in page
    api.mesh.publish(audit={"results": [], "scores": {"accuracy": 98.0}})
    assert told(api, "ana", f"{PORT}/quality")["measured"]["weights"] == {}, "of an older log"


def test_rows_are_not_counted_while_the_filter_of_a_contract_that_was_taken_back_holds(api: Api) -> None:
    contract = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    where = '{property: rowFilter, value: {where: "list_contains(reader.regions, region)"}}'
    filtered = f"    customProperties:\n      - {where}\n"
    assert contract.count(filtered) == 1
    free = contract.replace(filtered, "")
    hidden = free.replace("    properties:\n", f"{filtered}    properties:\n")
    for document, rows in ((free, 40), (free, 40), (hidden, None), (free, None)):
        api.mesh.publish(contract=document)
        read = len(api.get("ana").json()["data"])
        assert read == (rows or 0)
        assert told(api, "ana", PORT)["served"]["rows"] == rows
        assert told(api, "ana", f"{ROOT}/products")["products"][0]["ports"][0]["served"]["rows"] == rows
        assert told(api, "ana", f"{PORT}/publications")["publications"][0]["rows"] == rows


def test_a_port_tells_what_it_promises_and_what_it_serves(reading_api: Api) -> None:
    port = told(reading_api, "ana", PORT)
    assert port["served"]["number"] == 1
    assert port["freshness"]["state"] == "fresh"
    assert {p["property"]: p["value"] for p in port["promises"]}["availability"] == 99.9
    roles = {role["role"]: role for role in port["access"]["roles"]}
    assert roles["customers_gdpr_reader"]["approvers"] == [["shop@retailer.example"], ["privacy@retailer.example"]]
    assert roles["customers_region_reader"]["some_rows"]
    assert port["access"]["readable"]
    assert told(reading_api, "nobody", PORT)["access"]["readable"] is False
    for link in port["links"].values():
        assert reading_api.get("ana", link).status_code == 200, link


def test_the_contract_is_told_byte_for_byte_and_revalidated(reading_api: Api) -> None:
    raw = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active").encode()
    answer = reading_api.get("nobody", f"{PORT}/contract")
    assert answer.content == raw
    assert answer.headers["content-type"].startswith("application/yaml")
    assert answer.headers["etag"] == f'"{hashlib.sha256(raw).hexdigest()}"'
    again = reading_api.get("nobody", f"{PORT}/contract", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    parsed = told(reading_api, "nobody", f"{PORT}/contract", headers={"Accept": "application/json"})
    assert parsed["id"] == "shop.customers.v1"
    refused = reading_api.get("nobody", f"{PORT}/contract", headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert reading_api.get("nobody", f"{PORT}/contract?publication=7").status_code == 404


def test_the_schema_is_told_as_the_reader_gets_it(reading_api: Api) -> None:
    def masks(who: str) -> dict[str, list[str]]:
        schema = told(reading_api, who, f"{PORT}/schema")
        return {c["name"]: [m["strategy"] for m in c["masks"]] for c in schema["columns"] if c["masked"]}

    hidden = {"email": ["partial"], "name": ["redact"], "card": ["hash"], "income": ["null"]}
    assert masks("ana") == hidden
    assert masks("nobody") == hidden
    assert masks("desk") == {}
    assert told(reading_api, "nobody", f"{PORT}/schema")["granted"] is False
    assert told(reading_api, "reggie", f"{PORT}/schema")["some_rows"]


def test_quality_tells_no_value_of_a_sql_rule_to_who_reads_masked(api: Api) -> None:
    richest = {
        **{"name": "richest", "group": "richest", "dimension": "accuracy", "severity": "warning", "passed": False},
        **{"value": 909_000_040, "threshold": "< 1", "message": "909000040 found", "failed_rows": None, "score": 0.0},
    }
    _publish_with_rule(api.mesh, richest)
    for who in ("ana", "nobody", "reggie"):
        answer = api.get(who, f"{PORT}/quality")
        assert not MASKED_NUMBER.search(answer.text)
        (result,) = answer.json()["measured"]["results"]
        assert (result["status"], result["value"]) == ("failed", None)
    (result,) = told(api, "desk", f"{PORT}/quality")["measured"]["results"]
    assert result["value"] == 909_000_040


def test_quality_tells_nothing_else_that_says_the_value(api: Api) -> None:
    """A count of rows may be the value; a rule that is gone may have been one of SQL."""
    counted = {
        **{"name": "richest", "group": "richest", "dimension": "accuracy", "severity": "warning", "passed": False},
        **{"value": 36, "threshold": "< 1", "message": "36 found", "failed_rows": 36, "score": 0.1},
    }
    gone = counted | {"name": "renamed_since"}
    for rule in (counted, gone):
        _publish_with_rule(api.mesh, rule)
        (result,) = told(api, "ana", f"{PORT}/quality")["measured"]["results"]
        assert (result["value"], result["failed_rows"], result["score"]) == (None, None, None)
        assert "36" not in result["message"]
        (result,) = told(api, "desk", f"{PORT}/quality")["measured"]["results"]
        assert (result["failed_rows"], result["score"]) == (36, 0.1)


@pytest.mark.parametrize(
    "major", ["v01", "v1.0", "v%2B1", "v%201", "v1%0a", "v0_1", "v1_", "v%EF%BC%91", "v0", "v10000"]
)
def test_a_port_has_one_address(reading_api: Api, major: str) -> None:
    for path in ("", "/data", "/quality"):
        answer = reading_api.get("ana", f"{ROOT}/products/shop/customers/{major}{path}")
        assert answer.status_code in (404, 422), path


def test_publications_are_paged_newest_first(api: Api) -> None:
    for _ in range(4):
        api.mesh.publish()
    first = api.get("ana", f"{PORT}/publications?limit=2")
    assert [p["number"] for p in first.json()["publications"]] == [5, 4]
    assert first.headers["link"] == f'<{PORT}/publications?limit=2&cursor=4>; rel="next"'
    second = told(api, "ana", f"{PORT}/publications?limit=3&cursor={first.json()['next']}")
    assert [p["number"] for p in second["publications"]] == [3, 2, 1]
    assert second["next"] is None


def test_a_new_publication_and_a_changed_document_are_told_at_once(api: Api) -> None:
    assert told(api, "ana", PORT)["served"]["number"] == 1
    api.mesh.publish(version="1.1.0")
    port = told(api, "ana", PORT)
    assert (port["served"]["number"], port["served"]["contract_version"]) == (2, "1.1.0")
    file = api.mesh.settings.domains / "shop" / "products" / "customers" / "v1.odcs.yaml"
    file.write_text(file.read_text().replace("name: Customers", "name: Our customers"))
    assert told(api, "ana", PORT)["title"] == "Our customers"


def test_consumers_are_named_to_owners_only(api: Api, join: Join) -> None:
    owner = join(api, OWNER)
    for who in ("ana", "nobody"):
        found = told(api, who, f"{PORT}/consumers")
        assert (found["count"], found["registered"], found["granted"]) == (3, None, None)
        assert told(api, who, f"{PORT}/usage")["by_consumer"] is None
    found = told(api, owner, f"{PORT}/consumers")
    assert {grant["consumer"] for grant in found["granted"]} == {"ana", "desk", "reggie"}
    assert api.get("ana", f"{PORT}/data").status_code == 200
    found = told(api, owner, f"{PORT}/consumers")
    assert (found["count"], found["reading"], told(api, "nobody", f"{PORT}/consumers")["reading"]) == (3, 1, 1)
    standings = {item["name"]: (item["standing"], item["reads"]) for item in found["consumers"]}
    assert standings == {"ana": ("not registered", 1), "desk": ("never reads", 0), "reggie": ("never reads", 0)}
    usage = told(api, owner, f"{PORT}/usage")
    assert [item["consumer"] for item in usage["by_consumer"]] == ["ana"]


def test_no_fact_holds_a_masked_value_or_a_secret(reading_api: Api) -> None:
    """Canaries are planted in every masked column; every answer is looked through, problems too."""
    secrets = ["CANARY", "canary", *map(_secret, reading_api.mesh.tokens.values())]
    for who in ("ana", "nobody", "reggie", "anonymous"):
        for path in READ:
            answer = reading_api.get(who, f"{ROOT}{path}")
            assert answer.status_code == (401 if who == "anonymous" else 200), path
            for secret in secrets:
                assert secret not in answer.text, path
            assert not MASKED_NUMBER.search(answer.text), path


@pytest.fixture
def hidden(api: Api) -> Api:
    """`shop.secrets.v1`, hidden from whom it is not granted to; it reads shop.customers, and a term is bound to it."""
    settings = api.mesh.settings
    folder = settings.domains / "shop" / "products" / "secrets"
    folder.mkdir()
    inputs = 'inputPorts:\n  - {name: shop.customers, version: "1", contractId: shop.customers.v1}\n'
    product = PRODUCT.format(domain="shop", name="secrets", inputs=inputs)
    (folder / "product.odps.yaml").write_text(product + "customProperties: [{property: visibility, value: granted}]\n")
    contract = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active").replace(
        "shop.customers.v1", "shop.secrets.v1"
    )
    contract = contract.replace(
        "name: customers\n    physicalName: customers", "name: secrets\n    physicalName: secrets"
    )
    contract = contract.replace("element: customers.", "element: secrets.").replace("name: Customers", "name: Secrets")
    contract = contract.replace(
        "      - {name: region, logicalType: string, physicalType: VARCHAR, required: true, classification: internal}",
        "      - {name: region, logicalType: string, physicalType: VARCHAR, required: true, classification: internal,\n"
        '         authoritativeDefinitions: [{type: glossary, url: "glossary.yaml#region"}]}',
    )
    (folder / "v1.odcs.yaml").write_text(contract)
    (settings.domains / "shop" / "glossary.yaml").write_text(
        "domain: shop\nterms:\n  - {name: region, title: Region, definition: Where a customer lives.}\n"
    )
    publish_rows(settings, PortAddress("shop", "secrets", 1), contract, [])
    api.mesh.grant("desk", "shop.secrets.v1", role="customers_reader", purpose="customer_service")
    return api


def test_a_hidden_product_is_answered_like_one_that_is_not_there(hidden: Api, join: Join) -> None:
    owner = join(hidden, OWNER)
    parts = ("contract", "schema", "quality", "publications", "lineage", "consumers", "usage", "availability", "data")
    for path in ("", "/v1", *(f"/v1/{part}" for part in parts)):
        there, not_there = (hidden.get("ana", f"{ROOT}/products/shop/{name}{path}") for name in ("secrets", "nothing"))
        assert there.status_code == not_there.status_code == 404
        assert there.text.replace("secrets", "nothing") == not_there.text
        assert hidden.get("desk", f"{ROOT}/products/shop/secrets{path}").status_code == 200, path
        if path != "/v1/data":  # to own a product is to know of it
            assert hidden.get(owner, f"{ROOT}/products/shop/secrets{path}").status_code == 200, path


def test_a_hidden_product_shows_in_no_other_answer(hidden: Api, join: Join) -> None:
    for path in READ:
        assert "secrets" not in hidden.get("ana", f"{ROOT}{path}").text, path
    hidden.mesh.grant("shop.secrets", "shop.customers.v1", role="customers_reader", purpose="data_product")
    hidden.mesh.access.usage.record("shop.customers.v1", "shop.secrets", ["region"], 1, 1)
    found = told(hidden, "ana", f"{PORT}/consumers")
    assert (found["count"], found["reading"], found["consumers"]) == (3, 0, None)
    assert told(hidden, join(hidden, OWNER), f"{PORT}/consumers")["count"] == 4
    assert "shop.secrets.v1" in hidden.get("desk", f"{ROOT}/products").text
    assert told(hidden, "ana", f"{ROOT}/glossary/shop/region")["columns"] == []
    assert told(hidden, "desk", f"{ROOT}/glossary/shop/region")["columns"] == ["shop.secrets.v1.region"]
    lineage = told(hidden, "desk", f"{PORT}/lineage")
    assert [node["port"] for node in lineage["downstream"]] == ["shop.secrets.v1"]
    assert told(hidden, "ana", f"{PORT}/lineage")["edges"] == []


def test_a_broken_domain_hides_no_other(api: Api) -> None:
    folder = api.mesh.settings.domains / "ledger"
    folder.mkdir()
    (folder / "domain.yaml").write_text("name: [")
    domains = {d["name"]: d for d in told(api, "nobody", f"{ROOT}/domains")["domains"]}
    assert (domains["ledger"]["usable"], domains["shop"]["usable"]) == (False, True)
    assert domains["ledger"]["problems"] is None
    assert told(api, "nobody", f"{ROOT}/products")["products"]


def test_a_damaged_lake_is_told_and_its_documents_are_served_on(api: Api) -> None:
    assert told(api, "ana", PORT)["served"]["number"] == 1
    catalog = api.mesh.settings.catalog_file("shop")
    for file in (catalog, catalog.with_name(f"{catalog.name}-wal")):
        if file.exists():
            file.write_bytes(b"not a catalog" * 1000)
    port = told(api, "ana", PORT)
    assert (port["title"], port["served"]) == ("Customers", None)
    (shop,) = told(api, "ana", f"{ROOT}/domains")["domains"]
    assert shop["usable"] is False
    for part in ("publications", "data"):
        answer = api.get("ana", f"{PORT}/{part}")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text


def test_a_token_makes_narrower_ones_and_ends_its_own(api: Api) -> None:
    made = api.clients["ana"].post(f"{ROOT}/me/tokens", json={"scopes": ["read:shop.*"], "label": "report", "days": 1})
    assert made.status_code == 201, made.text
    narrow = api.client(made.json()["token"])
    with narrow:
        assert narrow.get(f"{ROOT}/me").json()["scopes"] == ["read:shop.*"]
        wider = narrow.post(f"{ROOT}/me/tokens", json={"scopes": ["read"]})
        assert (wider.status_code, wider.json()["code"]) == (403, "denied")
        listed = told(api, "ana", f"{ROOT}/me/tokens")["tokens"]
        assert _secret(made.json()["token"]) not in str(listed)
        others = [token["id"] for token in listed if token["id"] != made.json()["id"]]
        assert narrow.delete(f"{ROOT}/me/tokens/{others[0]}").status_code == 403
        assert api.clients["ana"].delete(f"{ROOT}/me/tokens/{made.json()['id']}").status_code == 204
        assert narrow.get(f"{ROOT}/me").status_code == 401
    strange = api.clients["desk"].delete(f"{ROOT}/me/tokens/{others[0]}")
    assert strange.status_code == 404


def test_who_administers_sees_the_audit_of_all_and_others_their_own(api: Api, join: Join) -> None:
    join(api, Identity("root", "person", "Root", administrator=True), "admin")
    for who in ("ana", "desk"):
        api.get(who, f"{PORT}/data")
    entries = told(api, "ana", f"{ROOT}/audit")["entries"]
    assert entries
    assert {entry["actor"] for entry in entries} == {"ana"}
    assert api.get("ana", f"{ROOT}/audit?actor=desk").status_code == 403
    assert {"ana", "desk"} <= {entry["actor"] for entry in told(api, "root", f"{ROOT}/audit")["entries"]}
    assert {e["actor"] for e in told(api, "root", f"{ROOT}/audit?actor=desk")["entries"]} == {"desk"}


def _secret(token: str) -> str:
    return token.split("_", 2)[2]


def _publish_with_rule(mesh: GuardedMesh, result: dict[str, Any]) -> None:
    """Publish with a SQL rule whose result tells a value."""
    rule = (
        "      - {name: richest, type: sql, severity: warning, dimension: accuracy,\n"
        "         query: 'SELECT max(income) FROM {table}', mustBeLessThan: 1}\n"
    )
    contract = CUSTOMERS_CONTRACT.format(version="1.1.0", status="active")
    contract = contract.replace("    quality:\n", f"    quality:\n{rule}", 1)
    mesh.publish(contract=contract, audit={"results": [result], "scores": {}})
