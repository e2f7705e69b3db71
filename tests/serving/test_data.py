"""The rows of a port over HTTP: forms, queries, pages, tags."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from platform_resources.access import Identity
from tests.guarded import CUSTOMERS_CONTRACT, GuardedMesh, customers
from tests.serving.conftest import DATA, Api

FORMS = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
REGIONS = ("north", "south", "east", "west")


def rows_of(answer: httpx.Response) -> list[dict[str, object]]:
    """The rows in an answer of whatever form, their values as text."""
    assert answer.status_code == 200, answer.text
    match answer.headers["Content-Type"].split(";")[0]:
        case "application/json":
            rows = answer.json()["data"]
        case "application/x-ndjson":
            rows = [json.loads(line) for line in answer.text.splitlines()]
        case "text/csv":
            rows = list(csv.DictReader(io.StringIO(answer.text)))
        case "application/vnd.apache.parquet":
            rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
        case "application/vnd.apache.arrow.stream":
            rows = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


def test_each_reader_gets_its_own_view(reading_api: Api) -> None:
    ana, desk = reading_api.get("ana"), reading_api.get("desk")
    assert "CANARY" not in ana.text
    assert "CANARY" in desk.text
    assert {row["region"] for row in rows_of(reading_api.get("reggie"))} == {"north", "south"}
    assert reading_api.get("nobody").status_code == 403
    assert reading_api.get("nobody").json()["remedy"]
    assert reading_api.get("anonymous").status_code == 401


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_rows(reading_api: Api, form: str) -> None:
    query = {"columns": "customer_id,region,email", "order": "customer_id"}
    expected = rows_of(reading_api.get("ana", params=query))
    assert len(expected) == 40
    by_name = reading_api.get("ana", params={**query, "format": form}, headers={"Accept": "text/html"})
    by_header = reading_api.get("ana", params=query, headers={"Accept": FORMS[form]})
    for answer in (by_name, by_header):
        assert answer.headers["Content-Type"].startswith(FORMS[form])
        assert rows_of(answer) == expected
    assert by_name.headers["ETag"] == by_header.headers["ETag"]


def test_accept_is_weighed(reading_api: Api) -> None:
    for accept, form in (
        ("*/*", "json"),
        ("text/csv;q=0.5, application/x-ndjson", "ndjson"),
        ("text/*", "csv"),
        ("application/json;q=0, */*", "ndjson"),
    ):
        answer = reading_api.get("ana", params={"limit": 1}, headers={"Accept": accept})
        assert answer.headers["Content-Type"].startswith(FORMS[form]), accept
    refused = reading_api.get("ana", headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert all(media_type in refused.json()["remedy"] for media_type in FORMS.values())


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        (["region:eq:north"], lambda r: r[1] == "north"),
        (["region:ne:north"], lambda r: r[1] != "north"),
        (["customer_id:lt:5"], lambda r: r[0] < 5),
        (["customer_id:ge:5", "customer_id:le:7"], lambda r: 5 <= r[0] <= 7),
        (["balance:gt:390"], lambda r: r[0] * 10 + 0.5 > 390),
        (["region:in:north,west"], lambda r: r[1] in ("north", "west")),
        (['region:notin:"north",west'], lambda r: r[1] not in ("north", "west")),
        (["region:like:%est"], lambda r: r[1].endswith("est")),
        (["joined_on:lt:2026-01-05"], lambda r: r[7] < "2026-01-05"),
        (["email:null"], lambda r: r[2] is None),
        (["email:notnull"], lambda r: r[2] is not None),
        (["region:eq:north' OR 1=1 --"], lambda r: False),
        (["region:eq:ñörth ❄"], lambda r: False),
        (["region:in:"], lambda r: False),
        (["name:like:CANARY%"], lambda r: False),
        (["income:gt:0"], lambda r: False),
    ],
)
def test_filters_see_what_the_reader_sees(reading_api: Api, conditions: list[str], kept: object) -> None:
    got = rows_of(reading_api.get("ana", params={"filter": conditions, "order": "customer_id"}))
    assert [row["customer_id"] for row in got] == [str(r[0]) for r in customers() if kept(r)]


@pytest.mark.parametrize(
    "query",
    [
        "filter=region",
        "filter=region:is:north",
        "filter=region:eq",
        "filter=:eq:1",
        "filter=nope:eq:1",
        "filter=email:null:x",
        "filter=customer_id:eq:one",
        "filter=customer_id:eq:1e999",
        "filter=customer_id:eq:" + "9" * 60,
        "filter=joined_on:eq:2026-13-45",
        'filter=region:in:"open',
        "filter=customer_id) OR (1:eq:1",
        "&".join(["filter=region:eq:north"] * 51),
        "columns=",
        "columns=a,,b",
        "columns=region,region",
        "columns=*",
        'columns=region"',
        "order=region,-region",
        "order=--region",
        "order=region desc",
        "limit=20000",
        "filters=region:eq:north",
        "limit=1&limit=2",
        "cursor=abc",
        "cursor=%F0%9F%98%80",
        "cursor=" + "A" * 4000,
        "cursor=abc&format=csv",
    ],
)
def test_what_can_not_be_asked_is_a_bad_query(reading_api: Api, query: str) -> None:
    answer = reading_api.get("ana", f"{DATA}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "bad-query"
    assert answer.json()["remedy"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "as_of=0", "as_of=" + "9" * 30, "format=xml"])
def test_a_field_that_is_not_as_it_must_be_is_named(reading_api: Api, query: str) -> None:
    answer = reading_api.get("ana", f"{DATA}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == f"query.{query.partition('=')[0]}"
    assert "9" * 30 not in answer.text


def pages(api: Api, who: str, **query: object) -> Iterator[httpx.Response]:
    """Every page of an answer, by the link of the one before."""
    answer = api.get(who, params=query)
    while True:
        yield answer
        following = answer.links.get("next")
        assert (following is None) == (answer.json()["next"] is None)
        if following is None:
            return
        answer = api.get(who, following["url"])


def test_pages_neither_repeat_nor_lose_a_row(reading_api: Api) -> None:
    for query in ({}, {"order": "-region"}, {"columns": "region,email", "order": "email"}):
        got = list(pages(reading_api, "ana", limit=7, **query))
        assert [len(page.json()["data"]) for page in got] == [7] * 5 + [5]
        whole = rows_of(reading_api.get("ana", params={"limit": 40, **query}))
        assert [row for page in got for row in rows_of(page)] == whole
    assert reading_api.get("ana", params={"limit": 40}).json()["next"] is None


def test_a_page_goes_on_in_its_publication_and_ends_with_it(api: Api) -> None:
    first = api.get("ana", params={"limit": 30})
    api.mesh.publish(customers(3))
    assert len(api.get("ana").json()["data"]) == 3
    second = api.get("ana", first.links["next"]["url"])
    assert second.headers["Mesh-Publication"] == "1"
    assert len(second.json()["data"]) == 10
    assert len(api.get("ana", params={"as_of": 1}).json()["data"]) == 40
    assert api.get("ana", params={"as_of": 9}).status_code == 404


def test_a_cursor_is_of_one_reader_and_one_query(reading_api: Api) -> None:
    cursor = reading_api.get("ana", params={"limit": 5}).json()["next"]
    assert reading_api.get("desk", params={"limit": 5, "cursor": cursor}).status_code == 409
    assert reading_api.get("ana", params={"cursor": cursor, "filter": "region:eq:north"}).status_code == 409
    assert reading_api.get("ana", params={"cursor": cursor, "as_of": 2}).status_code == 400
    assert reading_api.get("ana", params={"cursor": cursor, "limit": 9}).status_code == 200
    for place in range(0, len(cursor), 5):
        altered = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert reading_api.get("ana", params={"cursor": altered}).status_code == 400, place


def test_a_cursor_ends_with_the_right_that_it_was_given_under(api: Api) -> None:
    cursor = api.get("ana", params={"limit": 5}).json()["next"]
    api.mesh.identity(Identity("ana", "person", "Ana", clearances=frozenset({"gdpr"}), purpose="customer_service"))
    api.mesh.grant("ana", role="customers_gdpr_reader", purpose="customer_service", clearances=frozenset({"gdpr"}))
    assert api.get("ana", params={"cursor": cursor, "limit": 5}).status_code == 409


def test_what_a_reader_has_is_not_sent_again(api: Api) -> None:
    tags = {}
    for who in ("ana", "desk", "reggie"):
        for form in FORMS:
            for query in ({}, {"limit": 3}, {"columns": "region"}, {"order": "region"}):
                answer = api.get(who, params={"format": form, **query})
                tags[(who, form, *query)] = answer.headers["ETag"]
                assert answer.headers["Cache-Control"] == "private, no-cache"
                assert {"Accept", "Authorization"} <= set(answer.headers["Vary"].split(", "))
    assert len(set(tags.values())) == len(tags)
    tag = tags["ana", "csv"]
    before = api.mesh.access.audit.count()
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = api.get("ana", params={"format": "csv"}, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag), known
    assert api.mesh.access.audit.count() == before + 4
    assert api.get("nobody", params={"format": "csv"}, headers={"If-None-Match": "*"}).status_code == 403
    assert api.get("desk", params={"format": "csv"}, headers={"If-None-Match": tag}).status_code == 200
    api.mesh.publish(customers(3))
    assert api.get("ana", params={"format": "csv"}, headers={"If-None-Match": tag}).status_code == 200


def test_head_tells_what_get_would(reading_api: Api) -> None:
    for form in FORMS:
        got = reading_api.get("ana", params={"format": form})
        told = reading_api.clients["ana"].head(DATA, params={"format": form})
        assert (told.status_code, told.content) == (200, b"")
        for name in ("ETag", "Mesh-Publication", "Mesh-Contract-Version", "Mesh-Masked", "Content-Type", "Vary"):
            assert told.headers[name] == got.headers[name], name
    assert reading_api.clients["nobody"].head(DATA).status_code == 403


def test_headers_tell_what_was_read(reading_api: Api) -> None:
    answer = reading_api.get("ana", params={"columns": "region,email,card"})
    assert answer.headers["Mesh-Publication"] == "1"
    assert answer.headers["Mesh-Contract-Version"] == "1.0.0"
    assert answer.headers["Mesh-Masked"] == "email, card"
    assert answer.json()["masked"] == ["email", "card"]
    assert "Mesh-Masked" not in reading_api.get("desk").headers
    assert "Deprecation" not in answer.headers


def test_a_deprecated_port_tells_its_end(api: Api) -> None:
    document = CUSTOMERS_CONTRACT.format(version="1.0.1", status="deprecated").replace(
        "slaProperties:\n", "slaProperties:\n  - {property: endOfSupport, value: 2030-06-30}\n"
    )
    api.mesh.publish(contract=document)
    answer = api.get("ana")
    assert answer.headers["Deprecation"].startswith("@")
    assert answer.headers["Sunset"] == "Sun, 30 Jun 2030 23:59:59 GMT"


def test_a_purpose_is_declared_by_parameter_or_header(api: Api) -> None:
    def declared(mesh: GuardedMesh, **options: object) -> int:
        return api.get("ana", **options).status_code

    assert declared(api.mesh, params={"purpose": "analytics"}) == 200
    assert declared(api.mesh, headers={"Mesh-Purpose": "analytics"}) == 200
    assert declared(api.mesh, params={"purpose": "marketing"}) == 403
    assert declared(api.mesh, params={"purpose": "analytics"}, headers={"Mesh-Purpose": "marketing"}) == 400
