"""Teams help themselves: scaffold a domain or a product, try a change or a rule, take documents in and out.

This room writes only files of the working tree and landed files. It imports everything below it but neither
`orchestration` nor Dagster.
"""

from platform_resources.self_service.samples import audit_on_sample

__all__ = ["audit_on_sample"]
