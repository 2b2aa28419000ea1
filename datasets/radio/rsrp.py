"""Whether numbers are reference signal received powers in dBm, and what they are otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WEAKEST, STRONGEST = -156.0, -25.0
"""Bounds of a believable RSRP, dBm: what phones report ends at -156 (3GPP TS 36.133, table 9.1.4-1, and TS
38.133, table 10.1.6.1-1) and -31, give or take the phone's calibration."""
TYPICAL = (-140.0, -44.0)
"""Range of the median of a drive, dBm: that of the reports of LTE (3GPP TS 36.133, section 9.1.4)."""
OTHERWISE = "are they another quantity? Name the column of RSRP by `columns:`"
MARKERS = frozenset(
    (0, 1, -1, 99, 127, 255, 999, -999, 9999, -9999, 32767, -32768, 65535, 2147483647, -2147483648)
)
"""Numbers that phones, modems and logs write where nothing was measured."""


def what_instead(values: NDArray[np.float64]) -> str:
    """Return what numbers are that are not RSRP in dBm, and what to do; empty if they are.

    Parameters
    ----------
    values
        All readings, (n,), finite.
    """
    told = values[~np.isin(values, list(MARKERS))]
    if not told.size:
        return "they are markers of missing values; name the column of RSRP by `columns: {rsrp: ...}`"
    median = float(np.median(told))
    if TYPICAL[0] <= median <= TYPICAL[1]:
        return ""
    if (told == np.round(told)).all() and told.min() >= 0.0 and told.max() <= 127.0:
        return (
            f"whole numbers from {told.min():g} to {told.max():g} are indices or ASU (LTE, 3GPP TS 36.133, "
            "table 9.1.4-1: dBm = index - 140; NR, TS 38.133, table 10.1.6.1-1: dBm = index - 156), percent, "
            "or dBm without the sign; write dBm"
        )
    guesses = (
        (44.0 <= median <= 156.0, "is the sign missing? Write dBm"),
        (0.0 < median < 1e-3, "are they milliwatts or watts? Write the unit into the header, as [mW]"),
        (440.0 <= abs(median) <= 1560.0, "are they tenths of a dBm? Divide them by 10"),
        (4400.0 <= abs(median) <= 15600.0, "are they hundredths of a dBm? Divide them by 100"),
        (TYPICAL[1] < median <= STRONGEST, "are they RSSI or RSCP? Name the column of RSRP by `columns:`"),
        (STRONGEST < median <= 40.0, "are they RSRQ or SINR in dB? Name the column of RSRP by `columns:`"),
    )
    return next((guess for holds, guess in guesses if holds), OTHERWISE)


def unbelievable(values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which readings, (n,), are markers of missing values, and which others no phone reports."""
    outside = (values < WEAKEST) | (values > STRONGEST)
    marked = outside & np.isin(values, list(MARKERS))
    return marked, outside & ~marked


def floor(values: NDArray[np.float64]) -> tuple[float, int] | None:
    """Return a value that stands for "no signal", and how often it is there; None without one.

    It is the lowest, comes more often than once and lies 10 dB below all others.
    """
    found, counts = np.unique(values, return_counts=True)
    if found.size < 2 or counts[0] < 2 or found[1] - found[0] < 10.0:
        return None
    return float(found[0]), int(counts[0])


def mean_power(
    rsrp: NDArray[np.float64], row: NDArray[np.int64], column: NDArray[np.int64], cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Average readings in the cells of a square map, in linear power.

    Parameters
    ----------
    rsrp
        dBm, (n,).
    row, column
        Cell of each reading, (n,).
    cells
        Cells along a side.

    Returns
    -------
    mean, count
        dBm, NaN where there is no reading; number of readings; both (cells, cells).
    """
    power, count = np.zeros((cells, cells)), np.zeros((cells, cells), np.int64)
    np.add.at(power, (row, column), 10.0 ** (rsrp / 10.0))
    np.add.at(count, (row, column), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10.0 * np.log10(power / count), count
