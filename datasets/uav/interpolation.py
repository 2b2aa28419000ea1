"""A variable of a flight at other times than it was sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets.uav.variables import STEP

Numbers = NDArray[np.float64]

CLOSE = 1e-6
"""Two stamps on the grid that are this near are the same, in steps of the grid."""


def at_times(name: str, stamps: Numbers, values: Numbers, times: Numbers, max_gap: float = np.inf) -> Numbers:
    """Return a variable at other times, NaN where its samples are too far apart or do not reach.

    Parameters
    ----------
    name
        `attitude` is interpolated on the great circle; `position_setpoint` holds until the next, `max_gap`
        at most; all else is linear.
    stamps, values
        s, (n,), growing; and (n, components). Samples with NaN are ignored, but those of a setpoint mean that
        none is given.
    times
        s, (m,).
    max_gap
        s.
    """
    if not len(stamps):
        return np.full((len(times), values.shape[1]), np.nan)
    # Small numbers keep the digits that seconds since 1970 lack.
    stamps, times = stamps - stamps[0], times - stamps[0]
    if name == "position_setpoint":
        return _held(stamps, values, times, max_gap)
    known = np.isfinite(values).all(axis=1)
    found = np.full((len(times), values.shape[1]), np.nan)
    if known.sum() < 2:
        return found
    given, values = stamps[known], values[known]
    slack = CLOSE * STEP
    inside = (times >= given[0] - slack) & (times <= given[-1] + slack)
    wanted = np.clip(times, given[0], given[-1])
    before = np.clip(np.searchsorted(given, wanted + slack, side="right") - 1, 0, len(given) - 1)
    after = np.clip(np.searchsorted(given, wanted - slack, side="left"), 0, len(given) - 1)
    inside &= given[after] - given[before] <= max_gap * (1 + CLOSE)
    if name == "attitude":
        found[inside] = _slerp(given, values, wanted[inside])
    else:
        found[inside] = np.stack([np.interp(wanted[inside], given, column) for column in values.T], axis=1)
    return found


def _held(stamps: Numbers, values: Numbers, times: Numbers, longest: float) -> Numbers:
    last = np.searchsorted(stamps, times + CLOSE * STEP, side="right") - 1
    fresh = (last >= 0) & (times - stamps[last] <= longest * (1 + CLOSE))
    return np.where(fresh[:, None], values[last], np.nan)


def _slerp(stamps: Numbers, quaternions: Numbers, times: Numbers) -> Numbers:
    """Interpolate on the great circle (Shoemake, SIGGRAPH 1985); signs are chosen so that none jumps."""
    from scipy.spatial.transform import Rotation, Slerp

    rotations = Rotation.from_quat(quaternions[:, [1, 2, 3, 0]])
    found = Slerp(stamps, rotations)(times).as_quat()[:, [3, 0, 1, 2]]
    turns = np.sum(found[1:] * found[:-1], axis=1) < 0
    first = -1.0 if len(found) and found[0, 0] < 0 else 1.0
    signs = first * np.cumprod(np.concatenate([[1.0], np.where(turns, -1.0, 1.0)]))
    return np.asarray(found * signs[: len(found), None])
