"""The one mask that is applied to a column: what fits it, and of several the most restrictive."""

from __future__ import annotations

from collections.abc import Iterable

from platform_resources.access.model import Mask
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.mask_order import STRENGTH, coarsest
from platform_resources.contracts.masking import mask_misfits
from platform_resources.contracts.model import Column

REDACT = Mask("redact")


def applied_mask(column: Column, masks: Iterable[Mask]) -> Mask:
    """The mask that `masks`, which all hold, come to on a column. It hides what any of them hides.

    A mask that can't be applied as it is written (strategy unknown, or none for this type; null where the contract
    promises a value) redacts: only then does a typo not open a column. The strongest strategy wins, by `STRENGTH`; of
    several `generalise` the coarsest that they have in common, of several hints none.
    """
    fitting = [_fitting(column, mask) for mask in masks]
    if not fitting:
        return REDACT
    strongest = max(fitting, key=lambda mask: STRENGTH.index(mask.strategy))
    for mask in fitting:
        if mask.strategy == strongest.strategy:
            strongest = _fitting(column, _both(strongest, mask))
    return strongest


def _fitting(column: Column, mask: Mask) -> Mask:
    try:
        canonical_type(column.physical_type or "")
    except ColumnTypeError:
        return REDACT
    written = {**mask.options, "strategy": mask.strategy}
    misfits = any(mask_misfits(written, column.physical_type, column.required))
    return REDACT if misfits else mask


def _both(one: Mask, other: Mask) -> Mask:
    if one.strategy == "generalise":
        options = coarsest(one.options, other.options)
        return REDACT if options is None else Mask("generalise", None, options)
    if one.strategy == "partial" and _form(one) != _form(other):
        return REDACT  # the hints together would tell more than each
    return one


def _form(mask: Mask) -> str:
    return str(mask.options.get("format", "name"))
