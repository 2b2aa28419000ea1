"""How much of recorded gathers is noise, told by what was recorded before any wave could arrive."""

from collections.abc import Sequence

import numpy as np

from physics.waves.seismic.survey import Survey

FEWEST = 100
"""Samples that an estimate needs: its standard deviation is then 7 %."""
LARGEST = 0.99
"""Of a noise level: gathers in which nothing but noise was recorded cannot be inverted."""


def noise_level(gathers: np.ndarray, surveys: Sequence[Survey], fastest: float) -> np.ndarray:
    """Return the noise of gathers as a relative L2 misfit: what a perfect velocity model would leave.

    The mean power before the first break is taken for that of the whole record, so noise has to be steady
    and independent of the source.

    Parameters
    ----------
    gathers : (models, shot, sample, receiver) array
        NaN where nothing was recorded.
    surveys
        One for each model.
    fastest
        Largest velocity that the ground may have, m/s.

    Returns
    -------
    (models,) float64 array
        At most 0.99; NaN where fewer than 100 samples lie before the first break.
    """
    levels = []
    for observed, survey in zip(gathers, surveys, strict=True):
        quiet = observed[before_first_break(survey, fastest) & ~np.isnan(observed)].astype(np.float64)
        energy = np.nansum(observed.astype(np.float64) ** 2)
        power = np.mean(quiet**2) if quiet.size >= FEWEST else np.nan
        level = np.sqrt(power * np.count_nonzero(~np.isnan(observed)) / energy)
        levels.append(np.minimum(level, LARGEST))
    return np.array(levels)


def before_first_break(survey: Survey, fastest: float) -> np.ndarray:
    """Return (shot, sample, receiver) which samples end before a straight ray at the fastest velocity."""
    columns = np.subtract.outer(survey.source_columns, survey.receiver_columns)
    distance = survey.spacing * np.hypot(columns, survey.source_row - survey.receiver_row)
    return survey.times[:, None] < (distance / fastest)[:, None, :]
