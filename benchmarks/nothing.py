"""A process that does nothing: what Python alone costs to start."""
