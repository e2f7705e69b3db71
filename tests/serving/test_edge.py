"""What surrounds every request: credentials, sizes, methods, headers, the log; and that none of it shows a value."""

from __future__ import annotations

import time

import httpx
import pytest

from platform_resources.access import Identity
from platform_resources.serving.limits import ApiLimits
from tests.guarded import CUSTOMERS, make_mesh
from tests.serving.conftest import DATA, Api, serve
from tests.serving.test_data import rows_of

FORMS = ("json", "ndjson", "csv", "parquet", "arrow")
JSON = {"Content-Type": "application/json"}


def is_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json()
    assert (told["status"], told["code"], told["type"]) == (status, code, f"urn:mesh:problem:{code}")


def test_no_answer_and_no_log_line_holds_what_is_masked(api: Api) -> None:
    """Every form, every error, and questions made to provoke them: by readers without clearance."""
    questions = [f"{DATA}?format={form}" for form in FORMS]
    questions += [
        f"{DATA}?filter={condition}"
        for condition in (
            *("email:eq:CANARY-1-mail@canary.example", "income:gt:909000001", "income:eq:x", "card:in:CANARY-1-card"),
            *("name:like:CANARY%25", "CANARY:eq:1", "email:CANARY:1"),
        )
    ]
    questions += [f"{DATA}?order=-email,income&format=csv", f"{DATA}?columns=CANARY", f"{DATA}?cursor=CANARY"]
    questions += [f"{DATA}?as_of=77", f"{DATA}?limit=CANARY", "/api/v1/CANARY", f"{DATA}?CANARY=1"]
    sql = [
        f"SELECT * FROM {CUSTOMERS}",
        f"SELECT CAST(email AS INTEGER) FROM {CUSTOMERS}",
        f"SELECT max(income), min(name) FROM {CUSTOMERS}",
    ]
    for who in ("ana", "reggie", "nobody"):
        got = [api.get(who, question) for question in questions]
        got += [
            api.clients[who].post(f"/api/v1/sql?format={form}", json={"sql": text}) for text in sql for form in FORMS
        ]
        for answer in got:
            assert answer.status_code < 500, answer.text
            shown = answer.content + repr(answer.headers).encode()
            if answer.status_code == 200:
                assert b"CANARY" not in shown, answer.url
                assert b"90900" not in shown, answer.url
            else:  # may say what the reader itself wrote, never a value
                assert b"-mail@" not in shown, answer.url
                assert b"90900" not in shown, answer.url
    assert "CANARY" in api.get("desk", f"{DATA}?format=csv").text
    for secret in ("CANARY", "90900", "mesh_"):
        assert secret not in api.log.text


def test_tokens_are_shown_as_bearers_only(reading_api: Api) -> None:
    token = reading_api.mesh.tokens["ana"]
    anonymous = reading_api.clients["anonymous"]
    refused = anonymous.get(DATA)
    is_problem(refused, 401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    for shown in ("Bearer nonsense", "Bearer mesh_0000000000_x", f"Basic {token}", "Bearer", f"Token {token}"):
        is_problem(anonymous.get(DATA, headers={"Authorization": shown}), 401, "unauthenticated")
    for query in (f"access_token={token}", f"token={token}", f"purpose={token}"):
        for client in (anonymous, reading_api.clients["ana"]):
            answer = client.get(f"{DATA}?{query}")
            is_problem(answer, 400, "token-in-address")
            assert token not in answer.text
    assert token not in reading_api.log.text


def test_requests_that_can_not_be_are_problems(reading_api: Api) -> None:
    ana = reading_api.clients["ana"]
    is_problem(ana.get("/nowhere"), 404, "unknown-path")
    is_problem(ana.get(f"{DATA}/"), 404, "unknown-path")
    is_problem(ana.get("/api/v1/products/shop/hidden/v1/data"), 404, "unknown-port")
    is_problem(ana.get("/api/v1/products/..%2f/x/v1/data"), 404, "unknown-path")
    is_problem(ana.get("/api/v1/products/sh'op/customers/v1/data"), 404, "unknown-port")
    answer = ana.delete(DATA)
    is_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]
    is_problem(ana.get(f"{DATA}?filter=region:eq:{'x' * 20_000}"), 414, "address-too-long")
    is_problem(ana.get(DATA, headers={"X-Long": "x" * 40_000}), 431, "headers-too-large")
    is_problem(ana.post("/api/v1/sql", json={"sql": "x" * 300_000}), 413, "content-too-large")
    is_problem(
        ana.post("/api/v1/sql", content=(b" " * 1000 for _ in range(400)), headers=JSON), 413, "content-too-large"
    )
    is_problem(ana.post("/api/v1/sql", content="select 1"), 415, "unsupported-media-type")
    is_problem(ana.post("/api/v1/sql", data={"sql": "select 1"}), 415, "unsupported-media-type")
    secret = "s3cret-in-the-wrong-place"
    for body in ({"sql": 1, "password": secret}, {"sql": [secret]}, [secret], secret, None):
        answer = ana.post("/api/v1/sql", json=body)
        is_problem(answer, 422, "invalid-request")
        assert secret not in answer.text
    is_problem(ana.post("/api/v1/sql", content='{"sql": ', headers=JSON), 422, "invalid-request")


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/audit?port=%00",
        "/api/v1/audit?kind=a%00b",
        "/api/v1/access/grants?port=%00",
        "/api/v1/access/grants?port=x%2500",
        f"{DATA}?filter=region:eq:%00",
        "/api/v1/products/sh%00op/customers/v1/data",
    ],
)
def test_a_text_with_nul_is_refused_before_any_database_sees_it(reading_api: Api, address: str) -> None:
    answer = reading_api.get("ana", address)
    if "%2500" in address:  # the three characters, not the one
        assert answer.status_code == 200
    else:
        is_problem(answer, 400, "bad-request")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/access/requests", {"port": "shop.customers.v1", "reason": "why", "consumer": "a\0"}),
        ("/api/v1/access/requests", {"port": "shop.customers.v1\0", "reason": "why"}),
        ("/api/v1/access/requests", {"port": "shop.customers.v1", "reason": "why", "columns": ["region\0"]}),
        ("/api/v1/access/requests/1/deny", {"comment": "a\0"}),
        ("/api/v1/me/tokens", {"label": "a\0"}),
    ],
)
def test_a_body_with_nul_is_refused_field_by_field(reading_api: Api, path: str, body: dict[str, object]) -> None:
    is_problem(reading_api.clients["ana"].post(path, json=body), 422, "invalid-request")


def is_logged(api: Api, text: str) -> None:
    """The line of an answer is written when it has gone out."""
    deadline = time.monotonic() + 10
    while text not in api.log.text:
        assert time.monotonic() < deadline, f"{text} is not in the log"
        time.sleep(0.01)


def test_every_answer_is_closed_to_browsers(reading_api: Api) -> None:
    for answer in (reading_api.get("ana"), reading_api.get("nobody"), reading_api.get("ana", "/nowhere")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        is_logged(reading_api, answer.headers["Mesh-Request-Id"])
        assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    assert reading_api.clients["anonymous"].options(DATA, headers=preflight).status_code == 405


def test_too_many_requests_are_refused_for_a_while(tmp_path_factory: pytest.TempPathFactory) -> None:
    mesh = make_mesh(tmp_path_factory.mktemp("mesh"))
    with serve(mesh, limits=ApiLimits(requests_per_minute=5, failures_per_minute=3)) as api:
        got = [api.get("ana", "/api/v1/me").status_code for _ in range(7)]
        assert got == [200] * 5 + [429] * 2
        refused = api.get("ana", "/api/v1/me")
        is_problem(refused, 429, "too-many-requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert api.get("desk", "/api/v1/me").status_code == 200
        wrong = {"Authorization": "Bearer mesh_0000000000_x"}
        failed = [api.clients["anonymous"].get("/api/v1/me", headers=wrong).status_code for _ in range(5)]
        assert failed == [401] * 3 + [429] * 2
        assert api.get("desk", "/api/v1/me").status_code == 200
    mesh.access.close()


def test_health_is_told_to_anyone_and_its_detail_to_administrators(api: Api) -> None:
    health = "/api/v1/health"
    assert api.clients["anonymous"].get(health).json() == {"ready": True, "checks": None}
    assert api.get("ana", health).json()["checks"] is None
    api.mesh.identity(Identity("root", "person", "Root", administrator=True))
    with api.client(api.mesh.token("root", scopes=("admin",))) as root:
        assert root.get(health).json() == {"ready": True, "checks": {"control": True, "council": True}}
        (api.mesh.settings.project / "governance" / "purposes.yaml").write_text("[")
        answer = root.get(health)
        for _ in range(20):
            if answer.status_code == 503:
                break
            time.sleep(0.1)
            answer = root.get(health)
        assert answer.json() == {"ready": False, "checks": {"control": True, "council": False}}
    links = api.clients["anonymous"].get("/api/v1").json()["links"]
    assert links["products"] == "/api/v1/products"


def test_a_mistake_of_the_platform_tells_an_id_and_nothing_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise RuntimeError("CANARY in a message")

    monkeypatch.setattr("platform_resources.serving.data.read_query", wrong)
    answer = api.get("ana")
    is_problem(answer, 500, "internal-error")
    assert answer.json()["id"] in api.log.text
    assert "RuntimeError at" in api.log.text
    assert "CANARY" not in answer.text + api.log.text


@pytest.mark.parametrize("form", FORMS)
def test_sql_is_answered_in_every_form(reading_api: Api, form: str) -> None:
    text = f"SELECT region, email, count(region) AS n, 1.5 AS x FROM {CUSTOMERS} WHERE email IS NULL"
    text += " GROUP BY region, email ORDER BY region"
    answer = reading_api.clients["ana"].post(f"/api/v1/sql?format={form}", json={"sql": text})
    rows = [(row["region"], row["email"], row["n"], row["x"]) for row in rows_of(answer)]
    assert rows == [(region, "", "2", "1.5") for region in ("east", "north", "south", "west")]
    assert answer.headers["Mesh-Publication"] == "1"
    assert answer.headers["Mesh-Masked"] == f"{CUSTOMERS}.email"
    assert answer.headers["Mesh-Truncated"] == "false"
    if form == "json":
        told = answer.json()
        assert told["publications"] == {str(CUSTOMERS): 1}
        assert told["masked"] == {str(CUSTOMERS): ["email"]}
