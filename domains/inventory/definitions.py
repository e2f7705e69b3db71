"""Code location of the Inventory domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("inventory")
