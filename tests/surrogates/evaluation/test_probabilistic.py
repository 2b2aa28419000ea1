"""Scores of standard deviations and intervals equal integrals and counts."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.evaluation.probabilistic import CRPS, Coverage, IntervalWidth, Spread, gaussian_coverage
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Metric

CALIBRATION = Calibration(
    scores=[0.5, 1.0, 4.0], shares=[0.5, 0.95, 1.0], count=100, blocks=100, relative=True
)


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    prediction = rng.normal(-110, 15, (6, 3, 4))
    deviation = rng.uniform(1, 8, prediction.shape)
    target = prediction + deviation * rng.normal(size=prediction.shape)
    weight = rng.integers(0, 3, prediction.shape)
    return tuple(torch.from_numpy(a).float() for a in (prediction, target, weight, deviation))


def score(metric: Metric, prediction, target, weight, spread: Spread) -> float:  # type: ignore[no-untyped-def]
    statistics = metric.statistics(prediction, target, weight, spread)
    return float(metric.combine({name: value.numpy().sum(axis=0) for name, value in statistics.items()}))


def test_crps_is_the_integral_of_the_squared_difference_of_distributions() -> None:
    for error, deviation in ((0.0, 1.0), (2.5, 0.7), (-30.0, 4.0)):
        integral = sum(
            quad(lambda x, e=error, d=deviation, s=step: (norm.cdf(x, e, d) - s) ** 2, *ends)[0]
            for step, ends in ((0.0, (error - 60, 0)), (1.0, (0, error + 60)))
        )
        ones = torch.ones(1, 1)
        found = score(CRPS(), ones * error, 0 * ones, ones, Spread(ones * deviation))
        assert found == pytest.approx(integral, rel=1e-5)


def test_crps_without_deviation_is_the_mean_absolute_error() -> None:
    prediction, target, weight, _ = example()
    mae = build("metrics", {"name": "mae"})
    totals = {name: value.numpy().sum() for name, value in mae.statistics(prediction, target, weight).items()}
    expected = float(mae.combine(totals))
    assert score(CRPS(), prediction, target, weight, Spread()) == pytest.approx(expected)
    assert score(CRPS(), prediction, target, weight, Spread(0 * weight)) == pytest.approx(expected)


def test_coverage_counts_weighted_cells_inside_scaled_deviations() -> None:
    prediction, target, weight, deviation = example()
    spread = Spread(deviation, CALIBRATION)
    z = ((prediction - target).abs() / deviation).numpy()
    w = weight.numpy()
    assert score(Coverage(0.9), prediction, target, weight, spread) == pytest.approx(
        (w * (z <= 1)).sum() / w.sum()
    )
    width = 2 * (w * deviation.numpy()).sum() / w.sum()
    assert score(IntervalWidth(0.9), prediction, target, weight, spread) == pytest.approx(width, rel=1e-6)
    inside = (w * (z <= norm.ppf(0.95))).sum() / w.sum()
    assert score(gaussian_coverage(0.9), prediction, target, weight, spread) == pytest.approx(inside)


def test_a_calibration_without_deviation_is_one_distance_for_all_cells() -> None:
    prediction, target, weight, _ = example()
    spread = Spread(None, CALIBRATION.model_copy(update={"relative": False}))
    inside = ((prediction - target).abs() <= 1.0).numpy()
    expected = (weight.numpy() * inside).sum() / weight.numpy().sum()
    assert score(Coverage(0.9), prediction, target, weight, spread) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [Coverage(0.9), IntervalWidth(0.9), gaussian_coverage(0.9)])
def test_what_is_not_there_is_nan(metric: Metric) -> None:
    prediction, target, weight, _ = example()
    assert np.isnan(score(metric, prediction, target, weight, Spread()))


@pytest.mark.parametrize("metric", [Coverage(0.999), IntervalWidth(0.999)])
def test_a_level_beyond_the_calibration_is_nan(metric: Metric) -> None:
    prediction, target, weight, deviation = example()
    assert np.isnan(score(metric, prediction, target, weight, Spread(deviation, CALIBRATION)))


@pytest.mark.parametrize("metric", [CRPS(), Coverage(0.9), IntervalWidth(0.9), gaussian_coverage(0.9)])
@pytest.mark.parametrize("which", ["prediction", "deviation"])
def test_nan_of_prediction_or_deviation_is_never_hidden(metric: Metric, which: str) -> None:
    prediction, target, weight, deviation = example()
    weight[:] = 1
    (prediction if which == "prediction" else deviation)[0, 0, 0] = torch.nan
    assert np.isnan(score(metric, prediction, target, weight, Spread(deviation, CALIBRATION)))


@pytest.mark.parametrize("name", ["coverage", "gaussian_coverage", "interval_width"])
def test_steps_ahead_are_scored_one_by_one_or_all_together(name: str) -> None:
    prediction, target, weight, deviation = example()
    weight[:] = 1
    spread = Spread(deviation, CALIBRATION)

    def at(step: int | None) -> float:
        return score(build("metrics", {"name": name, "step": step}), prediction, target, weight, spread)

    each = [at(step) for step in (1, 2, 3)]
    assert at(-1) == each[-1]
    assert np.mean(each) == pytest.approx(at(None))
    assert len(set(each)) > 1


def test_gaussian_intervals_have_a_width_too() -> None:
    prediction, target, weight, deviation = example()
    width = 2 * norm.ppf(0.95) * (weight * deviation).sum() / weight.sum()
    metric = build("metrics", {"name": "interval_width", "intervals": "gaussian"})
    assert score(metric, prediction, target, weight, Spread(deviation)) == pytest.approx(float(width))


def test_a_step_that_is_none_is_refused() -> None:
    for step in (0, -2):
        with pytest.raises(ConfigError, match="step"):
            build("metrics", {"name": "coverage", "step": step})
    line = torch.zeros(5)
    with pytest.raises(ValueError, match="has no horizon"):
        Coverage(step=1).statistics(line, line, line, Spread(line))


def test_a_level_outside_zero_and_one_is_refused() -> None:
    for name in ("coverage", "gaussian_coverage", "interval_width"):
        with pytest.raises(ValueError, match="'level' should be less than 1, found 90"):
            build("metrics", {"name": name, "level": 90})


def test_widths_and_crps_of_dbm_are_in_db() -> None:
    assert CRPS().units("0.1 lg(re 1 mW)") == IntervalWidth().units("0.1 lg(re 1 mW)") == "0.1 lg(re 1)"
    assert Coverage().units("0.1 lg(re 1 mW)") == "1"


def test_the_energy_score_of_a_circular_gaussian_is_that_of_its_draws():
    generator = torch.Generator().manual_seed(0)
    deviation, centre = 0.8, 1.0 + 0.5j
    for target in (1.0 + 0.5j, 2.0 - 0.3j, 9.0 + 0.0j):
        draws = [
            centre + deviation * torch.randn(400_000, dtype=torch.complex128, generator=generator)
            for _ in range(2)
        ]
        drawn = (draws[0] - target).abs().mean() - (draws[0] - draws[1]).abs().mean() / 2
        spread = Spread(torch.tensor([[deviation]]))
        score = CRPS().statistics(
            torch.tensor([[centre]]), torch.tensor([[target]]), torch.ones(1, 1), spread
        )["crps"]
        assert float(score) == pytest.approx(float(drawn), abs=3e-3)  # five deviations of the draws


def test_the_disc_of_a_circular_gaussian_holds_the_share_of_its_draws():
    draws = 0.8 * torch.randn(200_000, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    spread = Spread(torch.full((1,), 0.8))
    radius = spread.gaussian_radius(0.9, torch.zeros(1, dtype=torch.complex64))
    assert float((draws.abs() <= radius).double().mean()) == pytest.approx(0.9, abs=3e-3)
