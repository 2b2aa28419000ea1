"""Baselines that carry the last motion on: exact where the motion is what they assume."""

import math

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

NAMES = ("persistence", "uav/constant_velocity", "uav/constant_acceleration", "uav/quadratic_fit")
HISTORY, HORIZON = 20, 10
TIME = (torch.arange(HISTORY + HORIZON, dtype=torch.float64) - HISTORY + 1) * 0.1


def baseline(name: str, target: str = "position_forecast", components: tuple[int, ...] = (3,)):
    dims = ("trajectory", "horizon", "axis")[: 2 + len(components)]
    spec = VariableSpec(name=target, dims=dims, shape=(HORIZON, *components), units="m")
    past = spec.model_copy(
        update={
            "name": target.removesuffix("_forecast"),
            "dims": (dims[0], "time", *dims[2:]),
            "shape": (HISTORY, *components),
        }
    )
    return Baseline.build({"name": name}, Context.of([past], [spec]))


def windows(track: torch.Tensor, name: str = "position") -> dict[str, torch.Tensor]:
    return {name: track[:, :HISTORY].float(), f"{name}_forecast": track[:, HISTORY:].float()}


def polynomials(degree: int, count: int = 4, far: float = 0.0) -> torch.Tensor:
    """Tracks (count, time, 3) with random coefficients of the powers of time."""
    torch.manual_seed(degree)
    coefficients = torch.randn(count, degree + 1, 3, dtype=torch.float64)
    return far + torch.einsum("tp,bpc->btc", TIME[:, None] ** torch.arange(degree + 1), coefficients)


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("persistence", 0),
        ("uav/constant_velocity", 1),
        ("uav/constant_acceleration", 2),
        ("uav/quadratic_fit", 2),
    ],
)
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_motion_of_its_own_kind_is_forecast_exactly(name: str, degree: int, far: float) -> None:
    batch = windows(polynomials(degree, far=far))
    answer = baseline(name)(batch)["position_forecast"]
    rounding = 2e-4 if far else 2e-6  # of single precision, times the 55 of k (k + 1) / 2
    torch.testing.assert_close(answer, batch["position_forecast"], rtol=0, atol=55 * rounding)


@pytest.mark.parametrize(
    ("name", "degree"),
    [("persistence", 1), ("uav/constant_velocity", 2), ("uav/constant_acceleration", 3)],
)
def test_motion_of_the_next_kind_is_not(name: str, degree: int) -> None:
    batch = windows(polynomials(degree))
    assert (baseline(name)(batch)["position_forecast"] - batch["position_forecast"]).abs().max() > 0.1


def test_constant_velocity_is_the_difference_of_the_last_two_points() -> None:
    past = torch.randn(3, HISTORY, 3)
    answer = baseline("uav/constant_velocity")({"position": past})["position_forecast"]
    torch.testing.assert_close(answer[:, 4], past[:, -1] + 5 * (past[:, -1] - past[:, -2]))


def test_quadratic_fit_is_that_of_numpy() -> None:
    import numpy as np

    past = torch.randn(1, HISTORY, 3)
    answer = baseline("uav/quadratic_fit")({"position": past})["position_forecast"]
    fit = np.polyfit(np.arange(-9, 1), past[0, -10:].double().numpy(), 2)
    expected = np.stack([np.polyval(fit[:, axis], np.arange(1, 11)) for axis in range(3)], -1)
    torch.testing.assert_close(answer[0].double(), torch.from_numpy(expected), rtol=1e-5, atol=1e-4)


def test_noise_disturbs_a_fit_over_ten_points_less_than_three_points() -> None:
    batch = windows(polynomials(2, count=200))
    noisy = {"position": batch["position"] + 0.05 * torch.randn(200, HISTORY, 3)}
    error = {
        name: (baseline(name)(noisy)["position_forecast"] - batch["position_forecast"]).norm(dim=-1).mean()
        for name in ("uav/constant_acceleration", "uav/quadratic_fit")
    }
    assert error["uav/quadratic_fit"] < 0.2 * error["uav/constant_acceleration"]


@pytest.mark.parametrize("name", NAMES)
def test_deviation_is_the_error_on_training_windows(name: str) -> None:
    """A walk of independent steps: the error k steps ahead of a standstill grows with the root of k."""
    torch.manual_seed(0)
    walks = windows(0.2 * torch.randn(4000, HISTORY + HORIZON, 3, dtype=torch.float64).cumsum(1))
    fitted = baseline(name).fit(
        [{k: v[:1000] for k, v in walks.items()}, {k: v[1000:] for k, v in walks.items()}]
    )
    answer = fitted(walks)
    deviation = answer["position_forecast_standard_deviation"]
    error = answer["position_forecast"] - walks["position_forecast"]
    torch.testing.assert_close(deviation[0], error.square().mean(0).sqrt(), rtol=1e-4, atol=0)
    assert deviation.shape == answer["position_forecast"].shape
    if name == "persistence":
        steps = torch.arange(1, HORIZON + 1).sqrt()
        torch.testing.assert_close(deviation[0, :, 0], 0.2 * steps, rtol=0.05, atol=0)


def test_unknown_truth_does_not_count_in_the_deviation() -> None:
    batch = windows(polynomials(1))
    batch["position_forecast"] += 0.5
    batch["position_forecast"][0, 3] = math.nan
    deviation = baseline("uav/constant_velocity").fit([batch])(batch)["position_forecast_standard_deviation"]
    torch.testing.assert_close(deviation, torch.full_like(deviation, 0.5), rtol=0, atol=1e-4)


def test_any_forecast_variable_will_do() -> None:
    temperature = 20 + 0.3 * TIME[None].expand(2, -1)
    batch = windows(temperature, "temperature")
    answer = baseline("uav/constant_velocity", "temperature_forecast", ())(batch)
    torch.testing.assert_close(
        answer["temperature_forecast"], batch["temperature_forecast"], rtol=0, atol=1e-4
    )


def test_a_past_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="quadratic fit needs 10 points of the past, found 6"):
        baseline("uav/quadratic_fit")({"position": torch.zeros(1, 6, 3)})


def test_a_missing_past_is_named() -> None:
    with pytest.raises(ValueError, match="add 'position' to the task's inputs"):
        baseline("uav/constant_velocity")({"velocity": torch.zeros(1, 20, 3)})


def test_training_data_without_a_window_are_refused() -> None:
    with pytest.raises(ValueError, match="no training window"):
        baseline("uav/constant_velocity").fit([])
