"""Random paths for simulated flights: one function per family, a record's own generator in, a reference out.

Circles and figures of eight have the ranges of the generator behind VECTOR's data: mostly its defaults, which
explain the published extent of the 5000 flights (45 m = 40 m + the largest radius of 5 m, 4.9 m the lowest),
and partly those of its launch files, which saturate the controller. The other families are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from physics.flight.minimum_snap import limited, minimum_snap, travel_times
from physics.flight.references import Reference, circle, goals, harmonic, lemniscate, plane, polyline

BOX = np.array([[-40.0, 40.0], [-40.0, 40.0], [2.0, 25.0]])
"""Where waypoints lie, m: east, north, up."""
RING_FLOOR = 5.0
"""Circles and figures of eight are lifted until their lowest setpoint is this high, m."""
HORIZONTAL = 0.5
"""Share of circles and figures of eight in a horizontal plane; the other planes have random normals."""
FAST = 0.1
"""Share of circles and figures of eight in the ranges of the launch files."""
FEASIBLE_SPEED, FEASIBLE_ACCELERATION = 10.0, 6.0
"""Limits of paths that are flown with feed-forward, m/s and m/s2."""


def draw_path(family: str, time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return a random path of a family.

    Parameters
    ----------
    family
        One of `DRAWN`.
    time
        When the path is sampled, shape (k,), s.
    feedforward
        Whether velocity and acceleration are sent too; circles and figures of eight are then slow enough.
    rng
        The only source of randomness.
    """
    return DRAWN[family](time, feedforward, rng)


def _circle(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    centre, first, second, radius, rate = _ring(rng)
    if feedforward:
        rate = _slowed(rate, radius * rate, radius * rate**2)
    return _lifted(circle(time, centre, first, second, radius, rate))


def _lemniscate(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    centre, first, second, radius, rate = _ring(rng)
    if feedforward:
        rate = _slowed(rate, 5.0**0.5 * radius * rate, 17.0**0.5 * radius * rate**2)
    return _lifted(lemniscate(time, centre, first, second, radius, rate))


def _ring(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Draw centre, two unit vectors, radius (m) and rate (rad/s) of a circle or a figure of eight."""
    centre = np.array([rng.uniform(-40.0, 40.0), rng.uniform(-40.0, 40.0), rng.uniform(1.0, 20.0)])
    level, normal = rng.random() < HORIZONTAL, rng.standard_normal(3)
    if level:
        normal = np.array([0.0, 0.0, 1.0])
    first, second = plane(normal, rng.uniform(0.0, 2.0 * np.pi))
    fast = rng.random() < FAST
    radius, rate = rng.uniform(*((5.0, 15.0) if fast else (1.0, 5.0))), rng.uniform(0.5, 1.0)
    return centre, first, second, radius, 3.0 * rate if fast else rate


def _lissajous(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    size = np.array([rng.uniform(2.0, 15.0), rng.uniform(2.0, 15.0), rng.uniform(0.5, 4.0)])
    turn = rng.uniform(0.0, 2.0 * np.pi)
    cosine, sine = np.cos(turn), np.sin(turn)
    axes = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    ratios = rng.integers(1, 4, size=3).astype(float)
    rate = rng.uniform(0.2, 1.0)
    speed, acceleration = (float(np.linalg.norm(size * (ratios * rate) ** power)) for power in (1, 2))
    rates = ratios * _slowed(rate, speed, acceleration)
    centre = np.array([*rng.uniform(-30.0, 30.0, size=2), rng.uniform(6.0, 20.0)])
    return harmonic(time, centre, size[:, None] * axes, rates, rng.uniform(0.0, 2.0 * np.pi, size=3))


def _line(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    speed = rng.uniform(1.0, 12.0)
    way = speed * float(time[-1])
    points = [rng.uniform(*BOX.T)]
    while way >= 0.0:
        points.append(_next(points[-1], 5.0, 40.0, rng))
        way -= float(np.linalg.norm(points[-1] - points[-2]))
    return polyline(time, np.array(points), speed)


def _minimum_snap(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Join paths through 4 to 10 waypoints each until the time is over."""
    speed, acceleration = rng.uniform(2.0, 12.0), rng.uniform(2.0, 8.0)
    at, begin = rng.uniform(*BOX.T), 0.0
    stretches = [np.empty((0, 3, 3))]
    while begin <= time[-1]:
        points = [at]
        for _ in range(rng.integers(3, 10)):
            points.append(_next(points[-1], 3.0, 25.0, rng))
        waypoints = np.array(points)
        path = limited(
            minimum_snap(waypoints, travel_times(waypoints, speed, acceleration)), speed, acceleration
        )
        end = begin + sum(path.times)
        inside = time[(time >= begin) & (time < end)] - begin
        stretches.append(np.stack([path(inside, derivative) for derivative in range(3)]).transpose(1, 0, 2))
        at, begin = waypoints[-1], end
    whole = np.concatenate(stretches)
    return Reference(whole[:, 0], whole[:, 1], whole[:, 2])


def _go_to(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    times = _switches(time, 4.0, 10.0, rng)
    points = [rng.uniform(*BOX.T)]
    for _ in times[1:]:
        points.append(_next(points[-1], 3.0, 25.0, rng))
    return goals(time, np.array(points), times)


def _goal_switching(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return a goal that jumps about, as in a pursuit: it is rarely reached before the next."""
    times = _switches(time, 1.0, 4.0, rng)
    middle = np.array([*rng.uniform(-30.0, 30.0, size=2), rng.uniform(6.0, 20.0)])
    offsets = rng.uniform(-1.0, 1.0, size=(len(times), 3)) * np.array([10.0, 10.0, 4.0])
    return goals(time, middle + offsets, times)


DRAWN: dict[str, Callable[[np.ndarray, bool, np.random.Generator], Reference]] = {
    "circle": _circle,
    "lemniscate": _lemniscate,
    "line": _line,
    "minimum_snap": _minimum_snap,
    "lissajous": _lissajous,
    "go_to": _go_to,
    "goal_switching": _goal_switching,
}
"""The families that can be drawn."""


def _lifted(path: Reference) -> Reference:
    lift = max(RING_FLOOR - float(path.position[:, 2].min()), 0.0)
    return Reference(path.position + np.array([0.0, 0.0, lift]), path.velocity, path.acceleration)


def _slowed(rate: float, speed: float, acceleration: float) -> float:
    """Return a rate that keeps the feasible limits, given peak speed and acceleration at a rate."""
    return rate * min(1.0, FEASIBLE_SPEED / speed, (FEASIBLE_ACCELERATION / acceleration) ** 0.5)


def _switches(time: np.ndarray, shortest: float, longest: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the times of new goals, s; the first is 0."""
    times = [0.0]
    while times[-1] <= time[-1]:
        times.append(times[-1] + rng.uniform(shortest, longest))
    return np.array(times)


def _next(point: np.ndarray, shortest: float, longest: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a point of the box at a distance between two limits from another point of the box."""
    while True:
        step = rng.uniform(*BOX.T) - point
        distance = float(np.linalg.norm(step))
        if distance > shortest:
            return point + step * (min(distance, rng.uniform(shortest, longest)) / distance)
