"""Orchestration: contract -> Dagster asset, checks, freshness, automation; a domain's folder -> definitions.

The only room that imports Dagster (the command line starts it through here). Imports all rooms above it in the picture;
domains import from here `domain_definitions` and `python_model`.
"""

from platform_resources.orchestration.automation import refresh_on_cron, refresh_on_update
from platform_resources.orchestration.definitions import domain_definitions
from platform_resources.orchestration.python_models import PythonModel, python_model
from platform_resources.orchestration.resources import LakeResource

__all__ = ["LakeResource", "PythonModel", "domain_definitions", "python_model", "refresh_on_cron", "refresh_on_update"]
