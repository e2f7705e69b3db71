"""Code location of the CRM domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("crm")
