"""Turbulence: deviation, time of correlation, direction."""

import math

import array_api_strict
import numpy as np
import pytest

from physics.flight.wind import Turbulence, Wind, turbulence_scales

FOOT = 0.3048


def test_scales_are_those_of_the_low_altitude_model() -> None:
    length, deviation = turbulence_scales(np.array([100.0 * FOOT]), np.array([10.0]), np)
    shape = 0.177 + 0.000823 * 100.0
    expected = np.array([100.0 / shape**1.2, 100.0 / shape**1.2, 100.0]) * FOOT
    np.testing.assert_allclose(length[:, 0], expected)
    np.testing.assert_allclose(deviation[:, 0], [1.0 / shape**0.4, 1.0 / shape**0.4, 1.0])


def test_all_components_are_alike_at_1000_feet_and_above_and_heights_below_10_count_as_10() -> None:
    altitude = np.array([1000.0, 5000.0, 10.0, -3.0]) * FOOT
    length, deviation = turbulence_scales(altitude, np.full(4, 5.0), np)
    np.testing.assert_allclose(length[:, 0], 1000.0 * FOOT)
    np.testing.assert_allclose(deviation[:, 0], 0.5)
    np.testing.assert_allclose(length[:, 1], length[:, 0])
    np.testing.assert_allclose(length[:, 3], length[:, 2])


@pytest.fixture(scope="module")
def gusts() -> np.ndarray:
    """Gusts (steps, 3, n) along, across and up: 8 m/s to the north-east at 30 m, for a hovering vehicle."""
    count, steps, period = 400, 500, 0.1
    bearing = math.radians(45.0)
    mean = 8.0 * np.array([math.cos(bearing), math.sin(bearing), 0.0])[:, None] + np.zeros((3, count))
    draws = np.random.default_rng(0).standard_normal((steps, 3, count))
    turbulence = Turbulence(np, Wind(mean, draws), period)
    altitude, still = np.full(count, 30.0), np.zeros((3, count))
    air = np.stack([turbulence.update(altitude, still) - mean for _ in range(steps)])
    east, north = air[:, 0], air[:, 1]
    return np.stack([(east + north) / math.sqrt(2.0), (north - east) / math.sqrt(2.0), air[:, 2]], axis=1)


def test_deviation_is_that_of_the_model_from_the_first_moment_on(gusts: np.ndarray) -> None:
    _, deviation = turbulence_scales(np.array([30.0]), np.array([8.0]), np)
    np.testing.assert_allclose(gusts.std(axis=(0, 2)), deviation[:, 0], rtol=0.05)
    np.testing.assert_allclose(gusts[0].std(axis=1), deviation[:, 0], rtol=0.12)


def test_time_of_correlation_is_the_length_over_the_airspeed(gusts: np.ndarray) -> None:
    length, _ = turbulence_scales(np.array([30.0]), np.array([8.0]), np)
    lag = 20  # 2 s
    for part in range(3):
        first, later = gusts[:-lag, part].ravel(), gusts[lag:, part].ravel()
        correlation = float(np.mean(first * later) / np.mean(gusts[:, part] ** 2))
        assert -2.0 / math.log(correlation) == pytest.approx(length[part, 0] / 8.0, rel=0.12)


def test_components_are_independent(gusts: np.ndarray) -> None:
    flat = np.moveaxis(gusts, 1, 0).reshape(3, -1)
    np.testing.assert_allclose(np.corrcoef(flat)[np.triu_indices(3, 1)], 0.0, atol=0.05)


def test_still_air_has_no_gusts() -> None:
    draws = np.ones((3, 3, 2))
    mean = np.array([[0.0, 3.0], [0.0, 0.0], [0.0, 0.0]])
    turbulence = Turbulence(np, Wind(mean, draws), 0.02)
    for _ in range(3):
        air = turbulence.update(np.full(2, 10.0), np.zeros((3, 2)))
    np.testing.assert_array_equal(air[:, 0], 0.0)
    assert air[0, 1] != 3.0


def test_gusts_are_the_same_on_a_strict_array_library() -> None:
    xp = array_api_strict
    rng = np.random.default_rng(2)
    mean, draws, velocity = rng.normal(size=(3, 4)), rng.normal(size=(3, 3, 4)), rng.normal(size=(3, 4))
    altitude = np.full(4, 12.0)
    ours = Turbulence(np, Wind(mean, draws), 0.02)
    theirs = Turbulence(xp, Wind(xp.asarray(mean), xp.asarray(draws)), 0.02)
    for _ in range(3):
        one = ours.update(altitude, velocity)
        other = theirs.update(xp.asarray(altitude), xp.asarray(velocity))
    np.testing.assert_allclose(np.asarray(other), one, rtol=1e-12)
