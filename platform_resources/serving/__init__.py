"""Serving: the HTTP API. Every read goes through `access`, every fact comes from `catalog`; it decides nothing itself.

Imports everything below, not orchestration; no Dagster.
"""

from platform_resources.serving.app import create_app

__all__ = ["create_app"]
