"""The form that a column's options ask for, as one SQL condition over any table that holds its values."""

from __future__ import annotations

from dataclasses import replace

from platform_resources.contracts.model import Column
from platform_resources.quality.checks import NotEvaluableError, form_checks
from platform_resources.quality.columns import Delivered, DeliveredColumn
from platform_resources.quality.conditions import bad_rows


def form_condition(column: Column, name: str, physical_type: str) -> str | None:
    """TRUE for the values of `name` that break pattern, length, range or enum of `column`; NULL breaks none.

    Empty when the column asks for no form; None when the type can't have it (a pattern on a number).
    """
    delivered = Delivered([DeliveredColumn(name, physical_type)])
    try:
        conditions = [bad_rows(check, delivered) for check in form_checks(replace(column, name=name))]
    except NotEvaluableError:
        return None
    return " OR ".join(f"({condition})" for condition in conditions)
