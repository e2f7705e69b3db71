"""All domains merged into one location: for `dg`, for tests, and for a mesh that runs in one process."""

import importlib
from pathlib import Path

import dagster as dg

DOMAINS = sorted(path.parent.name for path in Path(__file__).parent.glob("*/domain.yaml"))

defs = dg.Definitions.merge(*(importlib.import_module(f"domains.{name}.definitions").defs for name in DOMAINS))
