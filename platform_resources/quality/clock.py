"""Rules whose answer changes with the clock alone: what held as a version was published need not hold today. Pure.

Freshness is one of them, and is told by the age of what is served. These are the SQL rules that ask what time it is.
"""

from __future__ import annotations

import re

from platform_resources.contracts.model import Contract
from platform_resources.quality.checks import compile_checks
from platform_resources.quality.sql_vocabulary import CLOCK

# Some are written without brackets, which a column may be called too: that, or a name in a text or a comment, costs an
# evaluation, no more.
_BARE = ("current_", "localtime")
_NAMES = "|".join(rf"{name}\b" if name.startswith(_BARE) else rf"{name}\s*\(" for name in sorted(CLOCK))
_ASKS_THE_TIME = re.compile(rf"\b(?:{_NAMES})", re.IGNORECASE)
_PRIVATE = re.compile(r"\binternal\b", re.IGNORECASE)


def clock_rules(contract: Contract) -> tuple[str, ...]:
    """Names of the SQL rules that ask what time it is, and read no private table: those have moved on since."""
    return tuple(
        check.name
        for check in compile_checks(contract)
        if check.kind == "sql" and _ASKS_THE_TIME.search(query := check.query or "") and not _PRIVATE.search(query)
    )
