"""Guarded relations: what is published, how a reader sees it, and how it is read, kept, rendered and counted."""
