"""The business domains. Each folder is a code location that owns its products; none imports another."""
