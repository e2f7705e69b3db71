"""Quality: a contract's promises, evaluated on one version of its table.

Contract -> checks (pure) -> one scan and a few exact queries -> results -> score. Imports contracts and the names of
lake; never writes, never decides whether to publish, never raises for a rule that is broken: that is a failed result.
"""

from platform_resources.quality.audit import Audit, CheckResult, GroupResult
from platform_resources.quality.checks import Check, CheckGroup, check_groups, compile_checks
from platform_resources.quality.evaluate import evaluate
from platform_resources.quality.forms import form_condition
from platform_resources.quality.samples import REDACTED, sample_failures

__all__ = [
    "REDACTED",
    "Audit",
    "Check",
    "CheckGroup",
    "CheckResult",
    "GroupResult",
    "check_groups",
    "compile_checks",
    "evaluate",
    "form_condition",
    "sample_failures",
]
