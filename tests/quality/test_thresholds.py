"""The eight operators, exactly."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.thresholds import OPERATORS, holds, threshold_text

CASES = {  # operator: (threshold, values that satisfy it, values that don't)
    "mustBe": (3, [3, 3.0, Decimal("3.00"), Fraction(3)], [2, 4, 3.0001]),
    "mustNotBe": (3, [2, 4, 3.0001], [3, 3.0]),
    "mustBeGreaterThan": (3, [4, 3.1, math.inf], [3, 2, -math.inf]),
    "mustBeGreaterOrEqualTo": (3, [3, 4], [2.999]),
    "mustBeLessThan": (3, [2, -5], [3, 4]),
    "mustBeLessOrEqualTo": (3, [3, 2], [3.001]),
    "mustBeBetween": ([2, 4], [2, 3, 4], [1.99, 4.01, math.inf]),
    "mustNotBeBetween": ([2, 4], [1.99, 4.01], [2, 3, 4]),
}


def test_every_operator_of_the_standard_is_known():
    assert set(OPERATORS) == set(CASES)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator(operator):
    threshold, good, bad = CASES[operator]
    assert all(holds(operator, threshold, value) for value in good)
    assert not any(holds(operator, threshold, value) for value in bad)
    assert not holds(operator, threshold, math.nan)
    assert threshold_text(operator, threshold, "percent").endswith(" percent")


def test_numbers_are_compared_as_they_are_written():
    assert holds("mustBe", 4596039.58, Decimal("4596039.58"))
    assert not holds("mustBe", 4596039.58, Decimal("4596039.57"))
    assert holds("mustBeLessOrEqualTo", 0.1, Fraction(1, 10))
    assert not holds("mustBe", 9007199254740993, 9007199254740992.0)


def test_texts_and_booleans():
    assert holds("mustBe", "USD", "USD")
    assert holds("mustNotBe", "USD", "EUR")
    assert holds("mustBe", True, True)
    assert not holds("mustBe", True, False)


@pytest.mark.parametrize(
    ("operator", "threshold", "value"),
    [
        (None, 1, 1),
        ("mustBeNice", 1, 1),
        ("mustBe", None, 1),
        ("mustBeLessThan", "many", 1),
        ("mustBeLessThan", 1, "abc"),
        ("mustBe", 1, "abc"),
        ("mustBeBetween", [4, 2], 3),
        ("mustBeBetween", 4, 3),
        ("mustBeLessThan", math.nan, 1),
    ],
)
def test_what_does_not_fit_together_is_no_verdict(operator, threshold, value):
    with pytest.raises(NotEvaluableError):
        holds(operator, threshold, value)
