"""docs/agents.md says what there is, and what it shows runs; so do the requests of docs/judging.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from platform_resources.serving.mcp.pages import MAX_BYTES
from platform_resources.serving.mcp.prompts import PROMPTS
from platform_resources.serving.mcp.results import Told
from platform_resources.serving.mcp.tools import TOOLS
from platform_resources.serving.mcp.tools.reading import MAX_ROWS
from tests.mcp.agents import Agent
from tests.mesh.conftest import console_script
from tests.running import in_a_loop
from tests.shipped import ShippedMesh
from tests.tiny_mesh import REPOSITORY

TEXT = (REPOSITORY / "docs/agents.md").read_text(encoding="utf-8")
JUDGING = (REPOSITORY / "docs/judging.md").read_text(encoding="utf-8")
_THERE = "/path/to/project"
_SERVED = "http://127.0.0.1:8080"


def _blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_the_guide_names_every_tool_prompt_and_resource_and_the_limits(analyst: Agent) -> None:
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`(\w+)`", table)) == {tool.__name__ for tool in TOOLS}
    assert all(f"`{prompt.__name__}`" in TEXT for prompt in PROMPTS)
    for uri in re.findall(r"`(\w+://[\w/]+)`", TEXT):
        assert analyst.resource(uri)
    assert f"at most {MAX_BYTES // 1024} KB" in TEXT
    assert f"at most {MAX_ROWS} of them" in TEXT
    assert all(f"`{name}`" in TEXT for name in Told.model_fields)


def test_an_agent_host_starts_the_server_by_the_settings_shown(shipped_mesh: ShippedMesh, tmp_path: Path) -> None:
    """From another folder, with a PATH that knows no `mesh`, and none of this process's settings."""
    (block,) = _blocks(TEXT, "json")
    server = json.loads(block)["mcpServers"]["mesh"]
    settings = shipped_mesh.settings
    assert server["command"] == f"{_THERE}/.venv/bin/mesh"
    home = {f"{_THERE}/.mesh": str(settings.home), _THERE: str(settings.project)}
    given = {name: home[value] for name, value in server["env"].items()}
    started = StdioServerParameters(
        command=console_script("mesh"),
        args=server["args"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **given},
        cwd=tmp_path,
    )

    stray: list[object] = []

    async def kept(message: object) -> None:
        stray.append(message)

    async def asks() -> None:
        async with Client(started, mode="legacy", message_handler=kept) as client:
            told = await client.call_tool("list_my_access", {})
            assert told.structured_content["answer"]["me"]["id"] == "analyst"
            read = await client.call_tool("query_product", {"product": "crm.customer_360", "columns": ["email"]})
            assert len(read.structured_content["answer"]["rows"]) == 20
            assert "CANARY" not in read.content[0].text  # masked

    in_a_loop(asks)
    assert not stray  # stdout is for the protocol alone


@pytest.fixture
def here(shipped_mesh: ShippedMesh, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server; the project's folder is the current one."""
    (tmp_path / ".mesh").symlink_to(shipped_mesh.settings.home)
    monkeypatch.chdir(tmp_path)
    return served


def test_the_client_that_is_shown_runs(here: str, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = _blocks(TEXT, "python")
    assert _SERVED in block
    exec(compile(block.replace(_SERVED, here), "docs/agents.md", "exec"), {})
    found, judged, read = capsys.readouterr().out.splitlines()
    assert "found" in found
    assert "checks failed" in judged
    assert "[[20]]" in read


def test_the_requests_that_are_shown_are_answered(here: str) -> None:
    told = []
    for line in (line for block in _blocks(JUDGING, "bash") for line in block.splitlines()):
        done = subprocess.run(
            ["bash", "-c", line.replace(_SERVED, here).replace("curl ", "curl --fail-with-body ")],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"},
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        told.append(json.loads(done.stdout))
    fitness, findings = told
    assert {evidence["need"] for evidence in fitness["fits"][0]["evidence"]}
    by_product = {one["product"]: one["findings"] for one in findings["products"]}
    assert by_product["crm.customer_360"] is not None  # hers
    assert by_product["sales.bookings"] is None
    assert "withheld" in findings["withheld"]
