"""Code location of the Supply Chain domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("supply_chain")
