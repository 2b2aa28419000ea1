"""The forward scheme of OpenFWI, step by step: what `physics.waves.seismic.propagator` is tested against.

Written against the array API: NumPy, CuPy and torch run the same code. It records what OpenFWI's own code
would, damping strips and dispersion included, at about thirteen times the cost of the propagator. The strips
reflect: they take a wave of the model's slowest velocity down to 1e-7, but one of three times that velocity
only to 1e-7^(1/3) = 0.5 %. So OpenFWI's gathers over slow and fast layers hold echoes (0.1 % of a gather in
most families, up to 4 % in FlatVel-B) the propagator's lack; with strips of 240 cells both agree to 0.1 %.

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
    if surveys[0].free_surface:
        raise ValueError("survey: free_surface=True found; the reference scheme has none, use the propagator")
    xp, device, first = array_namespace(velocity), _device(velocity), surveys[0]
    shape = (len(surveys), len(first.source_columns), *(length + 2 * strip for length in velocity.shape[1:]))
    padded = _replicated(velocity, strip)
    courant = ((padded * (first.time_step / first.spacing)) ** 2)[:, None, :, :]
    damping = first.time_step * _damping(velocity, strip, first.spacing)[:, None, :, :]
    keep_now, keep_before, inner = 2 - 5 * courant - damping, 1 - damping, courant[..., 2:-2, 2:-2]

    # What a shot adds at its cell in a step is (velocity * time step)^2 times the wavelet.
    cells = [
        (model, shot, first.source_row + strip, column + strip)
        for model, each in enumerate(surveys)
        for shot, column in enumerate(each.source_columns)
    ]
    scales = [(float(padded[model, row, column]) * first.time_step) ** 2 for model, _, row, column in cells]
    wavelets = [ricker(each.frequency, first.time_step, first.steps).tolist() for each in surveys]
    line = xp.asarray(first.receiver_columns, device=device) + strip

    now = xp.zeros(shape, dtype=velocity.dtype, device=device)
    before, records = xp.zeros_like(now), []
    for index in range(first.steps):
        after = keep_now * now
        after -= keep_before * before
        after[..., 2:-2, 2:-2] += inner * _neighbours(now)
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
    near += field[..., middle, 1:-3]
    near += field[..., middle, 3:-1]
    far = field[..., :-4, middle] + field[..., 4:, middle]
    far += field[..., middle, :-4]
    far += field[..., middle, 4:]
    near *= 4 / 3
    far *= 1 / 12
    near -= far
    return near


def _replicated(velocity: Array, strip: int) -> Array:
    """Return the models with their edges continued outwards by `strip` cells."""
    xp = array_namespace(velocity)
    for axis in (1, 2):
        last = velocity.shape[axis] - 1
        indices = [min(max(index, 0), last) for index in range(-strip, last + 1 + strip)]
        velocity = xp.take(velocity, xp.asarray(indices, device=_device(velocity)), axis=axis)
    return velocity


def _damping(velocity: Array, strip: int, spacing: float) -> Array:
    """Return the damping rate of each padded cell, 1/s, (models, depth, lateral).

    It grows with the square of the distance from the model, in proportion to the model's slowest velocity; in
    corners the strips at the sides win.
    """
    xp, device, laterals = array_namespace(velocity), _device(velocity), velocity.shape[2]
    length = (strip - 1) * spacing

    def outwards(cells: int) -> Array:
        indices = range(cells + 2 * strip)
        distances = [max(strip - 1 - index, index - strip - cells, 0) * spacing for index in indices]
        growth = [(distance / length) ** 2 for distance in distances]
        return xp.asarray(growth, dtype=velocity.dtype, device=device)

    beside = xp.asarray(
        [not strip <= index < strip + laterals for index in range(laterals + 2 * strip)], device=device
    )
    growth = xp.where(beside[None, :], outwards(laterals)[None, :], outwards(velocity.shape[1])[:, None])
    slowest = xp.min(velocity, axis=(1, 2))[:, None, None]
    return 3 * math.log(1e7) / (2 * length) * slowest * growth[None, :, :]
