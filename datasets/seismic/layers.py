"""Layered velocity models, their reliefs, and how velocities are dealt to the layers.

Points are (z, x) in cells from the top left corner, as float arrays (depth, lateral): a model is a function
of points, so that a fault moves points (`datasets.seismic.faults`).
"""

from dataclasses import dataclass

import numpy as np

from datasets.seismic.variables import FASTEST, SLOWEST

Points = tuple[np.ndarray, np.ndarray]


def grid(depths: int, laterals: int) -> Points:
    """Return the point of each cell."""
    z, x = np.meshgrid(np.arange(depths, dtype=float), np.arange(laterals, dtype=float), indexing="ij")
    return z, x


@dataclass(frozen=True)
class Relief:
    """A sine that the interfaces follow, each with a factor of its own on the amplitude (cells)."""

    amplitude: float = 0.0
    wavelength: float = 1.0
    phase: float = 0.0
    factors: np.ndarray | float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator, interfaces: int, depths: int, laterals: int) -> "Relief":
        """Draw amplitudes up to a fifth of the depth, and between half a wave and two along the line."""
        return cls(
            amplitude=rng.uniform(0.0, 0.2 * depths),
            wavelength=rng.uniform(0.5, 2.0) * laterals,
            phase=rng.uniform(0.0, 2.0 * np.pi),
            factors=rng.uniform(0.8, 1.2, (interfaces, 1, 1)),
        )

    def height(self, x: np.ndarray) -> np.ndarray:
        """Return by how much each interface lies below its mean depth, cells."""
        return self.factors * self.amplitude * np.sin(2.0 * np.pi * x / self.wavelength + self.phase)


def draw_tops(rng: np.random.Generator, layers: int, depths: int, thinnest: float) -> np.ndarray:
    """Draw the depths of the interfaces (layers - 1,), cells: uniform, no layer thinner than `thinnest`."""
    free = np.sort(rng.uniform(0.0, depths - layers * thinnest, layers - 1))
    return free + thinnest * np.arange(1, layers)


def draw_velocities(
    rng: np.random.Generator, layers: int, mean: float, std: float, disorder: float
) -> np.ndarray:
    """Draw the velocities of layers from the top down, m/s.

    They follow the beta distribution on the range of velocities that has the given mean and standard
    deviation. Layers are exchangeable in their thickness, so the cells of many models follow it too.

    Parameters
    ----------
    disorder
        Standard deviation, in layers, of the noise on the rank of each velocity before they are ordered: with
        0 velocities grow with depth, with infinity their order is random.
    """
    velocities = np.sort(SLOWEST + (FASTEST - SLOWEST) * rng.beta(*beta_shape(mean, std), layers))
    noise = rng.standard_normal(layers)
    rank = np.arange(layers) + disorder * noise if np.isfinite(disorder) else noise
    return velocities[np.argsort(np.argsort(rank))]


def beta_shape(mean: float, std: float) -> tuple[float, float]:
    """Return the parameters of the beta distribution with these moments, m/s, on the range of velocities."""
    middle = (mean - SLOWEST) / (FASTEST - SLOWEST)
    total = middle * (1.0 - middle) * ((FASTEST - SLOWEST) / std) ** 2 - 1.0
    return middle * total, (1.0 - middle) * total


def layered(points: Points, tops: np.ndarray, relief: Relief, velocities: np.ndarray) -> np.ndarray:
    """Return the velocity at each point, m/s; if interfaces would cross, the upper one is cut off."""
    z, x = points
    surfaces = np.maximum.accumulate(tops[:, None, None] + relief.height(x), axis=0)
    return velocities[np.sum(z >= surfaces, axis=0)]
