"""The MCP server: the facts and acts of the API for agents, by stdio (`mesh mcp`) and beside the API at `/mcp`.

An agent acts as its caller, request by request; the server has no right of its own, and there is no tool to approve.
Every tool calls the endpoint function that the API and the portal call, so each truth has one implementation. What
came from contracts, glossaries or data is marked as data, cut to what a model can hold, and never an instruction.

`mesh_server(door)` makes the server, `McpEndpoint` puts it behind HTTP; both import the SDK, which takes 0.3 s.
"""
