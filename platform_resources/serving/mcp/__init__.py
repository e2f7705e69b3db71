"""The MCP server: the same answers for agents, as the caller and never with more rights."""
