"""Baselines with samples: each map from its own measured cells, without geometry but the distance."""

import warnings
from collections.abc import Iterable
from typing import Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.neighbors import KNeighborsRegressor

from surrogates.domains.radio.cascade import SAMPLES
from surrogates.domains.radio.site import POSITION
from surrogates.learning.protocols import Batch


class Interpolator:
    """A map from its own samples.

    Parameters
    ----------
    targets
        Names of the targets; each gets the same map.
    cell
        Side of a cell, m.
    """

    def __init__(self, targets: list[str], cell: float = 4.0) -> None:
        self.targets, self.cell = targets, cell

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Interpolators learn from the samples of each map alone."""
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the interpolated map for each target."""
        samples, positions = inputs[SAMPLES], inputs[POSITION].cpu().double().numpy()
        maps = [
            self._map(one, position) for one, position in zip(samples.cpu().numpy(), positions, strict=True)
        ]
        answer = torch.from_numpy(np.stack(maps)).to(samples)
        return dict.fromkeys(self.targets, answer)

    def interpolate(
        self, points: np.ndarray, values: np.ndarray, grid: np.ndarray, transmitter: np.ndarray
    ) -> np.ndarray:
        """Return values at the grid.

        Parameters
        ----------
        points, values
            Measured positions (n, 2), m, and gains (n,), dB.
        grid
            Positions (m, 2) that are asked for.
        transmitter
            East, north, height, m.
        """
        raise NotImplementedError

    def _map(self, samples: np.ndarray, transmitter: np.ndarray) -> np.ndarray:
        rows, columns = np.indices(samples.shape)
        grid = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * self.cell
        flat = samples.reshape(-1).astype(np.float64)
        known = np.isfinite(flat)
        if not known.any():
            raise ValueError(f"{type(self).__name__} needs at least one measured cell in every map")
        return self.interpolate(grid[known], flat[known], grid, transmitter).reshape(samples.shape)


class InverseDistance(Interpolator):
    """Mean of all samples, weighted with the inverse square of their distance."""

    def interpolate(
        self, points: np.ndarray, values: np.ndarray, grid: np.ndarray, transmitter: np.ndarray
    ) -> np.ndarray:
        squared = ((grid[:, None, :] - points[None, :, :]) ** 2).sum(-1)
        weights = 1.0 / np.maximum(squared, 1e-6)
        return np.asarray((weights @ values) / weights.sum(1))


class NearestSamples(Interpolator):
    """Mean of the `k` nearest samples.

    Parameters
    ----------
    targets, cell
        As for every interpolator.
    k
        Number of samples.
    """

    def __init__(self, targets: list[str], cell: float = 4.0, k: int = 3) -> None:
        super().__init__(targets, cell)
        self.k = k

    def interpolate(
        self, points: np.ndarray, values: np.ndarray, grid: np.ndarray, transmitter: np.ndarray
    ) -> np.ndarray:
        model = KNeighborsRegressor(n_neighbors=min(self.k, len(values)))
        return np.asarray(model.fit(points, values).predict(grid))


class Kriging(Interpolator):
    """A log-distance law, and a Gaussian process on what it leaves.

    Exponential covariance (Matern 1/2) with nugget; variance, length and nugget of every map by maximum
    likelihood.
    """

    def interpolate(
        self, points: np.ndarray, values: np.ndarray, grid: np.ndarray, transmitter: np.ndarray
    ) -> np.ndarray:
        design, everywhere = _distance_law(points, transmitter), _distance_law(grid, transmitter)
        line = np.linalg.lstsq(design, values, rcond=None)[0]
        rest = values - design @ line
        spread = max(float(rest.std()), 1e-3)
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(40.0, (8.0, 300.0), nu=0.5)
        process = GaussianProcessRegressor(kernel + WhiteKernel(0.2, (1e-3, 1e1)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound is an answer too
            process.fit(points, rest / spread)
        return np.asarray(everywhere @ line + spread * process.predict(grid))


def _distance_law(points: np.ndarray, transmitter: np.ndarray) -> np.ndarray:
    distance = np.sqrt(((points - transmitter[:2]) ** 2).sum(-1) + transmitter[2] ** 2)
    return np.stack([np.ones(len(points)), np.log10(np.maximum(distance, 1.0))], axis=1)
