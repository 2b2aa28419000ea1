"""Tables of a report mark the best score where one can be told."""

import pytest

from surrogates.evaluation.tables import Score
from surrogates.learning.contract import Best
from surrogates.report.page import _best


def column(best: Best, *values: float) -> list[Score]:
    rest = {
        "metric": "score",
        "units": "m",
        "best": best,
        "group": "all",
        "low": 0.0,
        "high": 0.0,
        "blocks": 9,
    }
    gaps = {"above_first": 0.0, "above_first_low": 0.0, "above_first_high": 0.0}
    return [
        Score(method=f"method {n}", target="position", value=value, **rest, **gaps)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("best", "number"),
    [("smallest", 1), ("zero", 2), ("largest", 0)],
)
def test_the_best_is_smallest_largest_or_closest_to_zero(best: Best, number: int) -> None:
    assert _best(column(best, 3.0, -1.0, 0.5)) == number


def test_of_some_metrics_no_value_is_the_best() -> None:
    assert _best(column("none", 0.5, 0.9)) is None
