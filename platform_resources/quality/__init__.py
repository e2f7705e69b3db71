"""Quality: a contract's promises, evaluated on one version of its table.

Contract -> checks (pure) -> one scan and a few exact queries -> results -> score. Imports contracts and the names of
lake; never writes, never decides whether to publish, never raises for a rule that is broken: that is a failed result.
"""

from platform_resources.quality.audit import Audit, CheckResult, GroupResult
from platform_resources.quality.checks import Check, CheckGroup, check_groups, compile_checks
from platform_resources.quality.evaluate import evaluate, plan_for
from platform_resources.quality.forms import form_condition
from platform_resources.quality.plan import Plan, Route
from platform_resources.quality.samples import REDACTED, sample_failures

__all__ = [
    "REDACTED",
    "Audit",
    "Check",
    "CheckGroup",
    "CheckResult",
    "GroupResult",
    "Plan",
    "Route",
    "check_groups",
    "compile_checks",
    "evaluate",
    "form_condition",
    "plan_for",
    "sample_failures",
]
