"""Cells of a map as rows of a table: position and obstacles towards the transmitter."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import fftconvolve
from torch import Tensor

from surrogates.domains.radio.link import AZIMUTH, GEOMETRY, HEIGHTS, POSITION, Link
from surrogates.evaluation.scattered import Points

NEARBY = 12.0  # m; within it buildings count as around a cell
FEATURES = (
    "logarithm of the distance",
    "sector pattern",
    "clearance of the direct ray",
    "blocked length",
    "share of buildings nearby",
    "sine of the angle off boresight",
    "cosine of the angle off boresight",
)
VARIABLES = (*GEOMETRY, AZIMUTH)
ANY_FREQUENCY = 1e9  # Hz; no feature depends on it


@dataclass(frozen=True)
class Cells(Points):
    """Cells of a map.

    Attributes
    ----------
    position
        East and north of the map's corner, m, (cells, 2).
    distance
        From the transmitter, m, (cells,).
    features
        Features of each cell, (cells, n); None if a method needs none.
    """

    distance: np.ndarray
    features: np.ndarray | None = None


def cells_of(
    shape: tuple[int, ...], transmitter: np.ndarray, cell: float, features: np.ndarray | None = None
) -> Cells:
    """Return all cells of a map of this shape, row by row.

    Parameters
    ----------
    shape
        Rows (northwards) and columns (eastwards).
    transmitter
        East, north, height, m.
    cell
        Side of a cell, m.
    features
        Features of every cell, (y, x, n).
    """
    rows, columns = np.indices(shape)
    position = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * cell
    distance = np.sqrt(((position - transmitter[:2]) ** 2).sum(-1) + transmitter[2] ** 2)
    return Cells(position, distance, None if features is None else features.reshape(-1, features.shape[-1]))


def geometry_features(inputs: Mapping[str, Tensor], cell: float, receiver_height: float) -> np.ndarray:
    """Return `FEATURES` of every cell, (batch, y, x, 7).

    The sector pattern is the horizontal cut of 3GPP TR 38.901, table 7.3-1: 12 (angle / 65 degrees)^2 dB, at
    most 30 dB.

    Parameters
    ----------
    inputs
        Batch with `VARIABLES`.
    cell, receiver_height
        Side of a cell, and height of the receivers above the ground, m.
    """
    path = Link(ANY_FREQUENCY, cell, receiver_height).path(inputs)
    offset = torch.as_tensor(path.link.azimuth) - inputs[AZIMUTH][:, None, None]
    features = (
        torch.log10(torch.as_tensor(path.link.distance).clamp(min=1.0)),
        sector_pattern(offset),
        torch.as_tensor(path.ray.clearance),
        torch.as_tensor(path.ray.blocked_length),
        torch.from_numpy(_share_nearby(inputs[HEIGHTS].cpu().numpy() > 0, cell)),
        offset.sin(),
        offset.cos(),
    )
    return torch.stack([each.cpu().double() for each in features], dim=-1).numpy()


def sector_pattern(offset: Tensor) -> Tensor:
    """Return the horizontal cut of 3GPP TR 38.901, table 7.3-1, dB, by the angle off boresight, rad."""
    degrees = torch.rad2deg(torch.atan2(offset.sin(), offset.cos()))
    return -(12.0 * (degrees / 65.0) ** 2).clamp(max=30.0)


def positions_of(inputs: Mapping[str, Tensor]) -> np.ndarray:
    """Return the transmitters' positions, m, (batch, 3)."""
    return inputs[POSITION].cpu().double().numpy()


def _share_nearby(building: np.ndarray, cell: float) -> np.ndarray:
    """Return the share of built cells of the map within `NEARBY`, (batch, y, x)."""
    reach = int(NEARBY / cell)
    across = np.arange(-reach, reach + 1) * cell
    disc = (np.hypot(across[:, None], across) <= NEARBY).astype(np.float64)[None]
    built = fftconvolve(building.astype(np.float64), disc, mode="same", axes=(1, 2))
    inside = fftconvolve(np.ones((1, *building.shape[1:])), disc, mode="same", axes=(1, 2))
    return np.asarray(np.clip(built / inside, 0.0, 1.0))
