"""docs/agents.md says what there is."""

from __future__ import annotations

import json
import re

from platform_resources.serving.mcp.pages import MAX_BYTES
from platform_resources.serving.mcp.prompts import PROMPTS
from platform_resources.serving.mcp.results import Told
from platform_resources.serving.mcp.tools import TOOLS
from platform_resources.serving.mcp.tools.reading import MAX_ROWS
from tests.mcp.agents import Agent
from tests.tiny_mesh import REPOSITORY

TEXT = (REPOSITORY / "docs/agents.md").read_text(encoding="utf-8")


def test_the_guide_names_every_tool_prompt_and_resource_and_the_limits(analyst: Agent) -> None:
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`(\w+)`", table)) == {tool.__name__ for tool in TOOLS}
    assert all(f"`{prompt.__name__}`" in TEXT for prompt in PROMPTS)
    for uri in re.findall(r"`(\w+://[\w/]+)`", TEXT):
        assert analyst.resource(uri)
    assert f"at most {MAX_BYTES // 1024} KB" in TEXT
    assert f"at most {MAX_ROWS} of them" in TEXT
    assert all(f"`{name}`" in TEXT for name in Told.model_fields)


def test_the_settings_of_an_agent_start_the_command_that_there_is() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    server = json.loads(block)["mcpServers"]["mesh"]
    assert (server["command"], server["args"]) == ("mesh", ["mcp", "--as", "analyst"])
