"""Recorders whose clock hesitates: what they keep of a flight."""

import numpy as np
import pytest

from datasets.uav.recording import draw_clock, draw_drift, recorded
from datasets.uav.variables import STEP


def circle(samples: int, omega: float = 1.3, radius: float = 4.0) -> dict[str, np.ndarray]:
    angle = omega * STEP * np.arange(samples)
    turn = np.stack([np.cos(angle), np.sin(angle), 0.2 * np.ones(samples)], axis=1)
    speed = radius * omega * np.stack([-np.sin(angle), np.cos(angle), np.zeros(samples)], axis=1)
    half = angle / 2
    attitude = np.stack([np.cos(half), np.zeros(samples), np.zeros(samples), np.sin(half)], axis=1)
    return {"position": radius * turn, "velocity": speed, "attitude": attitude}


def test_a_steady_clock_changes_nothing():
    track = circle(60)
    found = recorded(track, STEP * np.arange(60))
    for name, values in track.items():
        np.testing.assert_allclose(found[name], values, atol=1e-12)


def test_positions_between_samples_lie_on_the_circle():
    times = np.linspace(0.0, 5.9, 173)
    found = recorded(circle(60), times)
    np.testing.assert_allclose(found["position"][:, :2], circle_at(times), atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(found["attitude"], axis=1), 1.0, atol=1e-12)


def test_a_setpoint_holds_until_the_next():
    setpoint = np.repeat([[0.0, 0.0, 5.0], [9.0, -3.0, 5.0]], 30, axis=0)
    times = np.array([0.0, 2.85, 2.9, 2.95, 2.999, 3.0, 3.05])
    found = recorded({**circle(60), "position_setpoint": setpoint}, times)
    np.testing.assert_array_equal(found["position_setpoint"][:, 0], [0, 0, 0, 0, 0, 9, 9])


def circle_at(times: np.ndarray, omega: float = 1.3, radius: float = 4.0) -> np.ndarray:
    return radius * np.stack([np.cos(omega * times), np.sin(omega * times)], axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_vehicle_time_never_runs_back_nor_out_of_the_flight(seed):
    times = draw_clock(400, np.random.default_rng(seed))
    assert times[0] == 0.0 and (np.diff(times) >= 0).all() and times[-1] <= 399 * STEP


def test_recordings_lose_time_in_holds():
    clocks = [np.diff(draw_clock(600, np.random.default_rng(seed))) for seed in range(200)]
    lost = np.array([1 - steps.mean() / STEP for steps in clocks])
    assert (lost > -0.01).all() and lost.max() < 0.3
    assert 0.01 < np.median(lost) < 0.15
    # A hold is a step of the log with less flight in it than in most: the shortest steps stand apart.
    assert np.median([np.quantile(steps, 0.01) for steps in clocks]) < 0.6 * STEP
    assert abs(np.median(np.concatenate(clocks)) - STEP) < 0.005


def test_equal_generators_draw_equal_clocks():
    one, two = (draw_clock(100, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_drift_wanders_slowly_and_more_in_height():
    errors = np.stack([draw_drift(600, np.random.default_rng(seed)) for seed in range(300)])
    deviation = errors.std(axis=(0, 1))
    np.testing.assert_allclose(deviation[:2].mean(), 0.03 / np.sqrt(3), rtol=0.1)  # of a uniform amplitude
    np.testing.assert_allclose(deviation[2] / deviation[:2].mean(), 2.0, rtol=0.1)
    ratio = (errors[:, 1:] * errors[:, :-1]).mean() / (errors**2).mean()
    assert np.exp(-0.1 / 0.5) < ratio < np.exp(-0.1 / 4.0)
    np.testing.assert_allclose(errors[:, 0].std(axis=0), errors[:, 300].std(axis=0), rtol=0.15)
