"""Velocities in files: their units, stated or wrong, and the cells they are given on."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from datasets.factory.errors import BuildError
from datasets.store.errors import ContractError
from datasets.store.units import convert, convertible

UNITS = "m s-1"
SLOWEST_ROCK, FASTEST_ROCK = 100.0, 10_000.0
"""Range of velocities that can be those of ground or water, m/s."""
OTHERS = ("km s-1", "ft s-1")
"""Units that velocities are also given in, tried for an advice."""


def _of_speed(units: str) -> str:
    try:
        speed = convertible(units, UNITS)
    except ContractError:
        speed = False
    if not speed:
        raise ValueError(f"'{units}' is no unit of velocity; give one such as 'm s-1' or 'km s-1'")
    return units


SpeedUnits = Annotated[
    str, AfterValidator(_of_speed), Field(description="Units of the velocities in the files.")
]
"""Type of a parameter that says what velocities are given in."""


def converted(values: np.ndarray, units: str, what: str) -> np.ndarray:
    """Return velocities in m/s.

    Raises
    ------
    BuildError
        If the units that a file states are none of velocity.
    """
    try:
        return convert(values, units, UNITS)
    except ContractError as error:
        raise BuildError(f"{what}: {error}; write velocities in m s-1") from None


def require_rock(low: float, high: float, units: str, what: str, *, stated: bool = False) -> None:
    """Refuse velocities that are not those of the ground, which wrong units or normalisation show.

    Parameters
    ----------
    low, high
        Extremes, m/s as converted from `units`.
    units
        What they were taken to be in.
    what
        Whose they are, for the message.
    stated
        Whether the file itself states these units, which no key replaces.
    """
    if SLOWEST_ROCK <= low <= high <= FASTEST_ROCK:
        return
    ends = convert(np.array([low, high]), UNITS, units)
    for other in (UNITS, *OTHERS):
        first, last = convert(ends, other, UNITS)
        if other != units and SLOWEST_ROCK <= first <= last <= FASTEST_ROCK:
            advice = f"correct `units` in the file to '{other}'" if stated else f"with units='{other}'?"
            break
    else:
        advice = "are they normalised? Save them in m/s"
    raise BuildError(f"{what}: {low:g} to {high:g} m/s found, velocities in rock expected; {advice}")


def doubt_of_axes(by_depth: np.ndarray, along: np.ndarray) -> str:
    """Return why depth and line may be exchanged; nothing if velocities vary with depth most.

    Parameters
    ----------
    by_depth, along
        Mean velocity of each row and of each column.
    """
    down, across = float(np.std(by_depth)), float(np.std(along))
    if across <= 2.0 * down:
        return ""
    return (
        f"velocities vary more along the line (by {across:.0f} m/s) than with depth ({down:.0f} m/s); are "
        "depth and line exchanged?"
    )


def step_of(path: Path, name: str, values: np.ndarray) -> float:
    """Return the step of an axis.

    Raises
    ------
    BuildError
        If it does not ascend in even steps.
    """
    steps = np.diff(values.astype(float))
    if not steps.size or not np.allclose(steps, steps[0], rtol=1e-3) or steps[0] <= 0:
        raise BuildError(f"{path}: '{name}' is no regular axis; ascending, evenly spaced positions expected")
    return float(steps[0])


def resampled(values: np.ndarray, spacing: tuple[float, float], side: float) -> np.ndarray:
    """Average over square cells of another side; what is left at the far edges is cut off.

    Parameters
    ----------
    values : (..., depth, lateral) array
        Means of cells of `spacing` (depth, lateral), m.
    side
        Side of the new cells, m.
    """
    down, along = (
        _overlap(count, step, side) for count, step in zip(values.shape[-2:], spacing, strict=True)
    )
    return down @ values @ along.T


def _overlap(count: int, step: float, side: float) -> np.ndarray:
    """Return the share of each new cell (row) that lies in each old one (column)."""
    cells = int(count * step / side + 1e-9)
    old, new = np.arange(count) * step, np.arange(cells)[:, None] * side
    return np.clip(np.minimum(new + side, old + step) - np.maximum(new, old), 0.0, None) / side
