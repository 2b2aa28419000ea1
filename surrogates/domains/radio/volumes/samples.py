"""Samples of a volume: one variable beside each quantity, NaN where nothing was measured."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.radio.link import HEIGHTS
from surrogates.domains.radio.volumes.quantities import AZIMUTH, ZENITH
from surrogates.learning.hold_out import samples_of

AWAY = math.radians(10.0)
"""Azimuths that are closer to the direction of the transmitter count as pointing there."""
ON_PLANE = 0.5
"""Distance from a plane of height below which a sample lies on it, m."""
ENOUGH = 10
"""Samples that tell how azimuths are counted."""
RANGES = {AZIMUTH: 2.0 * math.pi, ZENITH: math.pi}
SLACK = 1e-3


def check_samples(inputs: Batch, targets: Sequence[str], heights: np.ndarray) -> None:
    """Refuse samples that are no measurements of these volumes.

    Parameters
    ----------
    inputs
        Batch with ``building_height`` (batch, y, x) and the samples of the targets (batch, z, y, x).
    targets
        Quantities.
    heights
        Of the planes above the ground, m.

    Raises
    ------
    ValueError
        If a sample lies inside a building, or a direction is outside of the range of its radians.
    """
    planes = torch.as_tensor(heights).to(inputs[HEIGHTS])[:, None, None]
    inside = inputs[HEIGHTS][:, None] >= planes
    for name in map(samples_of, targets):
        if (buried := inside & inputs[name].isfinite()).any():
            record, plane, row, column = (int(each[0]) for each in buried.nonzero(as_tuple=True))
            raise ValueError(
                f"'{name}' of record {record} has {int(buried[record].sum())} samples inside buildings, the "
                f"first in row {row} and column {column} at {heights[plane]:g} m; expected samples outdoors"
            )
    for quantity in RANGES.keys() & set(targets):
        _check_range(samples_of(quantity), inputs[samples_of(quantity)], RANGES[quantity])


def gridded(
    quantity: str,
    position: np.ndarray,
    values: np.ndarray,
    building: np.ndarray,
    heights: np.ndarray,
    cell: float,
) -> np.ndarray:
    """Put samples at points on the cells of a volume: the mean of those in one cell, NaN without any.

    Parameters
    ----------
    quantity
        What was measured, one of `surrogates.domains.radio.volumes.quantities.QUANTITIES`.
    position
        East and north of the window's south-west corner, and height above the ground, m, (samples, 3).
    values
        In the units of the quantity, (samples,).
    building
        Height of roofs above the ground, m, (y, x).
    heights
        Of the planes above the ground, m, (z,).
    cell
        Side of a cell, m.

    Returns
    -------
    array (z, y, x)

    Raises
    ------
    ValueError
        If a sample lies outside of the grid, on no plane or inside a building, or is no radian.
    """
    shape = (len(heights), *building.shape)
    off = np.abs(position[:, 2, None] - heights)
    index = np.stack([off.argmin(1), *np.floor(position[:, 1::-1].T / cell).astype(int)])
    outside = ((index < 0) | (index >= np.array(shape)[:, None])).any(0)
    aloft = ~outside & (off.min(1) > ON_PLANE)
    inside = ~outside & (building[tuple(np.where(outside, 0, index)[1:])] >= position[:, 2])
    planes = ", ".join(f"{height:g}" for height in heights)
    refusals = {
        "outside of the grid": (
            outside,
            f"expected {shape[2] * cell:g} m by {shape[1] * cell:g} m from its south-west corner",
        ),
        "on no plane": (aloft, f"expected within {ON_PLANE:g} m of the planes at {planes} m"),
        "inside a building": (inside, "expected samples outdoors"),
    }
    for where, (wrong, expected) in refusals.items():
        if wrong.any():
            east, north, height = position[wrong.argmax()]
            raise ValueError(
                f"{wrong.sum()} of {len(values)} samples of '{quantity}' lie {where}, the first at "
                f"({east:g}, {north:g}, {height:g}) m; {expected}"
            )
    if quantity in RANGES:
        _check_range(samples_of(quantity), torch.as_tensor(values), RANGES[quantity])
    flat = np.ravel_multi_index(tuple(index), shape)
    size = int(np.prod(shape))

    def mean(each: np.ndarray) -> np.ndarray:
        count = np.bincount(flat, minlength=size)
        total = np.bincount(flat, each, minlength=size)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)

    if quantity == AZIMUTH:
        return np.mod(np.arctan2(mean(np.sin(values)), mean(np.cos(values))), 2.0 * np.pi)
    return mean(values)


def check_transmitter(building: Tensor, position: Tensor, cell: float) -> None:
    """Refuse transmitters outside of the window or inside a building.

    Parameters
    ----------
    building
        Height of roofs above the ground, m, (batch, y, x).
    position
        East and north of the window's south-west corner, and height above the ground, m, (batch, 3).
    cell
        Side of a cell, m.

    Raises
    ------
    ValueError
        Names the record, where the transmitter stands, and what was expected.
    """
    cells = torch.tensor(building.shape[:-3:-1], device=building.device)
    size = cells * cell
    outside = ((position[:, :2] < 0) | (position[:, :2] > size)).any(1)
    if outside.any():
        record = int(outside.nonzero()[0])
        east, north = position[record, :2].tolist()
        raise ValueError(
            f"the transmitter of record {record} stands at ({east:g}, {north:g}) m; expected it in the "
            f"window of {float(size[0]):g} m by {float(size[1]):g} m, counted from its south-west corner"
        )
    known = position[:, :2].nan_to_num()  # a record without position stands nowhere
    column, row = (known / cell).long().minimum(cells - 1).T
    roof = building[torch.arange(len(building)), row, column]
    inside = (roof > 0) & (position[:, 2] <= roof)
    if inside.any():
        record = int(inside.nonzero()[0])
        raise ValueError(
            f"the transmitter of record {record} is {float(position[record, 2]):g} m above the ground, "
            f"inside a building of {float(roof[record]):g} m; put it above the roof, or outdoors"
        )


def check_azimuths(azimuth: Tensor, position: Tensor, cell: float) -> None:
    """Refuse azimuths that point to the transmitter only if they count counter-clockwise from east.

    Parameters
    ----------
    azimuth
        Of arrival, (batch, z, y, x), NaN where unknown, rad.
    position
        Of the transmitters, east and north first, m, (batch, 2 or 3).
    cell
        Side of a cell, m.

    Raises
    ------
    ValueError
        If more of them do so than point there clockwise from north, and half of all at least.
    """
    rows, columns = azimuth.shape[-2:]
    north = position[:, 1, None, None] - (torch.arange(rows).to(azimuth)[:, None] + 0.5) * cell
    east = position[:, 0, None, None] - (torch.arange(columns).to(azimuth)[None, :] + 0.5) * cell
    known = azimuth.isfinite().flatten(1).sum(1)
    clockwise, other = (
        _pointing(azimuth, direction[:, None])
        for direction in (torch.atan2(east, north), torch.atan2(north, east))
    )
    wrong = (known >= ENOUGH) & (other > clockwise) & (other > 0.5 * known)
    if wrong.any():
        record = int(wrong.nonzero()[0])
        share = 100.0 / known[record].double()
        raise ValueError(
            f"'{AZIMUTH}' of record {record}: {other[record] * share:.0f} % point to the transmitter if they "
            f"count counter-clockwise from east, {clockwise[record] * share:.0f} % clockwise from north; "
            "expected clockwise from north: take pi/2 less the azimuth"
        )


def _pointing(azimuth: Tensor, direction: Tensor) -> Tensor:
    """Return how many azimuths of each record are close to a direction."""
    off = torch.remainder(azimuth - direction + math.pi, 2.0 * math.pi) - math.pi
    return (off.abs() < AWAY).flatten(1).sum(1)


def _check_range(name: str, values: Tensor, largest: float) -> None:
    known = values[values.isfinite()]
    if not known.numel() or (known.min() >= -SLACK and known.max() <= largest + SLACK):
        return
    raise ValueError(
        f"'{name}' reaches from {float(known.min()):.4g} to {float(known.max()):.4g}; expected radians from "
        f"0 to {largest:.4f}: multiply degrees by pi/180, and add a turn to negative azimuths"
    )
