"""The forward scheme of OpenFWI, step by step: what `physics.waves.seismic.propagator` is tested against.

Written against the array API: NumPy, CuPy and torch run the same code. It records what OpenFWI's own code
would, damping strips and dispersion included, at about fifteen times the cost of the propagator.

References
----------
C. Deng et al., "OpenFWI", NeurIPS 2022, and public ports of its forward code, which translate FD2.8 of KAUST
CSIM: fourth order in space, second in time, damping strips all round and no free surface.
"""

import math
from collections.abc import Sequence

from array_api_compat import array_namespace
from array_api_compat import device as _device

from physics.geometry import Array
from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.survey import Survey
from physics.waves.seismic.wavelet import ricker

STRIP = 120
"""Cells of a damping strip in OpenFWI's data."""


def simulate(velocity: Array, survey: Survey | Sequence[Survey], *, strip: int = STRIP) -> Array:
    """Return the gathers of velocity models.

    Parameters
    ----------
    velocity : (models, depth, lateral) floating array
        m/s.
    survey
        One for all models, or one for each; these may differ in frequency and source columns.
    strip
        Cells of the damping strip on each side.

    Returns
    -------
    (models, shot, sample, receiver) array
        Pressure for a source of amplitude 1; library, type and device of the velocity.

    Raises
    ------
    ValueError
        See `physics.waves.seismic.checks.surveys_of`.
    """
    surveys = surveys_of(velocity, survey)
    xp, first, models = array_namespace(velocity), surveys[0], velocity.shape[0]
    step, spacing, shots = first.time_step, first.spacing, len(first.source_columns)
    padded = _replicate(velocity, strip)
    damping = step * _damping(velocity, padded.shape, strip, spacing)
    courant = ((padded * (step / spacing)) ** 2)[:, None, :, :]
    keep_now, keep_before = (2 - 5 * courant) - damping[:, None, :, :], (1 - damping)[:, None, :, :]

    # What each shot adds at its cell in each step: (velocity * time step)^2 * wavelet.
    cells = [(model, shot, first.source_row + strip, surveys[model].source_columns[shot] + strip)
             for model in range(models) for shot in range(shots)]  # fmt: skip
    scales = [(float(padded[model, row, column]) * step) ** 2 for model, _, row, column in cells]
    wavelets = [ricker(each.frequency, step, first.steps).tolist() for each in surveys]
    line = xp.asarray(first.receiver_columns, device=_device(velocity)) + strip

    now = xp.zeros((models, shots, *padded.shape[1:]), dtype=velocity.dtype, device=_device(velocity))
    before, records = xp.zeros_like(now), []
    for index in range(first.steps):
        after = keep_now * now - keep_before * before
        after[..., 2:-2, 2:-2] += courant[..., 2:-2, 2:-2] * _neighbours(now)
        for cell, scale in zip(cells, scales, strict=True):
            after[cell] += scale * wavelets[cell[0]][index]
        before, now = now, after
        if index % first.time_stride == 0:
            records.append(xp.take(now[:, :, first.receiver_row + strip, :], line, axis=2))
    return xp.stack(records, axis=2)


def _neighbours(field: Array) -> Array:
    """Return the neighbours' share of the fourth-order Laplacian, inside of a frame of two cells."""
    middle = slice(2, -2)
    near = field[..., 1:-3, middle] + field[..., 3:-1, middle]
    near = near + field[..., middle, 1:-3] + field[..., middle, 3:-1]
    far = field[..., :-4, middle] + field[..., 4:, middle]
    far = far + field[..., middle, :-4] + field[..., middle, 4:]
    return near * (4 / 3) - far * (1 / 12)


def _replicate(velocity: Array, strip: int) -> Array:
    """Continue the edges of each model outwards by `strip` cells."""
    for axis in (1, 2):
        velocity = xp_take_clipped(velocity, strip, axis)
    return velocity


def xp_take_clipped(values: Array, strip: int, axis: int) -> Array:
    """Repeat the first and last entries of an axis."""
    xp, length = array_namespace(values), values.shape[axis]
    places = [min(max(place, 0), length - 1) for place in range(-strip, length + strip)]
    return xp.take(values, xp.asarray(places, device=_device(values)), axis=axis)


def _damping(velocity: Array, shape: Sequence[int], strip: int, spacing: float) -> Array:
    """Return the damping rate in each padded cell, 1/s, for the slowest velocity of each model.

    It grows with the square of the distance from the model; in corners the strips at the sides win.
    """
    xp = array_namespace(velocity)
    length = (strip - 1) * spacing
    depths, laterals = shape[1:]

    def outwards(cells: int, column: bool) -> Array:
        distance = [spacing * max(strip - 1 - place, place - (cells - strip), 0) for place in range(cells)]
        made = xp.asarray(distance, dtype=velocity.dtype, device=_device(velocity))
        return made[:, None] if column else made[None, :]

    aside = xp.broadcast_to(outwards(laterals, column=False), (depths, laterals))
    inside = [strip <= place < laterals - strip for place in range(laterals)]
    distance = xp.where(xp.asarray(inside, device=_device(velocity)), outwards(depths, column=True), aside)
    slowest = xp.min(velocity, axis=(1, 2))[:, None, None]
    return 3 * math.log(1e7) / (2 * length) * slowest * (distance / length)[None, :, :] ** 2
