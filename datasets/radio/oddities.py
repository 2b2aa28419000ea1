"""What published radio volumes say against physics: too early arrivals, wrong levels, other azimuths."""

from __future__ import annotations

import numpy as np

from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain

EARLY = 2.0  # m; a grey level of delay is 1.4 m
BESIDE = (2.0, 4.0)  # m; where only the direct path counts
NEAR = (3.0, 30.0)  # m; where the direct path is the strongest
TOWARDS = np.radians(15.0)


def distances(side: int, x: float, y: float) -> np.ndarray:
    """Return the horizontal distance (y, x) of cells of 1 m from the cell of a transmitter, m.

    Its height is not published, so that paths are longer still.
    """
    north, east = np.mgrid[:side, :side]
    return np.hypot(north - y, east - x)


def early_share(delay: np.ndarray, distance: np.ndarray) -> float:
    """Return the share of the known cells (z, y, x) that are reached faster than light, by more than 2 m."""
    known = np.isfinite(delay)
    with np.errstate(invalid="ignore"):
        early = delay.astype(np.float64) * SPEED_OF_LIGHT < distance - EARLY
    return float(early.sum() / max(known.sum(), 1))


def level(gain: np.ndarray, distance: np.ndarray, frequency: float) -> float:
    """Return how far the lowest plane (z, y, x) lies above free space beside the transmitter, dB, or NaN."""
    beside = (distance >= BESIDE[0]) & (distance <= BESIDE[1]) & np.isfinite(gain[0])
    if not beside.any():
        return float("nan")
    return float(np.median((gain[0] - friis_path_gain(distance, frequency))[beside]))


def pointing_shares(azimuth: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Return the shares of near cells (z, y, x) whose azimuth points to the transmitter.

    They count clockwise from north, and counter-clockwise from east.
    """
    north, east = np.mgrid[: azimuth.shape[-2], : azimuth.shape[-1]]
    distance = distances(azimuth.shape[-1], x, y)
    near = (distance > NEAR[0]) & (distance < NEAR[1]) & np.isfinite(azimuth)
    if not near.any():
        return float("nan"), float("nan")
    shares = []
    for direction in (np.arctan2(x - east, y - north), np.arctan2(y - north, x - east)):
        off = np.mod(azimuth - direction + np.pi, 2.0 * np.pi) - np.pi
        shares.append(float((np.abs(off) < TOWARDS)[near].mean()))
    return shares[0], shares[1]
