"""Measurement campaigns on ray-traced maps: readings of a walking phone, with their unknowns."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from datasets.store.specs import DECIBEL_MILLIWATT, VariableSpec
from physics.propagation import link_geometry
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import AZIMUTH, CELL, GEOMETRY, GROUND, HEIGHTS, POSITION, RECEIVER_HEIGHT
from surrogates.domains.radio.measured import antennas
from surrogates.learning.context import Fact
from surrogates.learning.contract import Preparation

RSRP = "rsrp"
HARMONICS = 4  # of the ripple of a mounted panel's pattern


class Campaign(Preparation):
    """Make ``rsrp`` on walked paths from isotropic maps, in training and elsewhere.

    Each map gets a panel of the family (`surrogates.domains.radio.measured.antennas`) with a ripple, a
    transmit level, shadowing that the ray tracer does not know (trees, cars, wrong heights), and noise of the
    reading; cells that no walk touched are NaN. All are drawn from ranges, so that a method trained on them
    has to infer them from the readings.

    Parameters
    ----------
    cell, receiver_height
        See `surrogates.domains.radio.link.Link`.
    level
        Range of the transmit level at the antenna's peak (power of a reference element, gain, losses), dBm.
    shadowing, shadowing_length
        Ranges of the standard deviation, dB, and of the correlation length, m. They enclose the 4 and 6 dB,
        37 and 50 m of 3GPP TR 38.901, tables 7.4.1-1 and 7.5-6 (UMa).
    ripple
        Standard deviation of the deviation from the panel's smooth pattern, dB.
    noise
        Range of the standard deviation of a cell's reading, dB.
    walked
        Range of the number of cells on the walks.
    weakest
        Sensitivity of the phone, dBm; weaker cells are not read.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL, "receiver_height": RECEIVER_HEIGHT}

    def __init__(
        self,
        cell: float,
        receiver_height: float,
        level: tuple[float, float] = (0.0, 40.0),
        shadowing: tuple[float, float] = (3.0, 8.0),
        shadowing_length: tuple[float, float] = (20.0, 80.0),
        ripple: float = 2.0,
        noise: tuple[float, float] = (1.0, 3.0),
        walked: tuple[int, int] = (300, 800),
        weakest: float = -140.0,
    ) -> None:
        self.cell, self.receiver_height = cell, receiver_height
        self.level, self.ripple, self.noise, self.weakest = level, ripple, noise, weakest
        self.shadowing, self.shadowing_length, self.walked = shadowing, shadowing_length, walked
        self.variables = (*GEOMETRY, AZIMUTH, "path_gain")

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the spec of the readings."""
        changes = {"name": RSRP, "long_name": "reference signal received power", "units": DECIBEL_MILLIWATT}
        return [specs["path_gain"].model_copy(update={**changes, "standard_name": None, "missing": True})]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add the readings; example ``i`` draws only from ``rngs[i]``."""
        gain, azimuth = batch["path_gain"], batch[AZIMUTH]
        link = link_geometry(batch[GROUND], batch[POSITION], self.cell, self.receiver_height)
        readings = []
        for index, rng in enumerate(rngs):
            draw = self._draw(rng)
            offset = link.azimuth[index] - azimuth[index]
            panel = draw.antenna.gain(offset, link.zenith[index] - math.pi / 2.0)
            angles = torch.arange(1, HARMONICS + 1)[:, None, None] * offset
            waves = torch.as_tensor(draw.ripple, dtype=offset.dtype)
            ripple = (waves[0, :, None, None] * angles.cos() + waves[1, :, None, None] * angles.sin()).sum(0)
            shape = gain.shape[1:]
            shadow = random_field(shape, draw.length / self.cell, rng) * draw.deviation
            noise = rng.standard_normal(shape) * draw.noise
            reading = draw.level + gain[index] + panel + ripple + torch.from_numpy(shadow + noise).float()
            outdoor = (batch[HEIGHTS][index] <= 0).numpy()
            walked = torch.from_numpy(walk(outdoor, int(rng.integers(*self.walked, endpoint=True)), rng))
            readings.append(torch.where(walked & (reading >= self.weakest), reading, torch.nan))
        return {**batch, RSRP: torch.stack(readings)}

    def _draw(self, rng: np.random.Generator) -> "_Unknown":
        return _Unknown(
            antennas.draw(rng),
            rng.uniform(*self.level),
            rng.uniform(*self.shadowing),
            rng.uniform(*self.shadowing_length),
            rng.uniform(*self.noise),
            rng.standard_normal((2, HARMONICS)) * (self.ripple / math.sqrt(HARMONICS)),
        )


class _Unknown(NamedTuple):
    """Unknowns of one campaign: dBm, dB and m."""

    antenna: antennas.Antenna
    level: float
    deviation: float
    length: float
    noise: float
    ripple: np.ndarray


def random_field(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a Gaussian field with unit variance and covariance ``exp(-distance / length)``.

    The field is cut from one on a torus of more than twice its size, whose covariance the Fourier transform
    makes diagonal; small negative eigenvalues, where the torus is not large enough for the length, are put to
    zero.

    Parameters
    ----------
    shape
        Cells.
    length
        Correlation length, cells.
    rng
        Source of the draw.

    References
    ----------
    C. R. Dietrich, G. N. Newsam, "Fast and exact simulation of stationary Gaussian processes through
    circulant embedding of the covariance matrix", SIAM J. Sci. Comput. 18, 1997.
    """
    sizes = [2 * count for count in shape]
    offsets = np.meshgrid(*(np.minimum(np.arange(n), n - np.arange(n)) for n in sizes), indexing="ij")
    covariance = np.exp(-np.hypot(*offsets) / length)
    eigenvalues = np.maximum(np.fft.fft2(covariance).real, 0.0)
    noise = rng.standard_normal((2, *sizes))
    spectrum = np.sqrt(eigenvalues / eigenvalues.size) * (noise[0] + 1j * noise[1])
    return np.asarray(np.fft.fft2(spectrum).real[: shape[0], : shape[1]])


def walk(free: np.ndarray, cells: int, rng: np.random.Generator, *, straight: int = 40) -> np.ndarray:
    """Walk over free cells until so many were visited; turn at walls and at the edge.

    Parameters
    ----------
    free
        Cells that can be walked on, (y, x), bool.
    cells
        Cells to visit; all free ones when there are fewer.
    rng
        Source of turns and starts.
    straight
        Mean number of steps between turns.

    Returns
    -------
    array (y, x) of bool
        The visited cells.
    """
    visited = np.zeros(free.shape, dtype=bool)
    candidates = np.argwhere(free)
    wanted = min(cells, len(candidates))
    if not wanted:
        return visited
    count = blocked = 0
    position, heading = candidates[rng.integers(len(candidates))] + 0.5, rng.uniform(0.0, 2.0 * math.pi)
    for _ in range(100 * cells):
        row, column = int(position[0]), int(position[1])
        count += not visited[row, column]
        visited[row, column] = True
        if count >= wanted:
            break
        chance = rng.random()
        if chance < 1.0 / straight:
            heading += rng.normal(0.0, 1.0)
        following = position + np.array([math.sin(heading), math.cos(heading)])
        inside = 0 <= following[0] < free.shape[0] and 0 <= following[1] < free.shape[1]
        if inside and free[int(following[0]), int(following[1])]:
            position, blocked = following, 0
            continue
        heading, blocked = rng.uniform(0.0, 2.0 * math.pi), blocked + 1
        if blocked > 20 or chance > 0.98:  # caught in a corner, or done here: walk elsewhere
            position = candidates[rng.integers(len(candidates))] + 0.5
    return visited
