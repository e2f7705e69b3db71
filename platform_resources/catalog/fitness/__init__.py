"""Does a port fit a use? One need at a time: what is promised, what was measured, the verdict and a sentence. Pure.

What was measured wins over what is promised: a promise alone is a "yes" only where nothing was measured, and "unknown"
is the answer only where neither can tell, with what would. To ask for less never turns a "yes" into anything else, nor
to ask for more a "no".
"""

from platform_resources.catalog.fitness.contents import TermWanted, column, term, there, tier
from platform_resources.catalog.fitness.evidence import Evidence, Verdict, length, nearness, verdict_of
from platform_resources.catalog.fitness.figures import availability, dimension, freshness, score
from platform_resources.catalog.fitness.reaching import Dated, Reach, dating, history, in_steps
from platform_resources.catalog.fitness.uses import RoleSight, clear, purpose

__all__ = [
    "Dated",
    "Evidence",
    "Reach",
    "RoleSight",
    "TermWanted",
    "Verdict",
    "availability",
    "clear",
    "column",
    "dating",
    "dimension",
    "freshness",
    "history",
    "in_steps",
    "length",
    "nearness",
    "purpose",
    "score",
    "term",
    "there",
    "tier",
    "verdict_of",
]
