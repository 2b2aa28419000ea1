"""Gain of an antenna of which two cuts were measured: through the horizon, and through the boresight."""

import math

import numpy as np

TURN = 2.0 * math.pi


def relative_gain(
    horizontal: np.ndarray,
    vertical: np.ndarray,
    azimuth_offset: np.ndarray,
    depression: np.ndarray,
    tilt: float = 0.0,
) -> np.ndarray:
    """Return the gain relative to the peak, dB (0 there, negative elsewhere).

    The attenuations of the two cuts add up, as in 3GPP TR 36.814, table A.2.1.1-2. A mechanical tilt turns
    the vertical cut: by its whole in front, not at all at the sides, and upwards behind.

    Parameters
    ----------
    horizontal, vertical
        Attenuation, dB, at evenly spaced angles of a whole turn from 0: clockwise from the boresight, and
        from the horizon downwards.
    azimuth_offset
        Azimuth of the direction less that of the antenna, rad; any multiple of a turn may be added.
    depression
        Angle of the direction below the horizon, rad.
    tilt
        Mechanical tilt below the horizon, rad.
    """
    tilted = depression - tilt * np.cos(azimuth_offset)
    return -(_cut(horizontal, azimuth_offset) + _cut(vertical, tilted))


def _cut(attenuation: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return a cut at some angles, rad, straight between its own."""
    known = np.arange(len(attenuation)) * (TURN / len(attenuation))
    return np.interp(angle, known, attenuation, period=TURN)
