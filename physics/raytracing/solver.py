"""Path-gain maps with Sionna RT's radio-map solver.

The solver launches rays from each transmitter and counts their power where they cross a measurement surface
[1]_. Here that surface lies at the receivers' height above the ground, hills included.

References
----------
.. [1] F. Ait Aoudia et al., "Sionna RT: Technical Report", arXiv:2504.21719, section 4.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from physics.backend import sionna
from physics.raytracing.scenes import Scene, Window, point
from physics.raytracing.surface import Surface, counted_by

Pattern = Literal["iso", "tr38901"]


@dataclass(frozen=True)
class Settings:
    """How finely rays are traced.

    Attributes
    ----------
    frequency : float
        Carrier frequency, Hz.
    rays : int
        Rays per transmitter.
    depth : int
        Largest number of reflections of a path.
    diffraction : bool
        Whether first-order diffraction at edges is traced.
    receiver_height : float
        Height of the receivers above the ground, m.
    """

    frequency: float = 3.66e9
    rays: int = 1_000_000
    depth: int = 8
    diffraction: bool = True
    receiver_height: float = 2.0


def trace_path_gain(
    scene: Scene,
    window: Window,
    transmitters: NDArray[Any],
    settings: Settings,
    *,
    seed: int,
    patterns: Sequence[Pattern] = ("iso",),
    azimuths: NDArray[Any] | None = None,
) -> NDArray[np.float32]:
    """Trace the path gain from transmitters to all cells of a window.

    All transmitters and all patterns are traced at once; the maps of two patterns share their rays. Buildings
    are opaque: reflection and diffraction, no refraction.

    Parameters
    ----------
    scene : Scene
        The geometry.
    window : Window
        The cells.
    transmitters : array (k, 3)
        East, north and altitude in scene coordinates, m.
    settings : Settings
        How finely.
    seed : int
        Seed of the solver. Results repeat bit for bit only with one thread (`backend.use_one_thread`).
    patterns : sequence of {"iso", "tr38901"}
        One or two antenna patterns of the transmitters, vertically polarised, without down-tilt.
    azimuths : array (k,), optional
        Where the antennas point, clockwise from north, rad; needed for "tr38901".

    Returns
    -------
    array (len(patterns), k, ny, nx) of float32
        Path gain averaged over each cell, dB; rows ascend northwards. NaN where no ray came.

    Raises
    ------
    ValueError
        If a directional pattern comes without azimuths, or the shapes do not fit.
    """
    count = len(transmitters)
    if np.shape(transmitters) != (count, 3):
        raise ValueError(
            f"transmitters have shape {np.shape(transmitters)}; expected (k, 3): east, north, altitude"
        )
    if azimuths is None:
        if "tr38901" in patterns:
            raise ValueError(
                "the pattern 'tr38901' is directional: give `azimuths`, one per transmitter, in rad"
            )
        azimuths = np.zeros(count)
    if np.shape(azimuths) != (count,):
        raise ValueError(
            f"azimuths have shape {np.shape(azimuths)}; expected ({count},), one per transmitter"
        )
    surface = Surface(scene, window, settings.receiver_height)
    _place(scene.radio, transmitters, azimuths, patterns, settings.frequency)
    gains = _solve(scene.radio, surface, settings, seed, len(patterns))
    with np.errstate(divide="ignore"):
        decibels = 10.0 * np.log10(surface.cell_mean(gains))
    return np.where(np.isfinite(decibels), decibels, np.nan).astype(np.float32)


def yaw(azimuth: float) -> float:
    """Sionna's yaw (counter-clockwise from east) of an azimuth (clockwise from north), both in rad."""
    return math.pi / 2.0 - azimuth


def _place(
    radio: Any,
    transmitters: NDArray[Any],
    azimuths: NDArray[Any],
    patterns: Sequence[Pattern],
    frequency: float,
) -> None:
    """Put the transmitters, and nothing else, into the scene."""
    rt = sionna()
    for name in list(radio.transmitters):
        radio.remove(name)
    radio.frequency = float(frequency)
    radio.tx_array = _array(tuple(patterns))
    for index, (position, azimuth) in enumerate(zip(transmitters, azimuths, strict=True)):
        orientation = point((yaw(float(azimuth)), 0.0, 0.0))
        radio.add(rt.Transmitter(f"transmitter-{index}", position=point(position), orientation=orientation))


@functools.cache
def _array(patterns: tuple[Pattern, ...]) -> Any:
    """Return one antenna element per pattern, all at the same position."""
    sionna()
    import mitsuba as mi
    from sionna.rt import AntennaArray, AntennaPattern, antenna_pattern

    class Patterns(AntennaPattern):
        def __init__(self) -> None:
            verticals = [getattr(antenna_pattern, f"v_{name}_pattern") for name in patterns]
            make = antenna_pattern.PolarizedAntennaPattern
            elements = [make(v_pattern=vertical, polarization="V") for vertical in verticals]
            self.patterns = [element.patterns[0] for element in elements]

    return AntennaArray(Patterns(), mi.Point3f(0.0, 0.0, 0.0))


def _solve(radio: Any, surface: Surface, settings: Settings, seed: int, patterns: int) -> NDArray[np.float32]:
    """Linear gains (pattern, transmitter, *what the surface counts on)."""
    import drjit as dr
    import mitsuba as mi

    unit_weights = (dr.ones(mi.Float, patterns), dr.zeros(mi.Float, patterns))
    with counted_by(surface.map_class()):
        counted = sionna().RadioMapSolver()(
            radio,
            samples_per_tx=settings.rays,
            max_depth=settings.depth,
            diffraction=settings.diffraction,
            refraction=False,
            precoding_vec=unit_weights,
            seed=seed,
            **surface.plane(),
        )
    return np.stack([gains.numpy() for gains in counted.pattern_gains])
