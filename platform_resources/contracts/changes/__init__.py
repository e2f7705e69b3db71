"""Two versions of a contract compared: every field that differs, what that does to the promise, and whom it breaks.

Pure: documents in, values out. `differences` finds what differs, matching entries by what identifies them; `grading`
and the modules that it asks (`of_columns`, `of_rules`, `of_promises`, `of_access` ...) say what a difference means.
"""

from platform_resources.contracts.changes.compare import compare_contracts
from platform_resources.contracts.changes.model import (
    CLASSIFICATIONS,
    TIERS,
    Affected,
    Change,
    ChangeKind,
    Comparison,
    Effect,
)

__all__ = ["CLASSIFICATIONS", "TIERS", "Affected", "Change", "ChangeKind", "Comparison", "Effect", "compare_contracts"]
