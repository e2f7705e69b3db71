"""Medians and quantiles of what came before, over an array of versions × figures. Pure; pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


def before(values: Array, window: int, least: int, share: float = 0.5, since: int = 0) -> Array:
    """By row and column: the median (or another quantile) of the rows before it; NaN when fewer than `least` have one.

    Rows before `since` are not asked for.
    """
    found, start = np.full(values.shape, np.nan), max(0, since - window)
    rolling = pd.DataFrame(values[start:]).rolling(window, min_periods=least, closed="left")
    found[since:] = rolling.quantile(share).to_numpy()[since - start :]
    return found


def before_in_group(values: Array, groups: Sequence[int], window: int, least: int) -> Array:
    """The median of the rows before it that are of the same group."""
    rolling = pd.DataFrame(values).groupby(np.array(groups)).rolling(window, min_periods=least, closed="left")
    return rolling.median().droplevel(0).sort_index().to_numpy()


def counted(flags: Flags, window: int) -> Array:
    """How many of the rows before each have it."""
    return pd.DataFrame(flags.astype(float)).rolling(window, min_periods=0, closed="left").sum().to_numpy()
