"""Metrics of forecast tracks, against values by hand."""

import math

import numpy as np
import pytest
import torch

from surrogates.evaluation.probabilistic import Spread
from surrogates.learning.conformal import Calibration
from surrogates.learning.context import Context
from surrogates.learning.contract import Metric

NOTHING = Context.of((), ())


def score(name: str, prediction, target, weight=None, spread: Spread | None = None, **arguments) -> float:
    metric = Metric.build({"name": name, **arguments}, NOTHING)
    weight = torch.ones_like(target) if weight is None else weight
    extra = {} if spread is None else {"spread": spread}
    statistics = metric.statistics(prediction, target, weight, **extra)
    return float(metric.combine({key: value.numpy().sum(0) for key, value in statistics.items()}))


def two_tracks() -> tuple[torch.Tensor, torch.Tensor]:
    """Errors of (3, 4, 0) times 0.1 and 0.3, and of (0, 0, 2) at the last of three steps of the second."""
    target = torch.arange(18, dtype=torch.float32).reshape(2, 3, 3)
    prediction = target.clone()
    prediction[0, 0] += torch.tensor([0.3, 0.4, 0.0])
    prediction[0, 1] += torch.tensor([0.9, 1.2, 0.0])
    prediction[1, 2] += torch.tensor([0.0, 0.0, 2.0])
    return prediction, target


def test_displacements_are_lengths_not_components() -> None:
    prediction, target = two_tracks()
    assert score("uav/ade", prediction, target) == pytest.approx((0.5 + 1.5 + 2.0) / 6)
    assert score("uav/fde", prediction, target) == pytest.approx(1.0)
    by_step = [score("uav/displacement", prediction, target, step=step) for step in (1, 2, 3)]
    assert by_step == pytest.approx([0.25, 0.75, 1.0])
    assert np.mean(by_step) == pytest.approx(score("uav/ade", prediction, target))


def test_miss_rate_counts_ends_beyond_the_threshold() -> None:
    prediction, target = two_tracks()
    assert score("uav/miss_rate", prediction, target) == pytest.approx(0.5)
    assert score("uav/miss_rate", prediction, target, threshold=2.5) == 0.0


def test_a_step_counts_where_all_of_its_components_do() -> None:
    prediction, target = two_tracks()
    weight = torch.ones_like(target)
    weight[0, 1, 2] = 0
    assert score("uav/ade", prediction, target, weight) == pytest.approx((0.5 + 2.0) / 5)


def test_metrics_keep_units_of_length_or_have_none() -> None:
    units = {
        name: Metric.build({"name": name}, NOTHING).units("m")
        for name in ("uav/ade", "uav/fde", "uav/miss_rate")
    }
    assert units == {"uav/ade": "m", "uav/fde": "m", "uav/miss_rate": "1"}


def test_a_step_beyond_the_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^step 4 was asked for, but the horizon has 3"):
        score("uav/displacement", *two_tracks(), step=4)


def test_coverage_at_the_horizon_of_quantiles() -> None:
    prediction, target = two_tracks()
    quantiles = torch.stack([prediction - 0.1, prediction, prediction + 0.1], dim=1)
    calibration = Calibration(scores=[30.0], shares=[1.0], count=99, blocks=99, relative=True)
    spread = Spread(None, calibration, quantiles, torch.tensor([0.05, 0.5, 0.95]))
    score_ = score("uav/horizon_coverage", prediction, target, spread=spread, intervals="calibrated")
    assert score_ == 1.0
    narrow = Spread(None, calibration.model_copy(update={"scores": [10.0]}), quantiles, spread.levels)
    assert score(
        "uav/horizon_coverage", prediction, target, spread=narrow, intervals="calibrated"
    ) == pytest.approx(5 / 6)


def test_fields_are_refused() -> None:
    field = torch.zeros(2, 5)
    with pytest.raises(ValueError, match=r"\(2, 5\); distances need"):
        score("uav/ade", field, field)


@pytest.mark.parametrize("level", [0.68, 0.95])
def test_coverage_at_the_horizon_sees_the_last_step_alone(level: float) -> None:
    torch.manual_seed(0)
    target = torch.randn(20_000, 4, 3)
    prediction = torch.zeros_like(target)
    deviation = torch.ones_like(target)
    deviation[:, :-1] = 1e-6
    spread = Spread(deviation)
    assert score("uav/horizon_coverage", prediction, target, spread=spread, level=level) == pytest.approx(
        level, abs=0.01
    )


def test_coverage_at_the_horizon_of_calibrated_intervals() -> None:
    prediction, target = two_tracks()
    spread = Spread(
        0.5 * torch.ones_like(target),
        Calibration(scores=[3.0], shares=[1.0], count=99, blocks=99, relative=True),
    )
    wide = score("uav/horizon_coverage", prediction, target, spread=spread, intervals="calibrated")
    assert wide == pytest.approx(5 / 6)


def test_coverage_without_deviations_is_unknown() -> None:
    assert math.isnan(score("uav/horizon_coverage", *two_tracks(), spread=Spread()))
