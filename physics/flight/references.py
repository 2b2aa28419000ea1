"""Paths that flights are told to follow, sampled in time: circles, figures of eight, lines, goals.

A path gives position, velocity and acceleration, each (k, 3) in m, m/s and m/s2, at k times in s.
Minimum-snap paths are in `physics.flight.minimum_snap`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from array_api_compat import array_namespace
from array_api_compat import device as _device

from physics.geometry import Array


@dataclass(frozen=True)
class Reference:
    """A sampled path.

    Attributes
    ----------
    position, velocity, acceleration : (k, 3) array
        m, m/s, m/s2.
    """

    position: Array
    velocity: Array
    acceleration: Array


def harmonic(time: Array, centre: Array, amplitudes: Array, rates: Array, phases: Array) -> Reference:
    """Return a sum of oscillations ``centre + sum_i amplitudes_i cos(rates_i t + phases_i)``.

    Parameters
    ----------
    time : (k,) array
        s.
    centre : (3,) array
        m.
    amplitudes : (m, 3) array
        m.
    rates, phases : (m,) array
        rad/s and rad.
    """
    xp = array_namespace(time)
    angle = time[:, None] * rates[None, :] + phases[None, :]
    cosine, sine = xp.cos(angle), xp.sin(angle)
    first, second = rates[:, None] * amplitudes, (rates**2)[:, None] * amplitudes
    return Reference(centre[None, :] + cosine @ amplitudes, -(sine @ first), -(cosine @ second))


def circle(time: Array, centre: Array, first: Array, second: Array, radius: float, rate: float) -> Reference:
    """Return a circle: ``centre + radius (cos(rate t) first + sin(rate t) second)``.

    Parameters
    ----------
    time : (k,) array
        s.
    centre, first, second : (3,) array
        m, and two unit vectors that span the plane.
    radius, rate : float
        m and rad/s.
    """
    return _pair(time, centre, radius * first, radius * second, rate, rate)


def lemniscate(
    time: Array, centre: Array, first: Array, second: Array, radius: float, rate: float
) -> Reference:
    """Return a figure of eight: ``centre + radius (cos(rate t) first + sin(2 rate t) second)``.

    The parameters are those of `circle`.
    """
    return _pair(time, centre, radius * first, radius * second, rate, 2.0 * rate)


def _pair(time: Array, centre: Array, first: Array, second: Array, rate_1: float, rate_2: float) -> Reference:
    xp = array_namespace(time)
    kind = {"dtype": time.dtype, "device": _device(time)}
    rates = xp.asarray([rate_1, rate_2], **kind)
    phases = xp.asarray([0.0, -math.pi / 2.0], **kind)  # the second is a sine
    return harmonic(time, centre, xp.stack([first, second]), rates, phases)


def polyline(time: Array, points: Array, speed: float) -> Reference:
    """Return straight lines from point to point at constant speed; rest at the last.

    Parameters
    ----------
    time : (k,) array
        s.
    points : (m, 3) array
        m; consecutive ones differ.
    speed : float
        m/s.
    """
    xp = array_namespace(time)
    steps = points[1:, :] - points[:-1, :]
    lengths = xp.sqrt(xp.sum(steps**2, axis=1))
    ends = xp.cumulative_sum(lengths)
    way = time * speed
    last = steps.shape[0] - 1
    segment = xp.clip(xp.searchsorted(ends, way, side="right"), 0, last)
    direction = xp.take(steps / lengths[:, None], segment, axis=0)
    since = way - xp.take(ends - lengths, segment)
    inside = xp.clip(since, 0.0, xp.take(lengths, segment))
    position = xp.take(points, segment, axis=0) + inside[:, None] * direction
    moving = (way < ends[-1])[:, None]
    velocity = xp.where(moving, speed * direction, xp.zeros_like(direction))
    return Reference(position, velocity, xp.zeros_like(position))


def goals(time: Array, points: Array, times: Array) -> Reference:
    """Return steps: each point is the goal from its time on.

    Parameters
    ----------
    time : (k,) array
        s.
    points : (m, 3) array
        m.
    times : (m,) array
        s, ascending; the first is at or before the first of `time`.
    """
    xp = array_namespace(time)
    current = xp.searchsorted(times, time, side="right") - 1
    position = xp.take(points, current, axis=0)
    return Reference(position, xp.zeros_like(position), xp.zeros_like(position))


def plane(normal: Array, angle: float) -> tuple[Array, Array]:
    """Return two unit vectors (3,) that span the plane across a normal (3,), turned by an angle, rad."""
    xp = array_namespace(normal)
    unit = normal / xp.sqrt(xp.sum(normal**2))
    # The axis least along the normal is never parallel to it.
    axis = xp.astype(xp.arange(3, device=_device(unit)) == xp.argmin(abs(unit)), unit.dtype)
    first = xp.linalg.cross(unit, axis)
    first = first / xp.sqrt(xp.sum(first**2))
    second = xp.linalg.cross(unit, first)
    cosine, sine = math.cos(angle), math.sin(angle)
    return cosine * first + sine * second, cosine * second - sine * first


def heading(velocity: Array, at_rest: float = 0.0, slowest: float = 0.1) -> Array:
    """Return the yaw (k,), rad, that looks along a horizontal motion and stays where there is none.

    Parameters
    ----------
    velocity : (k, 3) array
        m/s.
    at_rest : float
        Yaw before the first motion, rad.
    slowest : float
        Speed that counts as motion, m/s.
    """
    xp = array_namespace(velocity)
    east, north = velocity[:, 0], velocity[:, 1]
    moving = xp.sqrt(east**2 + north**2) > slowest
    yaw = xp.atan2(north, east)
    # Index of the last sample in motion, counted from 1; 0 before the first.
    last = xp.cumulative_sum(xp.astype(moving, xp.int64))
    before = xp.full((1,), at_rest, dtype=yaw.dtype, device=_device(yaw))
    known = xp.concat([before, yaw[moving]])
    return xp.take(known, last)
