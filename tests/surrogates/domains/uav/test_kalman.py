"""Filters as baselines: what they forecast, how sure they are, and what they choose."""

import math

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.domains.uav import motion
from surrogates.domains.uav.kalman import first_beliefs
from surrogates.evaluation.filters import forecast, track
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

NAMES = ("uav/kalman_cv", "uav/kalman_ca", "uav/coordinated_turn", "imm")
HISTORY, HORIZON, STEP = 20, 10, 0.1
TIME = STEP * torch.arange(HISTORY + HORIZON, dtype=torch.float64)
TARGET, SPREAD = "position_forecast", "position_forecast_standard_deviation"


def baseline(name: str, **arguments: float):
    spec = VariableSpec(
        name=TARGET,
        dims=("trajectory", "horizon", "axis"),
        shape=(HORIZON, 3),
        units="m",
        attributes={"step": STEP},
    )
    return Baseline.build({"name": name, **arguments}, Context.of((), [spec]))


def batch_of(path: torch.Tensor, noise: float = 0.0) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    measured = path + noise * torch.randn_like(path)
    return {"position": measured[:, :HISTORY].float(), TARGET: path[:, HISTORY:].float()}


def lines(count: int = 300) -> torch.Tensor:
    torch.manual_seed(1)
    return TIME[:, None] * 3 * torch.randn(count, 1, 3, dtype=torch.float64)


def parabolas(count: int = 300) -> torch.Tensor:
    torch.manual_seed(2)
    return lines(count) + TIME[:, None].square() * torch.randn(count, 1, 3, dtype=torch.float64)


def turns(count: int = 300) -> torch.Tensor:
    """Level circles of 3 to 8 m/s with 0.6 to 1.5 rad/s to either side."""
    torch.manual_seed(3)
    rate = (0.6 + 0.9 * torch.rand(count, 1)) * torch.where(torch.rand(count, 1) < 0.5, -1, 1)
    angle = rate * TIME + 2 * math.pi * torch.rand(count, 1)
    radius = (3 + 5 * torch.rand(count, 1)) / rate.abs()
    return torch.stack([radius * angle.cos(), radius * angle.sin(), torch.zeros_like(angle)], -1)


def fde(name: str, batch: dict[str, torch.Tensor], **arguments: float) -> float:
    answer = baseline(name, **arguments)(batch)[TARGET]
    return float((answer[:, -1] - batch[TARGET][:, -1]).norm(dim=-1).mean())


def test_each_filter_knows_its_own_motion() -> None:
    assert fde("uav/kalman_cv", batch_of(lines()), process_noise=1e-3, measurement_noise=0.003) < 1e-2
    assert fde("uav/kalman_ca", batch_of(parabolas()), process_noise=1e-2, measurement_noise=0.003) < 0.05
    quiet = {"process_noise": 1e-2, "measurement_noise": 0.003, "turn_noise": 1e-2}
    assert fde("uav/coordinated_turn", batch_of(turns()), **quiet) < 0.1


def test_a_turn_is_beyond_a_constant_velocity() -> None:
    batch = batch_of(turns(), 0.01)
    assert fde("uav/coordinated_turn", batch, measurement_noise=0.01) < 0.4 * fde(
        "uav/kalman_cv", batch, measurement_noise=0.01
    )


def test_a_filter_beats_the_difference_of_the_last_two_points_in_noise() -> None:
    batch = batch_of(lines(), 0.05)
    difference = baseline("uav/constant_velocity")(batch)[TARGET]
    naive = float((difference[:, -1] - batch[TARGET][:, -1]).norm(dim=-1).mean())
    assert fde("uav/kalman_cv", batch, process_noise=0.01, measurement_noise=0.05) < 0.2 * naive


@pytest.mark.parametrize(
    ("name", "arguments", "motions", "stay"),
    [
        ("uav/kalman_cv", {}, [motion.constant_velocity(STEP, 2.0)], 1.0),
        ("uav/kalman_ca", {}, [motion.constant_acceleration(STEP, 2.0)], 1.0),
        ("uav/coordinated_turn", {}, [motion.coordinated_turn(STEP, 2.0, 0.3)], 1.0),
        ("uav/coordinated_turn", {"turn_noise": 0.05}, [motion.coordinated_turn(STEP, 2.0, 0.05)], 1.0),
        ("uav/imm", {}, "all", 0.95),
        ("uav/imm", {"stay": 0.8}, "all", 0.8),
    ],
)
def test_each_name_stands_for_the_filter_of_its_motions(name: str, arguments, motions, stay: float) -> None:
    """The filter of these motions is compared with filterpy in `test_filters`."""
    if motions == "all":
        velocity, acceleration = motion.constant_velocity(STEP, 0.2), motion.constant_acceleration(STEP, 20.0)
        motions = [velocity, acceleration, motion.coordinated_turn(STEP, 2.0, 0.3)]
    past = batch_of(torch.cat([lines(5), parabolas(5), turns(5)]), 0.05)["position"].double()
    points = past - past[:, -1:]
    beliefs = track(points[:, 1:], first_beliefs(points[:, 0], len(motions), 0.05), motions, 0.05, stay)
    mean, variance = forecast(beliefs, motions, HORIZON, measured=3)
    found = baseline(name, process_noise=2.0, measurement_noise=0.05, **arguments)({"position": past})
    torch.testing.assert_close(found[TARGET], mean + past[:, -1:], rtol=0, atol=1e-12)
    torch.testing.assert_close(found[SPREAD], variance.sqrt(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("paths", [lines, parabolas, turns])
def test_interacting_motions_are_never_worse_than_the_worst_of_them(paths) -> None:
    batch = batch_of(paths(), 0.01)
    errors = {name: fde(name, batch, process_noise=1.0, measurement_noise=0.01) for name in NAMES}
    others = [error for name, error in errors.items() if name != "imm"]
    assert errors["imm"] < max(others)
    assert errors["imm"] < sum(others) / 3


def test_mixed_motions_are_where_interacting_motions_win() -> None:
    batch = batch_of(torch.cat([lines(40), turns(80)]), 0.02)
    fitted = {name: baseline(name).fit([batch])(batch)[TARGET] for name in NAMES}
    errors = {n: float((a[:, -1] - batch[TARGET][:, -1]).norm(dim=-1).mean()) for n, a in fitted.items()}
    assert errors["imm"] < min(errors["uav/kalman_cv"], errors["uav/kalman_ca"])


def test_a_filter_that_knows_the_noise_is_as_sure_as_it_is_right() -> None:
    """Tracks drawn from the model itself: the error over the deviation has a variance of one."""
    torch.manual_seed(4)
    density, noise, count = 2.0, 0.05, 1500
    fine = STEP / 20
    kicks = math.sqrt(density * fine) * torch.randn(count, 20 * (HISTORY + HORIZON), 3, dtype=torch.float64)
    velocity = 3 * torch.randn(count, 1, 3, dtype=torch.float64) + kicks.cumsum(1)
    path = (velocity * fine).cumsum(1)[:, ::20]
    batch = batch_of(path, noise)
    answer = baseline("uav/kalman_cv", process_noise=density, measurement_noise=noise)(batch)
    ratio = (answer[TARGET] - batch[TARGET]) / answer[SPREAD]
    torch.testing.assert_close(ratio.square().mean((0, 2)), torch.ones(HORIZON), rtol=0, atol=0.08)


@pytest.mark.parametrize("name", NAMES)
def test_uncertainty_grows_over_the_horizon(name: str) -> None:
    answer = baseline(name)(batch_of(turns(20), 0.02))
    assert answer[SPREAD].shape == answer[TARGET].shape
    assert (answer[SPREAD].diff(dim=1) > 0).all()


def test_fit_finds_the_noise_of_the_measurement() -> None:
    for noise in (0.003, 0.1):
        fitted = baseline("uav/kalman_ca").fit([batch_of(parabolas(200), noise)])
        assert fitted.noise[TARGET].measurement == noise


def test_fit_leaves_what_was_given_and_does_not_depend_on_the_batches() -> None:
    batch = batch_of(turns(), 0.02)
    whole = baseline("uav/kalman_cv", process_noise=7.0).fit([batch])
    parts = baseline("uav/kalman_cv", process_noise=7.0).fit(
        [{k: v[:100] for k, v in batch.items()}, {k: v[100:] for k, v in batch.items()}]
    )
    assert whole.noise == parts.noise
    assert whole.noise[TARGET].process == 7.0


def test_far_from_the_origin_the_forecast_is_the_same() -> None:
    batch = batch_of(turns(50).round(decimals=2))
    here = baseline("imm")(batch)[TARGET]
    there = baseline("imm")({"position": batch["position"].double() + 4096.0})[TARGET] - 4096.0
    torch.testing.assert_close(there.float(), here, rtol=0, atol=1e-5)


def test_a_variable_that_is_no_position_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 20\); a filter needs positions"):
        baseline("uav/kalman_cv")({"position": torch.zeros(2, 20)})


def test_training_data_without_a_window_are_refused() -> None:
    with pytest.raises(ValueError, match="no training window"):
        baseline("imm").fit([])
