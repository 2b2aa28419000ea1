"""Single propagation paths with Sionna RT's path solver, from one antenna panel to receivers.

Rays that leave the panel find candidates: chains of planes that they meet. The image method then gives each
receiver its exact paths along these planes [1]_. The candidates of all receivers that are solved together
share one table, in which some collide and are lost. So receivers are solved in small batches of a fixed size:
of 128 in Munich, 0.8 % differ from what each gets alone, by 0.003 dB at most.

References
----------
.. [1] F. Ait Aoudia et al., "Sionna RT: Technical Report", arXiv:2504.21719, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physics.backend import sionna
from physics.raytracing.scenes import Scene, point
from physics.raytracing.solver import yaw

BATCH = 16
"""Receivers that are solved together."""
CANDIDATES = 2_000_000
"""Size of their table, 0.6 GB; of 1,000,000 and 64 receivers, 4.5 % differ by up to 3 dB."""


@dataclass(frozen=True)
class Panel:
    """A panel of cross-polarised antenna elements after 3GPP TR 38.901, half a wavelength apart.

    Its ports are numbered polarisation by polarisation (-45, then +45 degrees), in each column by column from
    the upper left as seen from the front.

    Attributes
    ----------
    position : tuple of float
        East, north and altitude of its middle, m.
    azimuth : float
        Where it looks, clockwise from north, rad.
    downtilt : float
        How far it looks below the horizon, rad.
    rows, columns : int
        Elements of a column and of a row.
    """

    position: tuple[float, float, float]
    azimuth: float
    downtilt: float = 0.0
    rows: int = 4
    columns: int = 4

    @property
    def ports(self) -> int:
        """Number of ports, two for each element."""
        return 2 * self.rows * self.columns


@dataclass(frozen=True)
class PathSettings:
    """How paths are traced.

    Attributes
    ----------
    frequency : float
        Carrier frequency, Hz.
    rays : int
        Rays that leave the panel.
    depth : int
        Largest number of reflections of a path.
    diffraction : bool
        Whether first-order diffraction at edges is traced.
    """

    frequency: float = 2.4e9
    rays: int = 10_000
    depth: int = 3
    diffraction: bool = False


@dataclass(frozen=True)
class TracedPaths:
    """Paths from a panel to n receivers; rows are filled up with zeros.

    Attributes
    ----------
    coefficient : array (n, paths, ports) of complex128
        Amplitude and phase without the delay of the carrier, antenna patterns and the phases across the panel
        included; 0 where there is no path.
    delay : array (n, paths)
        s.
    arrival : array (n, paths, 3)
        Unit vectors from the receiver to where the path comes from: east, north, up.
    direct : array (n, paths) of bool
        Whether the path meets nothing on its way.
    """

    coefficient: NDArray[np.complex128]
    delay: NDArray[np.float64]
    arrival: NDArray[np.float64]
    direct: NDArray[np.bool_]


def trace_paths(
    scene: Scene, panel: Panel, receivers: NDArray[Any], settings: PathSettings, *, seed: int
) -> TracedPaths:
    """Trace the paths from a panel to receivers with one vertical isotropic antenna each.

    Buildings are opaque. Reciprocity makes the coefficients those of the way back as well.

    Parameters
    ----------
    scene : Scene
        The geometry.
    panel : Panel
        Where the paths begin.
    receivers : array (n, 3)
        East, north and altitude in scene coordinates, m; the solver computes in single precision.
    settings : PathSettings
        How.
    seed : int
        Seed of the solver. Results repeat bit for bit only with one thread (`backend.use_one_thread`).

    Raises
    ------
    ValueError
        If there is no receiver, or the shape does not fit.
    """
    require_receivers(receivers)
    _place(scene.radio, panel, settings.frequency)
    try:
        batches = [
            solve_paths(scene.radio, receivers[begin : begin + BATCH], settings, seed, CANDIDATES)
            for begin in range(0, len(receivers), BATCH)
        ]
    finally:
        scene.radio.remove([*scene.radio.transmitters, *scene.radio.receivers])
    most = max(batch.delay.shape[1] for batch in batches)
    return TracedPaths(
        *(
            np.concatenate([_widened(getattr(batch, name), most) for batch in batches])
            for name in ("coefficient", "delay", "arrival", "direct")
        )
    )


def require_receivers(receivers: NDArray[Any]) -> None:
    """Refuse receivers of another shape than (n, 3), or none."""
    if np.ndim(receivers) != 2 or np.shape(receivers)[1] != 3 or not len(receivers):
        raise ValueError(
            f"receivers have shape {np.shape(receivers)}; expected (n, 3) with n > 0: east, north, altitude"
        )


def _place(radio: Any, panel: Panel, frequency: float) -> None:
    """Put the panel, and nothing else, into the scene."""
    rt = sionna()
    radio.remove([*radio.transmitters, *radio.receivers])
    radio.frequency = float(frequency)
    radio.tx_array = rt.PlanarArray(
        num_rows=panel.rows, num_cols=panel.columns, pattern="tr38901", polarization="cross"
    )
    radio.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    orientation = point((yaw(float(panel.azimuth)), panel.downtilt, 0.0))
    radio.add(rt.Transmitter("panel", position=point(panel.position), orientation=orientation))


def solve_paths(
    radio: Any, receivers: NDArray[Any], settings: PathSettings, seed: int, candidates: int
) -> TracedPaths:
    """Solve for the paths to receivers that share one table, in a Sionna RT scene with one transmitter.

    Parameters
    ----------
    radio : sionna.rt.Scene
        The scene; its receivers are replaced.
    receivers : array (n, 3)
        East, north and altitude in scene coordinates, m.
    settings : PathSettings
        How; the frequency is that of the scene.
    seed : int
        Seed of the solver.
    candidates : int
        Size of the table.
    """
    rt = sionna()
    radio.remove(list(radio.receivers))
    radio.add(
        [rt.Receiver(f"receiver-{index}", position=point(each)) for index, each in enumerate(receivers)]
    )
    paths = rt.PathSolver()(
        radio,
        max_depth=settings.depth,
        max_num_paths_per_src=candidates,
        samples_per_src=settings.rays,
        refraction=False,
        diffraction=settings.diffraction,
        seed=seed,
    )
    real, imaginary = (part.numpy()[:, 0, 0].astype(np.float64) for part in paths.a)
    valid = paths.valid.numpy()[:, 0]
    zenith, azimuth = (angle.numpy()[:, 0].astype(np.float64) for angle in (paths.theta_r, paths.phi_r))
    arrival = np.stack(
        [np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)], axis=-1
    )
    untouched = (paths.interactions.numpy()[:, :, 0] == rt.constants.InteractionType.NONE).all(axis=0)
    return TracedPaths(
        coefficient=np.where(valid[..., None], np.swapaxes(real + 1j * imaginary, 1, 2), 0.0),
        delay=np.where(valid, paths.tau.numpy()[:, 0].astype(np.float64), 0.0),
        arrival=np.where(valid[..., None], arrival, 0.0),
        direct=valid & untouched,
    )


def _widened(values: NDArray[Any], paths: int) -> NDArray[Any]:
    """Fill axis 1 up with zeros."""
    room = [(0, 0), (0, paths - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values, room)
