"""Rules whose answer changes with the clock alone: what held as a version was published need not hold today. Pure.

Freshness is one of them, and is told by the age of what is served. These are the SQL rules that ask what time it is.
"""

from __future__ import annotations

import re

from platform_resources.contracts.model import Contract
from platform_resources.quality.checks import compile_checks

# `age` of one moment is its age today. A name that is found in a text or a comment costs an evaluation, no more.
_ASKS_THE_TIME = re.compile(
    r"\b(now|today|get_current_timestamp|get_current_time|transaction_timestamp|age)\s*\(|"
    r"\b(current_date|current_time|current_timestamp|localtime|localtimestamp|current_localtime|current_localtimestamp)\b",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"\binternal\b", re.IGNORECASE)


def clock_rules(contract: Contract) -> tuple[str, ...]:
    """Names of the SQL rules that ask what time it is, and read no private table: those have moved on since."""
    return tuple(
        check.name
        for check in compile_checks(contract)
        if check.kind == "sql" and _ASKS_THE_TIME.search(query := check.query or "") and not _PRIVATE.search(query)
    )
