"""Two contracts in, one comparison out."""

from __future__ import annotations

from collections.abc import Sequence

from platform_resources.contracts.changes.differences import Difference, differences
from platform_resources.contracts.changes.grading import Sides, columns_of, grade
from platform_resources.contracts.changes.model import CLASSIFICATIONS, TIERS, Change, Comparison
from platform_resources.contracts.changes.renaming import renamed_columns
from platform_resources.contracts.documents import Document, path_text
from platform_resources.contracts.links import with_one_spelling
from platform_resources.contracts.model import Contract


def compare_contracts(
    before: Contract,
    after: Contract,
    classifications: Sequence[str] = CLASSIFICATIONS,
    tiers: Sequence[str] = TIERS,
) -> Comparison:
    """Every field that differs between two contracts, graded.

    Parameters
    ----------
    before, after
        Contracts read from documents (`Contract.document`); the raw documents are compared, so that fields which no
        view knows are covered too.
    classifications
        Names of the classifications in rising secrecy. From `personal` on (without it, from the third) a column is
        about persons.
    tiers
        Names of the tiers, from that which promises least.

    Raises
    ------
    ValueError
        when a contract has no document.
    """
    if before.document is None or after.document is None:
        raise ValueError("a contract that was not read from a document can't be compared")
    if before.document.raw == after.document.raw:
        return Comparison(before, after, ())
    sides = Sides(before, after, tuple(classifications), renamed_columns(before, after), tuple(tiers))
    domain = after.domain or before.domain or ""
    old, new = (with_one_spelling(side.document.data, domain) for side in (before, after) if side.document)
    changes = tuple(_change(difference, sides, before.document, after.document) for difference in differences(old, new))
    return Comparison(before, after, changes, sides.renamed)


def _change(difference: Difference, sides: Sides, before: Document, after: Document) -> Change:
    judged = grade(difference, sides)
    gone = difference.kind == "removed"
    document, place = (before, difference.old) if gone else (after, difference.new)
    nearest = difference.new
    while nearest not in after.lines:
        nearest = nearest[:-1]
    return Change(
        keys=difference.keys,
        kind=difference.kind,
        before=difference.before,
        after=difference.after,
        effect=judged.effect,
        breaks=judged.breaks,
        reason=judged.reason,
        columns=columns_of(difference, sides),
        file=document.path,
        line=document.line(place),
        place=path_text(nearest),
        place_line=after.line(nearest),
    )
