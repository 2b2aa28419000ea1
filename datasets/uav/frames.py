"""From the axes of autopilots to those of a store: north, east, down to east, north, up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_HALF = np.sqrt(0.5)
_ENU_FROM_NED = np.array([0.0, _HALF, _HALF, 0.0])
"""Half a turn about the horizontal line to the north-east; (w, x, y, z)."""
_FRD_FROM_FLU = np.array([0.0, 1.0, 0.0, 0.0])
"""Half a turn about the forward axis."""


def enu_from_ned(vectors: Numbers) -> Numbers:
    """Return vectors (..., 3) of north, east, down as east, north, up."""
    return vectors[..., [1, 0, 2]] * np.array([1.0, 1.0, -1.0])


def flu_from_frd(vectors: Numbers) -> Numbers:
    """Return vectors (..., 3) of forward, right, down as forward, left, up."""
    return vectors * np.array([1.0, -1.0, -1.0])


def enu_from_ned_attitude(quaternions: Numbers) -> Numbers:
    """Return attitudes (forward, left, up to east, north, up) of those of PX4.

    Parameters
    ----------
    quaternions
        (w, x, y, z) that turn forward, right, down to north, east, down; shape (..., 4).
    """
    return multiplied(multiplied(_ENU_FROM_NED, quaternions), _FRD_FROM_FLU)


def multiplied(a: Numbers, b: Numbers) -> Numbers:
    """Return Hamilton's product of quaternions (w, x, y, z), shape (..., 4)."""
    scalar = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], axis=-1, keepdims=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([scalar, vector], axis=-1)


def turned(quaternions: Numbers, vectors: Numbers) -> Numbers:
    """Return vectors (n, 3) turned by unit quaternions (n, 4), (w, x, y, z): q v q*."""
    cross = 2.0 * np.cross(quaternions[..., 1:], vectors)
    return vectors + quaternions[..., :1] * cross + np.cross(quaternions[..., 1:], cross)
