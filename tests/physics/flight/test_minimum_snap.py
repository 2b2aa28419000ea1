"""Minimum snap: the constraints, optimality, limits, and RotorPy's quadratic programme."""

import math

import array_api_strict
import numpy as np
import pytest
from numpy.polynomial.polynomial import polyder, polyval
from scipy.optimize import minimize

from physics.flight.minimum_snap import (
    PiecewisePolynomial,
    limited,
    minimum_snap,
    peak,
    travel_times,
)

POINTS = np.array([[0, 0, 5], [8, 3, 7], [12, 12, 4], [-5, 14, 9], [-9, 2, 12], [3, -6, 6]], dtype=float)
TIMES = (2.5, 3.0, 4.0, 3.5, 4.2)


def snap(coefficients: np.ndarray, length: float) -> float:
    """Integral of the squared fourth derivative of a polynomial in its own time from 0 to 1, m2/s7."""
    nodes, weights = np.polynomial.legendre.leggauss(8)  # exact: the square has degree 6
    fourth = polyval(0.5 + 0.5 * nodes, polyder(coefficients, 4))
    return float(0.5 * np.sum(weights * fourth**2)) / length**7


@pytest.fixture(scope="module")
def path() -> PiecewisePolynomial:
    return minimum_snap(POINTS, TIMES)


def test_path_passes_its_waypoints_and_rests_at_both_ends(path: PiecewisePolynomial) -> None:
    knots = np.concatenate([[0.0], np.cumsum(TIMES)])
    np.testing.assert_allclose(path(knots), POINTS, atol=1e-9)
    for derivative in (1, 2, 3):
        np.testing.assert_allclose(path(knots[[0, -1]], derivative), 0.0, atol=1e-8)


def test_derivatives_up_to_the_sixth_are_continuous(path: PiecewisePolynomial) -> None:
    for knot in np.cumsum(TIMES)[:-1]:
        for derivative in range(7):
            before, after = path(np.array([knot - 1e-9, knot + 1e-9]), derivative)
            np.testing.assert_allclose(before, after, atol=1e-6 * max(1.0, np.abs(after).max()))


def test_values_are_the_derivatives_of_each_other(path: PiecewisePolynomial) -> None:
    time = np.linspace(0.0, sum(TIMES), 20_001)
    for derivative in (0, 1):
        rate = np.gradient(path(time, derivative), time, axis=0)
        np.testing.assert_allclose(rate[1:-1], path(time, derivative + 1)[1:-1], atol=1e-4)


def test_path_rests_outside_its_time(path: PiecewisePolynomial) -> None:
    time = np.array([-1.0, sum(TIMES) + 1.0])
    np.testing.assert_allclose(path(time), POINTS[[0, -1]], atol=1e-9)
    np.testing.assert_array_equal(path(time, 1), 0.0)


def test_no_path_that_keeps_the_constraints_has_less_snap() -> None:
    # One inner waypoint: the free numbers are its velocity, acceleration and jerk along each axis; between
    # given ends up to jerk a polynomial of degree 7 is the only one.
    points, times = POINTS[:3], TIMES[:2]
    ours = minimum_snap(points, times)

    def cost(inner: np.ndarray) -> float:
        return sum(
            _cost_between(points[i], points[i + 1], inner if i else None, None if i else inner, times[i])
            for i in range(2)
        )

    best = minimize(cost, np.zeros(9), method="BFGS", options={"gtol": 1e-8})
    found = sum(snap(part, length) for part, length in zip(ours.coefficients, times, strict=True))
    assert found == pytest.approx(best.fun, rel=1e-6)
    inner = np.stack([ours(np.array([times[0]]), derivative)[0] for derivative in (1, 2, 3)])
    np.testing.assert_allclose(best.x.reshape(3, 3), inner, rtol=1e-3, atol=1e-3)


def _cost_between(
    begin: np.ndarray, end: np.ndarray, first: np.ndarray | None, last: np.ndarray | None, length: float
) -> float:
    """Snap of the polynomial between two ends with velocity, acceleration and jerk (9,), zero for None."""
    rows = [
        [
            math.perm(power, order) * at ** max(power - order, 0) if power >= order else 0.0
            for power in range(8)
        ]
        for at in (0.0, 1.0)
        for order in range(4)
    ]
    ends = [np.zeros((3, 3)) if each is None else each.reshape(3, 3) for each in (first, last)]
    scale = length ** np.array([[1.0], [2.0], [3.0]])
    right = np.concatenate([[begin], scale * ends[0], [end], scale * ends[1]])
    return snap(np.linalg.solve(np.array(rows), right), length)


def test_stretching_the_times_brings_speed_and_acceleration_to_their_limits(
    path: PiecewisePolynomial,
) -> None:
    time_of = {"speed": (2.0, 50.0), "acceleration": (50.0, 1.5)}
    for name, (speed, acceleration) in time_of.items():
        scaled = limited(path, speed, acceleration)
        time = np.linspace(0.0, sum(scaled.times), 5000)
        fastest, strongest = (np.linalg.norm(scaled(time, order), axis=1).max() for order in (1, 2))
        assert fastest <= speed * 1.002
        assert strongest <= acceleration * 1.002
        binding = {"speed": fastest / speed, "acceleration": strongest / acceleration}[name]
        assert binding == pytest.approx(1.0, abs=2e-3)


def test_a_stretched_path_is_the_optimum_for_its_times(path: PiecewisePolynomial) -> None:
    scaled = limited(path, 3.0, 2.0)
    again = minimum_snap(POINTS, scaled.times)
    time = np.linspace(0.0, sum(scaled.times), 50)
    np.testing.assert_allclose(scaled(time), again(time), atol=1e-8)
    assert peak(again, 1) == pytest.approx(peak(scaled, 1))


def test_times_are_those_of_a_trapezoid_or_a_triangle() -> None:
    points = np.array([[0.0, 0.0, 0.0], [20.0, 0.0, 0.0], [20.0, 4.0, 0.0]])
    # 20 m at 5 m/s and 2.5 m/s2: 2 s up over 5 m, 2 s at 5 m/s, 2 s down; 4 m: a triangle, 2 sqrt(4 / 2.5)
    np.testing.assert_allclose(travel_times(points, 5.0, 2.5), [6.0, 2.0 * math.sqrt(1.6)])


def test_path_is_rotorpys(path: PiecewisePolynomial) -> None:
    oracle = pytest.importorskip("rotorpy.trajectories.minsnap", reason="RotorPy is the oracle here")
    theirs = oracle.MinSnap(POINTS, v_avg=3.0, v_max=1e4, verbose=False)
    ours = minimum_snap(POINTS, tuple(theirs.delta_t))
    time = np.linspace(0.0, sum(ours.times), 40)
    flat = [theirs.update(t) for t in time]
    np.testing.assert_allclose(ours(time), [each["x"] for each in flat], atol=1e-4)
    np.testing.assert_allclose(ours(time, 2), [each["x_ddot"] for each in flat], atol=1e-3)


def test_path_is_the_same_on_a_strict_array_library(path: PiecewisePolynomial) -> None:
    xp = array_api_strict
    theirs = minimum_snap(xp.asarray(POINTS), TIMES)
    time = np.linspace(0.0, sum(TIMES), 30)
    np.testing.assert_allclose(np.asarray(theirs(xp.asarray(time), 1)), path(time, 1), atol=1e-9)
    assert travel_times(xp.asarray(POINTS), 3.0, 2.0) == pytest.approx(travel_times(POINTS, 3.0, 2.0))
    assert peak(theirs, 2) == pytest.approx(peak(path, 2))
    np.testing.assert_allclose(np.asarray(theirs.coefficients), path.coefficients, atol=1e-8)


def test_a_wrong_number_of_times_is_refused() -> None:
    with pytest.raises(ValueError, match="6 waypoints and times"):
        minimum_snap(POINTS, TIMES[:-1])
