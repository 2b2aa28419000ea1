"""Random paths for simulated flights: one function per family, a record's own generator in, a reference out.

Circles and figures of eight have the ranges of the generator behind VECTOR's data: mostly its defaults, which
explain the published extent of the 5000 flights (45 m = 40 m + the largest radius of 5 m, 4.9 m the lowest),
and partly those of its launch files, which saturate the controller. The other families are ours. The last
four are flown otherwise than a mission: hurriedly, hardly, at the limit, and by hand.
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
    at = [rng.uniform(*BOX.T)]

    def stretch() -> np.ndarray:
        points = [at[-1]]
        for _ in range(rng.integers(3, 10)):
            points.append(_next(points[-1], 3.0, 25.0, rng))
        at.append(points[-1])
        return np.array(points)

    return _snapped(time, stretch, speed, acceleration)


def _snapped(
    time: np.ndarray, stretch: Callable[[], np.ndarray], speed: float, acceleration: float
) -> Reference:
    """Return minimum-snap paths, each from rest to rest through the next waypoints (m, 3), joined.

    Their peaks of speed (m/s) and acceleration (m/s2) are those given.
    """
    begin, stretches = 0.0, [np.empty((0, 3, 3))]
    while begin <= time[-1]:
        waypoints = stretch()
        path = limited(
            minimum_snap(waypoints, travel_times(waypoints, speed, acceleration)), speed, acceleration
        )
        end = begin + sum(path.times)
        inside = time[(time >= begin) & (time < end)] - begin
        stretches.append(np.stack([path(inside, derivative) for derivative in range(3)]).transpose(1, 0, 2))
        begin = end
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


def _waypoints(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return far goals at short intervals, in any direction: full acceleration, then another way."""
    longest = rng.uniform(0.6, 2.5)
    times = _switches(time, 0.3, longest, rng)
    points = [rng.uniform(*BOX.T)]
    for _ in times[1:]:
        points.append(_next(points[-1], 4.0, 20.0, rng))
    return goals(time, np.array(points), times)


def _hover(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return waits of 2 to 15 s, and slow ways of at most a few metres between them."""
    reach, speed = np.exp(rng.uniform(np.log(0.2), np.log(6.0))), rng.uniform(0.5, 3.0)
    points, times = [rng.uniform(*BOX.T)], [0.0]
    while times[-1] <= time[-1]:
        leave = times[-1] + rng.uniform(2.0, 15.0)
        step = rng.uniform(-1.0, 1.0, 3) * np.array([reach, reach, 0.3 * reach])
        points += [points[-1], points[-1] + step]
        times += [leave, leave + float(np.linalg.norm(step)) / speed]
    path = np.stack([np.interp(time, times, axis) for axis in np.array(points).T], axis=1)
    still = np.zeros_like(path)  # a setpoint that moves on at 10 Hz, without feed-forward
    return Reference(path, still, still)


def _racing(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return laps through the gates of a course, near the ground and at the limit of the tilt."""
    speed, acceleration = rng.uniform(6.0, 20.0), rng.uniform(6.0, 25.0)
    count, size = int(rng.integers(4, 9)), rng.uniform(6.0, 25.0, 2)
    around = 2.0 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count
    gates = np.stack([size[0] * np.cos(around), size[1] * np.sin(around), rng.uniform(2.5, 6.0, count)], 1)
    gates *= np.array([*np.repeat(rng.uniform(0.6, 1.2, count)[:, None], 2, axis=1).T, np.ones(count)]).T
    if rng.random() < 0.5:
        gates = gates[::-1]
    laps = int(rng.integers(2, 4))
    return _snapped(time, lambda: np.concatenate([gates] * laps + [gates[:1]]), speed, acceleration)


def _sticks(time: np.ndarray, feedforward: bool, rng: np.random.Generator) -> Reference:
    """Return what a pilot's sticks ask for: velocities that are held, changed and let go of."""
    top, lag = rng.uniform(2.0, 15.0), rng.uniform(0.1, 0.5)
    times = _switches(time, 0.3, rng.uniform(1.0, 4.0), rng)
    rest, size = rng.random(len(times)) < rng.uniform(0.0, 0.5), rng.uniform(0.2, 1.0, len(times))
    way, climb = rng.uniform(-np.pi, np.pi, len(times)), rng.uniform(-0.3, 0.3, len(times))
    asked = (top * size * ~rest)[:, None] * np.stack([np.cos(way), np.sin(way), climb], axis=1)
    held = asked[np.searchsorted(times, time, side="right") - 1]
    step = float(time[1] - time[0])
    velocity, at = np.zeros_like(held), np.zeros_like(held)
    at[0] = rng.uniform(*BOX.T)
    for now in range(1, len(time)):
        outside = (at[now - 1] < BOX[:, 0]) & (held[now] < 0) | (at[now - 1] > BOX[:, 1]) & (held[now] > 0)
        wanted = np.where(outside, -held[now], held[now])  # the pilot turns back at the edge
        velocity[now] = velocity[now - 1] + (wanted - velocity[now - 1]) * (1.0 - np.exp(-step / lag))
        at[now] = at[now - 1] + step * velocity[now]
    return Reference(at, velocity, np.gradient(velocity, step, axis=0))


DRAWN: dict[str, Callable[[np.ndarray, bool, np.random.Generator], Reference]] = {
    "circle": _circle,
    "lemniscate": _lemniscate,
    "line": _line,
    "minimum_snap": _minimum_snap,
    "lissajous": _lissajous,
    "go_to": _go_to,
    "goal_switching": _goal_switching,
    "waypoints": _waypoints,
    "hover": _hover,
    "racing": _racing,
    "sticks": _sticks,
}
"""The families that can be drawn."""
ALWAYS_FED_FORWARD = ("racing", "sticks")
"""Families that are sent velocities and accelerations too."""
LIMITS: dict[str, dict[str, tuple[float, float]]] = {
    "waypoints": {"speed": (0.7, 1.7), "climb": (1.0, 2.5), "descent": (1.0, 3.0), "tilt": (1.0, 1.5)},
    "racing": {"speed": (2.0, 2.5), "climb": (2.0, 4.0), "descent": (4.0, 8.0), "tilt": (1.2, 1.75),
               "rates": (1.5, 3.0), "attitude": (1.0, 1.5)},
    "sticks": {"speed": (1.3, 2.0), "climb": (1.5, 3.0), "descent": (2.0, 4.0), "tilt": (1.0, 1.6),
               "rates": (1.0, 2.0)},
}  # fmt: skip
"""Ranges of factors on PX4's limits and gains, of families that are flown more sharply."""


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
