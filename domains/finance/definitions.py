"""Code location of the Finance domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("finance")
