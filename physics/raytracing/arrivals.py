"""What arrives at receivers from one isotropic transmitter: power, delays, directions and their spreads.

The radio-map solver knows only power, so each receiver gets its exact paths. Receivers that are solved
together share one table of candidates, from which paths fall out without a warning. So they are solved in
batches of a fixed size with a large table. What a receiver gets then hardly depends on the others, but a few
lose or gain a path in another batch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physics.backend import sionna
from physics.raytracing.paths import PathSettings, TracedPaths, require_receivers, solve_paths
from physics.raytracing.scenes import Scene, point

BATCH = 256
"""Receivers that are solved together."""
CANDIDATES = 10_000_000
"""Size of their table, 2.7 GB; of 1,000,000, even 256 receivers lose paths of up to 1.6 dB."""
FULL_TURN = 2.0 * np.pi
DELAY_AGREES = 1e-9  # s
GAIN_AGREES = 3.0  # dB


@dataclass(frozen=True)
class Arrivals:
    """What arrives at receivers, all of one shape; NaN where no path came.

    Attributes
    ----------
    path_gain : array
        Sum of the power of all paths between isotropic antennas, dB.
    first_delay, delay : array
        Delay of the shortest path and of the strongest one, s.
    azimuth, zenith : array
        Where the strongest path comes from: clockwise from north, and from straight up, rad.
    delay_spread : array
        Root-mean-square spread of the delays, weighted by power, s.
    azimuth_spread : array
        Circular spread of the azimuths of arrival, weighted by power, rad.
    line_of_sight : array of bool
        Whether a path meets nothing on its way.

    References
    ----------
    3GPP TR 38.901 V17, annex A.1 (circular angle spread).
    """

    path_gain: NDArray[np.float64]
    first_delay: NDArray[np.float64]
    delay: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    zenith: NDArray[np.float64]
    delay_spread: NDArray[np.float64]
    azimuth_spread: NDArray[np.float64]
    line_of_sight: NDArray[np.bool_]

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Which receivers a path came to."""
        return np.isfinite(self.path_gain)

    def placed(self, where: NDArray[np.bool_]) -> Arrivals:
        """Return the arrivals at all points of a mask, given those at its true ones in their order."""

        def place(values: NDArray[Any]) -> NDArray[Any]:
            whole = np.full(where.shape, False if values.dtype == bool else np.nan, values.dtype)
            whole[where] = values
            return whole

        return Arrivals(*(place(getattr(self, each.name)) for each in fields(self)))


def trace_arrivals(
    scene: Scene,
    transmitter: NDArray[Any],
    receivers: NDArray[Any],
    settings: PathSettings,
    *,
    seed: int,
) -> Arrivals:
    """Trace the paths from an isotropic transmitter to receivers, both vertically polarised.

    Buildings are opaque. Receivers are solved in the order given, `BATCH` at a time; the last batch is filled
    up with its last receiver.

    Parameters
    ----------
    scene : Scene
        The geometry.
    transmitter : array (3,)
        East, north and altitude in scene coordinates, m.
    receivers : array (n, 3)
        The same; the solver computes in single precision.
    settings : PathSettings
        How.
    seed : int
        Seed of the solver. Results repeat bit for bit only with one thread (`backend.use_one_thread`).

    Returns
    -------
    Arrivals
        Of shape (n,).

    Raises
    ------
    ValueError
        If there is no receiver, or the shape does not fit.
    """
    require_receivers(receivers)
    _place(scene.radio, transmitter, settings.frequency)
    count = len(receivers)
    filled = np.concatenate([receivers, np.repeat(receivers[-1:], -count % BATCH, axis=0)])
    try:
        batches = [
            arrivals_of(solve_paths(scene.radio, filled[begin : begin + BATCH], settings, seed, CANDIDATES))
            for begin in range(0, count, BATCH)
        ]
    finally:
        scene.radio.remove([*scene.radio.transmitters, *scene.radio.receivers])
    names = [each.name for each in fields(Arrivals)]
    return Arrivals(*(np.concatenate([getattr(each, name) for each in batches])[:count] for name in names))


def arrivals_of(paths: TracedPaths) -> Arrivals:
    """Return what arrives along traced paths to n receivers, summed over the transmitter's ports."""
    power = (np.abs(paths.coefficient) ** 2).sum(axis=-1)
    if not power.shape[1]:
        power = np.zeros((len(power), 1))
        paths = TracedPaths(
            power[..., None].astype(np.complex128), power, np.zeros((len(power), 1, 3)), power > 0.0
        )
    total = power.sum(axis=1)
    reached = total > 0.0
    share = power / np.where(reached, total, 1.0)[:, None]
    strongest = power.argmax(axis=1)
    east, north, up = np.take_along_axis(paths.arrival, strongest[:, None, None], axis=1)[:, 0].T
    azimuths = np.arctan2(paths.arrival[..., 0], paths.arrival[..., 1])
    together = np.abs((share * np.exp(1j * azimuths)).sum(axis=1))
    mean = (share * paths.delay).sum(axis=1, keepdims=True)

    def where_reached(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.where(reached, values, np.nan)

    return Arrivals(
        path_gain=where_reached(10.0 * np.log10(np.where(reached, total, 1.0))),
        first_delay=where_reached(np.where(power > 0.0, paths.delay, np.inf).min(axis=1)),
        delay=where_reached(np.take_along_axis(paths.delay, strongest[:, None], axis=1)[:, 0]),
        azimuth=where_reached(np.mod(np.arctan2(east, north), FULL_TURN)),
        zenith=where_reached(np.arccos(np.clip(up, -1.0, 1.0))),
        delay_spread=where_reached(np.sqrt((share * (paths.delay - mean) ** 2).sum(axis=1))),
        azimuth_spread=where_reached(np.sqrt(-2.0 * np.log(np.clip(together, 1e-6, 1.0)))),
        line_of_sight=(paths.direct & (power > 0.0)).any(axis=1),
    )


def stable(one: Arrivals, other: Arrivals) -> NDArray[np.bool_]:
    """Return which receivers two traces agree on: gain to 3 dB, first and strongest delay to a nanosecond.

    Diffracted paths change with the seed; a receiver that either trace does not reach is not stable.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (np.abs(one.path_gain - other.path_gain) < GAIN_AGREES)
            & (np.abs(one.first_delay - other.first_delay) < DELAY_AGREES)
            & (np.abs(one.delay - other.delay) < DELAY_AGREES)
        )


def _place(radio: Any, transmitter: NDArray[Any], frequency: float) -> None:
    """Put the transmitter, and nothing else, into the scene."""
    rt = sionna()
    radio.remove([*radio.transmitters, *radio.receivers])
    radio.frequency = float(frequency)
    radio.tx_array = radio.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    radio.add(rt.Transmitter("transmitter", position=point(transmitter)))
