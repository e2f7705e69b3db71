"""Code location of the Sales domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("sales")
