"""The self-serve platform of the mesh: rooms that import only downwards (see docs/architecture.md)."""
