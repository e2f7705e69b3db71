"""The server behind its real doors: uvicorn at /mcp and a process of `mesh mcp`, in both protocol revisions."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import jsonschema
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.auth.utils import (
    build_protected_resource_metadata_discovery_urls,
    extract_resource_metadata_from_www_auth,
    handle_protected_resource_response,
)

from platform_resources.access import Access, Identity
from platform_resources.access.callers.identities import save_identity
from platform_resources.access.callers.tokens import create_token, revoke_token
from platform_resources.catalog.view import CatalogView
from platform_resources.serving.app import create_app
from platform_resources.serving.limits import ApiLimits
from platform_resources.serving.mcp.http import security_of
from tests.mcp.agents import MODES, server_for
from tests.mcp.recording import Wire, connected, normal, session
from tests.running import in_a_loop
from tests.serving.conftest import NO_TLS, run_server
from tests.shipped import ShippedMesh
from tests.tiny_mesh import environment

VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
RECORDED = Path(__file__).parent / "session.json"
SCHEMAS = Path(__file__).parents[3] / "shared" / "standards" / "mcp"
PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
# Definitions of the official schemas: method -> (request, result).
SHAPES = {
    "server/discover": ("DiscoverRequest", "DiscoverResult"),
    "initialize": ("InitializeRequest", "InitializeResult"),
    "notifications/initialized": ("InitializedNotification", ""),
    "tools/list": ("ListToolsRequest", "ListToolsResult"),
    "tools/call": ("CallToolRequest", "CallToolResult"),
    "resources/list": ("ListResourcesRequest", "ListResourcesResult"),
    "resources/templates/list": ("ListResourceTemplatesRequest", "ListResourceTemplatesResult"),
    "resources/read": ("ReadResourceRequest", "ReadResourceResult"),
    "completion/complete": ("CompleteRequest", "CompleteResult"),
    "prompts/list": ("ListPromptsRequest", "ListPromptsResult"),
    "prompts/get": ("GetPromptRequest", "GetPromptResult"),
}


@pytest.fixture(scope="module")
def wires(served: str, shipped_mesh: ShippedMesh) -> dict[str, Wire]:
    """One session in each revision, as it went over the wire."""
    found = {mode: Wire() for mode in MODES}

    async def recorded(mode: str) -> None:
        async with connected(served, shipped_mesh.token("analyst"), mode, found[mode]) as client:
            assert client.protocol_version == VERSIONS[mode]
            await session(client)

    for mode in MODES:
        in_a_loop(recorded, mode)
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_session_answers_as_its_tools_promise(wires: dict[str, Wire], mode: str) -> None:
    exchanges = wires[mode].exchanges
    tools = next(told["result"]["tools"] for asked, told in exchanges if asked["method"] == "tools/list")
    schemas = {tool["name"]: tool["outputSchema"] for tool in tools}
    calls = [(asked["params"], told["result"]) for asked, told in exchanges if asked["method"] == "tools/call"]
    for asked, told in calls:
        if not told.get("isError"):
            jsonschema.Draft202012Validator(schemas[asked["name"]]).validate(told["structuredContent"])
    assert sum(bool(told.get("isError")) for _, told in calls) == 2
    assert "CANARY" not in json.dumps(exchanges)


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the official schemas are not here")
@pytest.mark.parametrize("mode", MODES)
def test_the_wire_holds_to_the_official_schema(wires: dict[str, Wire], mode: str) -> None:
    schema = json.loads((SCHEMAS / f"mcp-schema-{VERSIONS[mode]}.json").read_text())

    def check(message: Any, definition: str) -> None:
        jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{definition}"}).validate(message)

    for asked, told in wires[mode].exchanges:
        request, result = SHAPES[asked["method"]]
        check(asked, request)
        if told is not None:
            check(told, "JSONRPCResponse")
            if "result" in told:
                check(told["result"], result)


def test_the_recorded_session_is_this_one(wires: dict[str, Wire], request: pytest.FixtureRequest) -> None:
    """`pytest tests/mcp --snapshot-update` records it anew: look at what changed before it is committed."""
    text = json.dumps(normal(wires["auto"]), indent=1, ensure_ascii=False) + "\n"
    if request.config.option.update_snapshots:
        RECORDED.write_text(text, encoding="utf-8")
    known = json.loads(RECORDED.read_text(encoding="utf-8"))
    for one, other in zip(known, json.loads(text), strict=True):
        assert one["request"] == other["request"]
        assert one["response"] == other["response"], "answers changed: see pytest tests/mcp --snapshot-update"


def test_mesh_mcp_speaks_by_stdio_and_nothing_else_on_stdout(shipped_mesh: ShippedMesh) -> None:
    """In the newer revision; `test_docs.py` starts it as a host of the older one does."""
    settings = shipped_mesh.settings
    variables = environment(settings.project, settings.home) | {"MESH_TOKEN": shipped_mesh.token("service-desk")}
    command = StdioServerParameters(command=sys.executable, args=["-m", "platform_resources.cli", "mcp"], env=variables)
    stray: list[object] = []

    async def kept(message: object) -> None:
        stray.append(message)

    async def talk() -> None:
        async with Client(command, message_handler=kept) as client:
            assert client.protocol_version == VERSIONS["auto"]
            told = await client.call_tool("list_my_access", {})
            assert told.structured_content["answer"]["me"]["id"] == "service-desk"
            read = await client.call_tool("query_product", {"product": "crm.customer_360", "columns": ["email"]})
            assert "CANARY" in read.content[0].text  # cleared

    in_a_loop(talk)
    assert not stray


def test_two_callers_at_once_never_mix(served: str, shipped_mesh: ShippedMesh) -> None:
    async def asks(who: str, mode: str) -> None:
        async with connected(served, shipped_mesh.token(who), mode) as client:
            for _ in range(6):
                told = await client.call_tool("list_my_access", {})
                assert told.structured_content["answer"]["me"]["id"] == who
                rows = await client.call_tool("query_product", {"product": "crm.customer_360", "columns": ["email"]})
                assert ("CANARY" in rows.content[0].text) == (who == "service-desk")

    async def all_at_once() -> None:
        async with anyio.create_task_group() as tasks:
            for mode in MODES:
                for who in ("analyst", "service-desk"):
                    tasks.start_soon(asks, who, mode)

    in_a_loop(all_at_once)


def test_requests_are_refused_as_by_the_api(served: str, shipped_mesh: ShippedMesh) -> None:
    token = {"Authorization": f"Bearer {shipped_mesh.token('analyst')}"}
    with httpx.Client(base_url=served, headers=HEADERS, trust_env=False, verify=NO_TLS) as client:

        def post(path: str = "/mcp", **given: Any) -> httpx.Response:
            return client.post(path, **{"json": PING, "headers": token} | given)

        assert post().json()["result"]["tools"]
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eA=="}):
            refused = post(headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
            assert refused.headers["WWW-Authenticate"] == 'Bearer realm="mesh"'  # no provider is configured
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Host": "127.0.0.1.evil.org"}):
            refused = post(headers=token | headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "unknown-host")
        assert client.get("/.well-known/oauth-protected-resource/mcp").status_code == 404
        assert post(headers=token | {"Origin": served}).status_code == 200
        assert post("/mcp?access_token=x").status_code == 400
        assert (
            post(content=b"x" * 300_000, json=None, headers=token | {"Content-Type": "application/json"}).status_code
            == 413
        )
        assert post(content=b"a=b", json=None, headers=token | {"Content-Type": "text/plain"}).status_code == 415
        for method in ("GET", "DELETE", "PUT"):
            refused = client.request(method, "/mcp", headers=token)
            assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("version", VERSIONS.values())
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"[{}]", b"null", b"1e999", b"[" * 5000, b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","id":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_product","arguments":"x"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"nothing/there"}',
        b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"\\u0000"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\xed\xa0\x80"}}',
    ],
)  # fmt: skip
def test_hostile_bodies_are_answered_in_good_order(
    served: str, shipped_mesh: ShippedMesh, body: bytes, version: str
) -> None:
    headers = {**HEADERS, "MCP-Protocol-Version": version, "Content-Type": "application/json"}
    headers["Authorization"] = f"Bearer {shipped_mesh.token('analyst')}"
    answer = httpx.post(f"{served}/mcp", content=body, headers=headers, trust_env=False, verify=NO_TLS, timeout=20)
    assert answer.status_code < 500
    assert "Traceback" not in answer.text


def test_a_revoked_token_ends_the_session(served: str, shipped_mesh: ShippedMesh) -> None:
    with shipped_mesh.access() as access, closing(CatalogView(shipped_mesh.settings, access.guard.lakes)) as view:
        save_identity(access.control, Identity("leaver", "person", "Leaver", purpose="analytics"))

        def made() -> tuple[str, str]:
            token = create_token(access.control, "leaver", created_by="tests", scopes=("read",))
            return token, access.authenticate(token).credential

        async def talk(opened: AbstractAsyncContextManager[Client], credential: str) -> str:
            async with opened as client:
                assert not (await client.call_tool("list_my_access", {})).is_error
                revoke_token(access.control, access.audit, credential, "tests")
                try:
                    await client.call_tool("list_my_access", {})
                except MCPError as error:
                    return error.message
            return ""

        for mode in MODES:
            token, credential = made()
            assert in_a_loop(talk, connected(served, token, mode), credential)
            headers = {**HEADERS, "Authorization": f"Bearer {token}"}
            assert _ping(served, headers).status_code == 401
            token, credential = made()
            told = in_a_loop(talk, Client(server_for(access, view, token), mode=mode), credential)
            assert "token that holds" in told


def _ping(url: str, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{url}/mcp", json=PING, headers=headers, trust_env=False, verify=NO_TLS)


def test_with_an_openid_provider_a_client_finds_it(shipped_mesh: ShippedMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """As RFC 9728 and MCP say, by the official client's own functions."""
    public, issuer = "https://mesh.example.org", "https://login.example.org"
    monkeypatch.setenv("MESH_PUBLIC_URL", f"{public}/")
    monkeypatch.setenv("MESH_OIDC_ISSUER", issuer)
    monkeypatch.setenv("MESH_OIDC_AUDIENCE", "mesh")
    with (
        Access(shipped_mesh.settings, personas=False) as access,
        run_server(create_app(shipped_mesh.settings, access=access)) as url,
        httpx2.Client(base_url=url, headers={"Host": "mesh.example.org"}, trust_env=False, verify=NO_TLS) as client,
    ):
        for headers in ({}, {"Authorization": "Bearer mesh_nonsense"}):
            refused = client.post("/mcp", json=PING, headers={**HEADERS, **headers})
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
            named = extract_resource_metadata_from_www_auth(refused)
            assert named == f"{public}/.well-known/oauth-protected-resource/mcp"
            for address in build_protected_resource_metadata_discovery_urls(named, f"{public}/mcp"):
                answer = client.get(address.removeprefix(public))
                told = in_a_loop(handle_protected_resource_response, answer)
                assert (str(told.resource), [str(one) for one in told.authorization_servers]) == (
                    f"{public}/mcp",
                    [issuer],  # to the letter: what it says of itself must be the same
                )
        assert "resource_metadata" not in client.get("/api/v1/products").headers["WWW-Authenticate"]


def test_who_asks_too_often_waits(shipped_mesh: ShippedMesh) -> None:
    limits = ApiLimits(requests_per_minute=3)
    headers = {**HEADERS, "Authorization": f"Bearer {shipped_mesh.token('analyst')}"}
    with (
        Access(shipped_mesh.settings, personas=False) as access,
        run_server(create_app(shipped_mesh.settings, access=access, limits=limits)) as url,
    ):
        answers = [_ping(url, headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_names_of_the_server_come_from_settings() -> None:
    known = security_of({"MESH_PUBLIC_URL": "https://mesh.example.org", "MESH_MCP_HOSTS": "a.example, b.example"})
    assert {"localhost", "127.0.0.1:*", "mesh.example.org", "a.example:*", "b.example"} <= set(known.allowed_hosts)
    assert "https://mesh.example.org" in known.allowed_origins
    assert not {"", ":*", "*"} & set(known.allowed_hosts)
