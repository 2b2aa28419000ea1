"""Minimum-snap paths through waypoints: piecewise polynomials of degree 7, solved directly.

With zero velocity, acceleration and jerk at both ends and continuous derivatives 1 to 6 inside, the optimum
is one linear system per path, common to the three axes. RotorPy's `MinSnap` states the same problem as a
quadratic programme for cvxopt; it is the oracle of the tests and would be the only reason to require cvxopt.

References
----------
D. Mellinger, V. Kumar, "Minimum snap trajectory generation and control for quadrotors", ICRA 2011.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from array_api_compat import array_namespace
from array_api_compat import device as _device

from physics.geometry import Array

DEGREE = 7
COEFFICIENTS = DEGREE + 1
SMOOTH = 6
"""Derivatives up to this one are continuous at the waypoints."""
PEAK_SAMPLES = 64
"""Points per segment at which peaks of speed and acceleration are sought."""


@dataclass(frozen=True)
class PiecewisePolynomial:
    """A path of m segments.

    Attributes
    ----------
    coefficients : (m, 8, 3) array
        Of the powers of the segment's own time, which runs from 0 to 1.
    times : tuple of m floats
        Lengths of the segments, s.
    """

    coefficients: Array
    times: tuple[float, ...]

    def __call__(self, time: Array, derivative: int = 0) -> Array:
        """Return position, m, or a derivative of it, shape (k, 3).

        Parameters
        ----------
        time : (k,) array
            s; before the start and behind the end the path rests.
        derivative : int
            0 for positions, 1 for velocities, and so on.
        """
        xp = array_namespace(time)
        ends = [sum(self.times[: index + 1]) for index in range(len(self.times))]
        bounded = xp.clip(time, 0.0, ends[-1])
        result = xp.zeros((time.shape[0], 3), dtype=time.dtype, device=_device(time))
        begin = 0.0
        for index, (end, length) in enumerate(zip(ends, self.times, strict=True)):
            inside = (bounded >= begin) & (bounded <= end if index + 1 == len(ends) else bounded < end)
            local = (bounded - begin) / length
            row = _powers(xp, local, derivative) @ self.coefficients[index, :, :] / length**derivative
            result = xp.where(inside[:, None], row, result)
            begin = end
        if derivative:
            outside = (time < 0.0) | (time > ends[-1])
            result = xp.where(outside[:, None], xp.zeros_like(result), result)
        return result


def minimum_snap(waypoints: Array, times: tuple[float, ...]) -> PiecewisePolynomial:
    """Return the path of least snap that passes waypoints at given times.

    Parameters
    ----------
    waypoints : (m + 1, 3) array
        m.
    times : tuple of m floats
        Seconds from each waypoint to the next.
    """
    xp = array_namespace(waypoints)
    segments = len(times)
    if waypoints.shape[0] != segments + 1 or segments < 1 or min(times) <= 0:
        raise ValueError(
            f"{waypoints.shape[0]} waypoints and times {times}: expected one positive time between each two "
            "waypoints; give times of length len(waypoints) - 1"
        )
    # Times relative to their mean keep the system well conditioned; the optimum does not depend on it.
    mean = sum(times) / segments
    relative = [length / mean for length in times]
    rows, values = _constraints(waypoints, relative)
    size, conditions = segments * COEFFICIENTS, len(rows)
    matrix = [[0.0] * (size + conditions) for _ in range(size + conditions)]
    for index, length in enumerate(relative):
        offset = index * COEFFICIENTS
        for i in range(4, COEFFICIENTS):
            for j in range(4, COEFFICIENTS):
                scale = 2.0 * math.perm(i, 4) * math.perm(j, 4) / (i + j - 7)
                matrix[offset + i][offset + j] = scale / length**7
    for number, row in enumerate(rows):
        for column, value in row.items():
            matrix[size + number][column] = matrix[column][size + number] = value
    kind = {"dtype": waypoints.dtype, "device": _device(waypoints)}
    right = xp.concat([xp.zeros((size, 3), **kind), xp.stack(values)])
    solution = xp.linalg.solve(xp.asarray(matrix, **kind), right)
    return PiecewisePolynomial(xp.reshape(solution[:size, :], (segments, COEFFICIENTS, 3)), tuple(times))


def limited(path: PiecewisePolynomial, speed: float, acceleration: float) -> PiecewisePolynomial:
    """Return a path with all times stretched or shortened alike until it just keeps both limits.

    With times longer by f, speed is smaller by f and acceleration by f squared, and the path stays optimal.

    Parameters
    ----------
    path : PiecewisePolynomial
        A solution of `minimum_snap`.
    speed, acceleration : float
        Largest allowed, m/s and m/s2.
    """
    fastest, strongest = (peak(path, derivative) for derivative in (1, 2))
    factor = max(fastest / speed, math.sqrt(strongest / acceleration))
    return PiecewisePolynomial(path.coefficients, tuple(length * factor for length in path.times))


def peak(path: PiecewisePolynomial, derivative: int) -> float:
    """Return the largest length of a derivative along a path, sampled at `PEAK_SAMPLES` per segment."""
    like = path.coefficients
    xp = array_namespace(like)
    local = xp.linspace(0.0, 1.0, PEAK_SAMPLES, dtype=like.dtype, device=_device(like))
    powers = _powers(xp, local, derivative)
    values = [
        xp.max(xp.sum((powers @ path.coefficients[index, :, :]) ** 2, axis=1)) ** 0.5 / length**derivative
        for index, length in enumerate(path.times)
    ]
    return max(float(value) for value in values)


def travel_times(waypoints: Array, speed: float, acceleration: float) -> tuple[float, ...]:
    """Return the time of each straight segment from rest to rest: a trapezoid of speed, or a triangle.

    Parameters
    ----------
    waypoints : (m + 1, 3) array
        m.
    speed, acceleration : float
        Largest allowed, m/s and m/s2.
    """
    xp = array_namespace(waypoints)
    steps = waypoints[1:, :] - waypoints[:-1, :]
    times = []
    for index in range(steps.shape[0]):
        distance = float(xp.sum(steps[index, :] ** 2)) ** 0.5
        ramp = speed**2 / acceleration  # distance of speeding up and slowing down
        triangle = 2.0 * math.sqrt(distance / acceleration)
        times.append(triangle if distance < ramp else distance / speed + speed / acceleration)
    return tuple(times)


def _constraints(waypoints: Array, lengths: list[float]) -> tuple[list[dict[int, float]], list[Array]]:
    """Rows (column to value) and right-hand sides (3,) of what a path must keep."""
    xp = array_namespace(waypoints)
    nothing = xp.zeros_like(waypoints[0, :])
    rows: list[dict[int, float]] = []
    values: list[Array] = []
    for index in range(len(lengths)):
        for at, point in ((0.0, index), (1.0, index + 1)):
            rows.append(_row(index, at, 0, 1.0))
            values.append(waypoints[point, :])
    for derivative in (1, 2, 3):
        rows += [_row(0, 0.0, derivative, 1.0), _row(len(lengths) - 1, 1.0, derivative, 1.0)]
        values += [nothing, nothing]
    for index, (before, after) in enumerate(pairwise(lengths)):
        for derivative in range(1, SMOOTH + 1):
            ends = _row(index, 1.0, derivative, before**-derivative)
            rows.append(ends | _row(index + 1, 0.0, derivative, -(after**-derivative)))
            values.append(nothing)
    return rows, values


def _row(segment: int, at: float, derivative: int, factor: float) -> dict[int, float]:
    """A derivative at the begin (0) or end (1) of a segment, as columns of coefficients."""
    offset = segment * COEFFICIENTS
    powers = (derivative,) if at == 0.0 else range(derivative, COEFFICIENTS)
    return {offset + power: factor * math.perm(power, derivative) for power in powers}


def _powers(xp: Any, local: Array, derivative: int) -> Array:
    """Derivatives of the powers 0 to 7 at local times (k,), shape (k, 8)."""
    columns = [
        math.perm(power, derivative) * local ** max(power - derivative, 0) for power in range(COEFFICIENTS)
    ]
    return xp.stack(columns, axis=1)
