"""Smooth random fields and bodies: what is no stack of layers."""

import math
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import betaincinv, ndtr, ndtri

from datasets.seismic.layers import beta_shape, grid
from datasets.seismic.variables import FASTEST, SLOWEST

NORMAL = np.linspace(-6.0, 6.0, 4001)


def gaussian_field(rng: np.random.Generator, depths: int, laterals: int, length: float) -> np.ndarray:
    """Draw a stationary Gaussian field of mean 0 and variance 1, shape (depths, laterals).

    Its covariance is exp(-d^2 / (2 length^2)), d in cells: white noise filtered by a Gaussian of width
    length / sqrt(2), whose variance falls to 1 / (2 pi length^2).
    """
    width = length / math.sqrt(2.0)
    margin = math.ceil(4.0 * width)
    noise = rng.standard_normal((depths + 2 * margin, laterals + 2 * margin))
    smooth = gaussian_filter(noise, width, mode="wrap")[margin : margin + depths, margin : margin + laterals]
    return math.sqrt(2.0 * math.pi) * length * smooth


def trended(field: np.ndarray, trend: float) -> np.ndarray:
    """Return a field of variance 1 to which depth contributes the share `trend` of the variance."""
    depths = len(field)
    depth = ndtri((np.arange(depths) + 0.5) / depths)[:, None]
    return math.sqrt(1.0 - trend) * field + math.sqrt(trend) * depth


def velocities_of(field: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Map a normal field to velocities, m/s, by rank: they follow the beta distribution of these moments."""
    return np.interp(field, NORMAL, _quantiles(mean, std))


@cache
def _quantiles(mean: float, std: float) -> np.ndarray:
    """Return velocities at the points of `NORMAL`: to invert the distribution for each cell is slow."""
    return SLOWEST + (FASTEST - SLOWEST) * betaincinv(*beta_shape(mean, std), ndtr(NORMAL))


def closed_body(rng: np.random.Generator, depths: int, laterals: int) -> np.ndarray:
    """Draw a body with a smooth outline, bool (depths, laterals): a circle with four waves along its rim."""
    z, x = grid(depths, laterals)
    z0, x0 = rng.uniform(0.4, 0.7) * depths, rng.uniform(0.3, 0.7) * laterals
    angle = np.arctan2(z - z0, x - x0)
    wave = np.arange(1, 5)
    height, phase = rng.normal(0.0, 0.12 / wave), rng.uniform(0.0, 2.0 * np.pi, 4)
    rim = 1.0 + np.cos(wave[:, None, None] * angle + phase[:, None, None]).T @ height
    return np.hypot(z - z0, x - x0) < rng.uniform(0.12, 0.28) * depths * rim.T
