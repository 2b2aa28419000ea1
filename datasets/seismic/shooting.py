"""What recipes that shoot over velocity models share."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from physics.waves.seismic.survey import Survey

UNIT = 16
"""Models that are simulated together: 80 shots fill one call of the solver, some seconds."""


CELLS_A_WAVE = 4
"""Least cells of a wave of the peak frequency, a choice of ours against dispersion; OpenFWI has 10."""


def check_wavelength(survey: Survey, slowest: float) -> None:
    """Refuse cells too large for the waves, which would travel at a wrong speed (dispersion).

    Parameters
    ----------
    survey
        Gives frequency and cells.
    slowest
        Lowest velocity of the models, m/s.

    Raises
    ------
    ValueError
        If a wave of the peak frequency spans less than `CELLS_A_WAVE` cells.
    """
    cells = slowest / (survey.frequency * survey.spacing)
    if cells < CELLS_A_WAVE:
        raise ValueError(
            f"frequency={survey.frequency:g} Hz: waves of {cells:.2g} cells at {slowest:.0f} m/s found, "
            f"at least {CELLS_A_WAVE} expected; lower it, or make `spacing` smaller"
        )


def unit_records(survey: Survey, depths: int, laterals: int) -> int:
    """Return how many models are simulated together, fewer than `UNIT` where each takes more work."""
    usual = Survey()
    work = survey.steps * len(survey.source_columns) * depths * laterals
    least = usual.steps * len(usual.source_columns) * len(usual.receiver_columns) ** 2
    return max(1, min(UNIT, UNIT * least // work))


def columns(key: str, given: int | Sequence[float], spacing: float, laterals: int) -> tuple[int, ...]:
    """Return the columns of a number of evenly spaced points, or of positions.

    Parameters
    ----------
    key
        Name of the parameter, for messages.
    given
        Number of points, or their positions in m.
    spacing
        Side of a cell, m.
    laterals
        Columns of a model.

    Raises
    ------
    ValueError
        If points lie outside or between cells, or more than one in a cell.
    """
    if not isinstance(given, int):
        return cells_of(key, given, spacing, laterals)
    if not 1 <= given <= laterals:
        raise ValueError(f"{key}={given} found, 1 to {laterals} expected, one for each column of the models")
    return tuple(np.linspace(0, laterals - 1, given).round().astype(int).tolist())


def cells_of(key: str, positions: Sequence[float], spacing: float, cells: int) -> tuple[int, ...]:
    """Return the cells whose centres lie at positions in m, the first one at 0; see `columns`."""
    found = np.asarray(positions, float) / spacing
    nearest = found.round()
    wrong = (np.abs(found - nearest) > 1e-3) | (nearest < 0) | (nearest >= cells)
    if wrong.any() or not len(found):
        first = f"{positions[int(np.argmax(wrong))]:g} m" if len(found) else "nothing"
        raise ValueError(
            f"{key}: {first} found, centres of cells expected: multiples of {spacing:g} m from 0 to "
            f"{(cells - 1) * spacing:g} m"
        )
    if len(np.unique(nearest)) < len(nearest):
        raise ValueError(f"{key}: two of the same position found; give each once")
    return tuple(nearest.astype(int).tolist())


def check_stride(survey: Survey) -> None:
    """Refuse records too thin for their source.

    Raises
    ------
    ValueError
        If the rate is less than twice 3 times the peak frequency, up to where a Ricker wavelet has energy.
    """
    needed = 6.0 * survey.frequency
    kept = 1.0 / (survey.time_stride * survey.time_step)
    if kept < needed:
        raise ValueError(
            f"time_stride={survey.time_stride} keeps {kept:.4g} samples a second, too few for a source of "
            f"{survey.frequency:g} Hz, whose energy reaches 3 times as far; at most "
            f"{max(1, int(1.0 / (needed * survey.time_step)))} expected"
        )


def software() -> dict[str, str]:
    """Return the versions that gathers depend on."""
    return {name: version(name) for name in ("numpy", "scipy", "torch", "deepwave")}
