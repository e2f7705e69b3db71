"""What a newcomer meets: the way to the document, its examples, refusals that say how to do better."""

from __future__ import annotations

import html
import re
import shlex
import subprocess

from tests.guarded import CUSTOMERS
from tests.serving.conftest import DATA, Api


def page(api: Api) -> str:
    return api.get("anonymous", "/api/v1/docs").text


def test_who_opens_the_server_is_led_to_the_sign_in_page_and_the_document(reading_api: Api) -> None:
    led = reading_api.get("anonymous", "/")
    assert (led.status_code, led.headers["Location"]) == (303, "/sign-in")
    assert "/api/v1/docs" in reading_api.get("anonymous", "/sign-in").text


def test_where_to_begin_leads_to_all_that_is_listed(reading_api: Api) -> None:
    links = reading_api.get("anonymous", "/api/v1").json()["links"]
    assert {"products", "requests", "grants", "tokens", "audit"} <= links.keys()
    for name in links.keys() - {"sql"}:
        assert reading_api.get("ana", links[name]).status_code == 200, name


def test_code_within_texts_is_shown_as_code(reading_api: Api) -> None:
    shown = page(reading_api)
    assert "<code>Authorization: Bearer &lt;token&gt;</code>" in shown
    assert "`" not in shown


def test_every_operation_has_a_line_that_runs(reading_api: Api) -> None:
    shown = page(reading_api)
    lines = [html.unescape(line) for line in re.findall("<pre>(.*?)</pre>", shown)]
    assert len(lines) == shown.count("<details>")
    for line in lines:
        assert shlex.split(line)[-1].startswith("$MESH/api/v1")
        assert "{" not in shlex.split(line)[-1]
    environment = {"MESH": reading_api.url, "TOKEN": reading_api.mesh.tokens["ana"], "PATH": "/usr/bin:/bin"}
    for path in ("/api/v1/me", "/api/v1/health"):
        line = next(line for line in lines if line.endswith(f'{path}"'))
        options = ["sh", "-c", f"{line} -s --noproxy '*' -w '%{{http_code}}'"]
        assert subprocess.run(options, env=environment, capture_output=True, text=True).stdout.endswith("200")


def test_a_body_that_is_not_declared_as_json_is_told_which_header_to_send(reading_api: Api) -> None:
    told = reading_api.clients["ana"].post("/api/v1/sql", content='{"sql": "select 1"}').json()
    assert told["status"] == 415
    assert "not declared as JSON" in told["detail"]
    assert "Content-Type: application/json" in told["remedy"]


def test_every_refusal_of_sql_says_how_to_ask(reading_api: Api) -> None:
    for text in (
        *("select", "drop table x", "select 1; select 2", "select * from customers", "select 1", ""),
        *(f"select getenv('HOME') from {CUSTOMERS}", "select * from read_csv('/etc/passwd')"),
        *(f"select nothing from {CUSTOMERS}", "select * from shop.customers"),
    ):
        told = reading_api.clients["ana"].post("/api/v1/sql", json={"sql": text})
        assert told.status_code in (400, 422), text
        assert told.json().get("remedy"), text


def test_the_longest_page_is_told_with_the_parameter(reading_api: Api) -> None:
    document = reading_api.get("anonymous", "/api/v1/openapi.json").json()
    parameters = document["paths"]["/api/v1/products/{domain}/{product}/v{major}/data"]["get"]["parameters"]
    (told,) = (one["description"] for one in parameters if one["name"] == "limit")
    assert "10,000" in told
    assert "400" in told
    assert reading_api.get("ana", f"{DATA}?limit=10001").status_code == 400
