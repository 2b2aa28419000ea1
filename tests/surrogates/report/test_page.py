"""Tables of a report mark the best score where one can be told."""

import pytest

from surrogates.evaluation.tables import Score
from surrogates.report.page import _best


def column(metric: str, *values: float) -> list[Score]:
    rest = {"units": "m", "group": "all", "low": 0.0, "high": 0.0, "blocks": 9}
    gaps = {"above_first": 0.0, "above_first_low": 0.0, "above_first_high": 0.0}
    return [
        Score(method=f"method {n}", target="position", metric=metric, value=value, **rest, **gaps)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("metric", "best"),
    [("rmse", 1), ("bias", 2), ("r2", 0), ("uav/fde", 1)],
)
def test_the_best_is_smallest_largest_or_closest_to_zero(metric: str, best: int) -> None:
    assert _best(column(metric, 3.0, -1.0, 0.5)) == best


@pytest.mark.parametrize(
    "metric", ["coverage", "gaussian_coverage", "interval_width", "uav/horizon_coverage (level=0.68)"]
)
def test_no_interval_is_the_best(metric: str) -> None:
    assert _best(column(metric, 0.5, 0.9)) is None
