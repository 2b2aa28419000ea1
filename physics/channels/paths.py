"""Frequency response along a trajectory from propagation paths at a few key points of it.

A path over flat mirrors comes, for the receiver, from an image of its source: it lies in the direction of
arrival, as far away as the path is long. From a key point this gives the length of the path at every position
nearby. So its phase is exact, curvature of the wavefront included, and its amplitude falls with the length
[1]_. The derivative of that phase is the Doppler shift f v cos(angle) / c, positive towards the image. For a
diffracted path only this derivative is exact.

Between two key points the paths of both are advanced to the receiver, and the two responses are weighted
linearly in time. So paths need not be matched: one that both know adds up to itself, and one that only one of
them knows fades in or out. Coefficients, with the phases across the ports, change linearly.

References
----------
.. [1] D. Tse, P. Viswanath, "Fundamentals of Wireless Communication", 2005, sections 2.1 and 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from array_api_compat import array_namespace

from physics.geometry import SPEED_OF_LIGHT, Array


@dataclass(frozen=True)
class KeyPoints:
    """Paths from m antenna ports to a receiver at k key points; rows are filled up with coefficients of 0.

    Attributes
    ----------
    time : (k,) array
        When the receiver is there, ascending, s.
    position : (k, 3) array
        Where, m.
    coefficient : (k, p, m) complex array
        Amplitude and phase of each path without the delay of the carrier.
    delay : (k, p) array
        s.
    arrival : (k, p, 3) array
        Unit vectors from the receiver to where the path comes from.
    """

    time: Array
    position: Array
    coefficient: Array
    delay: Array
    arrival: Array


def frequency_response(keys: KeyPoints, time: Array, position: Array, frequency: Array) -> Array:
    """Return the frequency response of a receiver between key points.

    Parameters
    ----------
    keys : KeyPoints
        In double precision: the carrier turns thousands of times within a delay.
    time : (t,) array
        Between the first and the last key point, s.
    position : (t, 3) array
        Where the receiver is then, m.
    frequency : (f,) array
        Frequencies of the sub-carriers, the carrier included, Hz.

    Returns
    -------
    (m, t, f) complex array
        ``sum a exp(-2j pi f tau(t))`` for every port.

    Raises
    ------
    ValueError
        If shapes do not fit, key points do not ascend, or a time lies outside of them.
    """
    _check(keys, time, position)
    xp = array_namespace(time)
    count = keys.time.shape[0]
    early = xp.clip(xp.searchsorted(keys.time, time, side="right") - 1, 0, max(count - 2, 0))
    response = _advanced(keys, early, position, frequency)
    if count > 1:
        begin, end = xp.take(keys.time, early), xp.take(keys.time, early + 1)
        weight = ((time - begin) / (end - begin))[:, None, None]
        weight = xp.astype(weight, response.dtype)
        response = (1.0 - weight) * response + weight * _advanced(keys, early + 1, position, frequency)
    return xp.permute_dims(response, (1, 0, 2))


def delay_spread(keys: KeyPoints) -> Array:
    """Return the root-mean-square spread of the delays at each key point (k,), weighted by power, s."""
    xp = array_namespace(keys.delay)
    power = xp.sum(xp.abs(keys.coefficient) ** 2, axis=2)
    power = power / xp.sum(power, axis=1, keepdims=True)
    mean = xp.sum(power * keys.delay, axis=1, keepdims=True)
    return xp.sqrt(xp.sum(power * (keys.delay - mean) ** 2, axis=1))


def _advanced(keys: KeyPoints, key: Array, position: Array, frequency: Array) -> Array:
    """Return the response (t, m, f) from the paths of one key point (t,) for each position (t, 3)."""
    xp = array_namespace(position)
    coefficient, delay = xp.take(keys.coefficient, key, axis=0), xp.take(keys.delay, key, axis=0)
    image = SPEED_OF_LIGHT * delay[..., None] * xp.take(keys.arrival, key, axis=0)
    moved = (position - xp.take(keys.position, key, axis=0))[:, None, :]
    later = xp.sqrt(xp.sum((image - moved) ** 2, axis=-1)) / SPEED_OF_LIGHT
    fallen = xp.where(later > 0.0, delay / xp.where(later > 0.0, later, 1.0), 1.0)
    turned = -2.0 * xp.pi * later[..., None] * frequency
    waves = fallen[..., None] * _unit(turned, coefficient)
    return xp.matrix_transpose(coefficient) @ waves


def _unit(angle: Array, like: Array) -> Array:
    """Return ``exp(1j angle)`` in the complex type of `like`."""
    xp = array_namespace(angle)
    turn = xp.astype(angle, like.dtype)
    return xp.exp(1j * turn)


def _check(keys: KeyPoints, time: Array, position: Array) -> None:
    xp = array_namespace(time)
    count, paths = keys.delay.shape
    wanted = {
        "keys.time": (keys.time.shape, (count,)),
        "keys.position": (keys.position.shape, (count, 3)),
        "keys.coefficient": (keys.coefficient.shape[:2], (count, paths)),
        "keys.arrival": (keys.arrival.shape, (count, paths, 3)),
        "position": (position.shape, (time.shape[0], 3)),
    }
    for name, (found, expected) in wanted.items():
        if tuple(found) != expected:
            raise ValueError(
                f"{name} has shape {tuple(found)}; {count} key points with {paths} paths and "
                f"{time.shape[0]} times need {expected}"
            )
    if count == 1:
        return
    if not bool(xp.all(keys.time[1:] > keys.time[:-1])):
        raise ValueError("keys.time does not ascend; sort the key points by time")
    first, last = float(keys.time[0]), float(keys.time[-1])
    begin, end = float(xp.min(time)), float(xp.max(time))
    slack = 1e-9 * (last - first)
    if begin < first - slack or end > last + slack:
        raise ValueError(
            f"times reach from {begin:g} to {end:g} s, key points only from {first:g} to {last:g} s; trace a "
            "key point at both ends"
        )
