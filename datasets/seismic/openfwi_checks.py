"""What the numbers in files of OpenFWI show of themselves: units, normalisation, order of axes, precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic.pairs import Pair, Shapes
from datasets.seismic.variables import FASTEST, SLOWEST
from datasets.seismic.velocities import converted, doubt_of_axes

ROUNDING = 0.5
"""By how much velocities may leave the range, m/s: what normalising them rounded away."""
LEAST_PEAK, LARGEST_PEAK = 20.0, 110.0
"""Twice the range of the largest pressure over homogeneous models of 1500 to 4500 m/s, at the source."""


def in_range(values: np.ndarray, units: str, scaled: tuple[float, float] | None, what: str) -> np.ndarray:
    """Return velocities in m/s, all of OpenFWI's range.

    Parameters
    ----------
    values
        As in the file.
    units
        Of the values, unless `scaled` is given.
    scaled
        What 1500 and 4500 m/s became.
    what
        Whose they are, for the message.

    Raises
    ------
    BuildError
        If they are not; says what the numbers look like.
    """
    if scaled is None:
        found = converted(values, units, what)
    else:
        zero, one = scaled
        found = SLOWEST + (values.astype(np.float64) - zero) * ((FASTEST - SLOWEST) / (one - zero))
    low, high = float(np.nanmin(found)), float(np.nanmax(found))
    least, largest = float(np.nanmin(values)), float(np.nanmax(values))
    if not SLOWEST - ROUNDING <= low <= high <= FASTEST + ROUNDING:
        raise BuildError(
            f"{what}: {least:g} to {largest:g} found, 1500 to 4500 m/s expected; "
            f"{_what_it_may_be(least, largest)}"
        )
    return np.clip(found, SLOWEST, FASTEST).astype(np.float32)


def doubts(pairs: Sequence[Pair], shapes: Shapes) -> list[str]:
    """Return what shapes, types and the first record of the gathers show to be other than published."""
    first = pairs[0].gathers
    lines = []
    turned = [pair.gathers for pair in pairs if shapes.order(pair.gathers.shape) != (0, 1, 2)]
    if turned:
        lines.append(
            f"axes of {len(turned)} arrays of gathers are put in the order (shot, time, receiver), such as "
            f"those of {turned[0].path.name}, {turned[0].shape}"
        )
    if first.dtype == np.float16 or (pairs[0].models and pairs[0].models.dtype == np.float16):
        lines.append("half precision: amplitudes are good to 1 in 2000, velocities to 1 to 4 m/s")
    if models := pairs[0].models:
        mean = models.values().reshape(-1, *shapes.models).mean(0, dtype=np.float64)
        if doubt := doubt_of_axes(mean.mean(1), mean.mean(0)):
            lines.append(f"{models.path.name}: {doubt}")
    record = shapes.record(first, 0)
    peak = float(record.flat[np.abs(record).argmax()])
    if not LEAST_PEAK <= peak <= LARGEST_PEAK:
        lines.append(
            f"{first.path.name}: the first record peaks at {peak:.3g}, those of OpenFWI at 40 to 53; are the "
            "gathers normalised, or of the other sign? They are stored as they are"
        )
    return lines


def _what_it_may_be(low: float, high: float) -> str:
    """Return what to do with models whose numbers are not in the range that was expected."""
    if 1500.0 <= low <= high <= 4500.0:
        return "the numbers are in m/s: leave out `units` and `scaled`"
    if 1.5 <= low <= high <= 4.5:
        return "the numbers are in km/s: give units='km s-1'"
    if 0.0 <= low <= high <= 1.0:
        return "the models are normalised: give scaled=[0, 1], or [-1, 1] if that is what they were scaled to"
    if -1.0 <= low <= high <= 1.0:
        return "the models are normalised: give scaled=[-1, 1]"
    return (
        "give their `units`, or as scaled=[A, B] what 1500 and 4500 m/s became; models of other velocities "
        "are read by `surrogates data import seismic/models`"
    )
