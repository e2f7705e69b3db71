"""Teams help themselves: scaffold a domain or a product, try a change or a rule, take documents in and out.

This room writes only files of the working tree and landed files. It imports everything below it but neither
`orchestration` nor Dagster.
"""

from platform_resources.self_service.exchange import plan_import
from platform_resources.self_service.history import History, read_history
from platform_resources.self_service.import_plan import ImportPlan, carry_out
from platform_resources.self_service.incoming import ExchangeError
from platform_resources.self_service.preview import PortPreview, ProductPreview, preview_tree
from platform_resources.self_service.revisions import TreeError, promised_at
from platform_resources.self_service.samples import audit_on_sample
from platform_resources.self_service.whatif import WhatIf, what_if

__all__ = [
    "ExchangeError",
    "History",
    "ImportPlan",
    "PortPreview",
    "ProductPreview",
    "TreeError",
    "WhatIf",
    "audit_on_sample",
    "carry_out",
    "plan_import",
    "preview_tree",
    "promised_at",
    "read_history",
    "what_if",
]
