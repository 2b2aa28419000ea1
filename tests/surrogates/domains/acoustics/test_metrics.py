"""Errors of measures of predicted responses."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.domains.acoustics.metrics import MEASURES, ResponseError
from surrogates.learning.context import Context, facts_of

STEP = 1 / 4000.0
RESPONSES = VariableSpec(
    name="receiver_pressure", dims=("sample", "receiver", "time"), shape=(3, 12), units="Pa"
)


def decays(*seconds: float) -> torch.Tensor:
    """Responses (batch, 1, time) whose energy decays by 60 dB in some times."""
    times = STEP * np.arange(6000)
    return torch.from_numpy(np.stack([10 ** (-3 * times / each) for each in seconds]))[:, None]


def score(metric: ResponseError, prediction: torch.Tensor, target: torch.Tensor, weight=None) -> float:
    weight = torch.ones_like(target) if weight is None else weight
    found = metric.statistics(prediction, target, weight)
    return float(metric.combine({name: each.sum().numpy() for name, each in found.items()}))


def test_error_of_the_reverberation_time_is_the_difference_of_the_decays() -> None:
    found = score(ResponseError(STEP), decays(0.3, 0.5), decays(0.4, 0.42))
    assert found == pytest.approx((0.1 + 0.08) / 2, rel=0.02)


@pytest.mark.parametrize(
    ("measure", "expected"), [("level", 20 * np.log10(2.0)), ("clarity", 0.0), ("definition", 0.0)]
)
def test_a_louder_response_has_another_level_and_the_same_clarity(measure, expected: float) -> None:
    metric = ResponseError(STEP, measure)
    assert score(metric, 2 * decays(0.3), decays(0.3)) == pytest.approx(expected, abs=1e-9)


def test_a_response_without_a_reverberation_time_does_not_count() -> None:
    metric, short = ResponseError(STEP), decays(9.0)
    assert score(metric, torch.cat([decays(0.3), short]), torch.cat([decays(0.4), short])) == pytest.approx(
        0.1, rel=0.02
    )
    assert np.isnan(score(metric, short, short))


def test_samples_that_do_not_count_are_silent() -> None:
    metric, target, weight = ResponseError(STEP, "level"), decays(0.4), torch.ones(1, 1, 6000)
    weight[..., 500:] = 0
    wrong = target.clone()
    wrong[..., 500:] = 7.0
    assert score(metric, wrong, target, weight) == pytest.approx(0.0, abs=1e-9)
    assert score(metric, wrong, target) > 10


@pytest.mark.parametrize("measure", ["clarity", "definition", "level"])
def test_metrics_keep_what_their_kind_promises(measure) -> None:
    testing.check_metric(ResponseError(0.011, measure), RESPONSES, best=0.0)


def test_the_time_step_comes_from_the_data() -> None:
    time = xr.DataArray(np.arange(12) * 0.5, dims="time", attrs={"units": "ms"})
    context = Context.of((), (RESPONSES,), shared={"time": time})
    assert facts_of(ResponseError.facts, context, {}, "the metric") == {"time_step": pytest.approx(5e-4)}


def test_each_measure_says_its_units() -> None:
    assert {name: ResponseError(STEP, name).units("Pa") for name in MEASURES} == {
        "reverberation_time": "s",
        "clarity": "0.1 lg(re 1)",
        "definition": "1",
        "level": "0.1 lg(re 1)",
    }
