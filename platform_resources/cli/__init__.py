"""`mesh`: the command line. May import every room; imports Dagster only in the commands that run something."""

from platform_resources.cli.app import main

__all__ = ["main"]
